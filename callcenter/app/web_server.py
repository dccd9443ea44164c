"""The HTTP server for page, API, health and metrics."""

from __future__ import annotations

from aiohttp import web

from callcenter.app.people import People
from callcenter.calendar.clock import WallClock
from callcenter.config import Config
from callcenter.core.errors import ReadableError
from callcenter.desk import make_app
from callcenter.desk.sessions import Sessions
from callcenter.metrics import Metrics


class StartError(ReadableError):
    """The controller cannot start; the text says why and what to do."""


async def serve_web(config: Config, people: People, metrics: Metrics, wall: WallClock) -> web.AppRunner:
    """Start serving; `cleanup` of the returned runner stops it. Raises StartError."""
    http = config.http
    app = make_app(
        people,
        titles={group.id: group.title for group in config.groups.values()},
        pause_reasons=tuple(config.pause_reasons),
        metrics_text=metrics.text,
        observe_request=metrics.observe_request,
        sessions=Sessions(wall, config.var / "sessions.json"),
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, http.bind, http.port).start()
    except OSError as error:
        await runner.cleanup()
        raise StartError(
            f"http.port: {http.bind}:{http.port} cannot be used ({error.strerror}); "
            "another program has it, or another run of this one; choose a free port"
        ) from error
    return runner
