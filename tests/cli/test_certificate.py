"""`callcenter certificate make` and what `callcenter check` says of the desk's certificate."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from callcenter.cli.main import main
from callcenter.config import Config, ConfigError
from callcenter.config.yaml_file import read_yaml

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def given(tmp_path: Path) -> Path:
    data = read_yaml(PROJECT / "config.yaml").data
    data["http"] |= {"bind": "0.0.0.0", "port": 8443}
    data["tls"] = {"certificate": "tls/certificate.pem", "key": "tls/key.pem"}
    data |= {"prompts": str(PROJECT / "ivr_prompts"), "dialplan": str(PROJECT / "dialplan")}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    return path


def said(given: Path, *words: str) -> str:
    result = CliRunner().invoke(main, [*words, "--config", str(given)])
    return result.output


def test_the_first_certificate_is_one_command(given: Path) -> None:
    assert "certificate is missing" in said(given, "check")
    assert "Made for desk.example.ru" in said(given, "certificate", "make", "--name", "desk.example.ru")
    assert "self-signed" in said(given, "check")
    assert "nothing was changed" in said(given, "certificate", "make")


def test_phones_in_pages_use_it_too_unless_they_say_otherwise(given: Path) -> None:
    browsers = Config.load(given).asterisk.browsers
    assert browsers
    assert (browsers.bind, browsers.port) == ("0.0.0.0", 8088)
    assert browsers.certificate == given.parent / "tls" / "certificate.pem"
    data = read_yaml(given).data
    data["asterisk"]["browsers"] = {"port": 8088, "url": "wss://desk.example.ru/phone"}
    given.write_text(yaml.safe_dump(data, allow_unicode=True))
    behind = Config.load(given).asterisk.browsers
    assert behind
    assert (behind.bind, behind.certificate) == ("127.0.0.1", None)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        ({"urls": ["http://turn.example.ru"]}, "turn:turn.example.ru"),
        ({"urls": ["turn:turn.example.ru?transport=udp\nx=y"]}, "turn:turn.example.ru"),
        ({"urls": []}, "urls"),
    ],
)
def test_what_is_no_turn_server_is_refused(given: Path, turn: dict[str, object], words: str) -> None:
    data = read_yaml(given).data
    data["asterisk"]["browsers"] = {"port": 8088, "turn": turn}
    given.write_text(yaml.safe_dump(data, allow_unicode=True))
    with pytest.raises(ConfigError, match=words):
        Config.load(given)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://id.example.ru"}, "without TLS only on this machine"),
        ({"people": {"a.sokolova": "999"}}, "'999', which is not described"),
        ({"scopes": ["profile"]}, "openid"),
    ],
)
def test_an_identity_provider_is_checked(given: Path, changes: dict[str, object], words: str) -> None:
    data = read_yaml(given).data
    sign_on = {
        "issuer": "https://id.example.ru",
        "client_id": "callcenter",
        "address": "https://desk.example.ru",
        "people": {"a.sokolova": "401"},
    }
    given.write_text(yaml.safe_dump(data | {"sign_on": sign_on}, allow_unicode=True))
    assert Config.load(given).sign_on
    given.write_text(yaml.safe_dump(data | {"sign_on": sign_on | changes}, allow_unicode=True))
    with pytest.raises(ConfigError, match=words):
        Config.load(given)
