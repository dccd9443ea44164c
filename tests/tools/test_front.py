"""How the page's scripts come into being. Node.js and npm are pretended, so that no network is needed."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`tools/front.py`, with a home of its own, and programs that only write down what they are asked."""
    spec = importlib.util.spec_from_file_location("front_tool", ROOT / "tools" / "front.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    home, programs = tmp_path / "front", tmp_path / "programs"
    monkeypatch.setattr(module, "HOME", home)
    monkeypatch.setattr(module, "BUILT", home / "built")
    programs.mkdir()
    esbuild = home / "node_modules/esbuild/bin/esbuild"
    esbuild.parent.mkdir(parents=True)
    for path in (programs / "node", programs / "npm", esbuild):
        program(path, f'echo "{path.name} $*" >>"{tmp_path}/said"; [ "$1" != --version ] || echo v20.1.0')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return module


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def said(folder: Path) -> list[str]:
    file = folder / "said"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def test_what_is_up_to_date_costs_nothing(front: ModuleType, tmp_path: Path) -> None:
    front.build()
    assert said(tmp_path) == ["node", "npm", "esbuild"]
    front.build()
    assert said(tmp_path) == ["node", "npm", "esbuild"]
    (tmp_path / "front/built/made-from").write_text("another script")
    front.build()
    assert said(tmp_path) == ["node", "npm", "esbuild", "esbuild"], "the packages are there"


def test_packages_are_installed_without_their_own_scripts(front: ModuleType, tmp_path: Path) -> None:
    front.build()
    npm = next(line for line in (tmp_path / "said").read_text().splitlines() if line.startswith("npm "))
    assert npm.startswith("npm ci --ignore-scripts ")


def test_who_cannot_reach_a_registry_is_told_so(front: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "programs/npm", "exit 1")
    with pytest.raises(front.FrontError, match="Check that this machine reaches an npm registry"):
        front.build()
    program(tmp_path / "programs/npm", "exit 0")
    front.build()


def test_an_old_node_is_not_used(front: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "programs/node", "echo v18.20.0")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "programs/python"))
    python = 'mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "$(dirname "$0")/npm" "$4/bin/npm"'
    program(tmp_path / "programs/python", f'echo "python $*" >>"{tmp_path}/said"; [ "$2" != venv ] || {{ {python}; }}')
    front.build()
    assert said(tmp_path) == ["python", "python", "npm", "esbuild"]
    assert "--require-hashes" in (tmp_path / "said").read_text()


def test_the_lock_file_names_no_host_and_has_hashes() -> None:
    lock = (ROOT / "callcenter/desk/front/package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock
