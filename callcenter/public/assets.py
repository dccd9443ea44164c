"""Styles and scripts of the public pages: in memory, each under a name with its digest, so that browsers keep it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / "var" / "front" / "built"
"""The scripts, which `tools/front.py` builds."""
_TYPES = {".css": "text/css", ".js": "text/javascript"}
FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """Those of the given files that are there: without its script a page still works."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._named: dict[str, tuple[bytes, str]] = {}
        self._address: dict[str, str] = {}
        for file in files:
            if file.exists():
                content = file.read_bytes()
                name = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
                self._named[name] = (content, _TYPES[file.suffix])
                self._address[file.name] = f"/static/{name}"

    def address(self, name: str) -> str:
        """Return where a browser finds a file; '' if it is not there."""
        return self._address.get(name, "")

    def routes(self) -> list[web.RouteDef]:
        """Return the one route."""
        return [web.get(r"/static/{name:[a-z_]{1,40}\.[0-9a-f]{16}\.(?:css|js)}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        found = self._named.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        content, kind = found
        return web.Response(body=content, content_type=kind, charset="utf-8", headers={"Cache-Control": FOR_EVER})
