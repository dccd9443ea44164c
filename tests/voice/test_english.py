"""English for callers who have chosen it: what figures are called, and that nothing is lacking."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import pytest
import yaml

from callcenter.config import Config
from callcenter.config.problems import ConfigError
from callcenter.core.ids import LineId
from callcenter.voice import english
from callcenter.voice.line_prompts import languages, lay_out, missing, own_prompts
from callcenter.voice.prompts import Catalogue, PromptError
from tests.voice import pretended_voice

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "ivr_prompts"
ESTP = LineId("estp")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (342, "three hundred and forty-two"),
        (1001, "one thousand one"),
        (21_000, "twenty-one thousand"),
    ],
)
def test_numbers(number: int, words: str) -> None:
    assert english.cardinal(number) == words


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_a_number_that_nobody_would_listen_to_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="is not from 0 to 999999"):
        english.cardinal(number)


@pytest.mark.parametrize(
    ("opens", "closes", "words"),
    [
        (time(9), time(18), "from nine a m to six p m"),
        (time(9), time(18, 30), "from nine a m to six thirty p m"),
        (time(0), time(12), "from midnight to noon"),
        (time(12, 5), time(0), "from twelve oh five p m to midnight"),
        (time(0), time(0), "day and night"),
    ],
)
def test_hours(opens: time, closes: time, words: str) -> None:
    assert english.from_to(opens, closes) == words


def test_addresses_and_numbers_are_spelled_but_for_words_that_everybody_knows() -> None:
    assert english.address("info@estp.ru") == "info, at, E, S, T, P, dot, R, U"
    assert english.address("https://a-1.kz/") == "A, dash, one, dot, K, Z"
    assert english.telephone("+73422921960") == "plus seven, three four two, two nine two, one nine, six zero"
    assert english.said("room 12, code 007") == "room twelve, code zero zero seven"


@pytest.mark.parametrize(("text", "odd"), [("the Линия of ESTP", "Линия"), ("50 %", "5"), ("fine, (really)!", "")])
def test_what_an_english_voice_cannot_say_is_named(text: str, odd: str) -> None:
    assert english.unspeakable(text) == odd


def test_callers_find_every_prompt_that_there_is_in_russian_also_in_english() -> None:
    russian, other = Catalogue.load(PROMPTS), Catalogue.load(PROMPTS, "en")
    of_callers = {
        name
        for name, prompt in russian.prompts.items()
        if prompt.text and not name.startswith("op-") and name != "extension-ask"  # heard before the choice
    }
    assert set(other.prompts) == of_callers | {f"language-offer-{key}" for key in range(10)}
    for name in of_callers & set(russian.prompts):
        assert not re.search("[А-Яа-яЁё]", other.prompts[name].text or ""), name


def test_a_text_has_the_values_of_its_russian_one_so_that_nobody_is_told_less() -> None:
    russian, other = Catalogue.load(PROMPTS), Catalogue.load(PROMPTS, "en")
    for name in other.prompts.keys() & russian.prompts.keys():
        values = [set(re.findall(r"{(\w+)}", each.prompts[name].text or "")) for each in (russian, other)]
        assert values[0] == values[1], name


def test_a_catalogue_whose_voice_speaks_another_language_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalogue.en.yaml").write_text("voice: irina\nprompts: {}\n")
    with pytest.raises(PromptError, match=r"catalogue.en.yaml: the voice irina speaks another language"):
        Catalogue.load(tmp_path, "en")


# --- lines ------------------------------------------------------------------------------------------------------------

SPOKEN = {"name": "the support line of ESTP", "customers": "customers of Perm Krai"}


def with_english(folder: Path, **spoken: str) -> Config:
    line = {
        "title": "Линия поддержки",
        "numbers": ["+7 342 292-19-60"],
        "email": "info@estp.ru",
        "second_language": {"key": "8", "spoken": spoken},
    }
    asterisk = {"rtp_first": "10000", "rtp_last": "29999"}
    settings = {"lines": {"estp": line}, "prompts": str(PROMPTS), "asterisk": asterisk}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
    return Config.load(folder / "config.yaml")


def test_a_line_says_in_english_what_its_settings_say_and_names_those_that_no_english_voice_can_say(
    tmp_path: Path,
) -> None:
    config, catalogue = with_english(tmp_path, **SPOKEN), Catalogue.load(PROMPTS, "en")
    own = own_prompts(catalogue, config.lines[ESTP])
    assert own.texts["greeting"] == "Hello! This is the support line of ESTP. This call is being recorded."
    assert own.texts["info-hours"] == (
        "We work from nine a m to six p m Moscow time, except on weekends and public holidays."
    )
    assert "info, at, E, S, T, P, dot, R, U" in own.texts["info-email"]
    assert own.texts["info-at-hand"].startswith("To get help sooner, please have at hand everything")
    assert not own.problems
    untold = own_prompts(catalogue, with_english(tmp_path).lines[ESTP])
    assert untold.texts["greeting"] == "Hello! This call is being recorded."
    assert untold.problems == (
        "lines.estp.title: 'Линия' cannot be said in English; write its spoken form in "
        "lines.estp.second_language.spoken.name",
    )


def test_the_language_is_offered_only_while_every_prompt_is_there(tmp_path: Path) -> None:
    config = with_english(tmp_path, **SPOKEN)
    (told,) = [text for text in lay_out(config) if "second_language" in text]
    assert "so the language is not offered; `callcenter prompts build` speaks them" in told
    assert not config.prompts_of(ESTP, "en").exists()
    made = pretended_voice.speak(config, "en")
    assert [text for text in lay_out(config) if "second_language" in text] == []
    folder = config.prompts_of(ESTP, "en")
    there = {path.stem: path.resolve() for path in folder.glob("*.wav")}
    assert there["greeting"].parent == config.spoken_prompts
    assert there["quiet"] == (PROMPTS / "ru" / "quiet.wav"), "what has no words is the same"
    made[-1].unlink()
    assert any("second_language" in text for text in lay_out(config))
    assert not folder.exists(), "callers are not offered half a language"


def test_lines_of_one_language_need_no_other_catalogue(tmp_path: Path) -> None:
    config = with_english(tmp_path)
    alone = config.model_copy(update={"lines": {ESTP: config.lines[ESTP].model_copy(update={"second_language": None})}})
    assert languages(alone) == ("ru",)
    assert languages(config) == ("ru", "en")
    assert next(missing(config, Catalogue.load(PROMPTS, "en")), None) is not None


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"key": "#"}, "second_language.key"),
        ({"language": "fr"}, "second_language.language"),
        ({"spoken": {"name": "Линия"}}, "what an English voice can say"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(tmp_path: Path, setting: dict[str, object], told: str) -> None:
    with_english(tmp_path)
    path = tmp_path / "config.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    settings["lines"]["estp"]["second_language"] |= setting
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), "utf-8")
    with pytest.raises(ConfigError, match=told):
        Config.load(path)
