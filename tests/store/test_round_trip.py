"""What the core knows comes back from the register, and from the spool, as it was: to the microsecond."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, String, delete, insert, select

from callcenter.core.commands import Save
from callcenter.store import Register
from callcenter.store.facts import Fact
from callcenter.store.rows import TABLE_OF, record_of, row_of
from callcenter.store.spool import _encode
from callcenter.store.tables import UtcDateTime, table_of
from tests.databases import Where
from tests.store.stories import MORNING, arrival, wall

_YEAR = 365 * 86400 * 10**6
MOMENTS = st.integers(-_YEAR, _YEAR).map(lambda microseconds: microseconds / 10**6)
FIGURES = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(-(2**31), 2**31 - 1)


def clock(moment: datetime) -> float:
    """The core's clock in these stories."""
    return (moment - MORNING).total_seconds()


def values(kind: type[Save], name: str, hint: Any) -> st.SearchStrategy[Any]:
    """Anything that the core could have put into a field of a fact."""
    column = table_of(TABLE_OF[kind]).c[name]
    hints = [one for one in get_args(hint) or (hint,) if one is not NoneType and one is not Ellipsis]
    if isinstance(column.type, UtcDateTime):
        found: st.SearchStrategy[Any] = MOMENTS
    elif isinstance(column.type, String) and isinstance(hints[0], type) and issubclass(hints[0], StrEnum):
        found = st.sampled_from(hints[0])
    elif isinstance(column.type, String):
        found = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=min(20, column.type.length or 20))
    elif hints[0] is float:
        found = FIGURES
    elif hints[0] is bool:
        found = st.booleans()
    elif hints[0] is int:
        found = COUNTS
    else:
        found = st.lists(st.text(max_size=5), max_size=3).map(tuple)
    return st.none() | found if NoneType in get_args(hint) else found


def facts(kind: type[Save]) -> st.SearchStrategy[Any]:
    """Any fact of a kind."""
    record = get_type_hints(kind)["record"]
    hints = get_type_hints(record)
    return st.builds(kind, st.builds(record, **{f.name: values(kind, f.name, hints[f.name]) for f in fields(record)}))


def there_and_back(kind: type[Save], rows: Sequence[Mapping[str, Any]], connection: Connection) -> Sequence[Any]:
    """Rows through a real table."""
    table = table_of(TABLE_OF[kind])
    alone = {"sqlite": "PRAGMA defer_foreign_keys = ON", "postgresql": "SET LOCAL session_replication_role = replica"}
    connection.exec_driver_sql(alone[connection.dialect.name])
    connection.execute(insert(table), rows)
    found = connection.execute(select(table).order_by(table.c.id)).all()
    connection.execute(delete(table))
    return found


@pytest.mark.parametrize("kind", TABLE_OF, ids=lambda kind: kind.__name__)
def test_any_fact_comes_back_from_the_database(where: Where, kind: type[Save]) -> None:
    with asyncio.Runner() as runner:
        register = runner.run(Register.open(where))

        examples = 100 if isinstance(where, Path) else 25

        @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(facts(kind))
        def comes_back(save: Save) -> None:
            row = row_of(save, wall, "a fact")
            [found] = runner.run(register.in_one_go(lambda connection: there_and_back(kind, [row], connection)))
            assert record_of(type(save.record), found._asdict(), clock) == save.record

        comes_back()
        runner.run(register.close())


@pytest.mark.parametrize("kind", TABLE_OF, ids=lambda kind: kind.__name__)
def test_any_fact_comes_back_from_the_spool(kind: type[Save]) -> None:
    @settings(deadline=None)
    @given(facts(kind), st.booleans())
    def comes_back(save: Save, opens_shift: bool) -> None:
        now = time.monotonic()
        fact = Fact(kind, row_of(save, wall, "a fact"), now - 5.0, opens_shift, 7, kept=True)
        found = Fact.of(json.loads(_encode(fact.content(wall))), 7, wall)
        assert math.isclose(found.since, fact.since, abs_tol=1.0)
        found.since = fact.since
        assert found == fact

    comes_back()


def test_a_row_that_lacks_what_a_fact_needs_is_told() -> None:
    row = row_of(arrival("1"), wall) | {"arrived_at": None}
    with pytest.raises(ValueError, match="arrived_at is empty"):
        record_of(type(arrival("1").record), row, clock)
