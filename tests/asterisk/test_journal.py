"""Asterisk's journal, written by a test and by a real Asterisk: what it tells, and what cannot be done to it."""

from __future__ import annotations

import json
import logging
import os
import random
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.asterisk import journal as module
from callcenter.asterisk.cel import parse
from callcenter.asterisk.journal import CURRENT, Journal, Position
from callcenter.core.call_history import CallHistory
from callcenter.core.ids import PhoneName
from callcenter.core.records import HungUpBy
from callcenter.customers.directory import normalise

NOON = 1_800_000_000.0
PHONES = (PhoneName("101"), PhoneName("102"))


class Book:
    """The journal as Asterisk writes it, each line at its second after noon; and a controller that reads it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.journal = self.opened()
        self._monkeypatch = monkeypatch
        self._now = 0.0
        self.passes(0.0)

    def opened(self, position: Position | None = None) -> Journal:
        return Journal(self.folder, PHONES, normalise, lambda epoch: epoch - NOON, self.wall, position)

    def wall(self) -> datetime:
        return datetime.fromtimestamp(NOON + self._now, UTC)

    def passes(self, seconds: float) -> None:
        """Time goes on, by all clocks."""
        self._now += seconds
        self._monkeypatch.setattr(time, "monotonic", lambda: self._now)

    def write(self, text: str) -> None:
        with (self.folder / CURRENT).open("a") as file:
            file.write(text)

    def note(self, at: float, kind: str, channel: str, name: str, linked: str = "", **extra: object) -> None:
        told = json.dumps(extra).replace('"', '""') if extra else ""
        columns = (f"{NOON + at:.6f}", kind, channel, linked or channel, name, told)
        self.write(",".join(f'"{column}"' for column in columns) + "\n")

    # -- what people do ----------------------------------------------------------------------------------------

    def arrives(self, at: float, call: str, who: str = "%2B73421111101:") -> None:
        self.note(at, "CHAN_START", call, city(call))
        self.note(at, "CC_ARRIVED", call, city(call), extra=f"estp:{who}")

    def dialplan_step(self, at: float, call: str, dialplan_step: str) -> None:
        self.note(at, "CC_STAGE", call, city(call), extra=dialplan_step)

    def rings(self, at: float, leg: str, call: str, phone: str = "101") -> None:
        self.note(at, "CHAN_START", leg, desk(leg, phone), linked=call)

    def joins(self, at: float, channel: str, bridge: str = "b", phone: str = "") -> None:
        self.note(at, "BRIDGE_ENTER", channel, desk(channel, phone) if phone else city(channel), bridge_id=bridge)

    def parts(self, at: float, channel: str, bridge: str = "b", phone: str = "") -> None:
        self.note(at, "BRIDGE_EXIT", channel, desk(channel, phone) if phone else city(channel), bridge_id=bridge)

    def ends(self, at: float, channel: str, phone: str = "", source: str = "", cause: int = 16) -> None:
        name = desk(channel, phone) if phone else city(channel)
        self.note(at, "HANGUP", channel, name, hangupcause=cause, hangupsource=source or name, dialstatus="")
        self.note(at, "CHAN_END", channel, name)

    def served(self, at: float, call: str, leg: str) -> None:
        """A whole call: greeted, served by the net for ten seconds; the operator hangs up."""
        self.arrives(at, call)
        self.dialplan_step(at + 1, call, "alone-greeting")
        self.dialplan_step(at + 9, call, "alone")
        self.rings(at + 12, leg, call)
        self.note(at + 15, "ANSWER", leg, desk(leg, "101"), linked=call)
        self.joins(at + 15, leg, phone="101")
        self.joins(at + 15, call)
        self.parts(at + 25, leg, phone="101")
        self.parts(at + 25, call)
        self.ends(at + 25, leg, phone="101")
        self.dialplan_step(at + 25, call, "leaving")
        self.ends(at + 30, call, source=desk(leg, "101"))


def city(call: str) -> str:
    return f"PJSIP/trunk-city-{call}"


def desk(leg: str, phone: str) -> str:
    return f"PJSIP/{phone}-{leg.replace('-', '')}"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    return Book(tmp_path, monkeypatch)


def calls(found: list[CallHistory]) -> list[str]:
    return [history.call for history in found]


# -- what it tells -------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.6.1")
def test_a_call_that_nobody_saw_is_told_from_its_beginning_to_its_end(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    [history] = book.journal.read()
    assert (history.call, history.channel, history.line) == ("1.1", city("1.1"), "estp")
    assert (history.number, history.name, history.arrived_at) == ("+73421111101", "", 0.0)
    assert history.dialplan_steps == ((0.0, "arriving"), (1.0, "alone-greeting"), (9.0, "alone"), (25.0, "leaving"))
    assert (history.ended_at, history.cause, history.cause_text) == (30.0, 16, "Normal Clearing")
    assert history.hung_up_by is HungUpBy.OPERATOR
    [leg] = history.legs
    assert (leg.channel_id, leg.phone, leg.cause) == ("1.2", "101", 16)
    assert (leg.placed_at, leg.answered_at, leg.talks, leg.ended_at) == (12.0, 15.0, ((15.0, 25.0),), 25.0)


def test_what_goes_on_is_told_as_going_on(book: Book) -> None:
    book.arrives(0.0, "1.1")
    book.rings(2.0, "1.2", "1.1")
    book.joins(3.0, "1.1")
    book.joins(3.5, "1.2", phone="101")
    [history] = book.journal.read()
    assert (history.ended_at, history.hung_up_by, history.cause_text) == (None, HungUpBy.NOBODY, "")
    assert [(leg.talks, leg.ended_at) for leg in history.legs] == [(((3.5, None),), None)]


def test_an_offer_of_ours_belongs_to_the_call_that_it_was_answered_for(book: Book) -> None:
    """Its linked id is its own: only when it is answered the journal tells whom it was for."""
    book.arrives(0.0, "1.1")
    book.note(1.0, "CHAN_START", "offer-a", desk("offer-a", "102"))
    book.note(2.0, "CHAN_START", "offer-b", desk("offer-b", "101"))
    book.note(4.0, "ANSWER", "offer-b", desk("offer-b", "101"))
    book.note(4.0, "CC_OFFER", "offer-b", desk("offer-b", "101"), extra=city("1.1"))
    book.ends(4.1, "1.1")
    book.ends(4.2, "offer-b", phone="101")
    book.ends(4.3, "offer-a", phone="102")
    [history] = book.journal.read()
    assert [(leg.channel_id, leg.answered_at, leg.talks) for leg in history.legs] == [("offer-b", 4.0, ())]


def test_a_transfer_is_two_legs_and_a_consultation_is_no_talk_with_the_caller(book: Book) -> None:
    book.arrives(0.0, "1.1")
    book.rings(1.0, "1.2", "1.1")
    book.joins(2.0, "1.1", "b1")
    book.joins(2.0, "1.2", "b1", phone="101")
    book.parts(10.0, "1.2", "b1", phone="101")
    book.parts(10.0, "1.1", "b1")
    book.dialplan_step(10.0, "1.1", "held")
    book.rings(11.0, "1.3", "1.1", phone="102")
    book.joins(12.0, "1.2", "b2", phone="101")
    book.joins(12.0, "1.3", "b2", phone="102")
    book.parts(20.0, "1.2", "b2", phone="101")
    book.ends(20.0, "1.2", phone="101")
    book.parts(20.0, "1.3", "b2", phone="102")
    book.joins(21.0, "1.3", "b3", phone="102")
    book.joins(21.0, "1.1", "b3")
    book.parts(30.0, "1.1", "b3")
    book.ends(30.0, "1.1", source=desk("1.2", "101"))  # Asterisk keeps the first who hung up
    [history] = book.journal.read()
    assert [(leg.phone, leg.talks) for leg in history.legs] == [("101", ((2.0, 10.0),)), ("102", ((21.0, 30.0),))]
    assert history.hung_up_by is HungUpBy.CALLER


@pytest.mark.parametrize(
    ("dialplan_step", "source", "by"),
    [
        ("waiting", "", HungUpBy.CALLER),
        ("closed", "dialplan/builtin", HungUpBy.SYSTEM),
        ("full", "", HungUpBy.SYSTEM),
        ("general", "dialplan/builtin", HungUpBy.SYSTEM),
    ],
)
def test_who_ended_a_call_without_a_conversation(book: Book, dialplan_step: str, source: str, by: HungUpBy) -> None:
    book.arrives(0.0, "1.1")
    book.dialplan_step(1.0, "1.1", dialplan_step)
    book.ends(2.0, "1.1", source=source, cause=17)
    [history] = book.journal.read()
    assert (history.hung_up_by, history.cause_text) == (by, "User busy")


def test_a_phone_that_dials_a_code_and_a_call_to_the_general_line_are_no_callers(book: Book) -> None:
    book.note(0.0, "CHAN_START", "1.1", desk("1.1", "101"))
    book.ends(1.0, "1.1", phone="101")
    book.note(2.0, "CHAN_START", "1.2", city("1.2"), linked="0.9")
    book.ends(3.0, "1.2")
    assert book.journal.read() == []


def test_the_end_of_a_call_whose_beginning_is_deleted_is_told_of_a_call_known_from_before(book: Book) -> None:
    book.parts(5.0, "1.1")
    book.ends(5.0, "1.1")
    [history] = book.journal.read()
    assert (history.call, history.line, history.arrived_at, history.ended_at) == ("1.1", "", None, 5.0)


# -- the position --------------------------------------------------------------------------------------------------


def test_read_twice_the_same_comes_twice(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    book.arrives(40.0, "1.3")
    assert book.journal.read() == book.journal.read() == book.opened(book.journal.position).read()


def test_what_was_seen_live_is_not_told_again_but_a_call_with_news_is_told_whole(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    book.arrives(40.0, "1.3")
    book.dialplan_step(41.0, "1.3", "waiting")
    book.arrives(42.0, "1.4")
    book.passes(50.0)
    book.journal.mark()
    book.passes(module.OVERLAP)
    book.journal.mark()
    book.rings(60.0, "1.5", "1.3")
    book.ends(70.0, "1.5", phone="101", cause=19)
    for journal in (book.journal, book.opened(book.journal.position)):
        [history] = journal.read()
        assert (history.call, history.line, history.arrived_at) == ("1.3", "estp", 40.0)
        assert [dialplan_step for _, dialplan_step in history.dialplan_steps] == ["arriving", "waiting"]
        assert [(leg.channel_id, leg.cause) for leg in history.legs] == [("1.5", 19)]


def test_the_position_stays_behind_by_some_seconds_and_is_plain_json(book: Book) -> None:
    book.arrives(0.0, "1.1")
    book.journal.mark()
    book.passes(module.OVERLAP - 0.1)
    book.journal.mark()
    assert calls(book.opened(book.journal.position).read()) == ["1.1"], "not sure yet"
    book.passes(0.2)
    book.journal.mark()
    position = json.loads(json.dumps(book.journal.position))
    assert calls(book.opened(position).read()) == []


def test_controllers_that_live_for_seconds_each_do_not_read_more_and_more(book: Book) -> None:
    """It is restarted every ten seconds, for whatever reason; each of them takes over and sees some seconds live."""
    position: Position | None = None
    for start in range(0, 300, 10):
        book.arrives(start + 1.0, f"{start}.1")
        book.ends(start + 4.0, f"{start}.1")
        journal = book.opened(position)
        assert len(journal.read()) <= 4
        journal.alive(set())
        for _ in range(9):
            journal.mark()
            book.passes(1.0)
        position = journal.position
        book.passes(1.0)


def test_it_is_known_since_when_something_may_be_told_a_second_time(book: Book) -> None:
    assert book.journal.unseen_since() is None
    book.served(0.0, "1.1", "1.2")
    assert book.journal.unseen_since() == NOON
    book.passes(100.0)
    book.journal.mark()
    assert book.opened(book.journal.position).unseen_since() is None
    book.write("damaged\n")
    book.arrives(101.0, "1.3")
    assert book.opened(book.journal.position).unseen_since() == NOON + 101.0


def test_an_end_that_is_not_sure_yet_does_not_make_the_beginning_forgotten(book: Book) -> None:
    book.arrives(0.0, "1.1")
    book.arrives(1.0, "1.2")
    for _ in range(3):
        book.passes(module.OVERLAP)
        book.journal.mark()
    book.ends(9.0, "1.1")
    book.journal.mark()
    [history] = book.opened(book.journal.position).read()
    assert (history.call, history.arrived_at, history.ended_at) == ("1.1", 0.0, 9.0)
    book.passes(2 * module.OVERLAP)
    book.journal.mark()
    assert book.journal.read() == []
    assert int(book.journal.position["since_at"]) > 0, "only the second caller holds it back"


def test_calls_of_an_asterisk_that_died_do_not_hold_the_position_back(book: Book) -> None:
    for number in range(20):
        book.arrives(float(number), f"1.{number}")
    book.passes(60.0)
    book.journal.alive({"1.19"})
    for _ in range(3):
        book.journal.mark()
        book.passes(module.OVERLAP)
    book.dialplan_step(90.0, "1.19", "waiting")
    [history] = book.opened(book.journal.position).read()
    assert (history.call, history.line) == ("1.19", "estp")
    size = (book.folder / CURRENT).stat().st_size
    assert int(book.journal.position["since_at"]) > size * 0.8


def test_a_caller_who_came_after_the_snapshot_is_not_taken_for_gone(book: Book) -> None:
    book.passes(100.0)
    book.journal.alive(set())
    book.arrives(100.1, "1.1")
    for _ in range(3):
        book.journal.mark()
        book.passes(module.OVERLAP)
    book.ends(200.0, "1.1")
    [history] = book.opened(book.journal.position).read()
    assert history.arrived_at == pytest.approx(100.1)


def test_a_channel_of_many_hours_does_not_hold_the_position_back_for_ever(book: Book) -> None:
    book.arrives(0.0, "1.1")
    book.served(module.LONGEST_CALL + 1.0, "1.2", "1.3")
    book.passes(module.LONGEST_CALL + 100.0)
    book.journal.mark()
    book.passes(module.OVERLAP)
    book.journal.mark()
    assert int(book.journal.position["since_at"]) > 1000


def test_without_a_position_old_calls_can_be_left_out(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    book.served(100.0, "1.3", "1.4")
    book.arrives(110.0, "1.5")
    assert calls(book.journal.read(ended_after=NOON + 60.0)) == ["1.3", "1.5"]


@pytest.mark.parametrize("position", [{}, {"seen": 7, "seen_at": "x"}, {"seen": "nowhere", "seen_at": 10**12}, None])
def test_a_position_of_no_use_means_all_there_is(book: Book, position: Position | None) -> None:
    book.served(0.0, "1.1", "1.2")
    assert calls(book.opened(position).read()) == ["1.1"]


def test_where_nothing_was_written_yet_nothing_is_told_and_nothing_missed(book: Book) -> None:
    assert book.journal.read() == []
    assert not book.journal.rotate()
    for _ in range(3):
        book.journal.mark()
        book.passes(module.OVERLAP)
    assert book.journal.read() == []
    book.served(0.0, "1.1", "1.2")
    assert calls(book.opened(book.journal.position).read()) == ["1.1"]


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_large_file_is_finished_and_the_history_goes_on_in_the_next(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 250)
    book.arrives(0.0, "1.1")
    for number in range(2, 8):
        book.dialplan_step(float(number), "1.1", "waiting")
        book.journal.rotate()
        book.passes(module.OVERLAP)
        book.journal.mark()
    assert len(list(book.folder.iterdir())) >= 3
    position = book.journal.position
    assert calls(book.opened(position).read()) == ["1.1"], "its last stage is a moment ago"
    book.passes(module.OVERLAP)
    book.journal.mark()
    assert book.journal.read() == []
    book.ends(9.0, "1.1")
    [history] = book.opened(book.journal.position).read()
    assert [at for at, _ in history.dialplan_steps] == [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert history.ended_at == 9.0


def test_a_file_of_yesterday_is_finished_so_that_no_number_is_kept_for_months(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    assert not book.journal.rotate()
    book.passes(module.LONGEST + 1000.0)
    assert book.journal.rotate()
    assert not book.journal.rotate(), "there is no new one yet"
    book.served(module.LONGEST + 1000.0, "1.3", "1.4")
    assert not book.journal.rotate()
    assert calls(book.journal.read()) == ["1.1", "1.3"]


def test_old_files_are_deleted_but_none_that_is_still_to_be_read(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 100)
    for number in range(3):
        book.served(100.0 * number, f"1.{number}", f"2.{number}")
        book.journal.rotate()
    for path in book.folder.iterdir():
        os.utime(path, (NOON, NOON))
    book.passes(module.KEPT_DAYS * 86400 + 1.0)
    book.journal.rotate()
    assert calls(book.journal.read()) == ["1.0", "1.1", "1.2"], "nobody has seen them"
    book.journal.mark()
    book.passes(module.OVERLAP)
    book.journal.mark()
    book.journal.rotate()
    assert len(list(book.folder.iterdir())) == 1, "where the position is"
    book.arrives(900.0, "1.9")
    assert calls(book.journal.read()) == ["1.9"]


def test_a_flood_of_calls_does_not_fill_the_disk_with_journals(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the latest are kept, besides those that are still to be read."""
    monkeypatch.setattr(module, "LARGEST", 100)
    monkeypatch.setattr(module, "KEPT_FILES", 3)
    for number in range(9):
        book.served(10.0 * number, f"1.{number}", f"2.{number}")
        book.journal.rotate()
    assert len(calls(book.journal.read())) == 9, "nobody has seen them"
    book.passes(module.OVERLAP)
    book.journal.mark()
    book.passes(module.OVERLAP)
    book.journal.mark()
    book.journal.rotate()
    assert len(list(book.folder.iterdir())) <= 4


