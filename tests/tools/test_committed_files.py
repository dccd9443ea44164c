"""What is committed: nothing that ties it to one package registry, and code that keeps the rules."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Built from pieces, so that this file passes its own test.
REGISTRIES = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("ftp", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("security", "ubuntu", "com"),
        ("ports", "ubuntu", "com"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("proxy", "golang", "org"),
    )
)


def committed_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git repository")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_committed_file_names_a_package_registry() -> None:
    found = []
    for path in committed_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        text = content.decode("utf-8", "replace").lower()
        found += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRIES if host in text]
    assert found == []


@pytest.mark.parametrize(("name", "at_least"), [("run", 16), ("dev", 16), ("uv", 1), ("node", 1)])
def test_locked_requirements_are_all_pinned_and_hashed(name: str, at_least: int) -> None:
    joined = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) >= at_least
    assert [line[:60] for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_nothing_is_locked_but_what_is_looked_at_here() -> None:
    """A uv.lock would name a registry for every package."""
    locks = [path.name for path in committed_files() if path.parent.name == "requirements" or path.suffix == ".lock"]
    assert sorted(locks) == ["dev.txt", "node.txt", "run.txt", "uv.txt"]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_keep_the_rules() -> None:
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("callcenter/core/__init__.py", "import asyncio"),
        ("callcenter/core/__init__.py", "import sqlalchemy"),
        ("callcenter/core/__init__.py", "import callcenter.metrics"),
        ("callcenter/metrics.py", "import panoramisk"),
        ("callcenter/metrics.py", "import callcenter.asterisk.ami"),
    ],
)
def test_an_import_against_the_rules_is_found(tmp_path: Path, module: str, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    # A sketch of the tree, every module of it empty: the rules are tried, not the modules.
    for path in (ROOT / "callcenter").rglob("*.py"):
        sketched = tmp_path / path.relative_to(ROOT)
        sketched.parent.mkdir(parents=True, exist_ok=True)
        sketched.touch()
    (tmp_path / "callcenter/asterisk/connection.py").write_text("import panoramisk\n")
    assert lint_imports(tmp_path).returncode == 0
    (tmp_path / module).write_text(f"{line}\n")
    outcome = lint_imports(tmp_path)
    assert outcome.returncode != 0
    assert "BROKEN" in outcome.stdout


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("callcenter/calendar/clock.py", True),
        ("callcenter/cli/promises.py", True),
        ("callcenter/reports/promises.py", False),
        ("callcenter/app/controller.py", False),
        ("tests/reports/test_promises.py", False),
        ("tests/e2e/station.py", True),
    ],
)
@pytest.mark.parametrize(
    "line",
    [
        "def seconds(clock=time.time): ...",
        "def age(now=None): now = now or datetime.now(UTC)",
        "def late(today=date.today()): ...",
        "hour = time.strftime('%H')",
        "now = clock.wall_clock()",
    ],
)
def test_who_reads_the_clock_on_the_wall_below_the_edges_is_found(
    tmp_path: Path, module: str, allowed: bool, line: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).parent.mkdir(parents=True)
    imported = "import time\nfrom datetime import UTC, date, datetime\nfrom callcenter.calendar import clock\n"
    (tmp_path / module).write_text(f"{imported}{line}\n")
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--select", "TID251", module]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (outcome.returncode == 0) is allowed, outcome.stdout
    assert ("TID251" in outcome.stdout) is not allowed
