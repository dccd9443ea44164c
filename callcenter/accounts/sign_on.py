"""Logging in at an identity provider: OpenID Connect, authorization code with PKCE.

What the provider says is checked as OpenID Connect Core 3.1.3.7 asks: signature (never `none`, never with our own
secret), issuer, audience, time, nonce. Which roles somebody has is not asked: they are in our configuration.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from callcenter.calendar.clock import WallClock
from callcenter.config.sections import SignOn
from callcenter.core.errors import ReadableError
from callcenter.core.ids import PersonId

log = logging.getLogger(__name__)

LASTS = 600
"""Seconds that somebody may take at the provider."""
_SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_LEEWAY = 60
"""Seconds that the provider's clock may differ from ours."""
_WITHIN = aiohttp.ClientTimeout(total=10.0)
_LARGEST = 256 * 1024
_AT_ONCE = 8
_REMEMBERED = 10_000
_FRESH = 3600.0
"""Seconds for which the provider's addresses and keys are not asked for again."""
_STRONG = frozenset({"mfa", "otp", "hwk", "swk", "fido"})
"""Methods of the claim `amr` that count as a second factor (RFC 8176)."""


class Refused(StrEnum):
    """Why nobody was let in."""

    NOT_STARTED = "not_started"
    """This browser did not begin it, or too long ago, or it was used before."""
    DENIED = "denied"
    """The provider says no."""
    NO_PROVIDER = "no_provider"
    """The provider cannot be reached or does not answer as it should."""
    NOT_BELIEVED = "not_believed"
    """What it says does not hold."""
    UNKNOWN_PERSON = "unknown_person"


class SignOnError(ReadableError):
    """Somebody is not let in. The text is for the log; `why` for the person."""

    def __init__(self, why: Refused, text: str) -> None:
        super().__init__(text)
        self.why = why


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser keeps while its person is at the provider."""

    state: str
    nonce: str
    verifier: str
    until: int
    """Unix time."""


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Who came back, and whether the provider asked for a second factor."""

    person: PersonId
    strong: bool


