"""How the environment comes into being: what is done, what is left alone, and what is said when it cannot be done.

The script is real, on a sketched checkout; Python's venv, pip and uv are pretended, so that no network is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """#!/bin/sh
case "$1 $2" in
"-m venv") {venv}; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip") case "$*" in
    *" install "*) echo "$*" >>said; {pip}; cp uv "$(dirname "$0")/uv" ;;
    *global.index-url) {index} ;;
    *) exit 1 ;;
    esac ;;
*) {looked_at} ;;
esac
"""
UV = """#!/bin/sh
echo "uv $* ${UV_DEFAULT_INDEX:+from $UV_DEFAULT_INDEX}" >>said
case "$1" in
venv) rm -rf var/venv; mkdir -p var/venv/bin var/venv/lib/python3.11/site-packages; touch var/venv/bin/python
    chmod +x var/venv/bin/python ;;
esac
"""


class Checkout:
    """Of the locks and the script alone. What is pretended writes what it is asked to do into `said`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        (folder / "tools").mkdir()
        for name in ("environment.sh", "interpreter.py"):
            shutil.copy(ROOT / "tools" / name, folder / "tools")
        self._write("uv", UV)
        self.python()

    def python(
        self, *, version: str = "3.11.2", looked_at: str = "", venv: str = ":", pip: str = ":", index: str = "exit 1"
    ) -> None:
        """Whatever the machine's Python is now."""
        answer = looked_at or f'echo "/usr/bin/python3 {version}"'
        self._write("python3", PYTHON.format(venv=venv, pip=pip, index=index, looked_at=answer))

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def set_up(self, *words: str, named: bool = True) -> tuple[list[str], str]:
        """What uv was asked to do, and the complaints."""
        (self.folder / "said").write_text("")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "SSL_"))}
        outcome = subprocess.run(
            ["sh", str(self.folder / "tools/environment.sh"), *words],
            env=clean | {"PYTHON": str(self.folder / "python3") if named else ""},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (outcome.returncode != 0) == bool(outcome.stderr), outcome
        said = (self.folder / "said").read_text().splitlines()
        return [line.strip() for line in said if line.startswith("uv ")], outcome.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def kinds(done: Sequence[str]) -> list[str]:
    """`venv` or the lock that was installed."""
    return [line.split()[1] if line.split()[1] == "venv" else Path(line.split()[-1]).stem for line in done]


def test_what_is_there_is_left_alone(checkout: Checkout) -> None:
    done, _ = checkout.set_up("run")
    assert kinds(done) == ["venv", "run"]
    assert "--require-hashes" in done[-1]
    assert checkout.set_up("run") == ([], "")
    assert (checkout.folder / "var/venv/lib/python3.11/site-packages/callcenter-tree.pth").is_file()
    launcher = checkout.folder / "var/venv/bin/callcenter"
    assert os.access(launcher, os.X_OK)
    assert f'exec "{checkout.folder}/var/venv/bin/python" -m callcenter' in launcher.read_text()


def test_an_environment_for_development_stays_one(checkout: Checkout) -> None:
    checkout.set_up("run")
    assert kinds(checkout.set_up("dev")[0]) == ["dev"]
    assert checkout.set_up("run") == ([], "")


def test_another_lock_is_installed_and_another_python_makes_it_anew(checkout: Checkout) -> None:
    checkout.set_up("dev")
    with (checkout.folder / "requirements/dev.txt").open("a") as lock:
        lock.write("# newer\n")
    assert kinds(checkout.set_up("run")[0]) == ["dev"]
    checkout.python(version="3.13.5")
    assert kinds(checkout.set_up("run")[0]) == ["venv", "dev"]


def test_a_checkout_that_was_moved_is_set_up_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.set_up("run")
    checkout.folder = checkout.folder.rename(tmp_path / "moved")
    assert kinds(checkout.set_up("run")[0]) == ["venv", "run"]


def test_what_was_interrupted_is_done_again(checkout: Checkout) -> None:
    checkout._write("uv", UV + 'case "$*" in *sync*) exit 1 ;; esac\n')
    _, complaint = checkout.set_up("run")
    assert "Check that this machine reaches a Python package index" in complaint
    shutil.copy(checkout.folder / "uv", checkout.folder / "var/uv/bin/uv")
    (checkout.folder / "var/uv/bin/uv").write_text(UV)
    assert kinds(checkout.set_up("run")[0]) == ["run"]


def test_a_python_that_is_too_old_is_told(checkout: Checkout) -> None:
    older = "import sys; sys.version_info, sys.version = (3, 9, 2), '3.9.2 (main)'; exec(sys.argv[1])"
    checkout.python(looked_at=f'exec {sys.executable} -c "{older}" "$2"')
    _, complaint = checkout.set_up("run")
    assert complaint.startswith("environment: Python 3.9.2 is too old: 3.11 or newer is needed")


def test_no_python_at_all_is_told(checkout: Checkout) -> None:
    (checkout.folder / "python3").unlink()
    assert "Install Python 3.11 or newer" in checkout.set_up("run")[1]


def test_debians_missing_package_is_named(checkout: Checkout) -> None:
    checkout.python(venv="echo 'ensurepip is not available'; exit 1")
    _, complaint = checkout.set_up("dev")
    assert "apt-get install python3-venv" in complaint
    assert "ensurepip is not available" in complaint
    checkout.python()
    assert kinds(checkout.set_up("dev")[0]) == ["venv", "dev"]


def test_a_machine_without_a_network_is_told_and_a_mirror_that_pip_knows_is_uvs_too(checkout: Checkout) -> None:
    checkout.python(pip="exit 1")
    assert "pip could not install uv" in checkout.set_up("run")[1]
    checkout.python(index="echo https://mirror.example/simple")
    done, _ = checkout.set_up("run")
    assert all(line.endswith("from https://mirror.example/simple") for line in done), done


def test_locks_are_made_of_what_the_project_says(checkout: Checkout) -> None:
    done, _ = checkout.set_up("lock", "--upgrade")
    assert [Path(line.split()[-1]).stem for line in done] == ["run", "dev", "uv", "node"]
    assert all({"--generate-hashes", "--universal", "--upgrade"} <= set(line.split()) for line in done)


def test_a_python_that_nobody_named_is_chosen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Checkout(tmp_path / "checkout")  # a note has the path up to the first space
    quickest = checkout.folder / "quickest"
    checkout.python(looked_at=f'echo "{quickest} 3.13.5"')
    (checkout.folder / "python3").rename(quickest)
    answer = f'echo chose >>said; echo "{quickest}"; echo "taking it: the quickest here"'
    checkout._write("python3", f'#!/bin/sh\n[ "$1" = tools/interpreter.py ] || exit 1\n{answer}\n')
    monkeypatch.setenv("PATH", f"{checkout.folder}:{os.environ['PATH']}")
    assert kinds(checkout.set_up("run", named=False)[0]) == ["venv", "run"]
    assert "chose" in (checkout.folder / "said").read_text()
    assert checkout.set_up("run", named=False) == ([], "")
    assert "chose" not in (checkout.folder / "said").read_text()
