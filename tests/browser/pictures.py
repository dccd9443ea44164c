"""Take the pictures of the desk in docs/pictures: `make pictures`; look at them when the desk changes.

A real browser at a real line, in both languages; callers and texts are invented.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Page, ViewportSize

from tests.browser.browser import browser
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import CALLER, OPERATOR
from tests.e2e.station import PROJECT, Station, station

PICTURES = PROJECT / "docs" / "pictures"
NEW = PROJECT / "var" / "cache" / "pictures"
"""Where they are until all are taken: whatever fails on the way, the pictures of before are still there."""
KIND = "desk-*.png"
KIND = "desk-*.png"
WHO = "Администрация Верхнекедровского муниципального округа"
SIZES: dict[int, ViewportSize] = {
    320: {"width": 320, "height": 800},
    1280: {"width": 1280, "height": 800},
    1920: {"width": 1920, "height": 1080},
}
COLOURS = 64
"""Enough for a page, and a quarter of the bytes."""
PEOPLE = {"ru": "101", "en": "102"}
AUTHOR = "201"
ARTICLES = (
    {
        "title": "Как получить электронную подпись",
        "subject": "Подпись",
        "text": "Обратитесь в **аккредитованный** удостоверяющий центр.\n\n1. Паспорт и СНИЛС\n2. Заявление\n\n"
        "| Срок | Что |\n| --- | --- |\n| 1 день | подпись на токене |",
    },
    {"title": "Возврат обеспечения заявки", "subject": "Деньги", "text": "В течение пяти рабочих дней."},
    {"title": "Восстановление пароля", "subject": "Вход", "text": "По ссылке из письма."},
)
REQUEST = "Контракт не подписывается: срок сертификата истёк, новый в списке не виден."
NEWS = {"title": "Вход по подписи не работает", "text": "Чиним, примерно до 15:00. Предлагайте **вход по паролю**."}

Scheme = Literal["light", "dark"]


async def take(page: Page, name: str, size: int, *schemes: Scheme) -> None:
    """One picture in each colour scheme, when nothing moves any more."""
    await page.set_viewport_size(SIZES[size])
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.mouse.move(0, 0)
        picture = Image.open(io.BytesIO(await page.screenshot()))
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(NEW / f"desk-{name}-{size}-{scheme}.png", optimize=True)


async def shift(line: Station, page: Page, language: str) -> None:
    """Log in, look something up, take a call, and look at everything."""
    person = PEOPLE[language]
    await page.goto(f"http://127.0.0.1:{line.config.http.port}/")
    initial = line.secrets.initial(person)
    assert initial
    await page.fill("[name=id]", person)
    await page.fill("[name=password]", initial.password)
    await page.click("#login button")
    await page.click("#echo")
    await page.wait_for_selector("#heard:enabled")
    await take(page, f"sound-check-{language}", 1280, "light", "dark")
    await take(page, f"sound-check-{language}", 320, "light")
    await page.click("#heard")
    await page.wait_for_selector("[data-state=available]")
    await page.wait_for_selector("#articles-found button")
    await take(page, f"free-{language}", 1280, "light", "dark")
    caller = await line.caller(f"+734255510{person[1:]}", name=WHO)
    await page.wait_for_selector("#answer")
    await take(page, f"ringing-{language}", 1280, "light", "dark")
    # As about every twentieth man sees it: shape and word have to tell the state.
    eyes = await page.context.new_cdp_session(page)
    await eyes.send("Emulation.setEmulatedVisionDeficiency", {"type": "deuteranopia"})
    await take(page, f"ringing-deuteranopia-{language}", 1280, "light")
    await eyes.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    await page.click("#answer")
    await page.wait_for_selector("[data-state=talking]")
    await page.fill("#articles-asked", "подписей")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#knowledge .text")
    await take(page, f"talking-{language}", 1280, "light", "dark")
    await take(page, f"talking-{language}", 1920, "light")
    await take(page, f"talking-{language}", 320, "light", "dark")
    await request(page, language)
    written = await line.api(AUTHOR, "news", urgent=True, **NEWS)
    news = await written.json()
    await page.wait_for_selector("#shift-news")
    await take(page, f"news-{language}", 1280, "light")
    await line.api(AUTHOR, f"news/{news['id']}/withdraw", version=1)
    await page.click("#hangup")
    await caller.ended.wait()
    await page.wait_for_selector("[data-state=wrapping_up]")
    await take(page, f"wrap-up-{language}", 1280, "light")
    await line.api(person)
    await line.api(person, "logout")


async def request(page: Page, language: str) -> None:
    """The form of a request, with the words to say; then it is passed to the head."""
    await page.click("#open-request")
    await page.click("#request form input")
    await page.select_option("#request-subject", "signature")
    await page.fill("#request-essentials", REQUEST)
    await page.locator("[name=request-way]").last.check()
    await page.wait_for_selector("#request-saving[data-saving=saved]")
    await page.evaluate("scrollTo(0, 0)")
    await take(page, f"request-{language}", 1280, "light", "dark")
    await page.click("#request-submit")
    await page.click("#request-done")


async def board(line: Station, page: Page, language: str) -> None:
    """The head's board."""
    home = f"http://127.0.0.1:{line.config.http.port}"
    await page.goto(f"{home}/account")
    initial = line.secrets.initial(AUTHOR)
    assert initial
    await page.fill("[name=id]", AUTHOR)
    await page.fill("[name=password]", initial.password)
    await page.click("main button")
    await page.goto(f"{home}/requests")
    await page.wait_for_selector(".figures")
    await take(page, f"board-{language}", 1280, "light", "dark")


async def main() -> None:
    """One shift in each language."""
    shutil.rmtree(NEW, ignore_errors=True)
    NEW.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        settings = {
            "ivr": {"ask_inn": "false", "urgency": {}},
            "timings": {"ring_timeout": 60, "wrap_up": 60},
            "prompts": str(brief_prompts(folder / "prompts", 0.3)),
            "people": {
                "101": {"name": "Анна Смирнова", "group": "operators"},
                "102": {"name": "Boris Petrov", "group": "operators"},
                AUTHOR: {"group": "technical", "roles": ["operator", "head"]},
            },
        }
        async with station(folder, browsers={"sound_check": True}, **settings) as line:
            await line.api(AUTHOR)
            for article in ARTICLES:
                assert (await line.api(AUTHOR, "articles", **article)).status == 200
            for (language, _), tone in zip(PEOPLE.items(), (OPERATOR, CALLER), strict=True):
                async with browser(folder, tone, language=language) as context:
                    await shift(line, await context.new_page(), language)
                    await board(line, await context.new_page(), language)
    put_in_place()


def put_in_place() -> None:
    """The new pictures take the place of the old ones; what is not taken any more goes."""
    taken = {picture.name for picture in NEW.glob(KIND)}
    for old in PICTURES.glob(KIND):
        if old.name not in taken:
            old.unlink()
    for name in taken:
        shutil.move(NEW / name, PICTURES / name)


if __name__ == "__main__":
    asyncio.run(main())
