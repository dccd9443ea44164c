"""Asterisk and the controller as two services with a user each, as systemd runs them (docs/installing.md).

Asterisk sees its own folder alone; the controller, a member of its group, takes recordings and journal away. Everything
is real here but systemd: the same system calls make the namespaces and change the users.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import cast

import pytest
import yaml

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.asterisk import process
from callcenter.asterisk.render import Folders
from callcenter.config import Config
from tests.e2e.listening import CALLER, OPERATOR, hears, voice
from tests.e2e.processes import QUICK, STRAIGHT_TO_THE_QUEUE, manager, ready
from tests.e2e.station import PROJECT, Station, configuration, until
from tests.e2e.test_caller_conversation import assert_clear, sides
from tests.patience import patience

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start services as other users"),
    pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("setpriv"), reason="no util-linux here"),
]

CONTROLLER, ASTERISK = 64_901, 64_902
"""Users and groups without a name: nobody else's."""
UMASK = {CONTROLLER: "0027", ASTERISK: "0007"}
"""As in the units of systemd."""
CAREFUL = "0077"
"""Of a shell from which root starts a command of the controller by hand."""

SEES_ONLY = """
home="$1"; aside="$2"; shift 2
mount --bind "$home/var/asterisk" "$aside"
mount -t tmpfs -o mode=755 tmpfs "$home"
mkdir -p "$home/var/asterisk"
mount --bind "$aside" "$home/var/asterisk"
umount "$aside"
exec "$@"
"""
"""TemporaryFileSystem and BindPaths of the unit."""
SEES_PYTHON = """
base="$1"; top="$2"; aside="$3"; shift 3
mount --bind "$base" "$aside"
mount -t tmpfs -o mode=755 tmpfs "$top"
mkdir -p "$base"
mount --bind "$aside" "$base"
umount "$aside"
exec "$@"
"""
"""The interpreter of this environment may lie in root's home, which the controller's user cannot enter."""


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """That of the administrator who installs; a story before may have left a controller's."""
    ours = (*reversed(PROJECT.parents), PROJECT, PROJECT / "var", PROJECT / "var/venv")
    closed = [path for path in ours if not path.stat().st_mode & stat.S_IXOTH]
    if closed:
        pytest.skip(f"{closed[0]} is closed to other users: they cannot start our programs from there")
    before = os.umask(0o022)
    yield
    os.umask(before)


class Home:
    """/srv/callcenter, elsewhere, made as docs/installing.md says."""

    def __init__(self, place: Path, prompts: Path, umask: str) -> None:
        self._umask = umask
        place.chmod(0o755)
        self.path, self.aside = place / "home", place / "aside"
        for folder in (self.path, self.aside):
            folder.mkdir(mode=0o755)
        shutil.copytree(prompts, place / "prompts")
        for path in (place / "prompts", *(place / "prompts").rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        data = configuration(ivr=STRAIGHT_TO_THE_QUEUE, timings=QUICK, prompts=str(place / "prompts"))
        (self.path / "config.yaml").write_text(yaml.safe_dump(data, allow_unicode=True))
        for name, group, mode in (
            ("var", CONTROLLER, 0o750),
            ("recordings", CONTROLLER, 0o750),
            ("var/asterisk", ASTERISK, 0o2750),
        ):
            (self.path / name).mkdir()
            os.chown(self.path / name, CONTROLLER, group)
            (self.path / name).chmod(mode)
        self.config = Config.load(self.path / "config.yaml")
        self.folders = Folders.under(self.config.var)

    def controllers(self, *words: str) -> list[str]:
        """A command of the controller's service."""
        command = [sys.executable, "-m", "callcenter", *words, "--config", str(self.path / "config.yaml")]
        base = Path(sys.base_prefix)
        top = Path(*base.parts[:2])
        sees: list[str] = []
        if not top.stat().st_mode & stat.S_IXOTH:
            sees = ["sh", "-ec", SEES_PYTHON, "sh", str(base), str(top), str(self.aside)]
        return [*_UNSHARE, *sees, *as_user(CONTROLLER, self._umask, ASTERISK), *command]

    def asterisks(self, *words: str) -> list[str]:
        """A command of Asterisk's service."""
        sees = ["sh", "-ec", SEES_ONLY, "sh", str(self.path), str(self.aside)]
        return [*_UNSHARE, *sees, *as_user(ASTERISK, UMASK[ASTERISK]), *words]


_UNSHARE = ["unshare", "--mount", "--propagation", "private"]


def as_user(user: int, umask: str, *groups: int) -> list[str]:
    """The beginning of a command that another user runs."""
    more = [f"--groups={','.join(map(str, groups))}"] if groups else ["--clear-groups"]
    one = ["setpriv", f"--reuid={user}", f"--regid={user}", *more, "--no-new-privs"]
    return [*one, "sh", "-c", f'umask {umask}; exec "$@"', "sh"]


def ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=180)


