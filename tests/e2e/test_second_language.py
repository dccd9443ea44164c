"""A line with a second language: who presses the key hears everything in it, for the whole call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from callcenter.config import Config
from callcenter.core.ids import LineId
from tests.e2e.hearing import heard_prompts, listen, names, whole
from tests.e2e.listening import OPERATOR, hears, voice
from tests.e2e.station import Station, configuration, station, until
from tests.voice import pretended_voice

pytestmark = [pytest.mark.e2e]
ENGLISH: dict[str, Any] = {"second_language": {"key": "9", "spoken": {"name": "the line", "customers": "customers"}}}
SAID = ("greeting", "nobody-on-shift", "press-for-info")


def prompts(here: Station, language: str) -> Path:
    """A folder with what callers hear in a language."""
    folder = here.config.var / "heard" / language
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "ru").symlink_to(here.config.prompts_of(LineId("estp"), language))
        (folder / "music").symlink_to(here.config.prompts / "music")
    return folder


def waiting(here: Station) -> int:
    return sum(here.controller.view().lines[LineId("estp")].waiting.values())


async def test_who_presses_the_key_hears_english_from_then_on_and_the_operator_is_told(tmp_path: Path) -> None:
    changes = {"line": ENGLISH, "ivr": {"ask_inn": "false", "urgency": {}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration(**changes), allow_unicode=True), "utf-8")
    pretended_voice.speak(Config.load(tmp_path / "config.yaml"), "en")
    async with station(tmp_path, **changes) as here:
        guest, hasty, usual = [await here.caller(f"+7342111110{n}", host=10 + n) for n in (1, 2, 3)]
        for call, key in ((guest, "9"), (hasty, "5")):
            await listen(call, 1.2)
            await call.press(key)
        for call in (guest, hasty, usual):
            await listen(call, 9.0)
        await until(lambda: waiting(here) == 3, 30.0, "all three wait")
        phone = await here.operator("101")
        leg = await phone.rings(20.0)
        assert leg.caller_number == "+73421111101", "who called first"
        leg.say(voice(OPERATOR))
        leg.answer()
        await hears(guest, OPERATOR)
        (view,) = [one.call for one in here.controller.view().operators.values() if one.call is not None]
        await listen(guest, 1.0)
        leg.hang_up()
        for call in (hasty, usual):
            call.hang_up()
        rows = [await here.ended(number=f"+7342111110{n}") for n in (1, 2, 3)]
        english = {n: heard_prompts(call.heard(), SAID, prompts(here, "en")) for n, call in enumerate((guest, hasty))}
        russian = [heard_prompts(call.heard(), SAID, here.prompts()) for call in (guest, hasty, usual)]
        offer = heard_prompts(usual.heard(), ["language-offer-9"], prompts(here, "en"))
    assert view.language == "en", "on the operator's page, before the first word"
    assert [row["language"] for row in rows] == ["en", "", ""]
    assert names(english[0])[:2] == ["greeting", "nobody-on-shift"], "and nothing of the Russian ones"
    assert whole(english[0][0], prompts(here, "en")), "with the notice of recording (ESTP 2.6)"
    assert "nobody-on-shift" not in names(russian[0])
    assert not english[1]
    assert any(whole(one, here.prompts()) for one in russian[1] if one.prompt == "greeting"), "no other key shortens it"
    assert names(russian[2])[:2] == ["greeting", "nobody-on-shift"]
    assert len(offer) == 1
