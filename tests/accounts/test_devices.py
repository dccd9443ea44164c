"""A browser is known by a cookie that nobody else can make, and for one person only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callcenter.accounts.devices import LIFETIME, Devices
from tests.wall import MONDAY_NOON

SECOND = timedelta(seconds=1)


def test_a_browser_is_known_again_for_half_a_year() -> None:
    devices = Devices("key")
    cookie = devices.remember("101", MONDAY_NOON)
    assert devices.known("101", cookie, MONDAY_NOON)
    assert devices.known("101", cookie, MONDAY_NOON + LIFETIME - SECOND)
    assert devices.known("101", cookie, MONDAY_NOON + LIFETIME) is None
    assert devices.remember("101", MONDAY_NOON) != cookie, "each browser has a name of its own"


def test_the_cookie_is_worth_nothing_for_others_and_with_another_key() -> None:
    cookie = Devices("key").remember("101", MONDAY_NOON)
    assert Devices("key").known("102", cookie, MONDAY_NOON) is None
    assert Devices("other key").known("101", cookie, MONDAY_NOON) is None


@pytest.mark.parametrize("cookie", ["", "x", "..", "a" * 5000, f"{'a' * 16}.0.{'0' * 64}", f"{'a' * 16}.²." + "0" * 64])
def test_nonsense_is_no_cookie(cookie: str) -> None:
    assert Devices("key").known("101", cookie, MONDAY_NOON) is None