@contextmanager
def service(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs for as long as the block; an error shows what it wrote."""
    with log.open("ab") as out, subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out) as running:
        try:
            yield running
        except BaseException:
            print(log.read_text()[-3000:])
            raise
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()


@asynccontextmanager
async def services(brief: Path, umask: str = UMASK[CONTROLLER]) -> AsyncIterator[tuple[Home, Station]]:
    """Settings are rendered and Asterisk runs; a controller may come and go."""
    with tempfile.TemporaryDirectory(prefix="callcenter-") as place:
        home = Home(Path(place), brief, umask)
        rendered = ran(home.controllers("render"))
        assert rendered.returncode == 0, rendered.stdout + rendered.stderr
        asterisk = [str(process.find(PROJECT).binary), "-f", "-n", "-C", str(home.folders.etc / "asterisk.conf")]
        with service(home.asterisks(*asterisk), Path(place) / "asterisk.log"):
            secrets = Secrets.load_or_create(home.config.var, home.config)
            line = Station(home.config, cast(Controller, None), secrets)
            async with manager(line):
                pass  # it has booted
            try:
                yield home, line
            finally:
                await line.close()


def users_of(pid: int) -> set[int]:
    """Every user id of a process: real, effective, saved, of files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return set(map(int, next(row for row in lines if row.startswith("Uid:")).split()[1:]))


def pid_of_asterisk(home: Home) -> int:
    found = process.left_behind(home.folders.etc)
    assert found
    return found


def open_to_others(folder: Path) -> list[str]:
    """What anybody on this machine could read, write or enter."""
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if not path.is_symlink() and path.stat().st_mode & 0o007]


@pytest.mark.clause("ESTP 2.6, 5.6.1")
@pytest.mark.parametrize("umask", [UMASK[CONTROLLER], CAREFUL])
async def test_a_call_is_recorded_and_registered_with_asterisk_under_a_user_of_its_own(brief: Path, umask: str) -> None:
    async with services(brief, umask) as (home, line):
        assert users_of(pid_of_asterisk(home)) == {ASTERISK}
        log = home.path.parent / "controller.log"
        with service(home.controllers("serve"), log) as controller:
            await ready(line)
            assert users_of(controller.pid) == {CONTROLLER}
            phone = await line.operator("101")
            caller = await line.caller()
            caller.say(voice(CALLER))
            leg = await phone.rings()
            leg.say(voice(OPERATOR))
            leg.answer()
            await hears(caller, OPERATOR)
            await hears(leg, CALLER)
            spooled = list(home.folders.recording.iterdir())
            assert spooled, "Asterisk records into its spool"
            assert {path.stat().st_uid for path in spooled} == {ASTERISK}
            await asyncio.sleep(1.0)
            leg.hang_up()
            row = await line.ended(outcome="answered")
            assert row["recording_problem"] == ""
            said, heard = sides(line, row)
            assert_clear(said, CALLER, OPERATOR)
            assert_clear(heard, OPERATOR, CALLER)
            await until(lambda: not list(home.folders.recording.iterdir()), what="the spool is emptied")
            recording = (home.config.recordings.folder / row["recording"]).stat()
            assert (recording.st_uid, recording.st_gid) == (CONTROLLER, CONTROLLER)

            second = await line.caller("+73421111102")
            second.say(voice(CALLER))
            leg = await phone.rings()
            leg.say(voice(OPERATOR))
            leg.answer()
            await hears(second, OPERATOR)
            controller.send_signal(signal.SIGKILL)
            controller.wait()
        leg.hang_up()
        async with patience(20):
            await second.ended.wait()
        with service(home.controllers("serve"), log):
            row = await line.ended(number="+73421111102")
            assert (row["outcome"], row["operator"]) == ("answered", "101"), "the journal of Asterisk has told it"
            assert row["recording"], row["recording_problem"]
        assert "ERROR" not in log.read_text(), log.read_text()
        assert open_to_others(home.config.var) == []
        assert open_to_others(home.config.recordings.folder) == []


async def test_asterisk_reaches_neither_secrets_nor_finished_recordings(brief: Path) -> None:
    """And cannot write its own settings."""
    async with services(brief) as (home, _line):
        tried = (
            ("cat", home.config.var / "secrets.yaml"),
            ("ls", home.config.recordings.folder),
            ("cat", home.config.database),
            ("touch", home.folders.etc / "manager.conf"),
            ("touch", home.folders.etc / "more.conf"),
        )
        for program, path in tried:
            done = ran(home.asterisks(program, str(path)))
            assert done.returncode, f"{program} {path}"
            assert any(why in done.stderr for why in ("Permission denied", "No such file")), done.stderr
        assert ran(home.asterisks("cat", str(home.folders.etc / "manager.conf"))).returncode == 0, "but reads them"