def test_a_file_that_somebody_took_away_costs_only_what_it_held(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    for _ in range(3):
        book.journal.mark()
        book.passes(module.OVERLAP)
    (book.folder / CURRENT).unlink()
    book.served(100.0, "1.3", "1.4")
    assert calls(book.opened(book.journal.position).read()) == ["1.3"]
    book.journal.mark()
    book.passes(module.OVERLAP)
    book.journal.mark()
    assert book.journal.read() == []


# -- damage --------------------------------------------------------------------------------------------------------


def test_a_line_that_is_being_written_is_left_for_the_next_time(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    whole = (book.folder / CURRENT).read_text()
    (book.folder / CURRENT).write_text(whole[:-10])
    [history] = book.journal.read()
    assert (history.ended_at, book.journal.damaged) == (30.0, 0)
    book.journal.mark()
    (book.folder / CURRENT).write_text(whole)
    book.arrives(50.0, "1.3")
    book.journal.mark()
    assert calls(book.journal.read()) == ["1.1", "1.3"]


def test_damaged_lines_are_passed_over_counted_and_told_once(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.arrives(0.0, "1.1")
    for line in ("", "garbage", '"x","CHAN_END","1.1","1.1","n",""', '"nan","CHAN_END","1.1","1.1","n",""', "\0" * 99):
        book.write(line + "\n")
    book.write(f'"{NOON + 1}","CC_STAGE","1.1","1.1","n","{{broken"\n')
    book.write("z" * 200_000 + "\n")
    book.ends(5.0, "1.1")
    with caplog.at_level(logging.WARNING):
        [history] = book.journal.read()
    assert (history.arrived_at, history.ended_at) == (0.0, 5.0)
    assert book.journal.damaged >= 6
    assert len(caplog.records) == 1


def test_a_line_that_could_not_be_finished_does_not_take_the_next_one_along(book: Book) -> None:
    """The disk was full for a moment, or Asterisk was killed: the next line begins in the middle of one."""
    book.served(0.0, "1.1", "1.2")
    lines = (book.folder / CURRENT).read_text().splitlines(keepends=True)
    expected = book.journal.read()
    for number, line in enumerate(lines):
        for cut in (1, 5, 25, 40, len(line) - 2):
            (book.folder / CURRENT).write_text("".join([*lines[:number], line[:cut], *lines[number:]]))
            assert book.opened().read() == expected, f"line {number} torn after {cut}"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 30), st.integers(0, 2**32))
def test_whatever_the_file_holds_reading_ends_with_histories(book: Book, junk: bytes, place: int, seed: int) -> None:
    (book.folder / CURRENT).unlink(missing_ok=True)
    book.served(0.0, "1.1", "1.2")
    lines = (book.folder / CURRENT).read_bytes().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    lines.insert(min(place, len(lines)), junk)
    (book.folder / CURRENT).write_bytes(b"".join(lines))
    journal = book.opened()
    for history in journal.read():
        assert history.call
    journal.mark()


@given(st.text(max_size=80))
def test_no_name_makes_a_line_of_its_own(name: str) -> None:
    text = json.dumps({"extra": f"estp::{quote(name, errors='replace')}"}).replace('"', '""')
    entry = parse(f'"{NOON:.6f}","CC_ARRIVED","1.1","1.1","n","{text}"\n'.encode())
    assert entry is not None
    assert entry.text().count(":") == 2


def test_reading_much_takes_no_more_memory_than_what_it_returns(book: Book) -> None:
    book.served(0.0, "1.1", "1.2")
    one = (book.folder / CURRENT).read_text()
    with (book.folder / CURRENT).open("w") as file:
        for number in range(3000):
            file.write(one.replace('"1.', f'"{number}.').replace("-1.", f"-{number}."))
    size = (book.folder / CURRENT).stat().st_size
    for _ in range(2):
        book.journal.mark()
        book.passes(module.OVERLAP)
    position = {**book.journal.position, "since": "", "since_at": 0}
    tracemalloc.start()
    try:
        assert book.opened(position).read() == []
        _, seen = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert len(book.opened().read()) == 3000
    finally:
        tracemalloc.stop()
    assert size > 4_000_000
    assert seen < size / 20
