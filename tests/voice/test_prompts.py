"""What callers hear: the committed files, the Russian in them, and the build that speaks them."""

from __future__ import annotations

import shutil
import sys
import textwrap
import wave
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.typing import NDArray

from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.core.events import LookUp, Standing
from callcenter.core.queue.announcement import LONGER, Wording, phrases
from callcenter.core.settings import Promises
from callcenter.core.spoken import number_words, until_words
from callcenter.voice.line_prompts import file_name, missing, own_prompts
from callcenter.voice.prompts import Catalogue, PromptError
from callcenter.voice.speech import PEAK_LEVEL, RATE, SPEECH_LEVEL, SpeechError, Voice, before_last_pause, read_wave

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "ivr_prompts"
COMMITTED = Catalogue.load(PROMPTS)
SHIPPED = [Config.load(path) for path in (ROOT / "config.yaml", *sorted((ROOT / "examples").glob("*.yaml")))]
OWN = {
    file_name(COMMITTED, prompt, text): text
    for config in SHIPPED
    for line in config.lines.values()
    for prompt, text in own_prompts(COMMITTED, line).texts.items()
}
"""The files of what the shipped lines say in their own words, and the texts."""
SPOKEN = {name: (COMMITTED.file(name), entry.shared) for name, entry in COMMITTED.prompts.items() if entry.shared}
SPOKEN |= {name: (PROMPTS / "ru" / "lines" / name, text) for name, text in OWN.items()}
ALONE = ("number-", "month-", "digit-")
"""Families of single words."""
Sound = NDArray[np.float64]


