"""One line, one queue and one team over two Asterisks: what becomes of one is nothing to the callers of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import Answer, HangUp, Ring
from callcenter.core.events import AsteriskResponsive, AsteriskUnresponsive
from callcenter.core.floor import Floor
from callcenter.core.ids import ChannelId, ServerId
from callcenter.core.records import Outcome
from callcenter.core.server import named_in, offer_id
from tests.core.soundness import assert_empty, assert_sound
from tests.core.story import CUSTOMER
from tests.core.two_servers import A, B, TwoServers, of


@pytest.fixture
def story() -> TwoServers:
    return TwoServers()


def test_both_serve_one_queue_in_the_order_of_arrival(story: TwoServers) -> None:
    story.logs_in("101")
    first = story.waits_at(B)
    story.phone("101").answers()
    waiting = [story.waits_at(server) for server in (A, B, B, A)]
    for caller in (first, *waiting):
        assert caller.talks_with("101")
        assert story.offers(caller) == [("101", "connected")]
        caller.hangs_up()
        story.returns("101")
        if caller is not waiting[-1]:
            story.phone("101").answers()
    assert [named_in(ring.call) for ring in story.all(Ring)] == [B, A, B, B, A]


def test_the_ids_of_offers_tell_where_they_are(story: TwoServers) -> None:
    story.logs_in("101", "102")
    story.waits_at(A)
    story.waits_at(B)
    assert [ring.offer for ring in story.all(Ring)] == ["offer-a-0-0000001", "offer-b-0-0000002"]


@pytest.mark.parametrize(
    ("id", "server"),
    [
        ("a-1795298577.12", "a"),
        ("pbx-east-1795298577.12", "pbx-east"),
        ("1795298577.12", ""),
        (offer_id(ServerId("pbx-east"), "65f0c1d2ab", 7), "pbx-east"),
        ("", ""),
    ],
)
def test_an_id_carries_the_name_of_its_server(id: ChannelId, server: str) -> None:
    assert named_in(id) == server


@pytest.mark.clause("ESTP 5.6.1")
def test_when_one_is_lost_the_callers_of_the_other_go_on_being_offered(story: TwoServers) -> None:
    """Whoever came first waits on the lost one: nobody is rung for them, and nobody waits because of them."""
    unlucky = story.waits_at(A)
    lucky = story.waits_at(B)
    story.loses(A)
    story.logs_in("101")
    assert (story.offers(unlucky), story.offers(lucky)) == ([], [("101", "")])
    story.phone("101").answers()
    assert lucky.talks_with("101")
    another = story.waits_at(B)
    story.logs_in("102")
    assert (story.offers(unlucky), story.offers(another)) == ([], [("102", "")])
    story.finds(A)
    story.logs_in("103")
    assert story.offers(unlucky) == [("103", "")]
    assert story.center.view(story.now).asterisk_connected


def test_an_urgent_caller_of_the_lost_one_keeps_no_normal_one_waiting(story: TwoServers) -> None:
    story.at(A).waits("urgent")
    normal = story.waits_at(B)
    story.loses(A)
    story.logs_in("101")
    assert story.offers(normal) == [("101", "")]


@pytest.mark.clause("ESTP 5.6.1")
def test_operators_of_a_dead_one_are_free_for_the_other_as_soon_as_it_has_told_that_it_died(story: TwoServers) -> None:
    story.logs_in("101")
    cut_off = story.waits_at(A)
    story.phone("101").answers()
    waits = story.waits_at(B)
    story.passes(10)
    story.loses_for_good(A)
    assert story.operator("101").activity == "talking", "as far as anybody knows"
    story.passes(5)
    story.finds(A, restarted=True)
    assert cut_off.row.outcome is Outcome.ANSWERED
    assert (cut_off.state, waits.row.outcome) == ("gone", Outcome.IN_PROGRESS)
    story.returns("101")
    assert story.offers(waits) == [("101", "")]
    story.phone("101").answers()
    assert waits.talks_with("101")


def test_whom_one_has_cut_off_gets_the_place_back_on_the_other(story: TwoServers) -> None:
    story.waits_at(A)
    story.passes(60)
    story.loses_for_good(A)
    story.finds(A, restarted=True)
    rival = story.at(B).calls(CUSTOMER, number="+73429999999")
    rival.hears_greeting()
    rival.presses("2")
    again = story.at(B).calls()
    again.hears_greeting()
    story.logs_in("101")
    assert (story.offers(again), story.offers(rival)) == ([("101", "")], [])


def test_a_snapshot_of_one_does_not_touch_the_other(story: TwoServers) -> None:
    """All that is there of the other one: somebody who talks, somebody who is rung for, one who waits."""
    story.logs_in("101", "102")
    talks = story.waits_at(B)
    story.phone("101").answers()
    rung, waits = story.waits_at(B), story.waits_at(B)
    before, mark = (talks.row, rung.row, waits.row), len(story.commands)
    story.loses(A)
    story.passes(2)
    story.finds(A, restarted=True)
    assert (talks.row, rung.row, waits.row) == before
    assert (talks.state, rung.state, waits.state) == ("talking", "waiting", "waiting")
    assert talks.talks_with("101")
    assert story.phone("102").rings
    assert not [command for command in story.since(mark) if isinstance(command, HangUp | Ring)]


def test_who_came_free_on_the_lost_one_is_offered_to_the_other_when_all_of_it_is_known(story: TwoServers) -> None:
    """What happened unseen is entered at its own moments; who is offered to whom is decided afterwards, for today."""
    story.logs_in("101")
    story.waits_at(A)
    story.phone("101").answers()
    waits = story.waits_at(B)
    story.loses(A)
    story.passes(10)
    story.phone("101").hangs_up()
    story.passes(60)
    assert not story.offers(waits)
    story.finds(A)
    assert story.offers(waits) == [("101", "")]
    assert story.phone("101").rings


def test_a_phone_that_rings_for_one_server_is_not_silenced_by_what_the_other_tells(story: TwoServers) -> None:
    """The lost one's own queue rings the same phone: which of the two is picked up nobody can know."""
    by_itself = story.waits_at(A)
    story.loses(A)
    story.logs_in("101")
    rung = story.waits_at(B)
    story.pbx.help_itself(by_itself.call)
    story.pbx.ring_by_itself(by_itself.call, "phone-101")
    story.finds(A)
    assert story.offers(rung) == [("101", "")]
    assert [leg.ring.call for leg in story.pbx.legs.values() if leg.by_us] == [rung.call]


