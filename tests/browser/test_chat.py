"""A customer and an operator write with each other: two real browsers, a real daemon and Asterisk, which are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.accessibility import AXE, check
from tests.browser.browser import browser
from tests.e2e.conftest import brief as brief
from tests.e2e.processes import another_process, asterisk_without_controller, ready
from tests.e2e.station import Station, free_port, until

pytestmark = [pytest.mark.e2e, pytest.mark.clause("E-SAUDA 2.2")]

HOSTILE = "<img src=x onerror=alert(1)> \u202eЫ & «кавычки»"
ANNA, IRINA = "101", "102"


def chat_settings() -> dict[str, Any]:
    """The line of the stories with a chat."""
    return {
        "line": {"channels": {"chat": {"away": "5", "stay_free": "0"}}},
        "public": {"port": free_port(socket.SOCK_STREAM), "url": "http://127.0.0.1"},
    }


@asynccontextmanager
async def people(folder: Path, *languages: str) -> AsyncIterator[list[BrowserContext]]:
    """So many people, each with a browser of their own."""
    async with browser(folder, 440, language="ru") as first, browser(folder, 441, language=languages[-1]) as second:
        for one in (first, second):
            await one.add_init_script(path=AXE)
        yield [first, second]


async def opens(context: BrowserContext, address: str) -> Page:
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(address)
    return page


async def at_work(context: BrowserContext, line: Station, person: str) -> Page:
    """An operator's page, with a desk phone."""
    page = await opens(context, f"http://127.0.0.1:{line.config.http.port}/")
    initial = line.secrets.initial(person)
    assert initial
    await page.fill("[name=id]", person)
    await page.fill("[name=password]", initial.password)
    if await page.locator("input[name=seat][value=desk]").count():
        await page.check("input[name=seat][value=desk]")
    await page.click("#login button")
    await expect(page.locator("#state")).to_be_visible()
    return page


async def asks(context: BrowserContext, line: Station, question: str) -> Page:
    """A customer's page, in which a chat has begun."""
    page = await opens(context, f"http://127.0.0.1:{line.config.public.port}/estp/chat")
    await page.fill("#question", question)
    await page.click("form .row button:last-child")
    await page.fill("#name", "Пётр")
    await page.fill("#contact", "petr@example.ru")
    await page.click("button.go")
    await expect(page.locator("#chat")).to_be_visible()
    return page


async def says(page: Page, text: str, box: str) -> None:
    await page.fill(box, text)
    await page.press(box, "Enter")


async def said(page: Page) -> list[str]:
    """What stands in the conversation, in its order."""
    return await page.locator(".log li:not(.line) > p").all_inner_texts()


async def reads(page: Page, *texts: str) -> None:
    await expect(page.locator(".log li:not(.line):not(.sending) > p")).to_have_text(list(texts))


async def shot(page: Page, name: str) -> None:
    """A picture for whoever asks for one: `PICTURES=folder`."""
    if folder := os.environ.get("PICTURES"):
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.timeout(300)
async def test_two_talk_and_nothing_is_lost_or_doubled(tmp_path: Path, brief: Path) -> None:
    """They talk, reload, the daemon is killed while both write, and goes on where it was."""
    async with asterisk_without_controller(tmp_path, brief, **chat_settings()) as line, people(tmp_path, "ru") as both:
        with another_process(line, tmp_path) as daemon:
            await ready(line)
            anna = await at_work(both[0], line, ANNA)
            petr = await asks(both[1], line, "Не подписывается")
            await expect(anna.locator("#chats .offered")).to_be_visible()
            await shot(anna, "desk-offered")
            await anna.keyboard.press("F4")
            await expect(anna.locator("#chat")).to_be_visible()
            await expect(petr.locator(".state")).to_contain_text("Анна")
            await says(anna, "Добрый день!", "#chat-text")
            await reads(petr, "Не подписывается", "Добрый день!")
            await says(petr, HOSTILE, "#message")
            clean = HOSTILE.replace("\u202e", "")
            await reads(anna, "Не подписывается", "Добрый день!", clean)
            await anna.fill("#chat-text", "Недописанное")
            await shot(anna, "desk-chat")
            await shot(petr, "customer-chat")
            await check(anna, "the desk with a chat")
            await check(petr, "a customer's chat")
            await asyncio.sleep(1.5)  # the draft is on its way
            await anna.reload()
            await petr.reload()
            await reads(petr, "Не подписывается", "Добрый день!", clean)
            await expect(anna.locator("#chat-text")).to_have_value("Недописанное")
            await says(petr, "Перед смертью", "#message")
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            await says(petr, "Пока его нет", "#message")
            await says(anna, "И я пишу", "#chat-text")
        with another_process(line, tmp_path):
            await ready(line)
            await expect(petr.locator(".log li.sending")).to_have_count(0, timeout=30_000)
            await expect(anna.locator(".log li.sending")).to_have_count(0, timeout=30_000)
            await until(lambda: len(texts(line)) == 6, 15.0, "six messages are in the register")
            everything = texts(line)
            assert len(set(everything)) == 6, "none is doubled"
            await reads(petr, *everything)
            await reads(anna, *everything)
            [row] = line.rows("select * from chats")
            assert (row["state"], row["operator"]) == ("open", ANNA)
            await petr.click("#chat form .row button:last-child")
            await expect(petr.locator(".state")).to_contain_text("завершён")
            await expect(anna.locator("#chat-note")).to_be_visible()
            await anna.keyboard.press("Escape")
            await anna.locator("#chat h2").click()
            await anna.keyboard.press("z")
            await expect(petr.locator(".log li.line")).to_contain_text("ESTP-")


def texts(line: Station) -> list[str]:
    """The messages of the register, in their order."""
    return [row["text"] for row in line.rows("select * from chat_messages where side <> 'line' order by chat, number")]


@pytest.mark.timeout(300)
async def test_an_operator_whose_page_is_closed_loses_no_customer_and_nobody_there_leaves_a_request(
    tmp_path: Path, brief: Path
) -> None:
    async with asterisk_without_controller(tmp_path, brief, **chat_settings()) as line, people(tmp_path, "en") as both:
        with another_process(line, tmp_path):
            await ready(line)
            petr = await asks(both[1], line, "Nobody?")
            await expect(petr.locator(".log li.line")).to_contain_text("ESTP-", timeout=20_000)
            await check(petr, "a chat that has become a request")
            await petr.locator("#chat > button").click()
            await expect(petr.locator("#question")).to_be_visible()
            await check(petr, "the question")
            await shot(petr, "customer-question")
            await petr.close()
            anna = await at_work(both[0], line, ANNA)
            petr = await asks(both[1], line, "Is anybody there?")
            await anna.locator("#chats .offered button.go").click()
            await expect(petr.locator(".state")).to_contain_text("Анна")
            irina = await at_work(await both[1].browser.new_context(locale="ru"), line, IRINA)  # type: ignore[union-attr]
            await anna.close()
            await expect(irina.locator("#chats .offered")).to_be_visible(timeout=20_000)
            await irina.keyboard.press("F4")
            await expect(petr.locator(".state")).to_contain_text("Ирина")
            await reads(irina, "Is anybody there?")
