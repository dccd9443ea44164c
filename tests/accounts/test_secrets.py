"""Passwords and PINs: made on first use, kept as hashes, changed, and never lost or shown."""

from __future__ import annotations

import logging
import stat
import threading
from pathlib import Path

import argon2
import pytest

from callcenter.accounts.secrets import Secrets, SecretsError
from callcenter.config import Config
from tests.shortcuts import SHIPPED_HASHER

BASE = """
lines:
  estp: {numbers: ["+7 342 292-19-60"]}
people:
  101: {name: Анна}
  102: {name: Ирина}
phones:
  101:
  102: {address: "127.0.2.12:5060"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    return tmp_path


def configured(folder: Path, text: str = BASE) -> Config:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return Config.load(path)


def made(folder: Path, text: str = BASE) -> Secrets:
    config = configured(folder, text)
    return Secrets.load_or_create(config.var, config)


@pytest.mark.clause("ESTP 5.3.1")
def test_on_first_use_everybody_gets_a_password_and_a_pin_that_work(folder: Path) -> None:
    secrets = made(folder)
    first = secrets.initial("101")
    assert first is not None
    assert len(first.pin) == 6
    assert first.pin.isdigit()
    assert secrets.verify_password("101", first.password)
    assert secrets.verify_pin("101", first.pin)
    assert not secrets.verify_password("101", first.pin)
    assert not secrets.verify_pin("102", first.pin) or first.pin == secrets.initial("102").pin  # type: ignore[union-attr]
    assert not secrets.verify_password("101", "")
    assert not secrets.verify_password("103", first.password)


@pytest.mark.parametrize("name", ["secrets.yaml", "secrets.lock"])
def test_a_link_in_place_of_a_file_is_not_followed(folder: Path, name: str) -> None:
    made(folder)
    file, outside = folder / "var" / name, folder / "outside"
    outside.write_text("precious")
    file.unlink()
    file.symlink_to(outside)
    with pytest.raises(SecretsError):
        made(folder)
    assert outside.read_text() == "precious"


def test_files_are_for_their_owner_alone_and_hold_no_plain_password(folder: Path) -> None:
    secrets = made(folder)
    for name in ("secrets.yaml", "initial-credentials.yaml"):
        assert stat.S_IMODE((folder / "var" / name).stat().st_mode) == 0o600
    text = (folder / "var" / "secrets.yaml").read_text(encoding="utf-8")
    first = secrets.initial("101")
    assert first is not None
    assert first.password not in text
    assert f" {first.pin}" not in text
    assert text.count("$argon2id$") == 4


def test_a_stolen_file_is_slow_to_guess_from() -> None:
    """As OWASP advises for Argon2id, at least; the other tests do without."""
    found = SHIPPED_HASHER
    assert (found.type, found.memory_cost >= 19 * 1024, found.time_cost >= 2) == (argon2.Type.ID, True, True)


def test_only_phones_that_register_have_a_password(folder: Path) -> None:
    secrets = made(folder)
    assert set(secrets.phones) == {"101"}
    assert len(secrets.phones["101"]) >= 20
    assert len(secrets.ami) >= 20
    assert secrets.ami != secrets.phones["101"]


def test_a_second_start_keeps_everything_and_writes_nothing(folder: Path) -> None:
    first = made(folder)
    path = folder / "var" / "secrets.yaml"
    before = (path.read_bytes(), path.stat().st_ino)
    second = made(folder)
    assert (path.read_bytes(), path.stat().st_ino) == before
    assert second.ami == first.ami
    assert second.phones == first.phones
    assert second.initial("102") == first.initial("102")


def test_an_installation_from_before_known_browsers_gets_their_key_once(folder: Path) -> None:
    """With a new key at each start every browser would be a stranger's again."""
    first = made(folder)
    path = folder / "var" / "secrets.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("devices:")), encoding="utf-8")
    second = made(folder)
    assert made(folder).devices == second.devices
    assert second.ami == first.ami
    assert second.initial("101") == first.initial("101")


def test_a_newcomer_gets_credentials_and_nobody_elses_change(folder: Path) -> None:
    before = made(folder)
    after = made(
        folder, BASE.replace("  102: {name: Ирина}", "  102: {name: Ирина}\n  201: {phone: 101b}") + "  101b:\n"
    )
    assert after.initial("101") == before.initial("101")
    assert after.initial("201") is not None
    assert "101b" in after.phones
    assert after.phones["101"] == before.phones["101"]


def test_whoever_left_the_configuration_cannot_log_in(folder: Path) -> None:
    first = made(folder).initial("102")
    assert first is not None
    secrets = made(folder, BASE.replace("  102: {name: Ирина}\n", ""))
    assert not secrets.verify_password("102", first.password)


def test_a_changed_password_works_at_once_in_the_running_daemon(folder: Path) -> None:
    daemon = made(folder)
    command = made(folder)  # `callcenter passwd`, another process
    first = daemon.initial("101")
    assert first is not None
    command.set_password("101", "Пароль-с-кириллицей")
    assert daemon.verify_password("101", "Пароль-с-кириллицей")
    assert not daemon.verify_password("101", first.password)
    assert daemon.verify_pin("101", first.pin)
    remaining = daemon.initial("101")
    assert remaining == ("", first.pin)
    command.set_pin("101", "314159")
    assert daemon.verify_pin("101", "314159")
    assert daemon.initial("101") is None
    assert daemon.initial("102") is not None


def test_a_new_random_password_is_told_once(folder: Path) -> None:
    secrets = made(folder)
    assert secrets.verify_password("101", secrets.set_password("101"))
    assert secrets.verify_pin("101", secrets.set_pin("101"))


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "12345\n"])
def test_a_pin_is_six_digits_that_a_telephone_has(folder: Path, pin: str) -> None:
    with pytest.raises(SecretsError, match="6 digits"):
        made(folder).set_pin("101", pin)


