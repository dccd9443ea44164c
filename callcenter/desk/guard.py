"""What applies to every request: same-origin check, security headers, errors as JSON, one count in the metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from callcenter.desk.bodies import BadRequest
from callcenter.desk.language import N_
from callcenter.desk.responses import refusal

log = logging.getLogger(__name__)

ObserveRequest = Callable[[str, str, int], None]
"""Method, route and status of a request that was answered."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "callcenter",
}

SENTENCES = {
    404: N_("There is nothing at this address."),
    405: N_("This address does not take this method."),
    413: N_("The body is too large: at most 16 KB."),
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to every response, errors included. Responses with personal data must never be cached."""
    response.headers.update(HEADERS)
    response.headers["Cache-Control"] = "no-cache" if request.path.startswith("/static/") else "no-store"


def same_origin(request: web.BaseRequest) -> bool:
    """Return whether the request comes from our own page, or from no page at all (a script, for example).

    Browsers always state the origin of a POST. Only host names are compared, because a proxy in front may use https.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none"):
        return False
    try:
        return origin is None or urlsplit(origin).netloc == request.host
    except ValueError:
        return False


def guard(observe_request: ObserveRequest | None) -> Middleware:
    """Make the application's only middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answered(request, handler)
        if observe_request is not None:
            observe_request(request.method, _route(request), response.status)
        return response

    return middleware


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "POST" and not same_origin(request):
        return refusal(request, 403, "foreign_origin", N_("Requests from other sites are refused."))
    try:
        return await handler(request)
    except BadRequest as error:
        return refusal(request, error.status, error.answer, error.sentence, error.detail)
    except TimeoutError:
        sentence = N_("The call centre does not answer. Please try again.")
        return refusal(request, 503, "no_answer", sentence)
    except web.HTTPException as error:
        sentence = SENTENCES.get(error.status, N_("The request was not understood."))
        refused = refusal(request, error.status, error.reason.lower().replace(" ", "_"), sentence)
        if "Allow" in error.headers:
            refused.headers["Allow"] = error.headers["Allow"]
        return refused
    except Exception:
        log.exception("a request to %s failed", _route(request))
        return refusal(request, 500, "internal_error", N_("The controller made a mistake; it has been logged."))


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
