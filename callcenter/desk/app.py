"""Puts the web application together: API, page, health check and the address that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from aiohttp import web

from callcenter.core.ids import GroupId
from callcenter.desk.api import Api
from callcenter.desk.backend import Backend
from callcenter.desk.bodies import MAX_BODY
from callcenter.desk.guard import ObserveRequest, add_headers, guard
from callcenter.desk.page import Page
from callcenter.desk.responses import as_json
from callcenter.desk.sessions import Sessions

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""


def make_app(
    backend: Backend,
    *,
    titles: Mapping[GroupId, str],
    pause_reasons: Collection[str],
    metrics_text: Callable[[], bytes],
    sessions: Sessions,
    observe_request: ObserveRequest | None = None,
) -> web.Application:
    """Make the web application.

    `titles`: the displayed name of each group; its keys are the groups to which a caller can be transferred.
    `pause_reasons`: in the order in which the page shows them. `observe_request` is called for every answered request.
    """
    app = web.Application(client_max_size=MAX_BODY, middlewares=[guard(observe_request)])
    app.on_response_prepare.append(add_headers)

    async def healthz(request: web.Request) -> web.Response:
        healthy, components = backend.healthy()
        return as_json({"healthy": healthy, "components": dict(components)}, 200 if healthy else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=metrics_text(), headers={"Content-Type": EXPOSITION})

    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    app.add_routes(Api(backend, titles, pause_reasons, sessions).routes())
    app.add_routes(Page(pause_reasons).routes())
    return app