@pytest.mark.parametrize("password", ["short", "x" * 129, "with\nnewline", "with\x00nothing"])
def test_a_password_is_of_sensible_length_and_can_be_typed(folder: Path, password: str) -> None:
    with pytest.raises(SecretsError, match="8 to 128"):
        made(folder).set_password("101", password)


def test_setting_for_nobody_names_who_there_is(folder: Path) -> None:
    with pytest.raises(SecretsError, match=r"'999'; configured: 101, 102"):
        made(folder).set_pin("999", "123456")


def test_the_same_letters_composed_otherwise_are_the_same_password(folder: Path) -> None:
    secrets = made(folder)
    secrets.set_password("101", "й" * 100)  # й as one letter …
    assert secrets.verify_password("101", "и\u0306" * 100)  # … and as и with a breve


@pytest.mark.parametrize("text", ["\ud800", "\x00", "я" * 100_000, "x" * 129, "${SHELL(id)}", "😀"])
def test_whatever_the_network_presents_is_only_wrong(folder: Path, text: str) -> None:
    secrets = made(folder)
    secrets.set_password("101", "x" * 128)
    assert not secrets.verify_password("101", text)
    assert not secrets.verify_pin("101", text)
    assert not secrets.verify_password(text, text)


def test_somebody_unknown_costs_as_much_work_as_somebody_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = made(folder)
    checked: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(hasher: argon2.PasswordHasher, hashed: str, given: bytes) -> bool:
        checked.append(hashed.split("$")[3])
        return verify(hasher, hashed, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    assert not secrets.verify_password("101", "wrong")
    assert not secrets.verify_password("nobody", "wrong")
    assert len(checked) == 2
    assert checked[0] == checked[1]  # memory, rounds and lanes


@pytest.mark.parametrize(
    "damage",
    [
        "ami: [",
        "just a line",
        "- a\n- b\n",
        "people: {101: {password: hunter2hunter2, pin: '1'}}",
        "ami: topsecret;value\n",
        "ami: topsecret\nami: topsecret\n",
        "ami: topsecret\nunknown: 1\n",
        "phones: {101: [topsecret]}\n",
        "\x00",
        b"\xff\xfe topsecret",
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(folder: Path, damage: str | bytes) -> None:
    made(folder)
    path = folder / "var" / "secrets.yaml"
    content = damage if isinstance(damage, bytes) else damage.encode()
    path.write_bytes(content)
    with pytest.raises(SecretsError, match=r"secrets\.yaml.*backup") as caught:
        made(folder)
    assert path.read_bytes() == content
    assert "topsecret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_damage_while_running_does_not_lock_people_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    secrets = made(folder)
    first = secrets.initial("101")
    assert first is not None
    (folder / "var" / "secrets.yaml").write_text("ami: [", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert secrets.verify_password("101", first.password)
    assert "going on with the secrets read before" in caplog.text
    (folder / "var" / "secrets.yaml").unlink()
    assert secrets.verify_password("101", first.password)


def test_a_file_that_cannot_be_read_is_not_read_for_every_request(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The page asks for the password's version each second, for everybody; so the log stays readable, too."""
    now = 1000.0
    config = configured(folder)
    secrets = Secrets.load_or_create(config.var, config, lambda: now)
    version, path = secrets.password_version("101"), folder / "var" / "secrets.yaml"
    good = path.read_bytes()
    path.write_text("ami: [", encoding="utf-8")
    for _ in range(100):
        assert secrets.password_version("101") == version
    assert caplog.text.count("going on with the secrets read before") == 1
    path.write_bytes(good)
    made(folder).set_password("101", "correct horse")
    now += 9.9
    assert secrets.password_version("101") == version
    now += 0.2
    assert secrets.password_version("101") != version
    assert secrets.verify_password("101", "correct horse")


def test_a_file_opened_to_others_is_closed_again(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    made(folder)
    path = folder / "var" / "secrets.yaml"
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        made(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "readable by others" in caplog.text


def test_a_folder_that_cannot_be_made_is_said(folder: Path) -> None:
    (folder / "var").write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(SecretsError, match="cannot be used"):
        made(folder)


def test_a_provider_without_its_password_is_asked_for_then_used(folder: Path) -> None:
    text = BASE + 'trunks:\n  provider: {provider: {host: sip.example.ru, username: "73422921960"}}\n'
    with pytest.raises(SecretsError, match=r"no password for the trunk provider.*under `trunks`"):
        made(folder, text)
    path = folder / "var" / "secrets.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("provider: null", "provider: 012345"), encoding="utf-8")
    assert made(folder, text).trunks == {"provider": "012345"}


def test_nothing_secret_shows_when_printed(folder: Path) -> None:
    secrets = made(folder)
    first = secrets.initial("101")
    assert first is not None
    for shown in (repr(secrets), str(secrets), f"{secrets}"):
        assert secrets.ami not in shown
        assert secrets.phones["101"] not in shown
        assert "argon2" not in shown


def test_many_changes_at_once_lose_none(folder: Path) -> None:
    secrets = made(folder)
    others = [made(folder), made(folder)]
    changes = [
        threading.Thread(target=secrets.set_pin, args=("101", "111222")),
        threading.Thread(target=others[0].set_pin, args=("102", "333444")),
        threading.Thread(target=others[1].set_password, args=("101", "correct horse")),
    ]
    for change in changes:
        change.start()
    for change in changes:
        change.join()
    assert secrets.verify_pin("101", "111222")
    assert secrets.verify_pin("102", "333444")
    assert secrets.verify_password("101", "correct horse")
    assert list((folder / "var").glob(".secrets*")) == []
