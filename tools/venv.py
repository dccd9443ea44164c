"""Make the virtual environment `var/venv` from the locked requirements: `python3 tools/venv.py run|dev`.

Standard library only: this is the first thing that runs on a fresh machine. A second call with nothing to do
returns at once, by a stamp over everything that the environment was made from.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "var" / "venv"
NEEDED = (3, 11)
LAUNCHER = """#!/bin/sh
exec "{python}" -m callcenter "$@"
"""


class SetupError(Exception):
    """The environment can't be made; the text says why and what to do."""


def main(arguments: list[str]) -> int:
    kind = arguments[0] if arguments else "run"
    if kind not in ("run", "dev"):
        print(f"venv: unknown kind {kind!r}; it is 'run' or 'dev'", file=sys.stderr)
        return 2
    try:
        VENV.parent.mkdir(exist_ok=True)
        with (VENV.parent / "venv.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            make(ROOT / "requirements" / f"{kind}.txt")
    except SetupError as error:
        print(f"venv: {error}", file=sys.stderr)
        return 1
    return 0


def make(requirements: Path) -> None:
    """Make the environment, or leave it alone if it was made from these very requirements."""
    if sys.version_info < NEEDED:
        raise SetupError(
            f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed. "
            "Name a newer one: make PYTHON=python3.12 …"
        )
    stamp = VENV / f"made-from-{requirements.name}"
    wanted = fingerprint(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    started_by = VENV / "made-by"
    if not started_by.is_file() or started_by.read_text() != interpreter() or not python().exists():
        create()
        started_by.write_text(interpreter())
    print(f"venv: installing {requirements.relative_to(ROOT)} (hashes checked) …", flush=True)
    pip = [str(python()), "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    outcome = subprocess.run([*pip, "install", "--require-hashes", "-r", str(requirements)], check=False)
    if outcome.returncode != 0:
        raise SetupError(
            "pip could not install the locked requirements (its message is above). "
            "Check that this machine reaches a Python package index, then run the same command again."
        )
    put_repository_on_path()
    stamp.write_text(wanted)
    if requirements.name == "dev.txt":  # it was locked on top of run.txt, so it holds all of that too
        run = requirements.with_name("run.txt")
        (VENV / f"made-from-{run.name}").write_text(fingerprint(run))


def fingerprint(requirements: Path) -> str:
    """What the environment depends on; any difference makes it anew."""
    content = hashlib.sha256(requirements.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    return f"{content} {interpreter()} {ROOT}\n"


def interpreter() -> str:
    return f"{Path(sys.executable).resolve()} {sys.version.split()[0]} at {VENV}"


def python() -> Path:
    return VENV / "bin" / "python"


def create() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    outcome = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False, capture_output=True, text=True)
    if outcome.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(
            "Python's own venv module does not work here. On Debian and Ubuntu, install it first: "
            f"apt-get install python3-venv\n{(outcome.stdout + outcome.stderr).strip()}"
        )


def put_repository_on_path() -> None:
    """The code runs from the working tree: nothing to reinstall after an edit."""
    # The scheme is named, because Debian's default one points into dist-packages.
    site_packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
    (site_packages / "callcenter-tree.pth").write_text(f"{ROOT}\n")
    launcher = VENV / "bin" / "callcenter"
    launcher.write_text(LAUNCHER.format(python=python()))
    launcher.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
