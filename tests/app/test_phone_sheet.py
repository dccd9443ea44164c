"""What to enter into the phones, as `callcenter phones` prints it."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from callcenter.cli.main import main

BASE = """
lines: {estp: {numbers: ["+7 342 292-19-60"]}}
people: {101: {name: Анна Соколова}, 102: {name: Ирина Волкова, phone: "105"}}
phones: {101: , 105: {address: "192.168.1.5:5060"}}
asterisk: {sip_bind: 0.0.0.0, phone_address: 192.168.1.10, tcp: true, tls: {certificate: c.pem, key: k.pem}}
"""


def test_it_has_the_server_and_a_password_that_a_keypad_can_type(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(BASE)
    result = CliRunner().invoke(main, ["phones", "--config", str(path)])
    assert result.exit_code == 0, result.output
    assert "Server:   192.168.1.10\nPort:     5060 (UDP or TCP), 5061 (TLS)\n" in result.output
    assert re.search(r"^101 +\d{20} +Анна Соколова$", result.output, re.M)
    assert re.search(r"^105 +none; at 192.168.1.5:5060 +Ирина Волкова$", result.output, re.M)
    again = CliRunner().invoke(main, ["phones", "--config", str(path)])
    assert again.output == result.output, "a password that was made is kept"
