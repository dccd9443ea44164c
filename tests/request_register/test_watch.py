"""Warnings before and after targets: each once, in working hours, at the desk, in the metrics and by e-mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.core.ids import LineId
from callcenter.desk.language import TEXTS
from callcenter.request_register.calendars import follow_calendars
from callcenter.request_register.outbox import Outbox
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.watch import TargetWatch, Warned
from callcenter.requests import actions as do
from callcenter.requests.escalation import Escalation, Notice, Warn, due_warnings, next_look
from callcenter.requests.request import Fact, Way
from callcenter.requests.targets import TargetKind
from callcenter.store import Register
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, act, draft, in_work, new
from tests.requests.lines import MOSCOW, moscow
from tests.store.stories import stored

pytestmark = pytest.mark.clause("ESTP 5.5.3")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ESTP = LineId("estp")
RULES = Escalation(
    {
        TargetKind.FORM: Notice((15 * MINUTE,), (timedelta(),)),
        TargetKind.ASSIGNMENT: Notice((30 * MINUTE,), (timedelta(), HOUR)),
        TargetKind.ANSWER: Notice((4 * HOUR, HOUR), (timedelta(),)),
    }
)
HOURS = WorkingHours(MOSCOW, time(9), time(18))


class Wall:
    now = CALLED

    def __call__(self) -> datetime:
        return self.now


def watching(
    database: Register, escalation: Escalation = RULES, email: str = "head@example.ru", language: str = "ru"
) -> TargetWatch:
    return TargetWatch(database, of_lines, {ESTP: Warned(escalation, email, TEXTS[language].gettext)}, Wall())


def warned(path: Path) -> list[tuple[str, float]]:
    return [
        (kind, offset / 60)
        for kind, offset in stored(path, "SELECT kind, offset_seconds FROM request_warnings ORDER BY id")
    ]


@pytest.mark.clause("TBS 3.3")
async def test_a_draft_is_told_before_its_hour_is_over_and_after_it_once_each(
    requests: RequestRegister, database: Register, path: Path
) -> None:
    await draft(requests)
    watch = watching(database)
    for minute in range(0, 120, 5):
        await watch.look(CALLED + minute * MINUTE)
    assert warned(path) == [("form", -15), ("form", 0)]
    assert watch.given == {(ESTP, TargetKind.FORM, "before"): 1, (ESTP, TargetKind.FORM, "after"): 1}
    [before, after] = await Outbox(database).due(Way.EMAIL, CALLED + 3 * HOUR)
    assert (before.address, before.subject) == (
        "head@example.ru",
        "Сроки обращений (estp): пропущено 0, скоро истекают 1",
    )
    assert after.text == "Черновик от 30.11 10:00: форма не передана руководителю, срок истёк 30.11.2026 11:00\n"


async def test_a_head_who_reads_english_is_told_in_english(requests: RequestRegister, database: Register) -> None:
    await draft(requests)
    await watching(database, language="en").look(CALLED + HOUR)
    [letter] = await Outbox(database).due(Way.EMAIL, CALLED + 3 * HOUR)
    assert letter.subject == "Targets of requests (estp): 1 missed, 0 soon"
    assert letter.text == "Form of 30.11 10:00: the form was not passed to the head, was due 30.11.2026 11:00\n"


async def test_only_what_has_changed_or_is_due_is_looked_at(requests: RequestRegister, database: Register) -> None:
    filed = await new(requests)
    watch = watching(database)
    looked = [await watch.look(CALLED + minute * MINUTE) for minute in (3, 4, 5, 91, 93, 94, 95)]
    assert looked == [1, 0, 0, 0, 1, 0, 0], "the assignment is due at 12:02, and half an hour before it is told"
    await act(requests, filed, do.Refuse("401", "хулиганство", "брань"), CALLED + 96 * MINUTE)
    assert await watch.look(CALLED + 97 * MINUTE) == 0


async def test_a_controller_that_was_away_tells_the_latest_only(
    requests: RequestRegister, database: Register, path: Path
) -> None:
    await in_work(requests, urgency="Срочно")
    await watching(database).look(moscow("2026-12-01 17:30"))
    assert warned(path) == [("answer", -60)]


async def test_after_a_restart_nothing_is_told_twice(requests: RequestRegister, database: Register, path: Path) -> None:
    await draft(requests)
    for _ in range(2):
        watch = watching(database)
        await watch.look_anew()
        await watch.look(CALLED + 50 * MINUTE)
    assert warned(path) == [("form", -15)]
    assert len(await Outbox(database).due(Way.EMAIL, CALLED + HOUR)) == 1


@pytest.mark.clause("ESTP 5.5.5")
async def test_a_target_that_moves_has_warnings_of_its_own_again(
    requests: RequestRegister, database: Register, path: Path
) -> None:
    filed = await in_work(requests, urgency="Срочно")
    watch = watching(database)
    await watch.look(moscow("2026-12-01 17:30"))
    expected = moscow("2026-12-03 12:00")
    await act(requests, filed, do.Inform("201", ("ждём",), expected, "Будет"), moscow("2026-12-01 17:40"))
    for at in ("2026-12-02 12:00", "2026-12-03 11:30", "2026-12-03 12:01"):
        await watch.look(moscow(at))
    assert warned(path) == [("answer", -60), ("answer", -60), ("answer", 0)]


async def test_at_night_nobody_is_warned_unless_the_line_wants_that(
    requests: RequestRegister, database: Register, path: Path
) -> None:
    await draft(requests, at=moscow("2026-11-30 17:50"))
    watch = watching(database)
    await watch.look(moscow("2026-11-30 19:00"))
    assert warned(path) == []
    await watch.look(moscow("2026-12-01 09:00"))
    assert warned(path) == [("form", 0)]
    await draft(requests, at=moscow("2026-12-01 20:00"))
    await watching(database, replace(RULES, at_all_hours=True)).look(moscow("2026-12-01 20:46"))
    assert warned(path) == [("form", 0), ("form", -15)]


async def test_without_an_address_the_warning_is_stored_and_counted_all_the_same(
    requests: RequestRegister, database: Register, path: Path
) -> None:
    await draft(requests)
    watch = watching(database, email="")
    await watch.look(CALLED + 50 * MINUTE)
    assert warned(path) == [("form", -15)]
    assert watch.given.total() == 1
    assert await Outbox(database).due(Way.EMAIL, CALLED + HOUR) == []


async def test_many_are_told_in_one_email_and_each_only_once(
    requests: RequestRegister, database: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callcenter.request_register.watch.AT_ONCE", 4)
    for _ in range(6):
        await draft(requests)
    watch = watching(database)
    at = CALLED + 50 * MINUTE
    assert [await watch.look(at) for _ in range(3)] == [4, 2, 0]
    assert len(await Outbox(database).due(Way.EMAIL, at)) == 2


async def test_the_next_look_is_never_later_than_the_next_warning(requests: RequestRegister) -> None:
    filed = await in_work(requests)
    hours = WorkingTime(HOURS)
    at = CALLED
    told: list[Warn] = []
    while (later := next_look(filed.request, at, RULES, hours)) is not None:
        assert later > at
        told += due_warnings(filed.request, later, RULES, hours)
        at = later
    assert [warn.offset for warn in told] == [-4 * HOUR, -HOUR, timedelta()]
    assert at == moscow("2026-12-04 09:00"), "18:00 is after closing: told when the line opens"


async def test_a_day_that_is_declared_free_moves_open_targets_and_the_history_says_so(
    requests: RequestRegister, database: Register
) -> None:
    filed = await in_work(requests)
    assert await follow_calendars(database, requests, {ESTP: HOURS}, CALLED) == 0
    free = replace(HOURS, extra_holidays=frozenset({date(2026, 12, 2)}))

    def changed() -> dict[LineId, object]:
        return {ESTP: replace(of_lines()[ESTP], time=WorkingTime(free))}

    later = RequestRegister(database, changed)  # type: ignore[arg-type]
    assert await follow_calendars(database, later, {ESTP: free}, CALLED + HOUR) == 1
    answer = (await later.filed(filed.request.id)).request.target(TargetKind.ANSWER)
    assert answer is not None
    assert answer.due == moscow("2026-12-04 18:00")
    [moved] = [e for e in await later.history(filed.request.id) if e.fact is Fact.TARGET_MOVED]
    assert (moved.by, moved.why) == ("calendar", "the calendar of the line has changed")
    assert await follow_calendars(database, later, {ESTP: free}, CALLED + 2 * HOUR) == 0
    assert await follow_calendars(database, later, {ESTP: free}, moscow("2027-01-10 12:00")) == 0, (
        "a new year is no change"
    )


async def test_a_date_that_was_told_before_a_merge_is_stored_and_no_calendar_moves_it(
    requests: RequestRegister, database: Register
) -> None:
    told, stays = await in_work(requests), await in_work(requests)
    await follow_calendars(database, requests, {ESTP: HOURS}, CALLED)
    one, two = told.request, stays.request
    await requests.merge(one.id, one.version, two.id, two.version, "401", "то же", CALLED + HOUR)
    free = replace(HOURS, extra_holidays=frozenset({date(2026, 12, 2)}))

    def changed() -> dict[LineId, object]:
        return {ESTP: replace(of_lines()[ESTP], time=WorkingTime(free))}

    later = RequestRegister(database, changed)  # type: ignore[arg-type]
    assert await follow_calendars(database, later, {ESTP: free}, CALLED + 2 * HOUR) == 1
    answer = (await later.filed(two.id)).request.target(TargetKind.ANSWER)
    assert answer is not None
    assert answer.due == answer.no_later_than == moscow("2026-12-03 18:00")
