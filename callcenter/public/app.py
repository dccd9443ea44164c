"""Puts the public application together. A part brings its routes; all of them stand behind the same guard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aiohttp import web

from callcenter.public.guard import Observe, add_headers, guard
from callcenter.public.rates import Buckets
from callcenter.public.site import Now, Site
from callcenter.web.door import Door
from callcenter.web.visitors import Proxies

MAX_BODY = 64 * 1024
"""Bytes of a body that no handler reads piece by piece."""


class Part(Protocol):
    """Something that customers can do there. Addresses of a line begin with `site.LINE`."""

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes. Who reads a large body piece by piece is marked by `guard.reads_by_itself`."""
        ...


def make_public_app(
    site: Site,
    parts: Iterable[Part],
    *,
    requests: Buckets,
    now: Now,
    observe: Observe = lambda method, route, status: None,
    door: Door | None = None,
    proxies: Proxies = (),
) -> web.Application:
    """Make the application. `requests`: how often one address may ask; `observe`: told of every answer."""
    middleware = guard(site, requests, now, observe, door, proxies)
    app = web.Application(client_max_size=MAX_BODY, middlewares=[middleware])
    app.on_response_prepare.append(add_headers)
    app.add_routes(site.assets.routes())
    for part in parts:
        app.add_routes(part.routes())
    return app