class Provider:
    """The identity provider. `secret`: the client's own. `key`: signs what browsers keep."""

    def __init__(self, settings: SignOn, secret: str, key: str, wall: WallClock) -> None:
        self._settings = settings
        self._secret = secret
        self._key = key.encode()
        self._wall = wall
        self._described: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._used: dict[str, int] = {}
        """States that have come back, until they would have ended anyway."""
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    @property
    def title(self) -> str:
        """What people call it."""
        return self._settings.title

    @property
    def issuer(self) -> str:
        """Its name for itself."""
        return self._settings.issuer

    # -- going there -------------------------------------------------------------------------------------------

    async def begin(self) -> tuple[str, str]:
        """Return the address to go to, and what the browser has to keep. Raises SignOnError."""
        async with self._at_once, aiohttp.ClientSession(timeout=_WITHIN) as session:
            described = await self._description(session)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, self._now() + LASTS)
        digest = hashlib.sha256(flow.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": _base64(digest),
            "code_challenge_method": "S256",
        }
        address = described["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", self._sealed(flow)

    def _sealed(self, flow: Flow) -> str:
        content = _base64(json.dumps(asdict(flow)).encode())
        return f"{content}.{self._signature(content)}"

    def _opened(self, kept: str) -> Flow | None:
        content, _, signature = kept.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        flow = Flow(**json.loads(base64.urlsafe_b64decode(content + "==")))
        return flow if flow.until > self._now() else None

    def _signature(self, content: str) -> str:
        return _base64(hmac.new(self._key, b"sign-on:" + content.encode(), hashlib.sha256).digest())

    # -- coming back -------------------------------------------------------------------------------------------

    async def finish(self, kept: str, query: Mapping[str, str]) -> SignedOn:
        """Return who it is. `kept`: what the browser kept. `query`: with what it came back. Raises SignOnError."""
        flow = self._opened(kept)
        if flow is None or not hmac.compare_digest(flow.state.encode(), query.get("state", "").encode()):
            raise SignOnError(Refused.NOT_STARTED, "the browser did not begin this, or too long ago")
        self._use(flow)
        if "error" in query:
            raise SignOnError(Refused.DENIED, f"the provider says {query['error'][:100]!r}")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            raise SignOnError(Refused.NOT_BELIEVED, f"the answer comes from {query['iss'][:200]!r}")
        claims = await self._claims(query.get("code", ""), flow)
        return SignedOn(self._person(claims), bool(_STRONG.intersection(_words(claims.get("amr")))))

    def _use(self, flow: Flow) -> None:
        """Let a state come back once. If there are very many, the oldest is forgotten: its code is used up as well."""
        now = self._now()
        if flow.state in self._used:
            raise SignOnError(Refused.NOT_STARTED, "this state has come back before")
        while self._used and (len(self._used) >= _REMEMBERED or next(iter(self._used.values())) <= now):
            del self._used[next(iter(self._used))]
        self._used[flow.state] = flow.until

    async def _claims(self, code: str, flow: Flow) -> Mapping[str, Any]:
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": flow.verifier,
        }
        # Both are encoded first (RFC 6749, 2.3.1).
        client = aiohttp.encode_basic_auth(quote_plus(self._settings.client_id), quote_plus(self._secret))
        async with self._at_once, aiohttp.ClientSession(timeout=_WITHIN) as session:
            described = await self._description(session)
            allowed = {"Authorization": client}
            answer = await _asked(session, "POST", described["token_endpoint"], data=body, headers=allowed)
            token = answer.get("id_token")
            if not isinstance(token, str):
                raise SignOnError(Refused.NO_PROVIDER, "the answer has no id_token")
            return await self._verified(session, described["jwks_uri"], token, flow.nonce)

    async def _verified(self, session: aiohttp.ClientSession, keys: str, token: str, nonce: str) -> Mapping[str, Any]:
        settings, now = self._settings, self._now()
        for fresh in (False, True):  # the key may be newer than those we know
            known = await self._key_set(session, keys, fresh=fresh)
            try:
                claims = jwt.decode(token, known, algorithms=_SIGNED_BY).claims
                break
            except (JoseError, ValueError, TypeError) as problem:
                if fresh:
                    raise SignOnError(Refused.NOT_BELIEVED, f"the token's signature: {problem!r}") from None
        expected = jwt.JWTClaimsRegistry(
            now,
            _LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            expected.validate(claims)
        except ExpiredTokenError:
            raise SignOnError(Refused.NOT_BELIEVED, "the token has expired: is this machine's clock right?") from None
        except JoseError as problem:
            raise SignOnError(Refused.NOT_BELIEVED, f"the token: {problem}") from None
        if claims.get("azp", settings.client_id) != settings.client_id:
            raise SignOnError(Refused.NOT_BELIEVED, "the token is for another client")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> PersonId:
        value = claims.get(self._settings.claim)
        if self._settings.claim == "email" and claims.get("email_verified") is not True:
            raise SignOnError(Refused.UNKNOWN_PERSON, "the provider has not verified the e-mail address")
        if not isinstance(value, str) or value not in self._settings.people:
            named = f"{self._settings.claim} {str(value)[:100]!r}"
            raise SignOnError(Refused.UNKNOWN_PERSON, f"nobody here has {named}")
        return self._settings.people[value]

    # -- what the provider tells of itself -----------------------------------------------------------------------

    async def _description(self, session: aiohttp.ClientSession) -> Mapping[str, Any]:
        now = asyncio.get_running_loop().time()
        if self._described is None or now - self._described[0] > _FRESH:
            found = await _asked(session, "GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise SignOnError(Refused.NO_PROVIDER, f"it calls itself {str(found.get('issuer'))[:200]!r}")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _as_safe(str(found.get(name, "")), self.issuer):
                    raise SignOnError(Refused.NO_PROVIDER, f"its {name} is no address like that of the issuer")
            self._described = now, found
        return self._described[1]

    async def _key_set(self, session: aiohttp.ClientSession, address: str, *, fresh: bool) -> KeySet:
        now = asyncio.get_running_loop().time()
        if fresh or self._keys is None or now - self._keys[0] > _FRESH:
            found = await _asked(session, "GET", address)
            try:
                self._keys = now, KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as problem:
                raise SignOnError(Refused.NO_PROVIDER, f"its keys cannot be read: {problem!r}") from None
        return self._keys[1]

    def _now(self) -> int:
        return int(self._wall().timestamp())


async def _asked(session: aiohttp.ClientSession, method: str, address: str, **more: Any) -> dict[str, Any]:
    """Return the JSON object at this address. Raises SignOnError."""
    try:
        async with session.request(method, address, allow_redirects=False, **more) as answer:
            content = await answer.content.read(_LARGEST)
            found = json.loads(content)
            if answer.status != 200 or not isinstance(found, dict):
                said = found.get("error") if isinstance(found, dict) else None
                raise SignOnError(Refused.NO_PROVIDER, f"{address}: {answer.status} {str(said)[:100]}")
            return found
    except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
        raise SignOnError(Refused.NO_PROVIDER, f"{address}: {problem!r}"[:300]) from None


def _as_safe(address: str, issuer: str) -> bool:
    """Return whether the address is over TLS, unless the issuer itself is not (on this machine)."""
    return urlsplit(address).scheme in ("https", urlsplit(issuer).scheme) and bool(urlsplit(address).netloc)


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
