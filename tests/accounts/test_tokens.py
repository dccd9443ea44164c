"""Tokens for scripts: shown once, kept as hashes, ended by date or by hand."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from callcenter.accounts.tokens import TOKENS_FILE, TokenError, Tokens
from callcenter.core.ids import PersonId
from tests.wall import MONDAY_NOON, Wall

ANNA, BORIS = PersonId("101"), PersonId("102")
QUARTER = timedelta(days=90)


def test_a_token_is_worth_something_until_it_ends(tmp_path: Path) -> None:
    wall = Wall()
    tokens = Tokens(tmp_path, [ANNA], wall)
    text, made = tokens.make(ANNA, "wallboard", QUARTER)
    assert tokens.person(text) == ANNA
    assert tokens.person(text + "x") is None
    assert tokens.person("") is None
    wall.set(MONDAY_NOON + timedelta(days=89))
    assert tokens.person(text) == ANNA
    wall.set(MONDAY_NOON + timedelta(days=91))
    assert tokens.person(text) is None
    assert tokens.find(text) == made, "so that its owner can be told that it has expired"


def test_another_process_sees_at_once_what_a_command_has_made_and_revoked(tmp_path: Path) -> None:
    daemon, command = (Tokens(tmp_path, [ANNA], Wall()) for _ in range(2))
    text, made = command.make(ANNA, "wallboard", QUARTER)
    other, _ = command.make(ANNA, "export", QUARTER)
    assert daemon.person(text) == daemon.person(other) == ANNA
    assert [one.name for one in daemon.all()] == ["wallboard", "export"]
    assert command.revoke(made.id) == made
    assert (daemon.person(text), daemon.person(other)) == (None, ANNA)
    with pytest.raises(TokenError, match="no token"):
        command.revoke(made.id)


def test_all_tokens_of_a_person_end_at_once(tmp_path: Path) -> None:
    daemon, command = (Tokens(tmp_path, [ANNA, BORIS], Wall()) for _ in range(2))
    assert daemon.revoke_of(ANNA) == []
    assert not (tmp_path / TOKENS_FILE).exists()
    texts = [command.make(person, name, QUARTER)[0] for person, name in ((ANNA, "a"), (BORIS, "b"), (ANNA, "c"))]
    assert [one.name for one in daemon.revoke_of(ANNA)] == ["a", "c"]
    assert [command.person(text) for text in texts] == [None, BORIS, None]


def test_a_token_of_somebody_who_has_left_is_not_the_next_ones(tmp_path: Path) -> None:
    text, made = Tokens(tmp_path, [ANNA], Wall()).make(ANNA, "wallboard", QUARTER)
    without = Tokens(tmp_path, [BORIS], Wall())
    assert without.person(text) is None
    assert without.revoke_of_strangers() == [made]
    assert Tokens(tmp_path, [ANNA], Wall()).person(text) is None, "a colleague who got the id later"


def test_the_file_has_no_token_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    text, _ = Tokens(tmp_path, [ANNA], Wall()).make(ANNA, "wallboard", QUARTER)
    file = tmp_path / TOKENS_FILE
    assert text.removeprefix("cct_") not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_whoever_has_left_takes_their_tokens_along(tmp_path: Path) -> None:
    text, _ = Tokens(tmp_path, [ANNA, BORIS], Wall()).make(BORIS, "wallboard", QUARTER)
    assert Tokens(tmp_path, [ANNA], Wall()).person(text) is None


@pytest.mark.parametrize(
    ("person", "name", "lasts", "told"),
    [
        ("nobody", "a", QUARTER, "nobody has the id 'nobody'; configured: 101"),
        ("101", "", QUARTER, "1 to 64"),
        ("101", "a\x1b[2J", QUARTER, "printable"),
        ("101", "a" * 65, QUARTER, "1 to 64"),
        ("101", "a", timedelta(days=400), "at most 366 days"),
        ("101", "a", timedelta(), "at most 366 days"),
    ],
)
def test_what_is_not_allowed_is_refused(tmp_path: Path, person: str, name: str, lasts: timedelta, told: str) -> None:
    with pytest.raises(TokenError, match=told):
        Tokens(tmp_path, [ANNA], Wall()).make(PersonId(person), name, lasts)


@pytest.mark.parametrize("content", ["[]", "{", '{"a": {}}', '{"a": {"id": "a", "person": "101", "name": "b", '
                                     '"made": "2026-01-01T00:00:00", "ends": "2036-01-01T00:00:00"}}'])  # fmt: skip
def test_with_a_damaged_file_no_token_is_accepted(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = Tokens(tmp_path, [ANNA], Wall())
    text, _ = tokens.make(ANNA, "a", QUARTER)
    assert tokens.person(text) == ANNA
    (tmp_path / TOKENS_FILE).write_text(content)
    assert tokens.person(text) is None
    assert "no token is accepted" in caplog.text
    with pytest.raises(TokenError, match="cannot be understood"):
        tokens.make(ANNA, "b", QUARTER)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / TOKENS_FILE).symlink_to(tmp_path / "other.json")
    with pytest.raises(TokenError, match="symbolic link"):
        Tokens(tmp_path, [ANNA], Wall()).all()
