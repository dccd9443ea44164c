"""The operators' page: what the browser gets, and in which language."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from callcenter.calendar.auctions import SENTENCES as AUCTION_SENTENCES
from callcenter.core.operator import Activity, Presence
from callcenter.core.records import Identification
from callcenter.dated import words as dated_words
from callcenter.desk import language, page
from callcenter.desk.floor_texts import FLOOR_TEXTS
from callcenter.desk.page import SCRIPT_TEXTS
from callcenter.request_register.errors import FILE_SENTENCES
from callcenter.request_register.notices import WORDS
from callcenter.requests.refusal import SENTENCES
from tests.desk.conftest import Browser, LogIn
from tests.desk.fake_backend import FakeBackend, call

WEB = Path(page.__file__).parent
SCRIPT = "\n".join(path.read_text(encoding="utf-8") for path in sorted((WEB / "front").glob("*.ts*")))


def texts_of(page: str) -> dict[str, str]:
    """The texts that the page gives its script."""
    found = re.search(r'data-texts="(.*?)"', page)
    assert found is not None
    texts: dict[str, str] = json.loads(html.unescape(found[1]))
    return texts


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("", "", "Войти"),
        ("", "ru-RU,ru;q=0.9,en;q=0.8", "Войти"),
        ("", "en-US,en;q=0.9", "Log in"),
        ("", "de,fr", "Войти"),
        ("?lang=en", "ru", "Log in"),
        ("?lang=../../etc", ",;q=;;,", "Войти"),
    ],
)
async def test_the_page_speaks_the_language_asked_for(browser: Browser, query: str, header: str, expected: str) -> None:
    text = await (await browser.get(f"/{query}", headers={"Accept-Language": header})).text()
    assert texts_of(text)["log_in"] == expected


async def test_pause_reasons_are_offered_and_unknown_ones_shown_as_configured(browser: Browser) -> None:
    text = await (await browser.get("/")).text()
    found = re.search(r'data-reasons="(.*?)"', text)
    assert found is not None
    assert json.loads(html.unescape(found[1])) == [
        ["lunch", "обед"], ["break", "перерыв"], ["дежурство", "дежурство"],
    ]  # fmt: skip


async def test_the_texts_for_the_script_survive_the_way_through_the_page(browser: Browser) -> None:
    text = await (await browser.get("/?lang=en")).text()
    assert texts_of(text) == SCRIPT_TEXTS


async def test_there_is_no_script_or_style_inside_the_page(browser: Browser) -> None:
    text = await (await browser.get("/")).text()
    assert re.findall(r"<script(.*?)>(.*?)</script>", text) == [(' type="module" src="/built/desk.js"', "")]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)


async def test_a_name_full_of_markup_arrives_as_data_only(
    browser: Browser, backend: FakeBackend, log_in: LogIn
) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'</script>\u2028😀" + "x" * 4096
    await log_in()
    backend.change("101", call=call(hostile))
    answer = await browser.get("/api/me")
    assert answer.content_type == "application/json"
    assert (await answer.json())["me"]["call"]["name"] == hostile
    assert "onerror" not in await (await browser.get("/")).text()
    # What a browser makes of it is up to the script, which must know no way from text to markup.
    assert SCRIPT.count("dangerouslySetInnerHTML") == 1, (
        "written.tsx alone: news and articles, whose markup is the controller's own"
    )
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", SCRIPT)


def test_the_script_has_a_word_for_every_state() -> None:
    states = {*Presence, *Activity} - {Presence.OFF, Activity.IDLE}  # off: the log-in form; idle: the presence
    assert states | set(Identification) <= set(SCRIPT_TEXTS)


def test_the_script_asks_for_no_word_that_is_not_there() -> None:
    assert set(re.findall(r'word\("(\w+)"\)', SCRIPT)) <= {*SCRIPT_TEXTS, *FLOOR_TEXTS}


def test_everything_that_people_read_is_translated_and_nothing_is_left_over() -> None:
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    extracted = extract_from_dir(WEB, methods, keywords={"_": None, "N_": None})
    sources = {message for _, _, message, _, _ in extracted}
    sources |= {sentence for _, sentence in SENTENCES.values()} | {
        *FILE_SENTENCES.values(),
        *AUCTION_SENTENCES.values(),
        *WORDS,
        *dated_words.WORDS,
    }
    with (language.LOCALES / "ru/LC_MESSAGES/callcenter.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    assert {message.id for message in catalogue if message.id} == sources
    assert not [message.id for message in catalogue if message.id and not message.string]


def test_a_caller_has_one_name_in_russian() -> None:
    """An operator who reads two words looks for two kinds of people."""
    with (language.LOCALES / "ru/LC_MESSAGES/callcenter.po").open("rb") as file:
        texts = [str(message.string).lower() for message in read_po(file, locale="ru") if "caller" in str(message.id)]
    others = ("звонящ", "вызывающ", "клиент", "позвонивш")
    assert [text for text in texts if any(word in text for word in others)] == []
    assert sum("абонент" in text for text in texts) >= 5
