"""The controller is killed and another one starts: callers, operators and their conversations are as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.call_history import CallHistory, LegHistory
from callcenter.core.commands import FinishRecording, HangUp, Place, Redirect, Ring, SaveCall, SavePresence
from callcenter.core.events import InFallbackQueue, Snapshot
from callcenter.core.ids import NO_BRIDGE, BridgeId, CallId, ChannelId, PersonId
from callcenter.core.records import CallRecord, HungUpBy, Identification, OfferRecord, Outcome, PresenceRecord
from callcenter.core.warm_start import FloorWarmStart
from tests.core.soundness import assert_sound
from tests.core.story import CUSTOMER, ESTP, INN, START, Guest, Story


def crash(story: Story, after: float = 0.0) -> list[object]:
    """Killed, and back after a while of silence; what the new controller wants done."""
    before = len(story.commands)
    story.dies()
    story.passes(after)
    story.starts_again()
    return list(story.since(before))


@pytest.mark.clause("ESTP 2.3")
@pytest.mark.clause("ESTP 4.2")
def test_waiting_callers_keep_order_class_clock_and_promise(story: Story) -> None:
    story.logs_in("101")
    talking = story.talks("101")
    normal = story.waits()
    story.passes(20)
    urgent, other = story.waits("urgent"), story.waits()
    rows = [guest.row for guest in (normal, urgent, other)]
    said = story.center._floor.callers[other.call].said
    assert said
    commands = crash(story, after=3)
    assert [guest.row for guest in (normal, urgent, other)] == rows
    assert not [command for command in commands if isinstance(command, Redirect | Ring | HangUp | SaveCall)]
    restored = story.center._floor.callers[other.call]
    assert (restored.said, len(restored.promises)) == (said, 1)
    assert story.center._floor.lines["estp"].queue.in_order(story.now) == [urgent.call, normal.call, other.call]
    talking.hangs_up()
    story.returns("101")
    assert story.phone("101").display.call == urgent.call
    story.phone("101").answers()
    assert (urgent.row.waiting, urgent.row.outcome) == (3, Outcome.ANSWERED)


@pytest.mark.clause("ESTP 5.4.6")
def test_no_longer_time_is_promised_after_a_crash_than_before(story: Story) -> None:
    story.logs_in("101")
    story.talks("101")
    caller = story.waits()
    before = story.announcements(caller)[0]
    assert before.spoken
    crash(story, after=30)
    story.passes(45)
    later = story.announcements(caller)[1:]
    assert later, "announcements go on"
    assert [record.number for record in later] == [2]
    assert all(record.spoken is None or record.spoken <= before.spoken for record in later)


def test_a_conversation_keeps_its_clock_and_its_operator(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.passes(9)
    commands = crash(story, after=5)
    assert not [command for command in commands if isinstance(command, Redirect | Ring | HangUp | SavePresence)]
    assert caller.talks_with("101")
    story.passes(5)
    caller.hangs_up()
    assert (caller.row.talk, caller.row.operator, caller.row.hung_up_by) == (20, "101", HungUpBy.CALLER)
    assert story.is_now("101") == ("available", "wrapping_up")


def test_killed_in_the_moment_of_the_answer_the_farewell_is_still_the_way_out(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").answers()
    assert caller.way_out == "hold"
    crash(story)
    story.passes(1)
    assert caller.way_out == "goodbye"


def test_wrap_up_lasts_as_long_as_it_would_have(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    caller.hangs_up()
    story.passes(12)
    crash(story)
    waiting = story.waits()
    story.passes(7.9)
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(0.2)
    assert story.phone("101").display.call == waiting.call


@pytest.mark.clause("ESTP 5.4.1")
def test_wrap_up_that_ended_meanwhile_ended_then(story: Story) -> None:
    """Who has been free for longer is offered first, as if nothing had happened."""
    story.logs_in("101", "102")
    caller = story.talks("101")
    caller.hangs_up()
    story.passes(1)
    second = story.talks("102")
    second.hangs_up()
    crash(story, after=60)
    story.waits()
    assert story.phone("101").rings
    assert not story.phone("102").rings


def test_a_phone_that_rang_goes_on_ringing_and_nobody_else_is_rung(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.waits()
    commands = crash(story)
    assert not [command for command in commands if isinstance(command, Ring)]
    story.phone("101").answers()
    assert caller.talks_with("101")
    assert story.offers(caller) == [("101", "connected")]


def test_a_phone_that_was_told_to_stop_is_told_again(story: Story) -> None:
    story.logs_in("101", "102")
    story.waits()
    leg = story.phone("101").display.offer
    story.connected = False  # the word does not reach Asterisk any more
    story.pauses("101")
    commands = crash(story)
    assert HangUp(leg) in commands
    assert story.is_now("101") == ("paused", "idle")
    assert story.phone("102").rings


def test_pauses_shifts_and_desks_are_as_before(story: Story) -> None:
    story.logs_in("101", "102", phone="")
    story.logs_in("103", phone="desk-7")
    story.pauses("102", "training")
    crash(story)
    assert [story.is_now(person)[0] for person in ("101", "102", "103", "201")] == [
        "available", "paused", "available", "off",
    ]  # fmt: skip
    assert story.operator("102").reason == "training"
    assert story.operator("103").phone == "desk-7"
    assert story.line.on_duty == 2


@pytest.mark.parametrize(
    ("reason", "presence"), [("unreachable", "available"), ("busy", "available"), ("lunch", "paused")]
)
def test_who_was_paused_for_a_phones_fault_by_an_earlier_version_is_not_any_more(
    story: Story, reason: str, presence: str
) -> None:
    story.logs_in("101")
    story.pauses("101")
    shift = story.kept.presence[PersonId("101")]
    story.kept.presence[PersonId("101")] = replace(shift, reason=reason)
    crash(story)
    assert story.operator("101").presence == presence
    assert story.line.on_duty == (presence == "available")


def test_a_consultation_goes_on(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    story.passes(10)
    crash(story)
    assert (story.is_now("101")[1], story.is_now("201")[1]) == ("consulting", "advising")
    story.phone("101").completes()
    assert caller.talks_with("201")
    assert story.transfers(caller) == [("201", "done")]
    story.passes(5)
    caller.hangs_up()
    assert caller.row.talk == 6


def test_a_handover_whose_colleague_does_not_answer_after_the_crash(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical")
    crash(story)
    story.phone("201").is_not_answered()
    assert story.transfers(caller) == [("", "missed")]
    assert caller.talks_with("101")
    story.phone("101").hangs_up()
    assert caller.state == "leaving"


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_in_the_menus_the_caller_goes_on_where_they_were(story: Story, steps: int) -> None:
    guest = story.calls()
    for go_on in (guest.hears_greeting, guest.skips_inn)[:steps]:
        go_on()
    place, heard = guest.place, len(guest.heard)
    crash(story)
    assert (guest.place, len(guest.heard)) == (place, heard)
    for go_on in (guest.hears_greeting, guest.skips_inn)[steps:]:
        go_on()
    guest.presses("1")
    assert (guest.state, guest.row.urgency) == ("waiting", "urgent")


def test_a_caller_whose_first_direction_was_lost_is_greeted(story: Story) -> None:
    guest = story.calls()
    guest.channel.place = None
    story.pbx.journal.calls[guest.call].dialplan_steps.pop()
    crash(story)
    assert guest.is_at(Place.GREETING)


def test_unfinished_recordings_are_finished(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    caller.hangs_up()
    story.kept.finished.clear()
    commands = crash(story)
    assert [(finish.call, finish.talk) for finish in commands if isinstance(finish, FinishRecording)] == [
        (caller.call, 1)
    ]


# -- what the journal tells --------------------------------------------------------------------------------------------


def served_by_fallback_queue(story: Story, guest: Guest, person: str, ringing: float, talk: float) -> None:
    """Asterisk's own queue: rings, is answered, and the operator hangs up."""
    story.pbx.help_itself(guest.call)
    leg = story.pbx.ring_by_itself(guest.call, f"phone-{person}")
    story.passes(ringing)
    story.pbx.answer(leg)
    story.passes(talk)
    story.pbx.hang_up(leg)


