"""The pages of the floor and of the wall screen: texts alone; all state comes over their live connections."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import tzinfo

from aiohttp import web

from callcenter.accounts.wall_token import WallToken
from callcenter.desk import html
from callcenter.desk.floor_texts import FLOOR_TEXTS, WALL_TEXTS
from callcenter.desk.gate import ANYBODY, FLOOR_LIVE, SENDER, STEERS, Route
from callcenter.desk.language import LANGUAGES, TEXTS, chosen
from callcenter.desk.page import REASONS

SCHEME = "Wall"


class FloorPages:
    """The request handlers. `pause_reasons`: as of the desk."""

    def __init__(self, pause_reasons: Collection[str], zone: tzinfo) -> None:
        self._reasons = pause_reasons
        self._zone = zone
        self._wall = {language: _wall(language) for language in LANGUAGES}

    def routes(self) -> list[Route]:
        """Both pages."""
        return [
            Route("GET", "/floor", self.floor, FLOOR_LIVE, page=True),
            Route("GET", "/wall", self.wall, ANYBODY),
        ]

    async def floor(self, request: web.Request) -> web.Response:
        """Show the floor."""
        gettext = TEXTS[chosen(request)].gettext
        reasons = [(reason, gettext(REASONS.get(reason, reason))) for reason in self._reasons]
        return html.page(
            request,
            "floor.html",
            self._zone,
            texts={key: gettext(text) for key, text in FLOOR_TEXTS.items()}
            | {f"reason_{reason}": title for reason, title in reasons},
            reasons=reasons,
            steers=request[SENDER].may(STEERS),
        )

    async def wall(self, request: web.Request) -> web.Response:
        """Show the frame of the wall screen, in which nothing is written before its script has shown the token."""
        language = chosen(request)
        return web.Response(
            text=self._wall[language],
            content_type="text/html",
            headers={"Content-Language": language, "Vary": "Accept-Language"},
        )


def _wall(language: str) -> str:
    gettext = TEXTS[language].gettext
    return html.rendered(language, "wall.html", texts={key: gettext(text) for key, text in WALL_TEXTS.items()})


def wall_guard(token: WallToken | None) -> Callable[[web.Request], bool]:
    """Return what lets wall screens in: their token is among the protocols that the connection offers.

    Not in the address, which proxies write down; and a browser's script can add no header to a WebSocket. It is not
    told either why one was refused: to find out, it asks with the header `Authorization: Wall …`.
    """

    def is_wall(request: web.Request) -> bool:
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme == SCHEME:
            offered.append(text)
        return token is not None and any(token.is_right(one.strip()) for one in offered)

    return is_wall
