"""A small identity provider (OpenID Connect): discovery, authorization, token, keys; and what a hostile one does."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.wall import MONDAY_NOON

CLIENT, SECRET = "callcenter", "the client's secret"


class IdentityProvider:
    """Lets `user` in at once. `twist` changes the claims, `sign` makes the token of them."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}, private=True)
        self.issuer = ""
        self.user = "a.sokolova"
        self.claims: dict[str, Any] = {}
        self.twist: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.answers: dict[str, str] = {}
        """What the browser comes back with, beside code and state."""
        self.called_itself = ""
        self.token_status = 200
        self._codes: dict[str, dict[str, str]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self.describe)
        app.router.add_get("/authorize", self.authorize)
        app.router.add_post("/token", self.token)
        app.router.add_get("/keys", self.keys)
        return app

    async def describe(self, request: web.Request) -> web.Response:
        here = self.issuer
        return web.json_response(
            {
                "issuer": self.called_itself or here,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "jwks_uri": f"{here}/keys",
            }
        )

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], **self.answers}
        return web.Response(status=303, headers={"Location": f"{asked['redirect_uri']}?{urlencode(back)}"})

    async def token(self, request: web.Request) -> web.Response:
        body = await request.post()
        asked = self._codes.pop(str(body["code"]), None)
        client = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(body["code_verifier"]).encode()).digest())
        if (
            asked is None
            or [unquote_plus(part) for part in client] != [CLIENT, SECRET]
            or challenge.decode().rstrip("=") != asked["code_challenge"]
            or body["redirect_uri"] != asked["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(MONDAY_NOON.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "4711",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": self.user,
            **self.claims,
        }
        token = self.sign(self.twist(claims))
        return web.json_response({"id_token": token, "token_type": "Bearer"}, status=self.token_status)

    async def keys(self, request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