@pytest.mark.clause("ESTP 5.6.1")
def test_who_was_served_by_asterisk_alone_has_a_whole_row(story: Story) -> None:
    story.logs_in("101")
    story.pauses("101")
    guest = story.waits()
    story.passes(10)
    story.returns("101")
    story.phone("101").is_not_answered()
    story.returns("101")
    story.dies()
    story.pbx.hang_up("offer-0-0000002")
    story.passes(5)
    served_by_fallback_queue(story, guest, "101", 4, 30)
    story.passes(2)
    story.pbx.hang_up(guest.call)
    story.passes(1)
    story.starts_again()
    row = guest.row
    assert (row.outcome, row.operator, row.waiting, row.talk) == (Outcome.ANSWERED, "101", 19, 30)
    assert (row.ended_at, row.hung_up_by) == (story.now - 1, HungUpBy.OPERATOR)
    assert story.offers(guest)[-1] == ("101", "connected")
    assert story.is_now("101") == ("available", "wrapping_up")
    story.passes(17)
    assert story.is_now("101") == ("available", "idle"), "three seconds of it had passed"
    assert story.line.windows["day"].answered == 1


def test_calls_that_came_and_went(story: Story) -> None:
    story.logs_in("101")
    story.dies()
    story.passes(1)
    ends = {"7.1": ["alone-greeting"], "7.2": ["alone-greeting", "alone"], "7.3": ["closed"]}
    for call, dialplan_steps in ends.items():
        story.pbx.arrive(CallId(call), "estp", "+73422000001")
        for dialplan_step in dialplan_steps:
            story.passes(2)
            story.pbx.journal.came_to(CallId(call), dialplan_step)
        story.passes(8)
        story.pbx.hang_up(ChannelId(call))
    story.starts_again()
    rows = story.calls_saved
    assert [rows[CallId(call)].outcome for call in ends] == [
        Outcome.LEFT_IN_MENU,
        Outcome.ABANDONED,
        Outcome.CLOSED,
    ]
    assert (rows["7.2"].waiting, rows["7.2"].queued, rows["7.2"].urgency) == (12, 8, "normal")
    assert story.line.windows["day"].abandoned == 1
    assert story.line.lines_in_use == 0
    before = len(story.commands)
    story.finds_asterisk(journal=True)
    assert not [command for command in story.since(before) if isinstance(command, SaveCall)]


