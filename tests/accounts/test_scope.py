"""What a token of some scopes is good for."""

from __future__ import annotations

import pytest

from callcenter.accounts.scope import allows, part, well_formed


@pytest.mark.parametrize(
    ("scopes", "method", "path", "good"),
    [
        ((), "POST", "/api/requests/{id}/close", True),
        (("requests",), "POST", "/api/requests/{id}/close", True),
        (("requests:read",), "GET", "/api/requests", True),
        (("requests:read",), "HEAD", "/api/requests", True),
        (("requests:read",), "POST", "/api/requests/{id}/close", False),
        (("requests",), "GET", "/api/requests-of-others", False),
        (("request",), "GET", "/api/requests", False),
        (("articles", "call-backs"), "POST", "/api/call-backs/{id}", True),
        (("api",), "GET", "/board", False),
        (("",), "GET", "/board", False),
    ],
)
def test_a_scope_is_a_part_of_the_api_or_the_reading_of_it(
    scopes: tuple[str, ...], method: str, path: str, good: bool
) -> None:
    assert allows(scopes, method, path) is good


@pytest.mark.parametrize("scope", ["", "Requests", "requests:write", "requests/1", ":read", "-", "a" * 33, "a\n"])
def test_what_cannot_be_a_scope_is_seen(scope: str) -> None:
    assert not well_formed(scope)


def test_the_part_of_a_path() -> None:
    assert [part(path) for path in ("/api/me", "/api/", "/api", "/", "/floor", "/api/chats/{id}/texts")] == [
        *("me", "", "", "", "", "chats")
    ]
