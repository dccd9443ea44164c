"""What is generated in the documents agrees with the code and the tests."""

from __future__ import annotations

import importlib.util
import json
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


def test_the_description_of_the_api_has_every_request_and_each_body_is_one_that_it_takes() -> None:
    document = json.loads((PROJECT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    assert {"/api/login", "/api/pause", "/api/articles/{name}", "/api/live", "/healthz"} <= set(document["paths"])
    schemas = document["components"]["schemas"]
    log_in = document["paths"]["/api/login"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert log_in == {"$ref": "#/components/schemas/Login"}
    assert set(schemas["Login"]["required"]) == {"id", "password"}
    assert schemas["Login"]["additionalProperties"] is False
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= set(schemas), "every schema that is named is there"
    search = document["paths"]["/api/articles"]["get"]
    assert {one["name"] for one in search["parameters"]} == {"q", "line", "subject", "limit"}
    written = document["paths"]["/api/news"]["post"]["responses"]
    assert document["paths"]["/api/news"]["post"]["description"] == "For: `head`."
    assert "ends before it begins" in written["400"]["description"]