def test_who_came_meanwhile_and_waits_is_adopted_at_the_true_place(story: Story) -> None:
    early = story.waits()
    story.passes(5)
    story.dies()
    story.pbx.arrive("7.1", "estp", "+73422000001")
    story.pbx.help_itself("7.1")
    story.passes(3)
    story.pbx.help_itself("7.1")
    story.passes(20)
    story.pbx.help_itself(early.call)
    story.starts_again()
    row = story.calls_saved["7.1"]
    assert (row.arrived_at, row.joined_at) == (story.now - 23, story.now - 20)
    assert story.center._floor.lines["estp"].queue.in_order(story.now) == [early.call, "7.1"]
    assert story.pbx.callers["7.1"].dialplan_step == "waiting"


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("was", ["asked", "waiting", "rung for", "talking"])
def test_whom_a_controller_sent_to_the_general_line_just_before_it_died_holds_no_place(
    story: Story, was: str, journal: bool, answered: bool
) -> None:
    story.logs_in("101")
    if was == "talking":
        guest = story.talks("101")
        story.passes(5)
    else:
        if was == "waiting":
            story.pauses("101")
        guest = story.calls(None)
        guest.hears_greeting()
        if was != "asked":
            guest.skips_inn()
            guest.presses("2")
    assert guest.state == {"asked": "identifying", "rung for": "waiting"}.get(was, was)
    story.dies()  # nothing is written down of what it just did
    story.act(story.pbx.obey, Redirect(guest.call, Place.GENERAL))
    story.passes(2)
    guest.channel.bridge = BridgeId("with the general line") if answered else NO_BRIDGE
    story.starts_again(journal=journal)
    guest.channel.bridge = NO_BRIDGE
    assert not story.phone("101").rings
    assert (guest.state, guest.is_at(Place.GENERAL)) == ("general", True)
    assert guest.row.outcome is (Outcome.ANSWERED if was == "talking" else Outcome.GENERAL_LINE)
    assert_sound(story.center._floor)
    guest.general_line_ends()
    guest.hangs_up()
    assert story.line.lines_in_use == 0
    assert guest.row.hung_up_by is HungUpBy.SYSTEM
    assert_sound(story.center._floor)


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_whom_the_dialplan_has_sent_to_the_good_bye_by_itself_is_not_fetched_back(
    story: Story, ended: bool, journal: bool
) -> None:
    """The controller died before it had set the way out; the operator hangs up just before the next one looks.

    `ended`: whether the operator's channel is gone by then. `journal`: whether Asterisk has written it down.
    """
    story.logs_in("101")
    guest = story.waits()
    story.phone("101").answers()
    story.dies()
    story.passes(30)
    guest.channel.after = Place.GOODBYE  # the dialplan's own decision, after such a conversation
    leg = story.pbx.legs[story.phone("101").display.offer]
    if ended:
        story.act(story.pbx.hang_up, leg.id)
    else:
        story.act(story.pbx._go_on, guest.channel)
        guest.channel.bridge = leg.bridge = NO_BRIDGE
    guest.channel.after = Place.HOLD  # as the former controller left it
    story.starts_again(journal=journal)
    story.act(story.pbx.hang_up, leg.id)
    assert (guest.state, guest.place) == ("leaving", Place.GOODBYE)
    assert_sound(story.center._floor)
    guest.hangs_up()
    assert (guest.row.outcome, guest.row.talk) == (Outcome.ANSWERED, 30)
    assert guest.row.hung_up_by is HungUpBy.OPERATOR


