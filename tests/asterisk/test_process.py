"""An Asterisk of our own, found, started and stopped. In its place small programs that behave as badly as one can."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from callcenter.asterisk import process
from callcenter.asterisk.process import AsteriskError, Program
from callcenter.asterisk.render import Installation
from tests.patience import patience

LIMIT = 10.0


def tool(project: Path, script: str) -> Path:
    """A project whose `tools/parts.py` is this script."""
    (project / "tools").mkdir()
    (project / "tools/parts.py").write_text(script)
    return project


def program(folder: Path, script: str) -> Program:
    binary = folder / "asterisk"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return Program(binary, Installation(folder, folder), "22")


class Sign:
    """A pipe into which a program says that it stands."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sign"
        os.mkfifo(self.path)

    async def given(self) -> str:
        async with patience(LIMIT):
            return await asyncio.to_thread(self.path.read_text)


def test_what_the_set_up_found_is_used(tmp_path: Path) -> None:
    script = """import json, sys
assert sys.argv[1:] == ["--where", "asterisk"]
print(json.dumps({"binary": "/p/asterisk", "modules": "/p/modules", "data": "/p/data", "version": "22.1"}))
"""
    found = process.find(tool(tmp_path, script))
    assert found == Program(Path("/p/asterisk"), Installation(Path("/p/modules"), Path("/p/data")), "22.1")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import sys; sys.exit('asterisk is not here; run: make run')", "asterisk is not here; run: make run"),
        ("import sys; sys.exit(3)", "Asterisk was not found; run: make run"),
    ],
)
def test_what_the_set_up_says_is_passed_on(tmp_path: Path, script: str, told: str) -> None:
    with pytest.raises(AsteriskError) as caught:
        process.find(tool(tmp_path, script))
    assert str(caught.value) == told


def test_a_set_up_that_hangs_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_LOOKING", 0.2)
    with pytest.raises(AsteriskError, match="did not say in 0 s where Asterisk is; run: make run"):
        process.find(tool(tmp_path, "import time; time.sleep(60)"))


def test_without_the_set_up_there_is_another_way(tmp_path: Path) -> None:
    with pytest.raises(AsteriskError, match=r"parts\.py is missing: .*set asterisk\.start to false"):
        process.find(tmp_path)


def test_a_control_socket_too_deep_for_its_kind_goes_to_a_temporary_folder(tmp_path: Path) -> None:
    assert process.run_folder(Path("/srv/var")) == (Path("/srv/var/asterisk/run"), False)
    deep, temporary = process.run_folder(tmp_path / ("x" * 80))
    try:
        assert temporary
        assert deep.is_dir()
        assert len(str(deep / "asterisk.ctl")) <= 100
        assert deep.stat().st_mode & 0o077 == 0
    finally:
        process.remove(deep)
    assert not deep.exists()
    process.remove(deep)


async def test_it_runs_in_the_foreground_with_our_settings_and_stops_with_us(tmp_path: Path) -> None:
    sign, stopped = Sign(tmp_path), tmp_path / "stopped"
    script = f'trap "touch {stopped}; exit 0" TERM; echo "$@" > {sign.path}; while :; do sleep 0.02; done'
    async with process.running(program(tmp_path, script), tmp_path / "etc") as child:
        assert (await sign.given()).split() == ["-C", str(tmp_path / "etc/asterisk.conf"), "-f", "-q"]
        assert os.getpgid(child.pid) != os.getpgid(0), "Ctrl-C would reach it before us"
    assert child.returncode == 0
    assert stopped.exists()


async def test_one_that_does_not_stop_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "STOPPING", 0.1)
    sign = Sign(tmp_path)
    script = f'trap "" TERM; echo yes > {sign.path}; while :; do sleep 0.02; done'
    with caplog.at_level(logging.WARNING):
        async with process.running(program(tmp_path, script), tmp_path) as child:
            await sign.given()
    assert child.returncode == -9
    assert "Asterisk did not stop" in caplog.text


async def test_one_that_died_by_itself_is_left_in_peace(tmp_path: Path) -> None:
    async with process.running(program(tmp_path, "exit 7"), tmp_path) as child, patience(LIMIT):
        assert await child.wait() == 7
    assert child.returncode == 7


async def test_it_is_stopped_when_our_own_work_fails(tmp_path: Path) -> None:
    there, children = program(tmp_path, "exec sleep 60"), []

    async def work() -> None:
        async with process.running(there, tmp_path) as child:
            children.append(child)
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        await work()
    assert [child.returncode for child in children] == [-15]
    with pytest.raises(ProcessLookupError):
        os.kill(children[0].pid, 0)


@pytest.mark.parametrize(("mode", "told"), [(0o644, "Permission denied"), (None, "No such file or directory")])
async def test_a_program_that_cannot_be_run_is_said(tmp_path: Path, mode: int | None, told: str) -> None:
    there = program(tmp_path, "exit 0")
    there.binary.chmod(mode) if mode else there.binary.unlink()
    with pytest.raises(AsteriskError, match=f"{told}; fetch it again: make run"):
        async with process.running(there, tmp_path):
            pytest.fail("it did not run")
