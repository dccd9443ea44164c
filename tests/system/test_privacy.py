"""Other users of this machine read nothing of ours, not even what was there before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.system.privacy import GROUP, OTHERS, TOOLS, forbidden, open_to, set_umask, share, tighten
from tools import front, parts

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def filled(folder: Path) -> Path:
    """A folder as an earlier version left it."""
    inner = folder / "var" / "estp" / "2026-11-20"
    inner.mkdir(parents=True)
    for path in (inner / "talk.wav", folder / "var" / "journal.csv"):
        path.write_text("voices")
    (folder / "var" / "program").write_text("#!/bin/sh")
    (folder / "var" / "program").chmod(0o755)
    return folder / "var"


@pytest.mark.parametrize(("mask", "file", "program"), [(GROUP | OTHERS, 0o600, 0o700), (OTHERS, 0o640, 0o750)])
def test_what_was_there_becomes_private(tmp_path: Path, mask: int, file: int, program: int) -> None:
    var = filled(tmp_path)
    assert open_to(var, mask) == 5
    assert tighten(var, mask) == 5
    assert [mode(path) for path in (var, var / "estp", var / "program")] == [program] * 3
    assert [mode(path) for path in var.rglob("*.*") if path.is_file()] == [file] * 2
    assert (open_to(var, mask), tighten(var, mask)) == (0, 0)
    (var / "journal.csv").chmod(0o644)
    assert open_to(var, mask) == 0, "nobody else can enter the folder"


def test_links_lead_nowhere_and_programs_stay_as_they_are(tmp_path: Path) -> None:
    var, outside = filled(tmp_path), tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("not ours to change")
    (var / "link").symlink_to(outside / "file")
    (var / "folder").symlink_to(outside)
    for name in TOOLS:
        (var / name).mkdir()
        (var / name / "python").write_text("x")
    os.mkfifo(var / "pipe")
    tighten(var, GROUP | OTHERS)
    assert [mode(path) for path in (outside, outside / "file")] == [0o755, 0o644]
    assert {mode(var / name / "python") for name in TOOLS} == {0o644}


def test_what_the_set_up_leaves_is_nothing_to_warn_of(tmp_path: Path) -> None:
    """At the very first start there is nothing personal yet. `tools/environment.sh` has its lock in the cache."""
    assert {front.HOME, parts.PARTS} <= {ROOT / "var" / name for name in TOOLS}
    var = tmp_path / "var"
    for name in TOOLS:
        (var / name).mkdir(parents=True)
        (var / name / "file").touch()
    assert (open_to(var, OTHERS), tighten(var, GROUP | OTHERS)) == (0, 0)
    assert mode(var) == 0o700, "what comes is private"


def test_the_folder_of_recordings_as_it_comes_is_nothing_to_warn_of(tmp_path: Path) -> None:
    """An empty file keeps it in a clone: private from now on, like what will be there."""
    kept = tmp_path / "recordings" / ".gitkeep"
    kept.parent.mkdir()
    kept.touch(0o644)
    assert (open_to(kept.parent, OTHERS), tighten(kept.parent, GROUP | OTHERS)) == (0, 0)
    assert (mode(kept.parent), mode(kept)) == (0o700, 0o600)


def test_a_folder_that_is_not_there_or_is_a_link_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(filled(tmp_path))
    assert (tighten(tmp_path / "nothing", OTHERS), tighten(tmp_path / "link", OTHERS)) == (0, 0)


def test_the_umask_only_ever_takes_away() -> None:
    set_umask(OTHERS)
    assert forbidden() == OTHERS
    assert os.umask(0o022) == 0o027
    set_umask(GROUP | OTHERS)
    assert forbidden() == GROUP | OTHERS
    assert os.umask(0o022) == 0o077


@pytest.mark.parametrize(
    ("command", "expected"), [("run", "077"), ("check", "077"), ("serve", "027"), ("render", "027")]
)
def test_what_a_command_makes_is_private(tmp_path: Path, command: str, expected: str) -> None:
    """Whatever umask the shell had. The services share a group with Asterisk, which has a user of its own."""
    program = (
        "import os, sys; from callcenter.cli import main, options\n"
        "def load(path): print(f'{os.umask(0):03o}'); sys.exit()\n"
        "options.load = load\n"
        "main.main()\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.stdout.strip() == expected, told.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to any group")
@pytest.mark.parametrize(
    ("group", "mode", "file"),
    [(64_902, 0o2750, 0o640), (64_902, 0o750, 0o600), (None, 0o2750, 0o600)],
    ids=["made for another service", "without setgid", "of our own group"],
)
def test_a_folder_that_was_made_for_another_service_is_shared_whatever_the_umask(
    tmp_path: Path, group: int | None, mode: int, file: int
) -> None:
    """Somebody starts a command by hand, from a shell with umask 077."""
    os.umask(0o077)
    folder = tmp_path / "asterisk"
    folder.mkdir()
    os.chown(folder, -1, os.getegid() if group is None else group)
    folder.chmod(mode)
    share(folder)
    (folder / "settings").touch()
    assert (folder / "settings").stat().st_mode & 0o777 == file
    share(tmp_path / "nowhere")