@pytest.mark.parametrize("journal", [True, False])
def test_who_is_held_for_the_good_bye_by_the_dialplan_itself_hears_it(story: Story, journal: bool) -> None:
    """The operator hung up while the heartbeat was still fresh: the dialplan waits two seconds for a word."""
    story.logs_in("101")
    guest = story.waits()
    story.phone("101").answers()
    story.dies()
    story.passes(30)
    story.phone("101").hangs_up()
    guest.channel.served = "1"
    assert guest.is_at(Place.HOLD)
    story.starts_again(journal=journal)
    assert (guest.state, guest.way_out) == ("leaving", "goodbye")
    assert guest.row.hung_up_by is HungUpBy.OPERATOR


@pytest.mark.parametrize("journal", [True, False])
def test_whom_the_fallback_queue_has_just_served_is_not_fetched_back(story: Story, journal: bool) -> None:
    story.logs_in("101")
    story.pauses("101")
    guest = story.waits()
    story.dies()
    story.pbx.help_itself(guest.call)
    leg = story.pbx.ring_by_itself(guest.call, "phone-101")
    story.passes(5)
    story.act(story.pbx.answer, leg)
    story.passes(30)
    story.act(story.pbx.hang_up, leg)
    story.starts_again(journal=journal)
    assert (guest.state, guest.place) == ("leaving", Place.GOODBYE)
    assert_sound(story.center._floor)
    guest.hangs_up()
    assert (guest.row.outcome, guest.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.OPERATOR)


def test_a_ring_in_vain_by_asterisk_alone_pauses_nobody(story: Story) -> None:
    story.logs_in("101")
    story.pauses("101")
    guest = story.waits()
    story.dies()
    story.pbx.help_itself(guest.call)
    leg = story.pbx.ring_by_itself(guest.call, "phone-101")
    story.passes(15)
    story.pbx.hang_up(leg, 19)
    story.starts_again()
    assert story.offers(guest) == [("101", "missed")]
    assert story.operator("101").reason == "lunch"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e300, 1e300, None])
def test_a_broken_journal_does_no_harm(story: Story, bad: float | None) -> None:
    story.logs_in("101")
    guest = story.talks("101")
    leg = LegHistory("x", "phone-101", bad, bad, ((bad or 0.0, bad), (5.0, 1.0)), bad)
    told = (
        CallHistory(
            guest.call, "c", "estp", dialplan_steps=((bad or 0.0, "waiting"), (3.0, "'--")), legs=(leg,), ended_at=bad
        ),
        CallHistory("9.1", "c", "estp", "\ud800", "'; drop", bad, ((bad or 0.0, "alone"),), (leg,), bad or 0.0),
        CallHistory("9.2", "", "nowhere", ended_at=1.0),
        CallHistory("", "", "estp", ended_at=1.0),
    )
    story.tell(Snapshot(story.pbx.seen(), (*told, *told)))
    assert guest.talks_with("101")
    guest.hangs_up()
    assert story.line.lines_in_use == 0


# -- rows that make no sense -------------------------------------------------------------------------------------------


def test_rows_of_what_is_no_longer_configured_are_closed(story: Story) -> None:
    call = CallRecord("1.1", "old", "+7", "", START - 50, joined_at=START - 40, place_at=START - 40)
    known = replace(call, call="1.2", line="estp", urgency="vip")
    commands = story.handle(
        FloorWarmStart(
            calls=(call, known),
            offers=(OfferRecord("o-1", "1.2", "gone", "queue", START - 9),),
            shifts=(
                PresenceRecord("gone", START - 99, "available", "idle", "asked", "phone-1"),
                PresenceRecord("101", START - 99, "available", "idle", "asked", "phone-101"),
                PresenceRecord("102", START - 99, "dancing", "idle", "asked", "phone-102"),
                PresenceRecord("103", START - 99, "available", "idle", "asked", "phone-101"),
            ),
        )
    )
    assert story.calls_saved["1.1"].outcome is Outcome.LOST
    assert story.offers_saved["o-1"].ended_at == story.now
    closed = [save.record.operator for save in commands if isinstance(save, SavePresence)]
    assert closed == ["gone", "102", "103"]
    assert len(story.notices) >= 4
    story.tell(Snapshot(()))
    assert story.line.lines_in_use == 0


