"""Only the floor writes the floor: read from the core's own source, so that it stays so.

What a rule changed by itself would not be taken back when an exception cuts it short. The second line of defence is
`test_containment`, which cuts every rule short at every line.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType

import pytest

from callcenter import core
from callcenter.core import changes
from callcenter.core.caller import Caller
from callcenter.core.floor import Floor
from callcenter.core.offer import Offer
from callcenter.core.operator import Operator
from callcenter.core.records import CallRecord, OfferRecord
from tests.core.story import settings

SOURCES = sorted(Path(core.__file__).parent.rglob("*.py"))
OWNERS = frozenset({"floor.py", "undo.py"})
PARTS = frozenset({"line.py", "queue.py", "roster.py", "statistics.py", "ledger.py", "calibration.py"})
"""What a line and a group consist of: they change themselves, and note it."""
NAMES_OF_PARTS = frozenset({"queue", "waits", "day", "handling", "answering", "patience", "arrivals", "ledger"})
MUTATORS = frozenset(dir(list) + dir(dict) + dir(set) + dir(deque)) - frozenset(
    dir(tuple) + dir(frozenset) + dir(MappingProxyType) + ["fromkeys"]
)
"""Whatever a container has that one which does not change has not."""
FRESH = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.Call, ast.BinOp, ast.Tuple)


@pytest.mark.parametrize("source", [each for each in SOURCES if each.name not in OWNERS], ids=lambda path: path.name)
def test_a_rule_changes_nothing_but_through_the_floor(source: Path) -> None:
    assert list(writes(source.read_text(), part=source.name in PARTS)) == []


@pytest.mark.parametrize(
    "rule",
    [
        "caller.offer = ''",
        "caller.leg, found = leg.id, True",
        "line.lines_in_use -= 1",
        "del floor.callers[caller.call]",
        "floor.at_phone[phone] = person",
        "caller.promises.append(record)",
        "calls = line.cut_off.setdefault(number, [])",
        "calls = line.cut_off\n    calls[number] = ()",
        "legs = caller.legs\n    legs.add(leg)",
        "setattr(caller, 'offer', '')",
        "floor._undo.set(caller, 'offer', '')",
        "vars(line).update(open=True)",
        "for caller.leg in legs: pass",
    ],
)
def test_such_a_change_would_be_found(rule: str) -> None:
    assert list(writes(f"def rule(floor, caller, line, leg):\n    {rule}\n", part=False))


def test_a_part_notes_what_it_does_to_its_containers() -> None:
    assert list(writes("class Queue:\n    def join(self, call):\n        self._all.append(call)\n", part=True))
    assert not list(
        writes("class Queue:\n    def join(self, call):\n        self._undo.append(self._all, call)\n", part=True)
    )


def test_no_change_goes_around_a_lifecycle() -> None:
    """What may be set by name exists, and is none of what the tables move, or what counts lines in use."""
    lifecycles = {"state", "presence", "activity", "admitted", "record"}
    for of, may in (
        (Caller, changes.CallerChange),
        (Offer, changes.OfferChange),
        (Operator, changes.OperatorChange),
        (CallRecord, changes.CallEntry),
        (OfferRecord, changes.OfferEntry),
    ):
        names = set(may.__annotations__)
        assert names <= {field.name for field in fields(of)}
        assert not names & lifecycles
    floor, line = vars(Floor(settings())), next(iter(Floor(settings()).lines.values()))
    assert set(changes.FloorChange.__annotations__) <= set(floor)
    assert set(changes.LineChange.__annotations__) <= set(vars(line)) - {"lines_in_use"}


def writes(source: str, *, part: bool) -> Iterator[str]:
    """Everything in the source that changes what was not made in the same function."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        fresh = _fresh(function)
        for node in ast.walk(function):
            for target in _targets(node):
                if not _allowed(target, fresh, own=part or function.name == "__init__"):
                    yield f"{function.name}: {ast.unparse(target)} is changed"
            if isinstance(node, ast.Call) and _mutates(node, fresh):
                yield f"{function.name}: {ast.unparse(node)}"
            if isinstance(node, ast.Attribute) and node.attr == "_undo" and ast.unparse(node.value) != "self":
                yield f"{function.name}: {ast.unparse(node)}"


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.NamedExpr | ast.comprehension):
        found = [node.target]
    for target in found:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _allowed(target: ast.expr, fresh: set[str], *, own: bool) -> bool:
    if isinstance(target, ast.Attribute):
        return own and ast.unparse(target.value) == "self"
    if isinstance(target, ast.Subscript):
        return isinstance(target.value, ast.Name) and target.value.id in fresh
    return True


def _mutates(call: ast.Call, fresh: set[str]) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in ("setattr", "delattr", "vars")
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in MUTATORS:
        return False
    on = call.func.value
    if isinstance(on, ast.Subscript):
        on = on.value
    if isinstance(on, ast.Attribute):
        return on.attr not in NAMES_OF_PARTS | {"_undo"}
    return isinstance(on, ast.Name) and on.id not in fresh | NAMES_OF_PARTS | {"undo", "window", "self"}


def _fresh(function: ast.FunctionDef) -> set[str]:
    """Names that this function gives to what it has made itself, and to nothing else."""
    made: dict[str, bool] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            for target in _targets(node):
                if isinstance(target, ast.Name):
                    made[target.id] = made.get(target.id, True) and _is_fresh(node.value)
    return {name for name, fresh in made.items() if fresh}


def _is_fresh(value: ast.expr) -> bool:
    """Made here. A method that hands out a container of the floor's would be one that is named here."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr not in ("get", "setdefault", "values", "items", "keys")
    return isinstance(value, FRESH)
