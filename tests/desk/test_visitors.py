"""Whose request it is behind our own proxies, and what strangers write into it themselves."""

from __future__ import annotations

import ipaddress

import pytest

from callcenter.web.visitors import nearest, peer_group

PROXIES = [ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("10.0.0.0/24")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # not our proxy: not believed
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # the sender wrote the first one
        ("127.0.0.1", ["192.0.2.66", "198.51.100.1, 10.0.0.5"], "198.51.100.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        # The proxy did not write an address: what the sender wrote in front of that is not believed.
        ("127.0.0.1", ["192.0.2.66, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.66", "_hidden"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.66, "], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.66, unknown, 10.0.0.5"], "10.0.0.5"),
        ("127.0.0.1", ["192.0.2.66, 198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["192.0.2.66, [2001:db8::7]:4711"], "2001:db8::/64"),
        ("127.0.0.1", ["192.0.2.66, [2001:db8::7]"], "2001:db8::/64"),
        ("127.0.0.1", [", ".join(["10.0.0.1"] * 1000)], "10.0.0.1"),
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("2001:db8::1:2:3:4", [], "2001:db8::/64"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("", [], ""),
    ],
)
def test_the_nearest_sender_that_is_not_our_proxy_counts(peer: str, forwarded: list[str], expected: str) -> None:
    assert nearest(peer, forwarded, PROXIES) == expected


def test_connections_of_a_proxy_are_those_of_many_people() -> None:
    assert peer_group("127.0.0.1", PROXIES) is None
    assert peer_group("127.0.0.2", PROXIES) == "127.0.0.2"
