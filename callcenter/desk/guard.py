"""What applies to every request: same-origin check, security headers, errors as JSON, one count in the metrics."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from callcenter.desk import bodies, refused
from callcenter.desk.bodies import BadRequest
from callcenter.desk.gate import Gate
from callcenter.desk.html import FORMS
from callcenter.desk.language import N_
from callcenter.desk.responses import refusal
from callcenter.web import visitors
from callcenter.web.door import Door
from callcenter.web.visitors import Proxies

log = logging.getLogger(__name__)

ObserveRequest = Callable[[str, str, int], None]
"""Method, route and status of a request that was answered."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{more}; img-src data:; "
    "media-src 'self'; frame-src {frames}; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"
)
"""`more`: other addresses that the page's script may connect to. `forms`: where a page's forms may be sent.
`frames`: from where it has frames."""
CONNECTS: web.RequestKey[str] = web.RequestKey("connects", str)
"""Set by a handler whose page connects to another address."""
FRAMES: web.RequestKey[bool] = web.RequestKey("frames", bool)
"""Set by a handler whose page shows mails in frames."""
FRAMED: web.RequestKey[bool] = web.RequestKey("framed", bool)
"""Set by a handler that hands out a mail for such a frame: it may show its own pictures, and nothing else."""
IN_FRAME = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
SANDBOX: web.RequestKey[bool] = web.RequestKey("sandbox", bool)
"""Set by a handler that hands out what somebody else has written: whatever it is, it may do nothing."""
SANDBOXED = "default-src 'none'; sandbox; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "callcenter",
}

SENTENCES = {
    403: N_("Your role does not allow that."),
    404: N_("There is nothing at this address."),
    405: N_("This address does not take this method."),
    413: N_("The body is too large: at most 16 KB."),
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to every response, errors included. Responses with personal data must never be cached."""
    response.headers.update(HEADERS)
    more, forms = request.get(CONNECTS, ""), request.get(FORMS, False)
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.format(
        more=f" {more}" if more else "",
        forms="'self'" if forms else "'none'",
        frames="'self'" if request.get(FRAMES) else "'none'",
    )
    if request.get(SANDBOX):
        response.headers["Content-Security-Policy"] = SANDBOXED
    if request.get(FRAMED):
        response.headers["Content-Security-Policy"] = IN_FRAME
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
    if forms:  # without a referrer, browsers hide from us that a form comes from our own page
        response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache" if request.path.startswith(("/static/", "/built/")) else "no-store"


OVER_TLS: web.RequestKey[bool] = web.RequestKey("over_tls", bool)
"""Whether the browser sent the request over TLS, to us or to our own proxy: then cookies are for that alone."""
ADDRESS: web.RequestKey[str] = web.RequestKey("address", str)
"""Where a request comes from, behind our own proxies, too."""


def address_of(request: web.Request) -> str:
    """Return the address from which the request comes; of an IPv6 address the network, which one person has alone."""
    return request[ADDRESS]


def at_our_host(request: web.Request, url: str) -> str:
    """Return `url`, completed with the host under which the browser knows us if it has none (`ws://:8088/ws`)."""
    host = urlsplit(f"//{request.host}").hostname or ""
    safe = host if re.fullmatch(r"[A-Za-z0-9.:-]+", host) else ""
    return url.replace("//:", f"//[{safe}]:" if ":" in safe else f"//{safe}:")


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


def bears_token(request: web.BaseRequest) -> bool:
    """Return whether the request has a token instead of cookies. Other kinds of authorization are ignored."""
    return request.headers.get("Authorization", "").strip().lower().startswith("bearer ")


def guard(
    gate: Gate, observe_request: ObserveRequest | None, door: Door | None = None, proxies: Proxies = ()
) -> Middleware:
    """Make the application's only middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ADDRESS] = visitors.address_of(request, proxies)
        request[OVER_TLS] = visitors.over_tls(request, proxies)
        transport = request.transport

        def begin() -> None:
            if door is not None:
                door.begin(transport)

        # Many requests in one packet are answered one after the other: calls come between any two of them.
        await asyncio.sleep(0)
        try:
            response = await _answered(request, handler, begin, gate)
        finally:
            if door is not None:
                door.end(transport)
        if not request.content.is_eof():
            response.force_close()  # nobody waits for the rest of a request that has been answered
        if observe_request is not None:
            observe_request(request.method, _route(request), response.status)
        return response

    return middleware


async def _answered(
    request: web.Request, handler: Handler, begin: Callable[[], None], gate: Gate
) -> web.StreamResponse:
    """Answer; call `begin` when the whole request is there. Until then its connection makes room, like an idle one."""
    # With a token (`bearer.py`) cookies count for nothing, so that another site has nothing to misuse.
    if request.method == "POST" and not bears_token(request) and not same_origin(request):
        return refusal(request, 403, "foreign_origin", N_("Requests from other sites are refused."))
    try:
        gate.admit(request)
        if not getattr(request.match_info.handler, "reads_later", False):
            await bodies.arrived(request)
        begin()
        response = await handler(request)
        gate.used(request, response.status)
        return response
    except BadRequest as error:
        return _refused(request, error, gate)
    except TimeoutError:
        sentence = N_("The call centre does not answer. Please try again.")
        return _refused(request, BadRequest(503, "no_answer", sentence), gate)
    except web.HTTPRedirection as elsewhere:
        return web.Response(status=elsewhere.status, headers={"Location": elsewhere.headers["Location"]})
    except web.HTTPException as error:
        sentence = SENTENCES.get(error.status, N_("The request was not understood."))
        refused = refusal(request, error.status, error.reason.lower().replace(" ", "_"), sentence)
        if "Allow" in error.headers:
            refused.headers["Allow"] = error.headers["Allow"]
        return refused
    except Exception:
        log.exception("a request to %s failed", _route(request))
        sentence = N_("The controller made a mistake; it has been logged.")
        return _refused(request, BadRequest(500, "internal_error", sentence), gate)


def _refused(request: web.Request, problem: BadRequest, gate: Gate) -> web.Response:
    if gate.is_page(request):
        return refused.page(request, problem)
    return refusal(request, problem.status, problem.answer, problem.sentence, problem.detail, **problem.more)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