def sound(path: Path) -> Sound:
    """The samples of a file, full scale being 1."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0


def decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude))


def pitch(samples: Sound) -> float:
    """Hertz, the low part of the last 0.3 s of voiced speech, by autocorrelation: a stress before the end is high."""
    end = int(np.flatnonzero(np.abs(samples) > 0.02)[-1])
    found = []
    for start in range(end - 2400, end - 320, 80):
        frame = samples[start : start + 400] - samples[start : start + 400].mean()
        similar = np.correlate(frame, frame, "full")[399:] / (frame @ frame)
        period = 34 + int(np.argmax(similar[34:75]))  # 108 to 235 Hz: this voice, and no octave of it
        if similar[period] > 0.6:
            found.append(RATE / period)
    return float(np.quantile(found, 0.2))


# --- The committed files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", SHIPPED, ids=lambda config: "-".join(config.lines))
def test_the_committed_files_are_the_catalogue_spoken(config: Config) -> None:
    assert COMMITTED.check() == []
    assert list(missing(config, COMMITTED)) == []
    assert [own_prompts(COMMITTED, line).problems for line in config.lines.values()] == [()] * len(config.lines)


def test_no_file_of_a_line_is_left_from_a_former_text() -> None:
    assert {path.name for path in (PROMPTS / "ru" / "lines").iterdir()} == set(OWN)


@pytest.mark.parametrize("prompt", SPOKEN)
def test_every_prompt_is_as_loud_as_the_others_and_begins_at_once(prompt: str) -> None:
    samples = sound(SPOKEN[prompt][0])
    frames = np.sqrt(np.mean(samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
    speech = frames[frames > frames.max() / 100]
    assert decibels(np.sqrt(np.mean(speech**2))) == pytest.approx(-20, abs=0.5)
    assert decibels(np.abs(samples).max()) < -3
    heard = np.flatnonzero(np.abs(samples) > 0.003) / RATE
    assert 0.09 < heard[0] < 0.16, "silence before the speech"
    assert 0.09 < len(samples) / RATE - heard[-1] < 0.16, "silence after the speech"
    assert (0.5 if prompt.startswith(ALONE) else 0.9) < len(samples) / RATE < 45


@pytest.mark.parametrize("prompt", SPOKEN)
def test_every_prompt_is_spoken_at_a_speed_that_can_be_followed(prompt: str) -> None:
    """Syllables a second, pauses included; a clause cut too early or too late would stand out too.

    What is spelled has a pause after each letter.
    """
    path, text = SPOKEN[prompt]
    syllables = sum(letter in "аеёиоуыэюя" for letter in COMMITTED.texts.spoken(text or "").lower())
    assert (1.3 if prompt.startswith(ALONE) else 2.1) < syllables / (len(sound(path)) / RATE - 0.2) < 7


def test_all_files_together_stay_small_enough_for_a_repository() -> None:
    assert sum(path.stat().st_size for path in PROMPTS.rglob("*.wav")) < 32_000_000


def test_the_waiting_music_is_quiet_fits_a_telephone_and_has_no_seam() -> None:
    samples = sound(PROMPTS / "music" / "waiting.wav")
    samples, unplayed = samples[:-22], samples[-22:]  # Asterisk leaves as many unplayed as a wav's header is long
    assert (unplayed == samples[:22]).all()
    assert 60 <= len(samples) / RATE <= 90
    assert decibels(np.sqrt(np.mean(samples**2))) == pytest.approx(-28, abs=1)
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    assert power[(hertz >= 285) & (hertz <= 3000)].sum() > 0.98 * power.sum()
    steps = np.abs(np.diff(samples))
    assert abs(samples[0] - samples[-1]) <= steps.max(), "a click where the loop begins again"
    seconds = np.sqrt(np.mean(samples.reshape(-1, RATE) ** 2, axis=1))
    assert decibels(seconds.max() / seconds.min()) < 12, "neither silent nor startling anywhere"


# --- The Russian in them (ESTP 5.4.6) ------------------------------------------------------------------------

TENS = {10: "десят", 20: "двадцат", 30: "тридцат", 40: "сороков", 50: "пятидесят"}
UNITS = {1: "перв", 2: "втор", 4: "четвёрт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм", 9: "девят"}
CARDINALS = dict(
    enumerate(
        "пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать "  # noqa: SIM905
        "шестнадцать семнадцать восемнадцать девятнадцать двадцать".split(),
        start=5,
    )
) | {30: "тридцать", 40: "сорок"}


def neuter_ordinal(number: int) -> str:
    """The rule: only the last word is ordinal; its stem takes -ое, and only «третье» differs."""
    if number == 3:
        return "третье"
    if number in TENS:
        return TENS[number] + "ое"
    if number < 10:
        return UNITS[number] + "ое"
    if number < 20:
        return CARDINALS[number].removesuffix("ь") + "ое"
    return f"{CARDINALS[number // 10 * 10]} {neuter_ordinal(number % 10)}"


def genitive_minutes(number: int) -> str:
    """The rule: cardinals in -ь take -и; the small ones are irregular, and one minute is singular."""
    small = {1: "одной минуты", 2: "двух минут", 3: "трёх минут", 4: "четырёх минут", 60: "одного часа"}
    return small.get(number) or f"{genitive(number)} минут"


def genitive(number: int) -> str:
    """Of a cardinal from five up; both words of a composed one are declined, and forty has a form of its own."""
    if number > 20 and number % 10:
        return f"{genitive(number // 10 * 10)} {genitive(number % 10)}"
    return "сорока" if number == 40 else CARDINALS[number].removesuffix("ь") + "и"


def accusative_minutes(number: int) -> str:
    """The rule: only «одна» becomes «одну»; two, three and four count minutes in another form."""
    small = {1: "одну минуту", 2: "две минуты", 3: "три минуты", 4: "четыре минуты", 60: "один час"}
    tens = f"{CARDINALS[number // 10 * 10]} " if number > 20 and number % 10 else ""
    return small.get(number) or f"{tens}{CARDINALS[number % 10 if tens else number]} минут"


@pytest.mark.clause("ESTP 5.4.6")
@pytest.mark.parametrize(("family", "end"), [("position", ","), ("place", ".")])
def test_places_in_the_queue_are_neuter_ordinals_up_to_fifty(family: str, end: str) -> None:
    prompts = COMMITTED.family(family)
    assert list(prompts) == list(range(1, 51))
    for number, prompt in prompts.items():
        assert COMMITTED.prompts[prompt].text == f"Ваше место в очереди — {neuter_ordinal(number)}{end}"


@pytest.mark.clause("ESTP 5.4.6")
def test_waiting_times_are_in_the_genitive_and_what_is_exceeded_in_the_accusative() -> None:
    times, exceeded = COMMITTED.family("wait"), COMMITTED.family("wait-over")
    assert list(times) == list(exceeded) == [1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 45, 60]
    for number in times:
        assert COMMITTED.prompts[times[number]].text == f"ожидание составит не более {genitive_minutes(number)}."
        assert COMMITTED.prompts[exceeded[number]].text == f"ожидание может превысить {accusative_minutes(number)}."


HALF_FAMILIES, END_FAMILIES = ("number", "answer-by", "month", "hours"), ("hour", "minutes")
REQUEST_HALVES = {"request-number", *(name for one in HALF_FAMILIES for name in COMMITTED.family(one).values())}
STANDINGS = {f"request-{standing}" for standing in Standing}
REQUEST_ENDINGS = STANDINGS | {name for one in END_FAMILIES for name in COMMITTED.family(one).values()}
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"


def cardinal(number: int) -> str:
    """The rule: tens and units are two words; «один» and «два» are masculine."""
    small = {0: "ноль", 1: "один", 2: "два", 3: "три", 4: "четыре", 50: "пятьдесят", 60: "шестьдесят", 90: "девяносто"}
    if number > 20 and number % 10:
        return f"{cardinal(number // 10 * 10)} {cardinal(number % 10)}"
    return small.get(number) or CARDINALS.get(number) or {70: "семьдесят", 80: "восемьдесят"}[number]


def masculine_genitive_ordinal(number: int) -> str:
    """The rule: as the neuter, with -ого for -ое; «третьего» differs."""
    return neuter_ordinal(number).removesuffix("ое").replace("третье", "третьег") + (
        "о" if number % 10 == 3 != number - 10 else "ого"
    )


def genitive_count(number: int, one: str, many: str) -> str:
    """«двадцати одного часа», «двадцати двух часов»: the last word decides."""
    small = {0: "ноля", 1: "одного", 2: "двух", 3: "трёх", 4: "четырёх", 8: "восьми", 50: "пятидесяти"}

    def word(n: int) -> str:
        if n > 20 and n % 10:
            return f"{word(n // 10 * 10)} {word(n % 10)}"
        return small.get(n) or genitive(n)

    return f"{word(number)} {one if number % 10 == 1 and number != 11 else many}"


@pytest.mark.clause("ESTP 5.5.4")
def test_numbers_and_dates_of_requests_follow_the_rules_of_grammar() -> None:
    texts = {name: entry.text for name, entry in COMMITTED.prompts.items()}
    numbers = COMMITTED.family("number")
    assert list(numbers) == [*range(100), *range(100, 1000, 100)]
    assert [texts[numbers[n]] for n in range(100)] == [f"{cardinal(n)}," for n in range(100)]
    days = COMMITTED.family("answer-by")
    assert list(days) == list(range(1, 32))
    for day, name in days.items():
        assert texts[name] == f"Ответ — не позднее {masculine_genitive_ordinal(day)},"
    assert [texts[name] for name in COMMITTED.family("month").values()] == [f"{month}," for month in MONTHS.split()]
    for end, family in ((",", "hours"), (".", "hour")):
        assert list(COMMITTED.family(family)) == list(range(25))
        for hour, name in COMMITTED.family(family).items():
            assert texts[name] == genitive_count(hour, "часа", "часов") + end
    for minutes, name in COMMITTED.family("minutes").items():
        assert texts[name] == genitive_count(minutes, "минуты", "минут") + "."


@pytest.mark.clause("ESTP 5.5.4")
def test_whatever_the_core_says_of_a_request_is_recorded() -> None:
    spoken = {word for number in (*range(1, 2000), 10**6, 999_999) for word in number_words(number)}
    moment = datetime(2028, 1, 1)  # noqa: DTZ001 - of any zone
    for _ in range(366 * 24):
        spoken |= set(until_words(moment))
        moment += timedelta(minutes=61)
    answers = {f"request-{result}" for result in LookUp if result is not LookUp.FOUND}
    assert spoken | STANDINGS | answers | {"request-number", "request-late", "request-tries-over"} <= set(
        COMMITTED.ids()
    )


@pytest.mark.clause("ESTP 5.4.6")
def test_whatever_the_core_says_of_place_and_time_is_recorded() -> None:
    rules = [Promises(with_position=place, minutes=tuple(COMMITTED.family("wait"))) for place in (True, False)]
    times = [None, LONGER, *rules[0].minutes]
    wordings = [Wording(minutes, grown) for minutes in times for grown in (True, False)]
    for ahead, words, rule in product(range(60), wordings, rules):
        assert set(phrases(ahead, words, rule)) <= set(COMMITTED.ids())


def test_a_clause_of_place_and_a_clause_of_time_make_one_sentence() -> None:
    texts = {name: entry.shared for name, entry in COMMITTED.prompts.items() if entry.shared}
    halves = {name for name, text in texts.items() if text.endswith(",")}
    assert halves == {"next-in-line", "position-many", *COMMITTED.family("position").values(), *REQUEST_HALVES}
    endings = {*COMMITTED.family("wait").values(), *COMMITTED.family("wait-over").values(), *REQUEST_ENDINGS}
    middles = {name for family in ("number", "month", "hours") for name in COMMITTED.family(family).values()}
    assert {name for name, text in texts.items() if text[0].islower()} == endings | middles
    assert all(text.endswith((".", "!")) for name, text in texts.items() if name not in halves)


@pytest.mark.clause("ESTP 5.4.6")
def test_a_place_without_a_time_says_the_same_as_a_whole_sentence() -> None:
    pairs = {"next-in-line": "place-next", "position-many": "place-many"}
    pairs |= {half: COMMITTED.family("place")[number] for number, half in COMMITTED.family("position").items()}
    for half, whole in pairs.items():
        assert (COMMITTED.prompts[half].text or "").removesuffix(",") + "." == COMMITTED.prompts[whole].text


@pytest.mark.clause("ESTP 5.4.6")
def test_the_voice_stays_up_where_a_time_follows_and_falls_where_nothing_does() -> None:
    """Two files are heard as one sentence only if the first does not sound finished; a place alone must."""
    unfinished = ["next-in-line", "position-many", *COMMITTED.family("position").values()]
    finished = ["place-next", "place-many"]
    for family in ("place", "wait", "wait-over"):
        finished += COMMITTED.family(family).values()
    heights = {name: pitch(sound(COMMITTED.file(name))) for name in (*unfinished, *finished)}
    assert min(heights[name] for name in unfinished) > 1.05 * max(heights[name] for name in finished)


@pytest.mark.clause("ESTP 5.5.4")
def test_the_voice_stays_up_between_the_words_about_a_request() -> None:
    """Single words differ by their stress, so families are compared."""
    heights = {
        family: float(np.median([pitch(sound(COMMITTED.file(name))) for name in COMMITTED.family(family).values()]))
        for family in (*HALF_FAMILIES, *END_FAMILIES)
    }
    lowest = min(heights[family] for family in HALF_FAMILIES)
    assert lowest > 1.12 * max(heights[family] for family in END_FAMILIES)
    assert lowest > 1.12 * max(pitch(sound(COMMITTED.file(name))) for name in STANDINGS)


def test_every_hint_on_pronunciation_is_of_use() -> None:
    texts = [text for entry in COMMITTED.prompts.values() for text in (entry.text, entry.neutral) if text]
    texts += [f"{line.spoken.name} {line.spoken.customers}" for config in SHIPPED for line in config.lines.values()]
    texts += [subject for config in SHIPPED for line in config.lines.values() for subject in line.subjects.values()]
    everything = " ".join(texts).lower()
    assert [word for word in COMMITTED.texts.pronounce if word.lower() not in everything] == []


def test_the_accents_are_set() -> None:
    assert COMMITTED.texts.spoken("Звонок  \nили в ЕСТП; звонком") == "звоно\u0301к или в еэстэпэ\u0301; звонком"


# --- The build, with a synthesiser that only beeps ---------------------------------------------------------------

BEEPER = """
import math, struct, sys, wave
text, path = sys.stdin.read(), sys.argv[sys.argv.index("-o") + 1]
with wave.open(path, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(24000)
    for word in text.split():
        for i in range(2400 * len(word)):
            file.writeframes(struct.pack("<h", round(9000 * math.sin(i * (0.05 + len(text) / 1000)))))
        file.writeframes(bytes(2 * 4800))
"""
DECIMATOR = """
import sys, wave
small = sys.argv[sys.argv.index("-b") + 2]
with wave.open(sys.argv[sys.argv.index("-v") + 2], "rb") as source, wave.open(small, "wb") as target:
    target.setnchannels(1); target.setsampwidth(2); target.setframerate(8000)
    frames = source.readframes(source.getnframes())
    target.writeframes(b"".join(frames[i : i + 2] for i in range(0, len(frames), 6)))
"""


@pytest.fixture
def tools(tmp_path: Path) -> tuple[Path, Path]:
    """Stand-ins for RHVoice and sox: quick, and there on every machine."""
    made = []
    for name, source in (("rhvoice", BEEPER), ("sox", DECIMATOR)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\n{source}")
        path.chmod(0o755)
        made.append(path)
    return made[0], made[1]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder of prompts with three short texts and nothing spoken yet."""
    root = tmp_path / "prompts"
    (root / "music").mkdir(parents=True)
    shutil.copy(PROMPTS / "music" / "waiting.wav", root / "music")
    write(root, hello="Привет.", bye="Пока.", half="Вы третий,")
    return root


def write(root: Path, studio: str = "", **texts: str) -> None:
    prompts = {
        name: {"when": "always", "text": text} | ({"studio": True} if name == studio else {})
        for name, text in texts.items()
    }
    (root / "catalogue.yaml").write_text(yaml.safe_dump({"voice": "irina", "prompts": prompts}, sort_keys=False))


def problems(root: Path) -> set[tuple[str, str]]:
    return {(problem.prompt, problem.kind) for problem in Catalogue.load(root).check()}


def test_what_is_missing_is_spoken_and_nothing_twice(small: Path, tools: tuple[Path, Path]) -> None:
    assert problems(small) == {("hello", "missing"), ("bye", "missing"), ("half", "missing")}
    assert Catalogue.load(small).build(*tools) == ["hello", "bye", "half"]
    assert problems(small) == set()
    assert Catalogue.load(small).build(*tools) == []
    assert Catalogue.load(small).build(*tools, only_stale=False) == ["hello", "bye", "half"]


def test_a_changed_text_is_stale_until_it_is_spoken_again(small: Path, tools: tuple[Path, Path]) -> None:
    Catalogue.load(small).build(*tools)
    write(small, hello="Добрый день.", bye="Пока.", half="Вы третий,")
    assert problems(small) == {("hello", "stale")}
    assert Catalogue.load(small).build(*tools) == ["hello"]
    assert problems(small) == set()


def test_a_studio_recording_survives_every_build(small: Path, tools: tuple[Path, Path]) -> None:
    texts = {"hello": "Привет.", "bye": "Пока.", "half": "Вы третий,"}
    Catalogue.load(small).build(*tools)
    recording = (PROMPTS / "ru" / "greeting.wav").read_bytes()
    (small / "ru" / "hello.wav").write_bytes(recording)
    assert problems(small) == {("hello", "replaced")}, "nobody said that it is a recording"
    assert Catalogue.load(small).build(*tools) == []

    write(small, studio="hello", **texts)
    assert problems(small) == set()
    assert Catalogue.load(small).build(*tools, only_stale=False) == ["bye", "half"]
    assert (small / "ru" / "hello.wav").read_bytes() == recording

    write(small, studio="hello", **texts | {"hello": "Здравствуйте."})
    assert problems(small) == {("hello", "stale")}, "the announcer has not said the new text"
    assert Catalogue.load(small).build(*tools) == []
    assert (small / "ru" / "hello.wav").read_bytes() == recording


def test_files_that_nobody_asks_for_or_nobody_can_play_are_named(small: Path, tools: tuple[Path, Path]) -> None:
    Catalogue.load(small).build(*tools)
    shutil.copy(small / "ru" / "hello.wav", small / "ru" / "old-greeting.wav")
    (small / "music" / "waiting.wav").write_bytes(b"RIFF")
    (small / "ru" / "bye.wav").unlink()
    assert problems(small) == {("old-greeting", "orphan"), ("music/waiting", "format"), ("bye", "missing")}
    with wave.open(str(small / "music" / "waiting.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(bytes(400))
    details = [problem.detail for problem in Catalogue.load(small).check() if problem.kind == "format"]
    assert details == ["44100 Hz, 16 bit, 2 channel(s), but must be 8000 Hz, 16 bit, 1 channel"]


def test_a_clause_is_cut_out_of_a_longer_sentence(small: Path, tools: tuple[Path, Path]) -> None:
    Catalogue.load(small).build(*tools)
    spoken = len(sound(small / "ru" / "half.wav")) / RATE
    # The beeper takes 0.1 s for a character and 0.2 s between words: «Вы третий,» without « да.».
    assert spoken == pytest.approx(0.2 + 0.2 + 0.7 + 2 * 0.1, abs=0.05)
    with pytest.raises(SpeechError, match="no pause"):
        before_last_pause(read_wave(small / "ru" / "bye.wav"))


def test_loud_and_soft_speech_come_out_alike(small: Path, tools: tuple[Path, Path]) -> None:
    samples = sound_of(Voice(*tools, "irina", 100).say("Раз два"))
    assert decibels(np.abs(samples).max()) <= PEAK_LEVEL + 0.01
    loud = samples[np.abs(samples) > 0]
    assert decibels(np.sqrt(np.mean(loud**2))) == pytest.approx(SPEECH_LEVEL, abs=0.5)


def sound_of(samples: object) -> Sound:
    return np.asarray(samples, float) / 32768.0


def test_mistakes_in_the_catalogue_are_reported_together(small: Path) -> None:
    (small / "catalogue.yaml").write_text(
        textwrap.dedent("""
            voice: victoria
            prompts:
              Hello: {when: always, text: Привет.}
              bye: {when: always}
              menu: {when: always, text: Меню., loud: true}
            families:
              place: {when: always, text: Место, words: {1: первое}}
        """)
    )
    with pytest.raises(PromptError) as caught:
        Catalogue.load(small)
    text = str(caught.value)
    for place in ("voice:", "prompts.Hello", "prompts.bye: ", "prompts.menu.loud", "families.place.text"):
        assert place in text


def test_a_missing_synthesiser_is_told_in_a_sentence(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(part: str, command: str) -> Path:
        return Path("/nonexistent") / command

    monkeypatch.setattr("callcenter.cli.prompts.find_program", nowhere)
    (small / "config.yaml").write_text("lines: {estp: {numbers: ['+7 342 292-19-60']}}\nprompts: .\n")
    told = CliRunner().invoke(main, ["prompts", "build", "--config", str(small / "config.yaml")])
    assert (told.exit_code, told.output.startswith("Error: /nonexistent/RHVoice-test failed: ")) == (1, True)


# --- With the real synthesiser ------------------------------------------------------------------------------


def real(command: str) -> Path | None:
    found = shutil.which(command, path=f"{ROOT / 'var' / 'parts' / 'bin'}:/usr/bin:/usr/local/bin")
    return Path(found) if found else None


@pytest.mark.skipif(not (real("RHVoice-test") and real("sox")), reason="RHVoice or sox is not installed here")
def test_the_voice_does_not_fall_before_the_clause_of_time() -> None:
    """The first half of a sentence differs from the same words as a sentence of their own."""
    rhvoice, sox = real("RHVoice-test"), real("sox")
    assert rhvoice
    assert sox
    voice = Voice(rhvoice, sox, "irina", 90)
    half, whole = (pitch(sound_of(voice.say("Ваше место в очереди третье" + end))) for end in ",.")
    assert half > whole * 1.15
