"""What each line says in its own words: values in Russian, folders of links, and what happens when one is missing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.config.problems import ConfigError
from callcenter.core.ids import LineId
from callcenter.voice.line_prompts import LONGEST, lay_out, missing, own_prompts, speak
from callcenter.voice.line_words import VALUES, line_words
from callcenter.voice.prompts import Catalogue, PromptError
from callcenter.voice.template import fill, mistakes

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ROOT / "ivr_prompts"
COMMITTED = Catalogue.load(PROMPTS)
RTP = {"rtp_first": "10000", "rtp_last": "29999"}
LINE = {"title": "Линия поддержки", "numbers": ["+7 342 292-19-60"]}


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


def configured(folder: Path, lines: Mapping[str, Any], prompts: Path = PROMPTS) -> Config:
    path = folder / "config.yaml"
    path.write_text(
        yaml.safe_dump({"lines": lines, "prompts": str(prompts), "asterisk": RTP}, allow_unicode=True, sort_keys=False)
    )
    return Config.load(path)


def said(config: Config, prompt: str, line: str = "help-desk") -> str | None:
    return own_prompts(COMMITTED, config.lines[LineId(line)]).texts.get(prompt)


# --- values -----------------------------------------------------------------------------------------------------------

USUAL = {"opens": "11:00", "closes": "18:00"}
LONG = {"from": "2026-12-01", "to": "2026-12-04", "opens": "09:00", "closes": "21:00"}
EVENING = {"from": "2026-12-07", "to": "2026-12-08", "opens": "10:00", "closes": "23:30"}


@pytest.mark.clause("eLot 2.2a", "E-SAUDA 1.5", "TBS 2.5", "ESTP 2.2a")
@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (
            USUAL | {"auctions": {"opens": "09:00", "closes": "21:00"}},
            "с одиннадцати до восемнадцати часов, а в отдельные дни с девяти до двадцати одного часа, "
            "по московскому времени",
        ),
        ({}, "с девяти до восемнадцати часов по московскому времени"),
        (
            {"zone": "Asia/Almaty", "country": "KZ", "opens": "09:00", "closes": "18:30"},
            "с девяти часов до восемнадцати часов тридцати минут по времени Астаны",
        ),
        (
            USUAL | {"periods": [LONG, LONG | {"from": "2026-12-14", "to": "2026-12-18"}]},
            "с одиннадцати до восемнадцати часов, а в отдельные дни с девяти до двадцати одного часа, "
            "по московскому времени",
        ),
        (
            USUAL | {"periods": [LONG, EVENING]},
            "с одиннадцати до восемнадцати часов, а в отдельные дни с девяти до двадцати одного часа или с десяти "
            "часов до двадцати трёх часов тридцати минут, по московскому времени",
        ),
        (USUAL | {"periods": [LONG | USUAL]}, "с одиннадцати до восемнадцати часов по московскому времени"),
        ({"opens": "00:00", "closes": "24:00"}, "круглосуточно по московскому времени"),
    ],
)
def test_hours_are_told_so_that_they_are_true_on_every_day(tmp_path: Path, hours: dict[str, Any], words: str) -> None:
    config = configured(tmp_path, {"help-desk": LINE | {"hours": hours}})
    assert said(config, "info-hours") == f"Мы работаем {words}, кроме выходных и праздничных дней."


def test_what_the_configuration_says_is_said_instead(tmp_path: Path) -> None:
    spoken = {"name": "Служба 01", "zone": "по времени Перми", "email": "хелп, собака, эстп, точка, ру"}
    config = configured(tmp_path, {"help-desk": LINE | {"title": "ESTP", "email": "help@estp.ru", "spoken": spoken}})
    assert said(config, "greeting") == "Здравствуйте! Это Служба ноль один. Разговор записывается."
    assert "по времени Перми" in (said(config, "closed-hours") or "")
    assert said(config, "info-email", "help-desk") == (
        "Адрес нашей электронной почты: хелп, собака, эстп, точка, ру. Повторяем: хелп, собака, эстп, точка, ру."
    )


def test_a_line_without_an_address_does_not_speak_of_one(tmp_path: Path) -> None:
    config = configured(tmp_path, {"help-desk": LINE})
    assert said(config, "nobody-on-shift") == "Сейчас на смене нет операторов. Вы можете подождать."
    assert said(config, "info-email") is None, "what all lines share is played"
    assert own_prompts(COMMITTED, config.lines[LineId("help-desk")]).problems == ()


def test_every_value_can_be_said_of_a_line_that_has_all(tmp_path: Path) -> None:
    everything = LINE | {
        "email": "help@estp.ru",
        "site": "estp.ru/help",
        "general_line": "8 800 200-00-00",
        "subjects": {"one": "Регистрация", "two": "ЭЦП и торги", "three": "44-ФЗ"},
        "spoken": {"customers": "заказчиков", "at_hand": "ИНН"},
    }
    path = tmp_path / "config.yaml"
    trunks = {"city": {"networks": ["127.0.1.0/24"], "outgoing": "127.0.1.200:5060"}}
    path.write_text(
        yaml.safe_dump({"lines": {"help-desk": everything}, "trunks": trunks}, allow_unicode=True, sort_keys=False)
    )
    words = line_words(Config.load(path).lines[LineId("help-desk")])
    assert words.values.keys() == VALUES
    assert not words.unsaid
    assert words.values["general"] == "восемь, восемьсот, двести, ноль ноль, ноль ноль"
    assert words.values["subjects"] == "регистрация, ЭЦП и торги, сорок четыре-ФЗ"
    assert words.values["site"] == "е, эс, тэ, пэ, точка, ру, косая черта, хелп"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            {"title": "Портал E-SAUDA"},
            "lines.help-desk.title: 'E-SAUDA' cannot be said in Russian; write its spoken form ",
        ),
        ({"hours": {"zone": "Asia/Tokyo"}}, "lines.help-desk.hours.zone: 'Asia/Tokyo' cannot be said in Russian"),
        ({"subjects": {"one": "Вход <b>"}}, "lines.help-desk.subjects: '<' cannot be said in Russian"),
        (
            {"subjects": {f"s{number}": "Вопросы " * 20 for number in range(10)}},
            "lines.help-desk: info-subjects would have",
        ),
    ],
)
def test_what_cannot_be_said_is_named_with_its_setting_and_the_line_says_what_is_neutral(
    tmp_path: Path, line: dict[str, Any], told: str
) -> None:
    config = configured(tmp_path, {"help-desk": LINE | line})
    own = own_prompts(COMMITTED, config.lines[LineId("help-desk")])
    assert [problem for problem in own.problems if problem.startswith(told)]
    assert all(len(text) <= LONGEST for text in own.texts.values())
    assert any(problem.startswith(told) for problem in lay_out(config))
    assert (config.prompts_of(LineId("help-desk")) / "greeting.wav").exists()


@pytest.mark.parametrize(
    "value",
    ["<speak>раз</speak>", "раз\nдва", "раз\x00", "E-SAUDA", "слово " * 1000, "{name}", "...", "раз; rm -rf $HOME"],
)
def test_hostile_words_are_refused_with_their_place(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"spoken\.name"):
        configured(tmp_path, {"help-desk": LINE | {"spoken": {"name": value}}})


@pytest.mark.parametrize("name", ["../up", "a/b", "раз", "..", "spoken/x", "a" * 200])
def test_a_lines_folder_cannot_be_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        configured(tmp_path, {name: LINE})


# --- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"text": "Это {nmae}.", "neutral": "Да."}, "prompts.greeting: .*found {nmae}, .*did you mean {name}?"),
        ({"text": "Это {name.__class__}.", "neutral": "Да."}, r"found {name\.__class__}, which is no value"),
        ({"text": "Это {name}."}, "needs `neutral`"),
        ({"text": "Это мы.", "neutral": "Да."}, "no other text has one"),
        ({"text": "Это {name}.", "neutral": "{name}."}, "found a value in `neutral`"),
        ({"text": "Это {name.", "neutral": "Да."}, "a brace without its other half"),
        ({"text": "Это {name} [и [ещё].", "neutral": "Да."}, "brackets in brackets"),
    ],
)
def test_a_mistake_in_a_text_is_named_with_its_place(tmp_path: Path, entry: dict[str, str], told: str) -> None:
    root = tmp_path / "prompts"
    root.mkdir()
    catalogue = {"voice": "irina", "prompts": {"greeting": {"when": "always"} | entry}}
    (root / "catalogue.yaml").write_text(yaml.safe_dump(catalogue, allow_unicode=True))
    with pytest.raises(PromptError, match=re.compile(told, re.DOTALL)) as caught:
        Catalogue.load(root)
    assert "prompts.greeting" in str(caught.value)


def test_optional_parts_are_left_out_where_a_value_is_lacking() -> None:
    text = "Ждите[ или пишите: {email}].[ Сайт: {site}.]"
    assert fill(text, {"email": "а"}) == "Ждите или пишите: а."
    assert fill(text, {"site": "б"}) == "Ждите. Сайт: б."
    assert fill("Это {name}.", {}) is None
    assert list(mistakes(text, VALUES)) == []


# --- folders ----------------------------------------------------------------------------------------------------------


def content(config: Config, line: str) -> dict[str, Path]:
    return {path.name: path.resolve() for path in config.prompts_of(LineId(line)).glob("*.wav")}


def shipped(folder: Path) -> Config:
    shutil.copy(ROOT / "examples" / "four.yaml", folder / "config.yaml")
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text().replace("var: ../var/four", "var: var"))
    return Config.load(folder / "config.yaml")


def test_every_line_has_every_prompt_its_own_where_the_texts_differ(tmp_path: Path) -> None:
    config = shipped(tmp_path)
    assert lay_out(config) == []
    shared = {path.name for path in (PROMPTS / "ru").glob("*.wav")}
    found = {line: content(config, line) for line in config.lines}
    for line, files in found.items():
        assert files.keys() == shared
        own = {f"{prompt}.wav" for prompt in own_prompts(COMMITTED, config.lines[line]).texts}
        assert {name for name, path in files.items() if path.parent.name == "lines"} == own
        assert files["ask-inn.wav"] == PROMPTS / "ru" / "ask-inn.wav"
    assert len({files["greeting.wav"] for files in found.values()}) == 4
    assert lay_out(config) == []
    assert {line: content(config, line) for line in config.lines} == found


def test_lines_that_say_the_same_share_a_file(tmp_path: Path) -> None:
    config = configured(tmp_path, {"first": LINE, "second": LINE | {"numbers": ["+7 342 292-19-61"]}})
    wanted = {(one.prompt, one.lines) for one in missing(config, COMMITTED)}
    assert ("greeting", ("first", "second")) in wanted
    assert all(lines == ("first", "second") for _, lines in wanted)


def test_a_line_whose_words_nobody_has_spoken_says_what_is_neutral_and_which_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path, {"help-desk": LINE, "estp": LINE | {"numbers": ["+7 342 292-19-61"]}})
    told, _ = lay_out(config)
    assert told.startswith("lines.help-desk: greeting, closed-hours, ")
    assert "callers hear neutral ones; `callcenter prompts build` speaks them" in told
    assert content(config, "help-desk")["greeting.wav"] == PROMPTS / "ru" / "greeting.wav"
    checked = run(config, "check")
    assert checked.exit_code == 1
    assert "help-desk, estp: greeting: missing: no greeting." in checked.output
    assert "«Здравствуйте! Это линия поддержки. Разговор записывается.»" in checked.output


def test_what_a_line_will_say_from_a_later_day_on_is_spoken_before(tmp_path: Path) -> None:
    later = {"from": "2099-01-12", "hours": {"opens": "10:00"}}
    config = configured(tmp_path, {"help-desk": LINE | {"changes": [later]}})
    hours = [one.text for one in missing(config, COMMITTED) if one.prompt == "closed-hours"]
    assert ["с девяти до восемнадцати" in hours[0], "с десяти до восемнадцати" in hours[1]] == [True, True]


def test_what_is_spoken_on_this_machine_is_played(tmp_path: Path) -> None:
    config = configured(tmp_path, {"help-desk": LINE})
    lacking = list(missing(config, COMMITTED))
    config.spoken_prompts.mkdir(parents=True)
    for one in lacking:
        shutil.copy(PROMPTS / "ru" / "goodbye.wav", config.spoken_prompts / one.name)
    assert lay_out(config) == []
    assert content(config, "help-desk")["greeting.wav"].parent == config.spoken_prompts
    assert run(config, "check").exit_code == 0
    broken = config.spoken_prompts / lacking[0].name
    broken.write_bytes(b"RIFF")
    assert [one.name for one in missing(config, COMMITTED)] == [broken.name]
    assert lay_out(config)
    assert content(config, "help-desk")[f"{lacking[0].prompt}.wav"].parent == PROMPTS / "ru"


def test_what_an_announcer_is_to_say_is_never_spoken(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(PROMPTS, prompts)
    catalogue = prompts / "catalogue.yaml"
    texts = yaml.safe_load(catalogue.read_text(encoding="utf-8"))
    texts["prompts"] = {name: entry | {"studio": True} for name, entry in texts["prompts"].items()}
    catalogue.write_text(yaml.safe_dump(texts, allow_unicode=True, sort_keys=False), encoding="utf-8")
    config = configured(tmp_path, {"help-desk": LINE}, prompts)
    nowhere = Path("/nonexistent")
    assert speak(config, Catalogue.load(prompts), (nowhere, nowhere), ship=False) == []
    assert "greeting" in {one.prompt for one in missing(config, Catalogue.load(prompts))}


@pytest.mark.parametrize(
    "text", ["voice: irina\nprompts: {greeting: {when: x, text: '{nmae}', neutral: Да.}}", "][", "\x00"]
)
def test_a_catalogue_that_cannot_be_used_leaves_every_line_with_neutral_words(tmp_path: Path, text: str) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(PROMPTS, prompts)
    (prompts / "catalogue.yaml").write_text(text)
    config = configured(tmp_path, {"help-desk": LINE}, prompts)
    (told,) = lay_out(config)
    assert told.startswith(f"{prompts}/catalogue.yaml:")
    assert "until this is mended, all lines say neutral words" in told
    assert content(config, "help-desk")["greeting.wav"] == prompts / "ru" / "greeting.wav"
    assert (run(config, "check").exit_code, run(config, "build").exit_code) == (1, 1)


def test_a_folder_of_prompts_without_a_catalogue_is_played_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "prompts" / "ru").mkdir(parents=True)
    config = configured(tmp_path, {"help-desk": LINE}, tmp_path / "prompts")
    assert lay_out(config) == []
    assert not config.line_prompts.exists()


def test_a_line_that_is_gone_and_a_prompt_that_is_gone_leave_no_link(tmp_path: Path) -> None:
    lay_out(configured(tmp_path, {"first": LINE}))
    config = configured(tmp_path, {"second": LINE})
    (config.line_prompts / "first" / "old.wav").symlink_to("/nowhere")
    lay_out(config)
    assert [path.name for path in config.line_prompts.iterdir()] == ["second"]


def test_a_disk_that_is_full_leaves_the_shared_prompts(tmp_path: Path) -> None:
    config = configured(tmp_path, {"help-desk": LINE})
    config.var.mkdir()
    (config.var / "asterisk").write_text("not a folder")
    (told,) = lay_out(config)
    assert "all lines say neutral words" in told


def test_forty_lines_have_their_folders_in_a_moment(tmp_path: Path) -> None:
    lines = {f"line-{number}": LINE | {"numbers": [f"+7 342 292-19-{number}"]} for number in range(10, 50)}
    config = configured(tmp_path, lines)
    lay_out(config)
    assert len(list(config.line_prompts.iterdir())) == 40


def run(config: Config, *command: str) -> Result:
    return CliRunner().invoke(main, ["prompts", *command, "--config", str(config.folder / "config.yaml")])


def test_what_is_recorded_needs_no_voice_and_what_is_not_says_which_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` does this first: the examples run on a machine without a voice."""

    def nowhere(part: str, command: str) -> Path:
        raise PromptError(f"{command} is not on the PATH: install {part}")

    monkeypatch.setattr("callcenter.cli.prompts.find_program", nowhere)
    (tmp_path / "own").mkdir()
    assert run(shipped(tmp_path), "build", "--lines").exit_code == 0
    told = run(configured(tmp_path / "own", {"help-desk": LINE}), "build", "--lines")
    assert (told.exit_code, told.output) == (1, "Error: RHVoice-test is not on the PATH: install rhvoice\n")
