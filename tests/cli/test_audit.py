"""Each command that shows who called writes down who ran it, before it shows anything (152-ФЗ); the audit log."""

from __future__ import annotations

import asyncio
import os
import pwd
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.accounts.secrets import Secrets
from callcenter.app import backup
from callcenter.cli import access
from callcenter.recordings.manifest import Action, Entry, Manifest
from callcenter.store import Register
from tests.cli.test_main import config_of, run, site
from tests.store.stories import stored
from tests.wall import MONDAY_NOON

__all__ = ["site"]


@pytest.fixture
def called(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody called an hour ago, and was cut off; there is a recording."""
    for command in ("settings", "passwd", "register", "recordings", "audit"):
        monkeypatch.setattr(f"callcenter.cli.{command}.wall_clock", lambda: MONDAY_NOON)
    config, ended = config_of(site), MONDAY_NOON - timedelta(hours=1)
    asyncio.run(_opened_once(config.database))
    with closing(sqlite3.connect(config.database)) as database, database:
        texts = {"call": "1.1", "line": "estp", "number": "+73420000001", "name": "Анна", "identification": "unknown"}
        texts |= dict.fromkeys(("inn", "customer", "role", "urgency", "operator", "recording", "recording_sha256"), "")
        texts |= {"recording_problem": "", "outcome": "lost", "hung_up_by": "system", "cause_text": "Asterisk ended"}
        moments = dict.fromkeys(("arrived_at", "joined_at", "ended_at"), f"{ended:%Y-%m-%d %H:%M:%S.%f}")
        row = texts | moments | {"info_visits": 0, "talk": 0.0, "cause": 41}
        marks = ", ".join(f":{name}" for name in row)
        database.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({marks})", row)
    manifest = Manifest(config.recordings.folder, config.var, lambda: MONDAY_NOON)
    (config.recordings.folder / "estp").mkdir(parents=True)
    (config.recordings.folder / "estp" / "1.1.wav").write_bytes(b"voices")
    manifest.add(Entry(Action.ADDED, "1.1", "estp", "estp/1.1.wav", ended.isoformat(), 1.0))
    return site


async def _opened_once(database: Path) -> None:
    await (await Register.open(database)).close()


def accesses(site: Path) -> list[tuple[str, str, str]]:
    return stored(config_of(site).database, "SELECT who, what, about FROM audit ORDER BY id")


@pytest.mark.parametrize(
    ("command", "what", "about"),
    [
        (("register", "list"), "register list", "all lines"),
        (("register", "export", "--output", "{site}/calls.csv"), "register export", "calls.csv"),
        (("register", "show", "1.1"), "register show", "call 1.1"),
        (("register", "owed"), "register owed", "1 calls"),
        (("register", "owed", "--csv", "{site}/owed.csv"), "register owed", "owed.csv"),
        (("recordings", "copy", "1.1", "{site}/copy.wav", "--why", "дело 5"), "recordings copy", "дело 5"),
        (("backup", "{site}/backup"), "backup", "backup"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_whoever_looks_is_written_down(called: Path, command: tuple[str, ...], what: str, about: str) -> None:
    words = [word.format(site=called) for word in command]
    done = run(called, *words) if words[0] != "backup" else run(called, "backup", *words[1:])
    assert done.exit_code == 0, done.output
    [(who, noted, which)] = accesses(called)
    assert who.startswith(pwd.getpwuid(os.getuid()).pw_name)
    assert noted == what
    assert about in which
    assert "+7342" not in which
    listed = run(called, "audit", "list")
    assert what in listed.output
    for made in (called / "calls.csv", called / "owed.csv", called / "copy.wav"):
        assert not made.exists() or stat.S_IMODE(made.stat().st_mode) == 0o600


def test_nobody_looks_under_somebody_elses_name(called: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody sets these variables at will; the system knows who it is."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert run(called, "register", "show", "1.1").exit_code == 0
    assert run(called, "recordings", "hold", "1.1", "--why", "дело 5").exit_code == 0
    assert run(called, "recordings", "release", "1.1").exit_code == 0
    [(who, _, _)] = accesses(called)
    config = config_of(called)
    entries = Manifest(config.recordings.folder, config.var, lambda: MONDAY_NOON).entries(Action.HELD, Action.RELEASED)
    names = [who, *(entry.who for entry in entries)]
    assert len(names) == 3
    assert {name.partition(",")[0] for name in names} == {pwd.getpwuid(os.getuid()).pw_name}


def test_somebody_without_a_name_is_noted_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user needs no entry in /etc/passwd."""
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert access.person().startswith("user 54321")


def test_what_cannot_be_written_down_is_not_shown(called: Path) -> None:
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        database.execute("DROP TABLE audit")
    for command in (("register", "list"), ("register", "export"), ("register", "show", "1.1"), ("register", "owed")):
        refused = run(called, *command)
        assert refused.exit_code == 1
        assert "+7342" not in refused.output


def _drop(database: sqlite3.Connection) -> None:
    database.execute("DROP TABLE audit")
    database.commit()


def _lock(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN EXCLUSIVE")


@pytest.mark.parametrize("trouble", [_drop, _lock])
def test_a_backup_that_cannot_be_written_down_is_not_made(
    called: Path, trouble: Callable[[sqlite3.Connection], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the settings and secrets are copied."""
    monkeypatch.setattr(backup, "WAIT", 0.1)
    Secrets.load_or_create(config_of(called).var, config_of(called))
    with closing(sqlite3.connect(config_of(called).database)) as database:
        trouble(database)
        refused = run(called, "backup", str(called / "copy"))
    assert refused.exit_code == 1
    assert "cannot be written down" in refused.output
    assert not (called / "copy").exists()


def test_a_register_from_before_the_list_is_copied_before_it_is_upgraded(called: Path) -> None:
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        _drop(database)
        database.execute("UPDATE alembic_version SET version_num = '0005'")
    assert run(called, "backup", str(called / "copy")).exit_code == 0
    assert (called / "copy" / "var" / "register.sqlite").exists()


@pytest.mark.parametrize("revision", ["0006", "0010"])
def test_a_backup_before_the_upgrade_is_entered_in_the_list_of_that_version(called: Path, revision: str) -> None:
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        _drop(database)
        database.execute("CREATE TABLE accesses (id INTEGER PRIMARY KEY, at, who, what, about)")
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    assert run(called, "backup", str(called / "copy")).exit_code == 0
    [(what, about)] = stored(config_of(called).database, "SELECT what, about FROM accesses")
    assert (what, about) == ("backup", str(called / "copy"))


def test_the_log_is_exported_and_proves_itself(called: Path) -> None:
    """A backup enters itself without the controller, and continues the same chain."""
    assert run(called, "register", "show", "1.1").exit_code == 0
    assert run(called, "backup", str(called / "copy")).exit_code == 0
    exported = run(called, "audit", "export", "--output", str(called / "audit.csv"))
    assert "3 entries written" in exported.output
    table = (called / "audit.csv").read_text(encoding="utf-8-sig").splitlines()
    assert table[0] == "number;at;who;what;about;hash"
    assert [row.split(";")[3] for row in table[1:]] == ["register show", "backup", "audit export"]
    whole = run(called, "audit", "verify")
    assert whole.exit_code == 0
    assert "entries: 3, problems: 0" in whole.output
    head = whole.output.split()[-1]
    assert head.startswith("3:")
    assert run(called, "audit", "verify", "--head", head).exit_code == 0
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        database.execute("DROP TRIGGER audit_kept")
        database.execute("DELETE FROM audit WHERE id = 3")
    assert run(called, "audit", "verify").exit_code == 0, "nobody can see that the end is missing, except …"
    cut = run(called, "audit", "verify", "--head", head)
    assert cut.exit_code == 1
    assert "entry 3: it is not the one that was noted" in cut.output


def test_whoever_changes_somebodys_secrets_is_written_down(called: Path) -> None:
    for options, typed in ((["--one-time"], ""), (["--no-second-factor"], ""), ([], "\n"), (["--pin"], "\n")):
        assert run(called, "passwd", "101", *options, typed=typed).exit_code == 0
    assert run(called, "passwd", "101", typed="short\nshort\n").exit_code == 1
    assert [(what, about) for _, what, about in accesses(called)] == [
        ("password reset", "of 101"),
        ("second factor removed", "of 101"),
        ("password changed", "of 101"),
        ("PIN changed", "of 101"),
    ]


def test_a_secret_that_cannot_be_written_down_is_not_changed(called: Path) -> None:
    secrets = Secrets.load_or_create(config_of(called).var, config_of(called))
    first = secrets.initial("101")
    with closing(sqlite3.connect(config_of(called).database)) as database:
        _drop(database)
    refused = run(called, "passwd", "101", "--one-time")
    assert refused.exit_code == 1
    assert "nothing is changed" in refused.output
    assert secrets.initial("101") == first


def test_a_head_that_is_none_is_explained(called: Path) -> None:
    refused = run(called, "audit", "verify", "--head", "17")
    assert refused.exit_code == 2
    assert "NUMBER:HASH" in refused.output


def test_figures_without_names_are_nobodys_business(called: Path) -> None:
    assert run(called, "register", "days").exit_code == 0
    assert run(called, "register", "show", "unknown").exit_code == 1
    assert accesses(called) == []


def test_a_copy_does_not_follow_a_link_that_stands_in_for_a_recording(called: Path) -> None:
    """Whoever can write recordings does not choose what is handed out."""
    recording = config_of(called).recordings.folder / "estp" / "1.1.wav"
    recording.unlink()
    recording.symlink_to(config_of(called).recordings.folder / "manifest.jsonl")
    refused = run(called, "recordings", "copy", "1.1", str(called / "copy.wav"), "--why", "x")
    assert refused.exit_code == 1
    assert "symbolic link" in refused.output
    assert not (called / "copy.wav").exists()


def test_old_data_is_erased_on_demand(called: Path) -> None:
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        database.execute("UPDATE calls SET arrived_at = '2020-01-01 00:00:00.000000'")
    assert "would be erased: 1" in run(called, "register", "erase", "--dry-run").output
    assert stored(config_of(called).database, "SELECT number FROM calls") == [("+73420000001",)]
    assert "was erased: 1" in run(called, "register", "erase").output
    assert stored(config_of(called).database, "SELECT number, name FROM calls") == [("", "")]


def _gone(manifest: Path) -> None:
    manifest.unlink()


def _cut_off(manifest: Path) -> None:
    manifest.write_bytes(manifest.read_bytes().splitlines(keepends=True)[0])


def _unreadable(manifest: Path) -> None:
    manifest.unlink()
    manifest.mkdir()


@pytest.mark.parametrize("trouble", [_gone, _cut_off, _unreadable])
def test_nothing_is_erased_while_nobody_knows_what_is_held(called: Path, trouble: Callable[[Path], None]) -> None:
    """The recordings' disk is not there, for one: what a court asked for would be erased."""
    assert run(called, "recordings", "hold", "1.1", "--why", "суд").exit_code == 0
    with closing(sqlite3.connect(config_of(called).database)) as database, database:
        database.execute("UPDATE calls SET arrived_at = '2020-01-01 00:00:00.000000'")
    trouble(config_of(called).recordings.folder / "manifest.jsonl")
    for words in (("--dry-run",), ()):
        refused = run(called, "register", "erase", *words)
        assert refused.exit_code == 1
        assert "nobody knows what is held" in refused.output
    assert stored(config_of(called).database, "SELECT number FROM calls") == [("+73420000001",)]
