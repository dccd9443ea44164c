"""A phone or a page is gone in a conversation: its caller waits for the same operator, who takes the call back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from callcenter.core.commands import Answer, OfferKind, Place, Redirect
from callcenter.core.events import ChannelHungUp, EndConversation, LogIn, Return, ServiceEnded
from callcenter.core.ids import ChannelId, LineId, PersonId, PhoneName
from callcenter.core.records import Direction, HungUpBy, Outcome
from tests.core.story import ESTP, Guest, Story, settings

pytestmark = [pytest.mark.clause("ESTP 2.3"), pytest.mark.clause("ESTP 5.4.1")]

KEPT = 20.0


def page_goes_away(story: Story, person: str = "101") -> None:
    """A reload, or a closed tab: the page's last word, and then its connection to Asterisk ends."""
    story.tell(EndConversation(PersonId(person), keep=True, asked_by=PersonId(person)))
    story.phone(person).is_lost()


def phone_dies(story: Story, person: str = "101") -> None:
    """Nothing comes from it any more, so Asterisk ends its leg, and asks it whether it is there."""
    leg = story.phone(person).leg
    assert leg
    story.act(story.pbx.hang_up, leg.id, 44)
    story.phone(person).is_lost()


@pytest.fixture(params=[page_goes_away, phone_dies])
def gone(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """What becomes of 101's phone or page."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[Story.talks, Story.reaches], ids=["incoming", "outgoing"])
def broken(request: pytest.FixtureRequest, story: Story, gone: Callable[[Story], None]) -> Guest:
    """A caller of 101, or whom 101 has called; the phone or page has just gone."""
    story.logs_in("101")
    caller: Guest = request.param(story, "101")
    story.passes(60)
    gone(story)
    return caller


def comes_back(story: Story, person: str = "101") -> None:
    """The page is there again, or the phone has power."""
    story.phone(person).is_back()


def test_the_caller_hears_what_happened_and_waits_for_this_operator(story: Story, broken: Guest) -> None:
    assert broken.state == "kept"
    assert broken.is_at(Place.WAITING)
    assert broken.heard[-1] == "operator-lost"
    assert (broken.row.kept_for, broken.row.kept_until) == ("101", story.now + KEPT)
    assert story.is_now("101") == ("available", "wrapping_up"), "it is not the person's doing"
    kept = story.operator("101").kept
    assert kept
    assert kept.call == broken.call
    story.logs_in("102")
    assert not story.phone("102").rings


def test_the_call_is_taken_back_at_once_when_the_phone_is_there(story: Story, broken: Guest) -> None:
    behind = story.waits()
    story.passes(2)
    comes_back(story)
    ring = story.phone("101").display
    assert (ring.call, ring.kind) == (broken.call, OfferKind.TAKE_BACK)
    assert ring.label.startswith("вернуть звонок")
    story.phone("101").answers()
    assert broken.talks_with("101")
    assert story.operator("101").kept is None
    story.passes(20)
    story.phone("101").hangs_up()
    assert broken.is_at(Place.GOODBYE)
    broken.hangs_up()
    row = broken.row
    assert (row.outcome, row.hung_up_by, row.operator, row.talk) == (
        Outcome.ANSWERED,
        HungUpBy.OPERATOR,
        "101",
        81,
    )
    assert (row.kept_for, row.kept_until) == ("", None)
    assert [result for _, result in story.offers(broken)] in (["left", "connected"], ["lost", "connected"])
    counted = 1 if row.direction is Direction.INCOMING else 0
    assert story.line.windows["day"].answered == counted, "one call, answered once; nobody waited whom we called"
    story.passes(20)
    assert story.phone("101").display.call == behind.call


def test_the_time_is_up(story: Story, broken: Guest) -> None:
    behind = story.waits()
    story.logs_in("102")
    assert story.phone("102").display.call == behind.call
    story.phone("102").is_not_answered()
    story.passes(KEPT)
    assert broken.state == "waiting"
    assert (broken.row.kept_for, broken.row.kept_until) == ("", None)
    story.returns("102")
    assert story.phone("102").display.call == broken.call, "at the head of the queue"
    comes_back(story)
    story.passes(5)
    assert story.phone("101").display.call == behind.call, "any caller, as ever"


def test_who_is_back_in_the_last_second_is_not_interrupted(story: Story, broken: Guest) -> None:
    story.passes(KEPT - 1)
    comes_back(story)
    story.passes(5)
    assert story.phone("101").rings
    story.phone("101").answers()
    assert broken.talks_with("101")


def test_who_does_not_answer_in_time_gives_the_caller_away(story: Story, broken: Guest) -> None:
    comes_back(story)
    story.passes(2)
    story.phone("101").is_not_answered()
    assert broken.state == "waiting"
    assert story.is_now("101") == ("paused", "idle")
    story.logs_in("102")
    assert story.phone("102").display.call == broken.call


def test_who_declines_gives_the_caller_away_at_once(story: Story, broken: Guest) -> None:
    story.logs_in("102")
    comes_back(story)
    story.passes(1)
    leg = story.phone("101").leg
    assert leg
    story.phone("101").declines()
    assert story.operator("101").reason == "declined"
    assert story.phone("102").display.call == broken.call
    assert story.phone("102").display.kind is OfferKind.QUEUE


@pytest.mark.parametrize("leaves", [Story.pauses, Story.logs_out])
@pytest.mark.parametrize("rings", [False, True])
def test_who_pauses_or_goes_home_gives_the_caller_away(
    story: Story, broken: Guest, leaves: Callable[[Story, str], object], rings: bool
) -> None:
    if rings:
        comes_back(story)
        assert story.phone("101").rings
    leaves(story, "101")
    assert story.phone("101").leg is None
    assert broken.state == "waiting"
    story.logs_in("102")
    assert story.phone("102").display.call == broken.call


def test_who_had_paused_before_takes_the_call_back_nevertheless(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.pauses("101")
    page_goes_away(story)
    comes_back(story)
    story.loses_asterisk()
    story.finds_asterisk()
    story.phone("101").answers()
    assert caller.talks_with("101")
    assert story.operator("101").presence == "paused"


def test_who_has_gone_home_in_a_conversation_is_not_waited_for(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.logs_out("101")
    phone_dies(story)
    assert caller.state == "waiting"


@pytest.mark.parametrize("breaks", [page_goes_away, phone_dies])
def test_whose_page_goes_away_after_going_home_is_not_waited_for(story: Story, breaks: Callable[[Story], None]) -> None:
    story.logs_in("101")
    caller, behind = story.talks("101"), story.waits()
    story.logs_out("101")
    breaks(story)
    assert (caller.state, caller.row.kept_for) == ("waiting", "")
    assert story.operator("101").kept is None
    story.logs_in("102")
    assert story.phone("102").display.call == caller.call != behind.call, "at the head of the queue"


def test_the_caller_gives_up(story: Story, broken: Guest) -> None:
    broken.hangs_up()
    assert (broken.row.outcome, broken.row.hung_up_by) == (Outcome.ANSWERED, HungUpBy.CALLER)
    assert broken.row.kept_for == ""
    assert story.operator("101").kept is None
    story.waits()
    comes_back(story)
    story.passes(2)
    assert story.is_now("101") == ("available", "wrapping_up"), "the rest of the wrap-up is theirs"
    story.passes(18)
    assert story.phone("101").rings


def test_the_caller_gives_up_while_the_phone_rings(story: Story, broken: Guest) -> None:
    comes_back(story)
    broken.hangs_up()
    assert story.phone("101").leg is None
    assert story.is_now("101") == ("available", "idle")


@pytest.mark.parametrize("silent", [False, True])
def test_a_phone_that_only_seems_lost_a_moment_after_it_came_is_rung_once(story: Story, silent: bool) -> None:
    """Asterisk had asked it before it was there; that question fails while it rings, or is about to."""
    story.logs_in("101")
    caller = story.talks("101")
    phone_dies(story)
    story.passes(2)
    story.phone("101").is_dead(silent)
    comes_back(story)
    first = story.phone("101").display.offer
    story.passes(0.3)
    story.phone("101").is_lost()
    story.passes(0.3)
    comes_back(story)
    assert story.phone("101").display.offer == first
    story.passes(1)
    assert len([offer for offer in story.offers(caller) if offer[0] == "101"]) == 2
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_a_page_reloaded_twice_rings_again() -> None:
    """What rang in the page that is gone rings nowhere."""
    story = Story(settings(page_phones=frozenset({PhoneName("phone-101")})))
    story.opens()
    story.logs_in("101")
    broken = story.talks("101")
    page_goes_away(story)
    comes_back(story)
    assert story.phone("101").rings
    first = story.phone("101").display.offer
    story.phone("101").is_lost()
    assert story.phone("101").rings, "it may only seem so: who hears it ring can answer"
    comes_back(story)
    assert story.phone("101").display.offer != first
    assert story.operator("101").presence == "available"
    story.phone("101").answers()
    assert broken.talks_with("101")


def test_a_phone_that_is_there_but_said_nothing_is_rung_after_a_moment(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    leg = story.phone("101").leg
    assert leg
    story.act(story.pbx.hang_up, leg.id, 127)  # it was restarted, and does not know the call any more
    assert not story.phone("101").rings
    story.passes(3)
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_a_dead_phone_that_asterisk_believes_in_costs_the_caller_no_time(story: Story) -> None:
    story.logs_in("101")
    caller = story.talks("101")
    story.phone("101").is_dead()
    leg = story.phone("101").leg
    assert leg
    story.act(story.pbx.hang_up, leg.id, 44)
    story.logs_in("102")
    story.passes(KEPT + 4)
    assert story.phone("102").display.call == caller.call
    assert story.operator("101").presence == "available"


def test_who_logs_in_elsewhere_takes_the_call_back_there(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.talks("101")
    page_goes_away(story)
    story.logs_in("101", phone="phone-103")
    assert story.phone("101").display.call == caller.call
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_who_moves_in_a_conversation_takes_it_along(story: Story) -> None:
    story.logs_in("101", "102")
    caller = story.talks("101")
    story.tell(LogIn(PersonId("101"), True, PhoneName("phone-103"), "page"))
    assert story.phone("101").display.kind is OfferKind.TAKE_BACK
    story.phone("101").answers()
    assert caller.talks_with("101")


def test_whose_phone_is_used_otherwise_is_rung_when_that_is_over(story: Story, broken: Guest) -> None:
    story.tell(Return(PersonId("101"), channel=ChannelId("code")))
    comes_back(story)
    assert not story.phone("101").rings
    story.tell(ChannelHungUp(ChannelId("code")))
    assert story.phone("101").display.call == broken.call


def test_nobody_is_transferred_to_whoever_has_a_caller_to_take_back(story: Story, broken: Guest) -> None:
    story.logs_in("102")
    story.talks("102")
    assert story.phone("102").transfers("operators") is Answer.NONE_FREE


def test_a_lost_consultation_is_no_matter_of_this_rule(story: Story) -> None:
    story.logs_in("101", "201")
    caller = story.talks("101")
    story.phone("101").transfers("technical", consult=True)
    story.phone("201").answers()
    page_goes_away(story)
    assert caller.talks_with("201")
    assert story.operator("101").kept is None


def test_a_false_answer_is_no_conversation(story: Story) -> None:
    story.logs_in("101")
    caller = story.waits()
    story.phone("101").answers()
    page_goes_away(story)
    assert caller.state == "waiting"


def test_with_no_time_set_the_caller_is_anybodys(story: Story) -> None:
    story = Story(settings(take_back=0.0))
    story.opens()
    story.logs_in("101")
    caller = story.talks("101")
    story.logs_in("102")
    page_goes_away(story)
    assert story.phone("102").display.call == caller.call


# -- while Asterisk is not seen ----------------------------------------------------------------------------------------


Blind = tuple[Callable[[], None], Callable[[], None]]


@pytest.fixture(params=["link", "answers"])
def blind(request: pytest.FixtureRequest, story: Story) -> Blind:
    """How Asterisk gets out of sight, and how it is seen again."""
    if request.param == "link":
        return story.loses_asterisk, story.finds_asterisk
    return story.stops_hearing_asterisk, story.hears_asterisk


@pytest.mark.parametrize("leaves", [Story.pauses, Story.logs_out])
@pytest.mark.parametrize("rings", [False, True])
def test_who_pauses_or_goes_home_unseen_gives_the_caller_away(
    story: Story, broken: Guest, blind: Blind, leaves: Callable[[Story, str], object], rings: bool
) -> None:
    if rings:
        comes_back(story)
        assert story.phone("101").rings
    out_of_sight, seen_again = blind
    out_of_sight()
    leaves(story, "101")
    story.passes(2)
    seen_again()
    assert story.phone("101").leg is None
    assert (broken.state, broken.row.kept_for) == ("waiting", "")
    story.logs_in("102")
    assert story.phone("102").display.call == broken.call


def test_who_pauses_unseen_when_the_controller_dies_gives_the_caller_away(story: Story, broken: Guest) -> None:
    comes_back(story)
    story.loses_asterisk()
    story.passes(1)
    story.pauses("101")
    story.dies()
    story.passes(2)
    story.starts_again()
    assert story.phone("101").leg is None
    assert (broken.state, broken.row.kept_for) == ("waiting", "")


def test_who_has_answered_before_the_pause_is_known_has_taken_the_call_back(story: Story, broken: Guest) -> None:
    comes_back(story)
    leg = story.phone("101").leg
    assert leg
    story.loses_asterisk()
    story.pauses("101")
    story.act(story.pbx.answer, leg.id)
    story.finds_asterisk(journal=True)
    assert broken.talks_with("101")
    assert story.is_now("101") == ("paused", "talking")


def test_who_is_back_from_the_pause_before_asterisk_is_seen_goes_on_ringing(story: Story, broken: Guest) -> None:
    comes_back(story)
    story.loses_asterisk()
    story.pauses("101")
    story.returns("101")
    story.finds_asterisk()
    story.phone("101").answers()
    assert broken.talks_with("101")


# -- the controller, and Asterisk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("away", [0.0, 5.0, 30.0])
def test_a_new_controller_lets_the_caller_wait_on(story: Story, broken: Guest, away: float) -> None:
    story.dies()
    story.passes(away)
    story.logs_in("102")
    story.starts_again()
    if away < KEPT:
        assert broken.state == "kept"
        assert broken.row.kept_until is not None
        comes_back(story)
        story.phone("101").answers()
        assert broken.talks_with("101")
    else:
        story.passes(0)
        assert broken.state == "waiting"
        assert broken.row.kept_for == ""


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("does", ["rings", "answers", "stops"])
def test_the_phone_that_rings_while_the_controller_is_away(
    story: Story, broken: Guest, does: str, journal: bool
) -> None:
    comes_back(story)
    leg = story.phone("101").leg
    assert leg
    story.dies()
    story.passes(2)
    if does == "answers":
        story.act(story.pbx.answer, leg.id)
    elif does == "stops":
        story.act(story.pbx.hang_up, leg.id, 19)
    story.passes(1)
    story.starts_again(journal=journal)
    if does == "answers":
        assert broken.talks_with("101")
        assert broken.row.kept_for == ""
    elif does == "rings":
        story.phone("101").answers()
        assert broken.talks_with("101")
    else:
        assert broken.state == "kept"
        assert story.phone("101").rings, "once more"


@pytest.mark.parametrize("died", [False, True])
@pytest.mark.parametrize("rung", [False, True])
def test_a_kept_caller_in_the_fallback_queue_is_fetched_back(
    story: Story, broken: Guest, died: bool, rung: bool
) -> None:
    story.logs_in("102")
    (story.dies if died else story.loses_asterisk)()
    story.passes(5)
    story.pbx.help_itself(broken.channel.id)
    leg = story.pbx.ring_by_itself(broken.channel.id, PhoneName("phone-102")) if rung else None
    before = len(story.commands)
    if died:
        story.starts_again()
    else:
        story.finds_asterisk(journal=True)
    if leg:
        assert not [command for command in story.since(before) if isinstance(command, Redirect)]
        story.act(story.pbx.answer, leg)
        assert broken.talks_with("102"), "who answers first"
    else:
        assert (broken.state, broken.place) == ("kept", Place.WAITING)
        comes_back(story)
        story.phone("101").answers()
        assert broken.talks_with("101")


def test_the_fallback_queue_has_connected_them_meanwhile(story: Story, broken: Guest) -> None:
    story.logs_in("102")
    story.dies()
    story.passes(5)
    story.pbx.help_itself(broken.channel.id)
    story.act(story.pbx.answer, story.pbx.ring_by_itself(broken.channel.id, PhoneName("phone-102")))
    story.passes(5)
    story.starts_again()
    assert broken.talks_with("102")
    assert broken.row.kept_for == ""
    assert story.operator("101").kept is None


def test_somebody_who_is_not_configured_any_more_is_not_waited_for(story: Story, broken: Guest) -> None:
    story.dies()
    people = {id: person for id, person in story.settings.people.items() if id != "101"}
    story.starts_again(settings(people=people))
    assert (broken.state, broken.row.kept_for) == ("waiting", "")


@pytest.mark.parametrize("phone", ["", "phone-gone"])
def test_a_new_controller_lets_nobody_wait_for_somebody_without_a_shift(
    story: Story, broken: Guest, phone: str
) -> None:
    """The row of the log-out came, that of the call did not; or the shift is closed because its phone is gone."""
    behind = story.waits()
    story.dies()
    if phone:
        story.kept.presence[PersonId("101")] = replace(story.kept.presence[PersonId("101")], phone=PhoneName(phone))
        story.starts_again(settings(phones=frozenset(each.phone for each in story.settings.people.values())))
    else:
        del story.kept.presence[PersonId("101")]
        story.starts_again()
    assert story.operator("101").presence == "off"
    assert (broken.state, broken.row.kept_for, broken.row.kept_until) == ("waiting", "", None)
    assert story.operator("101").kept is None
    story.logs_in("102")
    assert story.phone("102").display.call == broken.call != behind.call


def test_a_new_controller_lets_only_one_caller_wait_for_somebody(story: Story, broken: Guest) -> None:
    other = story.waits()
    story.dies()
    story.kept.calls[other.call] = replace(
        broken.row, call=other.call, arrived_at=other.row.arrived_at, kept_until=broken.row.kept_until
    )
    story.starts_again()
    kept = story.operator("101").kept
    assert kept
    assert sorted((broken.state, other.state)) == ["kept", "waiting"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_call_that_has_ended_is_kept_for_nobody(story: Story, broken: Guest, stopped: bool) -> None:
    if stopped:  # the service hangs up everybody, and is killed before it hears that they are gone
        story.connected = False
        story.tell(ServiceEnded())
    story.dies()
    story.act(story.pbx.hang_up, broken.channel.id)
    story.starts_again()
    assert broken.row.ended_at is not None
    assert (broken.row.kept_for, broken.row.kept_until) == ("", None)
    assert story.operator("101").kept is None


def test_a_call_of_a_line_that_is_gone_is_kept_for_nobody(story: Story, broken: Guest) -> None:
    story.dies()
    story.starts_again(settings(replace(ESTP, id=LineId("other"))))
    assert broken.row.ended_at is not None
    assert (broken.row.kept_for, broken.row.kept_until) == ("", None)


def test_asterisk_dies_with_a_kept_caller(story: Story, broken: Guest) -> None:
    story.asterisk_dies()
    story.passes(2)
    story.finds_asterisk(restarted=True)
    assert broken.row.outcome is Outcome.ANSWERED
    assert story.operator("101").kept is None
    again = story.calls()
    again.hears_greeting()
    assert again.row.place_at == broken.row.place_at, "the place is kept"
