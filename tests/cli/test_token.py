"""`callcenter token`: made, shown once, listed, revoked."""

from __future__ import annotations

import asyncio
import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from callcenter.accounts.tokens import Tokens
from callcenter.core.ids import PersonId
from callcenter.store import Register
from tests.cli.test_main import config_of, run, site
from tests.store.stories import stored
from tests.wall import Wall

__all__ = ["site"]


async def opened_once(database: Path | str) -> None:
    await (await Register.open(database)).close()


def test_a_token_is_shown_once_listed_and_revoked(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    made = run(site, "token", "make", "101", "--name", "Табло", "--days", "30")
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    config = config_of(site)
    kept = Tokens(config.var, config.people, Wall()).find(text)
    assert kept is not None
    assert kept.person == PersonId("101")
    listed = run(site, "token", "list").stdout
    assert "101  valid until" in listed
    assert "Табло" in listed
    assert text not in listed
    revoked = run(site, "token", "revoke", listed.split()[0])
    assert "not valid any more" in revoked.stdout
    assert run(site, "token", "list").stdout == ""
    assert Tokens(config.var, config.people, Wall()).find(text) is None


def test_who_makes_and_revokes_a_token_is_in_the_audit_log(site: Path) -> None:
    """Whoever has a head's token does what the head may; the log names the head."""
    database = config_of(site).database
    asyncio.run(opened_once(database))
    run(site, "token", "make", "101", "--name", "Табло")
    run(site, "token", "make", "999", "--name", "nobody")
    [id] = [line.split()[0] for line in run(site, "token", "list").stdout.splitlines()]
    run(site, "token", "revoke", id)
    run(site, "token", "revoke", id)
    me = pwd.getpwuid(os.getuid()).pw_name
    rows = stored(database, "SELECT who, what, about FROM audit ORDER BY id")
    assert [(who.split(",")[0], what, about) for who, what, about in rows] == [
        (me, "token made", "of 101"),
        (me, "token revoked", f"{id} of 101"),
    ]


def test_without_an_entry_no_token_is_made(site: Path) -> None:
    config = config_of(site)
    asyncio.run(opened_once(config.database))
    with closing(sqlite3.connect(config.database)) as database, database:
        database.execute("DROP TABLE audit")
    refused = run(site, "token", "make", "101", "--name", "Табло")
    assert "nothing is changed, because it cannot be written down" in refused.output
    assert not (config.var / "tokens.json").exists()


def test_what_cannot_be_made_or_revoked_is_told(site: Path) -> None:
    assert "nobody has the id '999'; configured: 101" in run(site, "token", "make", "999", "--name", "a").output
    assert run(site, "token", "make", "101", "--name", "a", "--days", "400").exit_code == 2
    assert "there is no token 'abc'" in run(site, "token", "revoke", "abc").output


def test_a_token_can_be_for_parts_of_the_api_alone(site: Path) -> None:
    made = run(site, "token", "make", "101", "--name", "CRM", "--for", "requests:read", "--for", "customers")
    assert made.exit_code == 0, made.output
    assert "CRM  for requests:read, customers" in run(site, "token", "list").stdout
    refused = run(site, "token", "make", "101", "--name", "CRM", "--for", "requests:write")
    assert refused.exit_code == 1
    assert "such as requests or, to read alone, requests:read" in refused.output