# -- Asterisk itself dies ----------------------------------------------------------------------------------------------


def test_calls_end_once_and_shifts_go_on(story: Story) -> None:
    story.logs_in("101", "102")
    talking = story.talks("101")
    ringing, waiting = story.waits(), story.waits()
    story.passes(10)
    story.asterisk_dies()
    story.passes(30)
    story.finds_asterisk(restarted=True)
    for guest in (ringing, waiting):
        row = guest.row
        assert (row.outcome, row.cause, row.cause_text, row.hung_up_by) == (
            Outcome.LOST, 41, "Asterisk ended", HungUpBy.SYSTEM,
        )  # fmt: skip
        assert (row.ended_at, row.waiting) == (story.now - 30, 10)
    assert (talking.row.outcome, talking.row.talk, talking.row.cause) == (Outcome.ANSWERED, 11, 41)
    assert [story.is_now(person) for person in ("101", "102")] == [("available", "idle")] * 2
    assert all(offer.ended_at is not None for offer in story.offers_saved.values())
    assert len(talking.recordings) == 1


@pytest.mark.parametrize("crashed", [False, True])
@pytest.mark.clause("ESTP 2.3")
def test_who_was_cut_off_and_calls_again_has_the_old_place(story: Story, crashed: bool) -> None:
    def cut_off_caller(number: str, urgency: str) -> Guest:
        guest = story.calls(number=number)
        guest.hears_greeting()
        guest.enters_inn(customer=CUSTOMER)
        guest.presses(urgency)
        return guest

    first = cut_off_caller("+73420000001", "1")
    story.passes(60)
    story.asterisk_dies()
    story.passes(5)
    if crashed:
        story.dies()
        story.starts_again(restarted=True)
    else:
        story.finds_asterisk(restarted=True)
    rival = story.waits("urgent")
    again = story.calls(number="+73420000001")
    assert again.place is Place.GREETING_AGAIN, "that conversations are recorded is said in every call"
    again.hears_greeting()
    row = again.row
    assert (row.urgency, row.identification, row.inn) == ("urgent", Identification.BY_INN, INN)
    assert (row.place_at, row.joined_at) == (first.row.place_at, story.now)
    assert story.center._floor.lines["estp"].queue.in_order(story.now) == [again.call, rival.call]
    third = story.calls(number="+73420000001")
    third.hears_greeting()
    assert third.is_at(Place.URGENCY), "the place is given back once; the INN is known"
    story.passes(3)
    story.logs_in("101")
    story.phone("101").answers()
    assert again.row.waiting == 3


def test_a_place_is_kept_for_a_while_only_and_for_no_withheld_number(story: Story) -> None:
    for number in ("", "anonymous", "+73420000001"):
        story.calls(CUSTOMER, number=number).hears_greeting()
        story.pbx.callers[f"17000.{story._calls}"].heard.clear()
    for guest in [Guest(story, call) for call in story.pbx.callers]:
        guest.presses("1")
    story.asterisk_dies()
    story.finds_asterisk(restarted=True)
    for number in ("", "anonymous"):
        story.calls(number=number).hears_greeting()
    story.passes(ESTP.place_kept + 1)
    story.calls(number="+73420000001").hears_greeting()
    places = {caller.place for caller in story.pbx.callers.values()}
    assert places == {Place.IDENTIFY}


# -- Asterisk alone without need ---------------------------------------------------------------------------------------


def test_a_false_alarm_costs_nothing(story: Story) -> None:
    guest = story.waits("urgent")
    story.passes(10)
    story.pbx.help_itself(guest.call)
    assert guest.channel.dialplan_step == "waiting"
    assert (guest.row.joined_at, guest.state) == (START, "waiting")
    story.pbx.arrive("8.1", "estp", "+73420000001")
    story.tell(InFallbackQueue("8.1", "SIP/8.1", "estp", "+73420000001"), InFallbackQueue("8.2", "x", "nowhere"))
    assert story.line.waiting == {"urgent": 1, "normal": 1}
    assert story.pbx.callers["8.1"].dialplan_step == "waiting"


def test_urgency_and_place_are_a_lead_for_asterisks_own_queue(story: Story) -> None:
    story.waits()
    story.passes(30)
    story.waits("urgent")
    redirects = [command for command in story.all(Redirect) if command.place is Place.WAITING]
    assert [command.queue_priority for command in redirects] == [0.0, 180.0]
    assert not [
        command for command in story.all(Redirect) if command.queue_priority and command.place is not Place.WAITING
    ]
