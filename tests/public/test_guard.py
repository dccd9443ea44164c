"""What stands before every public page: who may embed it, who may send to it, how often, and what is told otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from callcenter.core.ids import LineId
from callcenter.public.app import make_public_app
from callcenter.public.rates import Buckets
from callcenter.public.site import LINE, PublicLine, Site

PLATFORM = "https://www.elotmarket.ru"
MOSCOW = ZoneInfo("Europe/Moscow")
LINES = {
    LineId("elot"): PublicLine(LineId("elot"), "«эЛот»", MOSCOW, {}, (PLATFORM,)),
    LineId("tbs"): PublicLine(LineId("tbs"), "Ордер", MOSCOW),
}
Browser = TestClient[web.Request, web.Application]


class Echo:
    """A part with one page, which breaks when it is asked to."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get(LINE + "/", self.show), web.post(LINE + "/", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        if "break" in request.query:
            raise RuntimeError("broken")
        return web.Response(text="shown")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    app = make_public_app(Site(LINES), [Echo()], requests=Buckets(1.0, 20), now=lambda: 0.0)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_only_the_sites_of_the_line_may_embed_its_pages(browser: Browser) -> None:
    async with browser.get("/elot/") as answer:
        assert f"frame-ancestors {PLATFORM}" in answer.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer.headers
    async with browser.get("/tbs/") as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("elot", {"Origin": PLATFORM}, 200),
        ("tbs", {"Origin": PLATFORM}, 403),
        ("elot", {"Origin": "https://evil.example"}, 403),
        ("elot", {"Origin": "null"}, 403),
        ("elot", {"Origin": "http://[broken"}, 403),
        ("elot", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("elot", {}, 200),
    ],
)
async def test_what_another_site_sends_is_refused(
    browser: Browser, line: str, headers: dict[str, str], status: int
) -> None:
    async with browser.post(f"/{line}/", headers=headers) as answer:
        assert answer.status == status
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == (PLATFORM if line == "elot" and headers.get("Origin") == PLATFORM else None)


async def test_who_asks_too_often_is_told_when_to_come_again(browser: Browser) -> None:
    for _ in range(20):
        async with browser.get("/tbs/") as answer:
            assert answer.status == 200
    async with browser.get("/tbs/") as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "1"
        assert "слишком много" in await answer.text()


async def test_errors_are_pages_in_the_readers_language(browser: Browser) -> None:
    async with browser.get("/nothing/", headers={"Accept-Language": "en"}) as answer:
        assert answer.status == 404
        assert "There is nothing at this address." in await answer.text()
    async with browser.get("/tbs/?break=1", headers={"Accept-Language": "ru"}) as answer:
        assert answer.status == 503
        assert "Сейчас принять ничего нельзя" in await answer.text()


async def test_styles_are_kept_for_ever_under_a_name_of_their_own(browser: Browser) -> None:
    async with browser.get("/nothing/") as answer:
        page = await answer.text()
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    async with browser.get(address) as answer:
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_bucket_fills_again_and_the_memory_is_bounded() -> None:
    buckets = Buckets(0.5, 2, remembered=3)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 2.0]
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 2.0) == 0.0
    for number in range(100):
        buckets.take(str(number), 2.0)
    assert len(buckets) == 3
