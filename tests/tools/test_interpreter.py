"""Which Python is taken: the quickest that would do. Those here are pretended, and answer as told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools import interpreter


class Machine:
    """Folders of a PATH with pretended Pythons."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: list[Path] = []

    def folder(self, **programs: str) -> None:
        """Put a folder on the PATH; a program's text is what it does when it is asked."""
        folder = self.root / str(len(self.folders))
        folder.mkdir()
        self.folders.append(folder)
        for name, does in programs.items():
            program = folder / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{does}\n")
            program.chmod(0o755)

    @property
    def path(self) -> str:
        return os.pathsep.join(map(str, self.folders))


def answers(path: str, version: str, seconds: float) -> str:
    return f"printf '%s\\n' {path} {version} {seconds}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_quickest_is_taken_whatever_comes_first(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.folder(
        python3=answers("/opt/own/python3.12", "3.12.1", 0.9), python3_12=answers("/opt/own/python3.12", "3.12.1", 0.8)
    )
    machine.folder(python3=answers("/usr/bin/python3.11", "3.11.2", 0.4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", machine.path)
        assert interpreter.main() == 0
    path, why = capsys.readouterr().out.splitlines()
    assert path == "/usr/bin/python3.11"
    assert why == (
        "taking /usr/bin/python3.11 (3.11.2): the quickest here; /opt/own/python3.12 (3.12.1) takes 2.25 times as long."
        " PYTHON=… names another."
    )


def test_of_those_that_are_about_as_quick_the_path_decides(machine: Machine) -> None:
    machine.folder(python3=answers("/a", "3.13.1", 0.42))
    machine.folder(python3=answers("/b", "3.11.2", 0.40))
    best = interpreter.chosen(interpreter.candidates(machine.path))
    assert best is not None
    assert best.path == "/a"


def test_what_does_not_run_or_is_too_old_is_passed_over(machine: Machine) -> None:
    machine.folder(python3="exit 1", python3_11="echo gibberish", python3_12="kill -9 $$")
    assert interpreter.candidates(machine.path) == []
    assert interpreter.candidates(str(machine.root / "nowhere")) == []
    assert interpreter.chosen([]) is None


def test_a_program_under_two_names_is_asked_once_and_a_script_each_time(machine: Machine) -> None:
    machine.folder(python3=f"echo asked >>{machine.root}/asked; exit 1")
    (machine.folders[0] / "python3.11").symlink_to("python3")
    interpreter.candidates(machine.path)
    assert (machine.root / "asked").read_text().split() == ["asked"] * 2
    machine.folder()
    for name in ("python3", "python3.11"):
        (machine.folders[1] / name).symlink_to(sys.executable)
    found = interpreter.candidates(str(machine.folders[1]))
    assert [one.path for one in found] == [os.path.realpath(sys.executable)]
    assert found[0].version == sys.version.split()[0]
    assert found[0].seconds > 0
