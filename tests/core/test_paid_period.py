"""Who is served by which contract: callers without a paid period, VIP and Basic in one queue, call-backs for VIP."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.commands import Place
from callcenter.core.contract import Contract, Standing, newest_first, standing
from callcenter.core.events import Customer, DayStarted, InnEntry, InnGiven, KeepPlaceAsked
from callcenter.core.ids import LineId
from callcenter.core.records import HungUpBy, Identification, Outcome
from callcenter.core.settings import AskedFor, Line, WithoutPeriod
from tests.core.story import ASKS_IN_QUEUE, ESTP, INN, Guest, Story, settings

TODAY = date(2026, 11, 30)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
TBS = LineId("estp")
PAID = Contract("12/А", "ivanov@example.ru", "", "Расширенный", date(2026, 9, 1), TODAY)
OVER = replace(PAID, paid_to=YESTERDAY)
VIP = Contract("77-1", level="VIP", paid_from=date(2026, 1, 1), paid_to=date(2026, 12, 31))


def customer(*contracts: Contract) -> Customer:
    return Customer("ООО «Ромашка»", "Пользователь", INN, contracts)


def line(without: WithoutPeriod | None = WithoutPeriod.QUEUE, *, before: bool = False, **changes: object) -> Line:
    found = replace(ESTP if before else ASKS_IN_QUEUE, customer_role="", class_of_digit=None, without_period=without)
    return replace(found, **changes)  # type: ignore[arg-type]


def begun(rules: Line, day: date | None = TODAY) -> Story:
    story = Story(settings(rules))
    story.tell(DayStarted(TBS, day))
    story.opens()
    return story


def keys(story: Story, guest: Guest, whose: Customer | None, *, queued: bool = True, digits: str = "12") -> None:
    """They key in digits of a contract."""
    story.tell(InnGiven(guest.call, InnEntry.ENTERED, digits, of_contract=whose, in_queue=queued))


LEVELS = line(
    None, classes=("vip", "basic"), default_class="basic", class_of_level={"VIP": "vip"}, asked_for=AskedFor.CONTRACT
)


# -- who has no paid period ------------------------------------------------------------------------------------------


@pytest.mark.clause("TBS 4.1")
def test_a_caller_without_a_paid_period_is_told_so_and_waits_where_the_line_says_so() -> None:
    story = begun(line())
    caller = story.calls(customer(OVER))
    caller.hears_greeting()
    assert (caller.state, caller.is_at(Place.WAITING)) == ("waiting", True)
    assert "not-paid" in caller.heard
    paying = story.calls(customer(PAID))
    paying.hears_greeting()
    assert "not-paid" not in paying.heard
    assert (paying.row.contract, caller.row.contract) == ("12/А", "")


@pytest.mark.clause("TBS 4.1")
@pytest.mark.parametrize("way", ["by number", "in the queue", "before the queue"])
@pytest.mark.parametrize(
    ("without", "place", "outcome"),
    [
        (WithoutPeriod.END, Place.NOT_PAID, Outcome.NOT_PAID),
        (WithoutPeriod.GENERAL_LINE, Place.GENERAL, Outcome.GENERAL_LINE),
    ],
)
def test_it_ends_or_goes_to_the_general_line_however_they_are_known(
    way: str, without: WithoutPeriod, place: Place, outcome: Outcome
) -> None:
    story = begun(line(without, before=way == "before the queue", asked_for=AskedFor.CONTRACT))
    caller = story.calls(customer(OVER) if way == "by number" else None)
    if way != "by number":
        caller.hears_greeting()
        keys(story, caller, customer(OVER), queued=way == "in the queue")
    assert (caller.is_at(place), caller.heard[-1]) == (True, "not-paid")
    assert story.line.waiting == {"urgent": 0, "normal": 0}
    caller.hangs_up()
    assert caller.row.outcome is outcome
    if without is WithoutPeriod.END:
        assert caller.row.hung_up_by is HungUpBy.SYSTEM


@pytest.mark.clause("TBS 4.1")
def test_a_phone_that_rings_for_somebody_without_a_paid_period_stops() -> None:
    story = begun(line(WithoutPeriod.END, asked_for=AskedFor.CONTRACT))
    story.logs_in("101")
    caller = story.calls()
    caller.hears_greeting()
    assert story.phone("101").rings
    keys(story, caller, customer(OVER))
    assert not story.phone("101").rings
    assert caller.is_at(Place.NOT_PAID)


@pytest.mark.clause("TBS 4.1")
def test_after_a_crash_who_was_turned_away_is_still_turned_away() -> None:
    story = begun(line(WithoutPeriod.END))
    caller = story.calls(customer(OVER))
    story.dies()
    story.starts_again()
    assert caller.is_at(Place.NOT_PAID)
    caller.hangs_up()
    assert caller.row.outcome is Outcome.NOT_PAID


@pytest.mark.clause("TBS 4.1")
@pytest.mark.clause("E-SAUDA 1.3")
def test_after_a_crash_in_the_greeting_who_has_paid_is_not_told_otherwise_and_keeps_the_level() -> None:
    story = begun(replace(LEVELS, without_period=WithoutPeriod.QUEUE))
    caller = story.calls(customer(VIP))
    story.dies()
    story.starts_again(told=DayStarted(TBS, TODAY))
    caller.hears_greeting()
    assert ("not-paid" in caller.heard, caller.row.urgency) == (False, "vip")


@pytest.mark.clause("TBS 4.1")
def test_midnight_of_the_lines_zone_decides_and_a_call_keeps_the_day_on_which_it_began() -> None:
    story = begun(line(WithoutPeriod.END, asked_for=AskedFor.CONTRACT))
    late = story.calls()
    late.hears_greeting()
    story.tell(DayStarted(TBS, TOMORROW))  # the plan ended at midnight
    keys(story, late, customer(PAID))
    assert (late.state, late.row.contract) == ("waiting", "12/А")
    after = story.calls(customer(PAID))
    assert after.is_at(Place.NOT_PAID)


@pytest.mark.clause("TBS 1, 4.1")
def test_nobody_is_turned_away_whom_the_directory_does_not_know() -> None:
    story = begun(line(WithoutPeriod.END, asked_for=AskedFor.CONTRACT))
    caller = story.calls()
    caller.hears_greeting()
    assert caller.heard[-1] == "ask-contract"
    keys(story, caller, None)
    assert caller.heard[-1] == "contract-again"
    keys(story, caller, None)
    assert (caller.state, "contract-unknown-go-on" in caller.heard) == ("waiting", True)
    story.tell(InnGiven(caller.call, InnEntry.ENTERED, INN, True, customer(OVER), in_queue=True))
    assert caller.state == "waiting", "this line does not know anybody by INN"


@pytest.mark.clause("TBS 1")
def test_a_caller_may_key_either_an_inn_or_a_contract() -> None:
    story = begun(line(asked_for=AskedFor.INN_OR_CONTRACT))
    first, second = story.calls(), story.calls()
    for caller in (first, second):
        caller.hears_greeting()
        assert caller.heard[-1] == "ask-inn-or-contract"
    keys(story, first, customer(PAID))
    story.tell(InnGiven(second.call, InnEntry.ENTERED, INN, True, customer(PAID), in_queue=True))
    assert first.row.identification is Identification.BY_CONTRACT
    assert second.row.identification is Identification.BY_INN


def test_before_anybody_knows_the_date_nobody_is_told_that_a_period_is_over() -> None:
    story = begun(line(WithoutPeriod.END), day=None)
    caller = story.calls(customer(OVER))
    caller.hears_greeting()
    assert caller.state == "waiting"


# -- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.clause("E-SAUDA 1.3")
def test_who_has_a_vip_contract_is_served_before_others_who_came_earlier() -> None:
    story = begun(LEVELS)
    basic, keyed, known = story.calls(customer()), story.calls(), story.calls(customer(VIP))
    for caller in (basic, keyed, known):
        caller.hears_greeting()
    keys(story, keyed, customer(VIP))
    assert [one.row.urgency for one in (basic, keyed, known)] == ["basic", "vip", "vip"]
    assert [one.row.level for one in (basic, keyed, known)] == ["", "VIP", "VIP"]
    served = []
    for person in ("101", "102", "103"):
        story.logs_in(person)
        story.phone(person).answers()
        served.append(next(one for one in (basic, keyed, known) if one.state == "talking" and one not in served))
    assert served == [keyed, known, basic]


@pytest.mark.clause("E-SAUDA 1.3")
def test_a_level_that_has_ended_is_none() -> None:
    story = begun(LEVELS)
    caller = story.calls(customer(replace(VIP, paid_to=YESTERDAY)))
    caller.hears_greeting()
    assert (caller.row.urgency, caller.row.level) == ("basic", "")


@pytest.mark.clause("E-SAUDA 2.2")
@pytest.mark.parametrize(("whose", "may"), [(customer(VIP), True), (customer(), False), (None, False)])
def test_only_vip_callers_order_a_call_back_by_keys(whose: Customer | None, may: bool) -> None:
    story = begun(replace(LEVELS, keep_place_key="9", call_back_levels=frozenset({"vip"})))
    caller = story.calls(whose)
    caller.hears_greeting()
    story.passes(60)
    assert ("keep-place-9" in caller.heard) is may
    story.tell(KeepPlaceAsked(caller.call))
    assert caller.is_at(Place.KEEP_PLACE if may else Place.WAITING)


# -- which contract counts -------------------------------------------------------------------------------------------


@pytest.mark.clause("TBS 4.1")
def test_of_overlapping_contracts_the_one_that_began_last_counts() -> None:
    old = Contract("1", plan="Базовый", paid_from=date(2026, 1, 1), paid_to=date(2026, 12, 31))
    new = Contract("2", plan="Расширенный", paid_from=date(2026, 11, 1), paid_to=date(2026, 11, 29))
    both = newest_first((old, new))
    assert standing(both, TBS, date(2026, 11, 15)).plan == "Расширенный"
    assert standing(both, TBS, TODAY).plan == "Базовый", "it runs on when the newer one has ended"
    assert standing(both, TBS, date(2027, 1, 1)) == Standing(paid_to=date(2026, 12, 31))
    assert standing((new, old), TBS, date(2026, 11, 15)).contract == "2", "the one that was named counts first"


@pytest.mark.clause("TBS 4.1")
def test_a_login_alone_is_no_paid_period_and_a_contract_for_another_line_is_none_here() -> None:
    assert standing((Contract(login="ivanov"),), TBS, TODAY) == Standing(contract="ivanov")
    assert standing((replace(PAID, line="e-sauda"),), TBS, TODAY) == Standing()
    assert standing((replace(PAID, line="estp"),), TBS, TODAY).paid


days = st.none() | st.dates(date(2026, 11, 1), date(2026, 12, 31))
contracts = st.builds(Contract, st.sampled_from(["", "1", "2"]), paid_from=days, paid_to=days)


@given(st.lists(contracts, max_size=5), st.dates(date(2026, 11, 1), date(2026, 12, 31)))
def test_somebody_has_a_paid_period_exactly_if_a_contract_says_so(found: list[Contract], day: date) -> None:
    ordered = newest_first(found)
    assert sorted(map(repr, ordered)) == sorted(map(repr, found))
    assert standing(ordered, TBS, day).paid == any(one.paid(day) for one in found)
    over = standing(ordered, TBS, day)
    if not over.paid and not any(one.holds(day) for one in found):
        assert over.paid_to is None or over.paid_to < day
