"""What a new table changes in the customers' directory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.contract import Contract
from callcenter.core.events import Customer
from callcenter.customers.difference import Entry, difference

SCHOOL, CLINIC = Customer("Школа", "Заказчик", "5902290635"), Customer("Поликлиника", "Заказчик", "5904000003")


def test_who_is_new_changed_gone_or_the_same() -> None:
    before = [("+73422000001", SCHOOL), ("+73422000002", CLINIC), ("+73422000003", CLINIC)]
    after = [("+73422000001", CLINIC), ("+73422000003", CLINIC), ("+73422000004", SCHOOL)]
    found = difference(before, after)
    assert (found.added, found.changed, found.removed, found.unchanged) == (1, 1, 1, 1)
    assert found.examples == {
        "added": (("+73422000004", SCHOOL),),
        "changed": (("+73422000001", CLINIC),),
        "removed": (("+73422000002", CLINIC),),
    }


def test_contracts_without_a_number_are_told_apart() -> None:
    first, second = (Customer("А", "Заказчик", "5902290635", (Contract(number=name),)) for name in ("1", "2"))
    found = difference([("", first)], [("", first), ("", second)])
    assert (found.added, found.unchanged) == (1, 1)


ENTRIES = st.lists(
    st.tuples(st.sampled_from(["+71", "+72", "+73"]), st.sampled_from([SCHOOL, CLINIC])), unique_by=lambda one: one[0]
)


@given(ENTRIES, ENTRIES)
def test_what_is_new_one_way_is_gone_the_other(before: list[Entry], after: list[Entry]) -> None:
    there, back = difference(before, after), difference(after, before)
    assert (there.added, there.changed, there.removed) == (back.removed, back.changed, back.added)
    assert there.nothing == (dict(before) == dict(after))
    assert there.added + there.changed + there.unchanged == len(after)