def test_one_that_does_not_answer_keeps_only_its_own_from_being_offered(story: TwoServers) -> None:
    silent, heard = story.waits_at(A), story.waits_at(B)
    story.tell(AsteriskUnresponsive(A))
    story.logs_in("101", "102")
    assert (story.offers(silent), story.offers(heard)) == ([], [("101", "")])
    story.tell(AsteriskResponsive(A))
    assert story.offers(silent) == [("102", "")]


def test_what_operators_ask_for_is_refused_only_where_it_cannot_be_told(story: TwoServers) -> None:
    story.logs_in("101", "102", "201", "202")
    for server, person in ((A, "101"), (B, "102")):
        story.waits_at(server)
        story.phone(person).answers()
    story.tell(AsteriskUnresponsive(A))
    assert story.phone("101").transfers("technical") is Answer.NOT_POSSIBLE
    assert story.phone("102").transfers("technical") is Answer.RINGING_COLLEAGUE


def test_a_new_controller_knows_of_every_call_where_it_is(story: TwoServers) -> None:
    """The register's rows tell by their ids; only one of the two is there again."""
    story.logs_in("101", "102")
    talks, waits = story.waits_at(A), story.waits_at(B)
    story.phone("101").answers()
    story.phone("102").is_not_answered()
    story.unseen = {A: story.now, B: story.now}
    story.dies()
    floor = _started_again(story)
    assert {call: floor.server_of(call).name for call in floor.callers} == {talks.call: A, waits.call: B}
    story.finds(B)
    assert story.center.view(story.now).servers == {A: False, B: True}
    story.returns("102")
    assert story.offers(waits)[-1] == ("102", "")
    assert (talks.state, story.operator("101").activity) == ("talking", "talking")
    story.finds(A)
    assert talks.talks_with("101")


def _started_again(story: TwoServers) -> Floor:
    story.alive = story.connected = True
    story.center = CallCenter(replace(story.settings, boot="1"))
    story.opens()
    story.handle(story.kept.floor_warm_start(story.now, {"estp": 600.0}))
    return story.center._floor


# -- whatever happens --------------------------------------------------------------------------------------------------


def _picks_up(story: TwoServers) -> None:
    for leg in [leg.id for leg in story.pbx.legs.values() if not leg.answered][:1]:
        story.act(story.pbx.answer, leg)


def _hangs_up(story: TwoServers) -> None:
    for leg in [leg.id for leg in story.pbx.legs.values() if leg.answered][:1]:
        story.act(story.pbx.hang_up, leg)


def _calls(story: TwoServers, server: ServerId) -> None:
    if server not in story.lost:
        story.waits_at(server)


def _gives_up(story: TwoServers, server: ServerId) -> None:
    for call in of(server, story.pbx.callers)[:1]:
        story.act(story.pbx.hang_up, call)


def _is_lost(story: TwoServers, server: ServerId) -> None:
    if server not in story.lost:
        story.loses(server)


def _is_found(story: TwoServers, server: ServerId) -> None:
    if server in story.lost:
        story.finds(server)


def _dies(story: TwoServers, server: ServerId) -> None:
    story.loses_for_good(server)
    story.finds(server, restarted=True)


def _returns(story: TwoServers) -> None:
    for person in ("101", "102", "103"):
        story.returns(person)


HAPPENINGS: dict[str, Callable[[TwoServers], object]] = {
    "an operator picks up": _picks_up,
    "an operator hangs up": _hangs_up,
    "operators are back": _returns,
    "time": lambda story: story.passes(7),
}
AT_ONE = {"a call": _calls, "a caller hangs up": _gives_up, "is lost": _is_lost, "is found": _is_found, "dies": _dies}
HAPPENINGS |= {f"{server}: {what}": partial(act, server=server) for server in (A, B) for what, act in AT_ONE.items()}


@given(st.lists(st.sampled_from(sorted(HAPPENINGS)), max_size=40))
def test_nobody_is_lost_nor_rung_twice_whatever_becomes_of_the_two(happenings: list[str]) -> None:
    story = TwoServers()
    story.logs_in("101", "102", "103")
    floor = story.center._floor
    for what in happenings:
        mark = len(story.commands)
        HAPPENINGS[what](story)
        assert_sound(floor)
        for ring in story.since(mark):
            assert not isinstance(ring, Ring) or named_in(ring.call) not in story.lost
        waiting = [line.queue.head(story.now, floor.sees) for line in floor.lines.values()]
        assert not any(waiting) or not len(floor.rosters["operators"]), "somebody waits, and somebody is free"
    for server in (A, B):
        if server in story.lost:
            story.finds(server)
        assert set(of(server, story.pbx.callers)) == set(of(server, floor.callers))
    for call in list(story.pbx.callers):
        story.act(story.pbx.hang_up, call)
    story.passes(30)
    assert_empty(floor)
