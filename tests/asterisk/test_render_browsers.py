"""What Asterisk's files say of the phones in pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asterisk.test_render import BASE, Site

BROWSERS = BASE + "asterisk: {browsers: {port: 8088}}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    return Site(tmp_path)


def test_each_person_has_a_phone_whose_password_is_in_no_file(site: Site) -> None:
    site.render(BROWSERS)
    phone = dict(site.section("pjsip.conf", "101-web", webrtc="yes"))
    assert (phone["media_encryption"], phone["identify_by"], phone["context"]) == ("dtls", "username", "cc-phones")
    assert "[101-web]\ntype = auth" not in site["pjsip.conf"]
    assert "auth = astdb," in site["sorcery.conf"]
    assert "md5_cred" in site["extensions.conf"]


def test_asterisks_web_server_listens_here_alone_and_shows_nothing_else(site: Site) -> None:
    site.render(BROWSERS)
    http = dict(site.section("http.conf", "general"))
    assert (http["enabled"], http["bindaddr"], http["bindport"]) == ("yes", "127.0.0.1", "8088")
    assert (http["enable_status"], http["enable_static"]) == ("no", "no")


def test_with_a_certificate_it_speaks_tls_alone(site: Site) -> None:
    site.render(BASE + "asterisk: {browsers: {bind: 0.0.0.0, port: 8089, certificate: c.pem, key: k.pem}}\n")
    http = dict(site.section("http.conf", "general"))
    assert (http["enabled"], http["tlsenable"], http["tlsbindaddr"]) == ("no", "yes", "0.0.0.0:8089")
    assert site.section("pjsip.conf", "wss", protocol="wss")


def test_without_the_setting_there_is_no_web_server(site: Site) -> None:
    site.render()
    assert dict(site.section("http.conf", "general"))["enabled"] == "no"
    assert "101-web" not in site["pjsip.conf"]
    assert "astdb" not in site["sorcery.conf"]
    assert "cc-page-password" not in site["extensions.conf"]
    assert "icesupport = no" in site["rtp.conf"]
