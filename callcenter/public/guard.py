"""What applies to every public request: how often, from which page, within which time; headers; errors as pages."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from callcenter.core.ids import LineId
from callcenter.public.language import TEXTS
from callcenter.public.rates import Buckets
from callcenter.public.site import FRAMES, Now, Site
from callcenter.web import visitors
from callcenter.web.door import Door
from callcenter.web.language import N_, chosen
from callcenter.web.visitors import Proxies

log = logging.getLogger(__name__)

ADDRESS: web.RequestKey[str] = web.RequestKey("address", str)
"""Where a request comes from, behind our own proxies, too; of an IPv6 address the network."""
AS_JSON: web.RequestKey[bool] = web.RequestKey("as_json", bool)
"""Set by a handler that a script asks: it is refused in JSON."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors {frames}"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer`, browsers hide from us that a form comes from our own page.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
    "Server": "callcenter",
}
SAFE = ("GET", "HEAD", "OPTIONS")
READ_WITHIN = 15.0
"""Seconds for a body that no handler reads by itself."""

SENTENCES = {
    403: N_("This form can only be sent from its own page."),
    404: N_("There is nothing at this address."),
    405: N_("This address does not take that."),
    408: N_("What you sent did not arrive in time. Please try again."),
    413: N_("That is more than is taken here."),
    429: N_("That was too often from your address. Please try again a little later."),
    503: N_("Nothing can be taken just now. Please try again in a few minutes; what you have written is not lost."),
}


class Refused(Exception):
    """A request is refused: what its sender is told, once in a word for scripts and once in a sentence for people.

    `values`: what stands in the sentence's braces. `wait`: seconds until it is worth another try. `work`: what a script
    can do instead of waiting.
    """

    def __init__(
        self,
        status: int,
        word: str,
        sentence: str,
        *,
        wait: float = 0.0,
        work: Mapping[str, object] | None = None,
        **values: str,
    ) -> None:
        super().__init__(word)
        self.work = work
        self.status, self.word, self.sentence, self.wait, self.values = status, word, sentence, wait, values


Observe = Callable[[str, str, int], None]
"""Method, route and status of a request that was answered."""


H = TypeVar("H", bound=Callable[..., Awaitable[web.StreamResponse]])


def reads_by_itself(handler: H) -> H:
    """Mark a handler that reads a large body piece by piece, and keeps its own time."""
    handler.reads_by_itself = True  # type: ignore[attr-defined]
    return handler


def guard(
    site: Site, requests: Buckets, now: Now, observe: Observe, door: Door | None = None, proxies: Proxies = ()
) -> Middleware:
    """Make the application's only middleware. `requests`: how often one address may ask."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ADDRESS] = visitors.address_of(request, proxies)
        named = request.match_info.get("line")
        line = site.lines.get(LineId(named or ""))
        request[FRAMES] = line.allowed_origins if line else ()
        transport = request.transport
        await asyncio.sleep(0)  # many requests in one packet are answered one after the other
        try:
            if wait := requests.take(request[ADDRESS], now()):
                raise Refused(429, "too_often", SENTENCES[429], wait=wait)
            if named is not None and line is None:
                raise web.HTTPNotFound
            if request.method not in SAFE and not _of_our_page(request):
                raise Refused(403, "foreign_origin", SENTENCES[403])
            if not getattr(request.match_info.handler, "reads_by_itself", False):
                async with asyncio.timeout(READ_WITHIN):
                    await request.read()
            if door is not None:
                door.begin(transport)
            response = await handler(request)
        except Refused as refused:
            response = _refused(site, request, refused)
        except TimeoutError:
            response = _refused(site, request, Refused(408, "too_slow", SENTENCES[408]))
        except web.HTTPRedirection as elsewhere:
            response = web.Response(status=elsewhere.status, headers={"Location": elsewhere.headers["Location"]})
        except web.HTTPException as error:
            sentence = SENTENCES.get(error.status, N_("The request was not understood."))
            response = _refused(site, request, Refused(error.status, error.reason.lower().replace(" ", "_"), sentence))
        except (ConnectionError, web.RequestPayloadError):
            response = web.Response(status=400)  # its sender is gone
        except Exception:
            log.exception("a public request to %s failed", _route(request))  # never the address: it may be a secret
            response = _refused(site, request, Refused(503, "internal_error", SENTENCES[503]))
        finally:
            if door is not None:
                door.end(transport)
        if not request.content.is_eof():
            response.force_close()
        observe(request.method, _route(request), response.status)
        return response

    return middleware


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to every response, errors included. Pages have personal data and are never cached."""
    response.headers.update(HEADERS)
    frames = request.get(FRAMES, ())
    response.headers["Content-Security-Policy"] = CONTENT_POLICY.format(frames=" ".join(frames) or "'none'")
    if not frames:
        response.headers["X-Frame-Options"] = "DENY"  # it has no word for several sites
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if frames else "same-origin"
    response.headers.setdefault("Cache-Control", "no-store")
    origin = request.headers.get("Origin", "")
    if origin in frames:  # a script of such a site may read the answer; there are no cookies to misuse
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers.add("Vary", "Origin")


def told(request: web.BaseRequest, sentence: str, **values: str) -> str:
    """Return a sentence in the reader's language, with what stands in its braces."""
    return TEXTS[chosen(request)].gettext(sentence).format(**values) if sentence else ""


def _of_our_page(request: web.Request) -> bool:
    """Whether a request comes from our own page, from that of an allowed site, or from no page at all."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    try:
        return urlsplit(origin).netloc == request.host or origin in request[FRAMES]
    except ValueError:
        return False


def _refused(site: Site, request: web.Request, refused: Refused) -> web.Response:
    sentence = told(request, refused.sentence, **refused.values)
    if request.get(AS_JSON) or "application/json" in request.headers.get("Accept", ""):
        said = {"answer": refused.word, "message": sentence} | ({"work": refused.work} if refused.work else {})
        response = web.json_response(said, status=refused.status)
    else:
        response = site.page(request, "refused.html", refused.status, sentence=sentence)
    if refused.wait:
        response.headers["Retry-After"] = str(math.ceil(refused.wait))
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
