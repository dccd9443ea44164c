"""Refusals on pages that the server renders: a page that says why."""

from __future__ import annotations

from datetime import UTC

from aiohttp import web

from callcenter.core.commands import Answer
from callcenter.desk import html
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import LOGGED_OUT_PAGE
from callcenter.desk.language import N_

_LOGGED_OUT = N_(
    "Your session has ended, and nothing was saved. Log in again in another tab of the browser, then reload this page: "
    "the browser sends again what you have written."
)


def page(request: web.Request, problem: BadRequest) -> web.Response:
    """Answer with a page what the API would answer with JSON."""
    if problem.answer == Answer.NOT_LOGGED_IN.value:  # of a form; who only looks is sent to the log-in
        problem = BadRequest(problem.status, problem.answer, _LOGGED_OUT)
    path = request.path if request.method == "GET" else LOGGED_OUT_PAGE  # where the language can be changed
    return html.page(request, "refused.html", UTC, problem.status, problem=problem, path=path)
