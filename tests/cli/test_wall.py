"""`callcenter wall`: the screen's address, the same each time until it is renewed."""

from __future__ import annotations

import stat
from pathlib import Path

from callcenter.accounts.wall_token import WALL_TOKEN_FILE, WallToken
from tests.cli.test_main import config_of, run, site

__all__ = ["site"]


def test_the_address_is_shown_again_and_again_until_it_is_renewed(site: Path) -> None:
    first = run(site, "wall").stdout.strip()
    assert first.startswith("/wall#ccw_")
    assert run(site, "wall").stdout.strip() == first
    kept = WallToken(config_of(site).var)
    assert kept.is_right(first.removeprefix("/wall#"))
    new = run(site, "wall", "--renew").stdout.strip()
    assert new != first
    assert kept.is_right(new.removeprefix("/wall#"))
    assert not kept.is_right(first.removeprefix("/wall#"))
    file = config_of(site).var / WALL_TOKEN_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_understood_lets_nobody_in(site: Path) -> None:
    run(site, "wall")
    file = config_of(site).var / WALL_TOKEN_FILE
    file.write_text("hello")
    kept = WallToken(config_of(site).var)
    assert not kept.is_right("hello")
    refused = run(site, "wall")
    assert refused.exit_code == 1
    assert "--renew" in refused.output
    file.unlink()
    assert not kept.is_right("")
