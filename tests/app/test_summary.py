"""What is printed when the line is ready: addresses that people can really enter."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcenter.accounts.secrets import Secrets
from callcenter.app.summary import summary
from callcenter.config import Config
from callcenter.core.callcenter import CallCenter
from callcenter.system.own_address import reachable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BASE = """
lines: {estp: {numbers: ["+7 342 292-19-60"]}}
people: {101: }
phones: {101: }
trunks: {city: {networks: [127.0.1.0/24]}}
"""


def printed(folder: Path, more: str) -> str:
    (folder / "config.yaml").write_text(BASE + more)
    config = Config.load(folder / "config.yaml")
    secrets = Secrets.load_or_create(config.var, config)
    return "\n".join(summary(config, secrets, CallCenter(config.settings(boot="b")).view(0.0), NOW))


def test_phones_that_may_be_anywhere_are_told_an_address_of_this_machine(tmp_path: Path) -> None:
    """Nobody can enter sip:…@0.0.0.0 into a phone."""
    text = printed(tmp_path, "asterisk: {sip_bind: 0.0.0.0}\nhttp: {bind: 0.0.0.0}\n")
    assert "0.0.0.0" not in text
    found = re.search(r"sip:101@([\d.]+):5060", text)
    assert found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((found[1], 0))  # it is this machine's
    assert f"http://{found[1]}:8080/" in text


def test_the_address_for_phones_can_be_configured(tmp_path: Path) -> None:
    text = printed(tmp_path, "asterisk: {sip_bind: 0.0.0.0, phone_address: sip.example.ru}\n")
    assert "sip:73422921960@sip.example.ru:5060" in text
    assert "sip:101@sip.example.ru:5060" in text


def test_without_a_network_it_is_the_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert (reachable("0.0.0.0"), reachable("::"), reachable("192.0.2.7")) == ("127.0.0.1", "::1", "192.0.2.7")
