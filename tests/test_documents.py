"""What is generated in the documents agrees with the code and the tests."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import yaml

PROJECT = Path(__file__).resolve().parent.parent


def tool() -> ModuleType:
    """`tools/docs.py`, which is a script and not a package."""
    spec = importlib.util.spec_from_file_location("docs_tool", PROJECT / "tools" / "docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_current() -> None:
    for path, text in tool().documents().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not current: run `make docs`"


def test_every_diagram_of_the_core_is_shown() -> None:
    shown = set(re.findall(r"<!-- diagram (\w+) -->", (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    assert shown == set(tool().MACHINES)


def test_every_clause_that_is_said_to_work_has_a_test() -> None:
    clauses = yaml.safe_load((PROJECT / "docs" / "clauses.yaml").read_text(encoding="utf-8"))
    tested = tool().clause_tests(PROJECT / "tests")
    by_nature = {"ESTP 2.7"}  # nothing to show: there is no other channel
    without = [clause for clause, entry in clauses.items() if "how" in entry and clause not in tested]
    assert set(without) <= by_nature, f"no test is marked with {without}"


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(PROJECT)} links to {target}"
