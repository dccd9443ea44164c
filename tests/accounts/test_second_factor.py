"""Codes from an app and on paper: right within a minute, good once, kept as hashes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from callcenter.accounts import second_factor
from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.accounts.verdict import Verdict
from tests.accounts.test_secrets import folder, made
from tests.wall import MONDAY_NOON

__all__ = ["folder"]

PASSWORD = "сосна над рекой"


def shown(secret: str, seconds: float = 0.0) -> str:
    """What the app shows so many seconds after noon."""
    return pyotp.TOTP(secret).at(MONDAY_NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "right"), [(-30, True), (0, True), (29, True), (31, True), (-61, False), (61, False)]
)
def test_the_clock_of_the_telephone_may_be_wrong_by_half_a_minute(seconds: float, right: bool) -> None:
    secret = second_factor.new_secret()
    assert (second_factor.step_of(secret, shown(secret, seconds), MONDAY_NOON) is not None) is right


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "12 34 5a"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert second_factor.step_of(second_factor.new_secret(), code, MONDAY_NOON) is None


def test_people_may_type_a_code_as_their_app_shows_it() -> None:
    secret = second_factor.new_secret()
    code = shown(secret)
    assert second_factor.step_of(secret, f" {code[:3]} {code[3:]}", MONDAY_NOON) is not None


def test_the_app_learns_who_and_where() -> None:
    address = second_factor.address("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "401")
    assert address == "otpauth://totp/callcenter:401?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=callcenter"


@pytest.fixture
def enrolled(folder: Path) -> tuple[Secrets, str, list[str]]:
    """Somebody with a second factor: the secrets, the app's secret, the recovery codes."""
    secrets, secret = made(folder), second_factor.new_secret()
    secrets.set_password("101", PASSWORD)
    used = second_factor.step_of(secret, shown(secret, -60), MONDAY_NOON - timedelta(minutes=1))
    assert used is not None
    return secrets, secret, secrets.set_second_factor("101", secret, used)


def log_in(secrets: Secrets, code: str | None, password: str = PASSWORD) -> Verdict:
    return secrets.verify_log_in("101", password, code, MONDAY_NOON)


def test_a_password_alone_is_not_enough_and_a_code_is_good_once(enrolled: tuple[Secrets, str, list[str]]) -> None:
    secrets, secret, _ = enrolled
    assert log_in(secrets, "") is Verdict.CODE_NEEDED
    assert log_in(secrets, "000000" if shown(secret) != "000000" else "111111") is Verdict.WRONG
    assert log_in(secrets, shown(secret), "wrong password") is Verdict.WRONG
    assert log_in(secrets, shown(secret)) is Verdict.RIGHT
    assert log_in(secrets, shown(secret)) is Verdict.WRONG, "somebody looked over the shoulder"
    assert log_in(secrets, shown(secret, -30)) is Verdict.WRONG, "nor is an earlier one any more"
    assert log_in(secrets, None) is Verdict.RIGHT, "proved before"


def test_each_of_ten_recovery_codes_replaces_the_app_once(
    enrolled: tuple[Secrets, str, list[str]], folder: Path
) -> None:
    secrets, _, codes = enrolled
    assert len(set(codes)) == 10
    assert log_in(secrets, codes[0].upper().replace("-", " ")) is Verdict.RIGHT
    assert log_in(secrets, codes[0]) is Verdict.WRONG
    assert secrets.second_factor("101") == (True, 9)
    kept = (folder / "var" / "secrets.yaml").read_text()
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    again = made(folder)
    assert log_in(again, codes[0]) is Verdict.WRONG
    assert log_in(again, codes[1]) is Verdict.RIGHT
    again.drop_second_factor("101")
    assert log_in(again, "") is Verdict.RIGHT
    assert secrets.second_factor("101") == (False, 0), "another process has changed it"


def test_a_one_time_password_has_to_be_changed(folder: Path) -> None:
    secrets = made(folder)
    assert not secrets.one_time("101")
    password = secrets.set_password("101", until=MONDAY_NOON + timedelta(hours=72))
    assert secrets.one_time("101")
    assert not secrets.one_time("102")
    assert secrets.verify_password("101", password)
    for hours, verdict in ((71, Verdict.RIGHT), (72, Verdict.EXPIRED)):
        at = MONDAY_NOON + timedelta(hours=hours)
        assert secrets.verify_log_in("101", password, "", at) is verdict
        assert made(folder).verify_log_in("101", "another", "", at) is Verdict.WRONG
    secrets.set_password("101", PASSWORD)
    assert not secrets.one_time("101")
    assert secrets.verify_log_in("101", PASSWORD, "", MONDAY_NOON + timedelta(days=999)) is Verdict.RIGHT


def test_a_one_time_password_from_before_they_had_a_term_has_expired(folder: Path) -> None:
    """Nobody knows how old it is."""
    password = made(folder).set_password("101", until=MONDAY_NOON + timedelta(days=999))
    path = folder / "var" / "secrets.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "one_time_until" not in line))
    assert made(folder).verify_log_in("101", password, "", MONDAY_NOON) is Verdict.EXPIRED


def test_secrets_that_cannot_be_written_are_told_by_name(folder: Path) -> None:
    secrets = made(folder)
    lock = folder / "var" / "secrets.lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(SecretsError, match=r"secrets\.yaml: cannot be used: Is a directory"):
        secrets.set_password("101", PASSWORD)


def test_secrets_of_before_there_were_second_factors_are_read(folder: Path) -> None:
    first = made(folder).initial("101")
    path = folder / "var" / "secrets.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if line.split(":")[0].strip() not in ("one_time", "one_time_until", "factor"))
    )
    secrets = made(folder)
    assert first
    assert secrets.verify_password("101", first.password)
    assert secrets.second_factor("101") == (False, 0)
