"""The whole controller hears a real Asterisk's session torn to pieces, and an Asterisk that lies.

Whatever is dropped, doubled, told out of order or made up: nothing stops the controller, what it believes never
contradicts itself, every fact ends once, and the next snapshot brings it back to the truth.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.accounts.secrets import Secrets
from callcenter.app.controller import Controller
from callcenter.asterisk import takeover
from callcenter.asterisk.render import dialplan_version
from callcenter.config import Config
from callcenter.core.commands import Save, SaveAnnouncement, SaveCall, SaveOffer
from callcenter.core.events import CompleteTransfer, Event, LogIn, Return, Transfer
from callcenter.core.floor import Floor
from callcenter.core.ids import PersonId
from callcenter.core.records import CallRecord, OfferRecord, PromiseResult
from callcenter.core.server import ONLY
from callcenter.store import Register
from tests.asterisk import recorded
from tests.asterisk.fake_asterisk import LIMIT, event, failure, success
from tests.asterisk.wire import Peer
from tests.core.soundness import assert_empty, assert_sound
from tests.e2e.station import PROJECT, configuration
from tests.store.stories import eventually
from tests.wall import MONDAY_NOON, Wall

HUNT = int(os.environ.get("CALLCENTER_HUNT", "0"))
"""So many storms, at random; without it a hundred that are the same each time: nobody's build fails by luck."""
FUZZ = settings(
    max_examples=HUNT or 100,
    deadline=None,
    derandomize=not HUNT,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANSWERED_BY = {"+73421111101": "101", "+73421111102": "", "+73421111103": "101"}
"""What came of the three callers of the recorded session: the first spoke with 101, and then with 201."""
RANG = [("101", "connected"), ("201", "connected"), ("101", "missed"), ("101", "connected")]
REQUESTS: dict[str, Event] = {
    "consult 101": Transfer("technical", "101", consult=True),
    "complete 101": CompleteTransfer("101"),
    "return 101": Return("101"),
}
ACTIONS = {"Login", "Ping", "CoreStatus", "Getvar", "Status", "Setvar", "Redirect", "Originate", "Hangup", "MixMonitor",
           "QueueAdd", "QueuePause", "QueueRemove", "DeviceStateList", "PJSIPQualify", "Logoff",
           "CoreShowChannels"}  # fmt: skip
VARIABLES = {"CC_CALLER", "CC_COLLEAGUE", "CC_HANDOVER", "CC_KEPT", "FORWARD_CONTEXT"}


class Office:
    """A controller with two operators on shift, and the Asterisk that it believes."""

    def __init__(self, controller: Controller, peer: Peer) -> None:
        self.controller, self.peer = controller, peer
        self.calls: list[CallRecord] = []
        self.offers: list[OfferRecord] = []
        self.settled: list[tuple[str, int]] = []
        """Promises compared with what happened."""
        self._era = 0
        put = controller._writer.put

        def keep(save: Save) -> None:
            put(save)
            match save:
                case SaveCall(record):
                    self.calls.append(record)
                case SaveOffer(record):
                    self.offers.append(record)
                case SaveAnnouncement(record) if record.result is not PromiseResult.OPEN:
                    self.settled.append((record.call, record.number))

        controller._writer.put = keep  # type: ignore[method-assign]

    @property
    def floor(self) -> Floor:
        return self.controller._center._floor

    def session(self) -> list[str]:
        """The recorded session, with ids that nobody has had before and the offers that will be made."""
        self._era += 1
        made = self.floor._offers_made
        told = recorded.session(self.floor.settings.boot, self.controller.link._token)
        ours = re.compile(f"(?<=offer-{self.floor.settings.boot}-)[0-9]+")
        told = [ours.sub(lambda found: f"{int(found[0]) + made:07d}", one) for one in told]
        return [re.sub(r"\b\d{10}(?=\.\d)", str(1795315000 + 1000 * self._era), one) for one in told]

    async def hears(self, told: Sequence[str | bytes]) -> None:
        """Everything, one after the other, each as soon as the loop comes to it."""
        for one in told:
            if isinstance(one, str) and one.startswith(recorded.ASKED):
                self.controller.take(REQUESTS[one.removeprefix(recorded.ASKED).strip()])
            else:
                self.peer.say(one)
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)

    async def sees(self, channels: Sequence[dict[str, str]] = ()) -> None:
        """The connection breaks, and this is what the next one finds."""
        self.peer.answers["Status"] = lambda action: (
            success(action, EventList="start") + recorded.status_items(channels, action["ActionID"])
        )
        before = self.peer.connections
        self.peer.hang_up()
        await eventually(lambda: self.peer.connections > before and self.controller.link.connected.is_set())

    async def new_morning(self) -> None:
        """Nobody on any line, everybody is free; and nothing is remembered, so that every example can be repeated."""
        controller = self.controller
        for timer in list(controller._timers._set):
            controller._timers.cancel(timer)
        controller._center._floor = Floor(self.floor.settings)
        controller._calendar._open.clear()
        controller._calendar.look()
        await self.sees()
        for person in ("101", "201"):
            controller.take(LogIn(PersonId(person), True))
        self.calls.clear()
        self.offers.clear()
        self.settled.clear()
        self.peer.actions.clear()
        self.peer.raw.clear()

    def every_fact_ended_once(self) -> None:
        ends = Counter({(record.call, record.ended_at, record.outcome) for record in self.calls if record.ended_at})
        assert Counter(call for call, *_ in ends).keys() == {record.call for record in self.calls}
        assert len(ends) == len({call for call, *_ in ends}), "the end of a call was written twice, and differently"
        results = Counter({(record.offer, record.ended_at, record.result) for record in self.offers if record.ended_at})
        assert {offer for offer, *_ in results} == {record.offer for record in self.offers}
        assert len(results) == len({offer for offer, *_ in results})
        assert max(Counter(self.settled).values(), default=1) == 1
        for call in self.calls:
            assert call.talk >= 0
            assert call.waiting is None or call.waiting >= 0
            assert call.ended_at is None or call.ended_at >= call.arrived_at


@pytest.fixture
async def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Office]:
    caplog.set_level(logging.ERROR, "callcenter")
    caplog.set_level(logging.CRITICAL, "callcenter.recordings")
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    monkeypatch.setattr(takeover, "JOURNAL_LATE", 0.0)  # this Asterisk keeps no journal
    peer = Peer()
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", peer.connect)
    folders = {"prompts": str(PROJECT / "ivr_prompts"), "dialplan": str(PROJECT / "dialplan")}
    data = configuration(today=MONDAY_NOON.date(), **folders)
    data["asterisk"]["start"] = "false"
    data["timings"]["false_answer"] = 0
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(data, allow_unicode=True))
    config = Config.load(tmp_path / "config.yaml")
    register = await Register.open(config.database)
    peer.answers["DeviceStateList"] = lambda action: failure(action, "Memory Allocation Failure")
    peer.answers["Getvar"] = lambda action: success(action, Value=dialplan_version(config.dialplan))
    controller = Controller(config, Secrets.load_or_create(config.var, config), register, Wall())
    ami = controller.link.ami
    quick = replace(ami._settings, backoff_first=0.0, backoff_max=0.0, ping_interval=LIMIT, lost_after=LIMIT)
    ami._settings = quick
    peer.answers["Status"] = lambda action: (
        success(action, EventList="start") + recorded.status_items((), action["ActionID"])
    )
    try:
        await controller.start()
        await eventually(controller.link.connected.is_set)
        yield Office(controller, peer)
    finally:
        for task in controller.tasks._tasks:
            if task.get_name() == "recording":  # of calls that nobody recorded: the end would wait for each
                task.cancel()
        await controller.stop()
        await register.close()


# -- a real session ----------------------------------------------------------------------------------------------------


async def test_the_recorded_session_is_understood_as_it_was(office: Office) -> None:
    await office.new_morning()
    told = office.session()
    await office.hears(told)
    assert_empty(office.floor)
    last = {record.number: record for record in office.calls}
    assert {number: record.operator for number, record in last.items()} == ANSWERED_BY
    last_of = {record.offer: (record.operator, record.result) for record in office.offers}
    assert list(last_of.values()) == RANG
    office.every_fact_ended_once()
    assert recorded.world(told) == {}


edits = st.lists(
    st.tuples(st.sampled_from(("drop", "double", "later", "sooner")), st.integers(0, 999), st.integers(1, 30)),
    max_size=12,
)


def torn(told: list[str], edits: Sequence[tuple[str, int, int]]) -> list[str]:
    """Dropped, told twice, told too late or too soon."""
    told = list(told)
    for how, which, far in edits:
        if not told:
            break
        place = which % len(told)
        one = told[place] if how == "double" else told.pop(place)
        if how in ("double", "later"):
            told.insert(place + far, one)
        elif how == "sooner":
            told.insert(max(0, place - far), one)
    return told


@FUZZ
@given(edits=edits, truth=st.integers(0, 60), rest=st.booleans())
async def test_whatever_is_lost_or_confused_the_next_snapshot_brings_the_truth(
    office: Office, edits: list[tuple[str, int, int]], truth: int, rest: bool
) -> None:
    await office.new_morning()
    told = office.session()
    for one in torn(told[:truth], edits):
        await office.hears([one])
        assert_sound(office.floor)
    there = recorded.world(told[:truth])
    if not set(there) <= {*office.floor.callers, *office.floor.offers}:
        office.floor._offers_made += len(RANG)  # an offer that we do not know is none of ours to come
    await office.sees(list(there.values()))
    believes(office.floor, there)
    if rest:
        await office.hears(told[truth:])
        assert_sound(office.floor)
    await office.sees()
    assert_empty(office.floor)
    office.every_fact_ended_once()
    nothing_was_sent_twice(office.peer)


def believes(floor: Floor, there: dict[str, dict[str, str]]) -> None:
    assert_sound(floor)
    """Nobody is believed to be there who is not, but phones that have begun to ring since; and nobody is overlooked."""
    assert set(floor.callers) <= set(there)
    assert {id for id, offer in floor.offers.items() if not offer.pending} <= set(there)
    waiting = {id for id, channel in there.items() if channel.get("Stage") == "waiting" and not channel.get("BridgeID")}
    assert waiting <= set(floor.callers) | set(floor.servers[ONLY].ended)


async def test_cut_after_each_message_of_a_real_session_every_offer_ends_once(office: Office) -> None:
    """A cut in the middle of a message is a cut before it: test_ami_fuzz.py looks at each byte."""
    for cut in range(len(office.session())):
        await office.new_morning()
        told = office.session()
        await office.hears(told[:cut])
        await office.sees(list(recorded.world(told[:cut]).values()))
        believes(office.floor, recorded.world(told[:cut]))
        await office.hears(told[cut:])
        assert_sound(office.floor)
        await office.sees()
        assert_empty(office.floor)
        office.every_fact_ended_once()
        nothing_was_sent_twice(office.peer)


def nothing_was_sent_twice(peer: Peer) -> None:
    ids = Counter(action["ActionID"] for action in peer.actions if "ActionID" in action)
    assert max(ids.values()) == 1


# -- an Asterisk that lies ---------------------------------------------------------------------------------------------

names = st.sampled_from(
    ("UserEvent", "UserEvent", "UserEvent", "UserEvent", "Hangup", "BridgeEnter", "BridgeLeave", "Newstate",
     "OriginateResponse", "PeerStatus", "Status", "Shutdown", "FullyBooted")
)  # fmt: skip
user_events = st.sampled_from(
    ("CCArrived", "CCArrived", "CCGreeted", "CCInn", "CCUrgency", "CCSpoken", "CCInfo", "CCGeneral", "CCAnswered",
     "CCLogOut", "CCReturn", "CCPause", "CCFeature", "CCNothing")
)  # fmt: skip
HOSTILE = ("", "0", "1", "-1", "9" * 30, "²", "٣", "estp", "101", "201", "waiting", "Failure", "Success", "true", "5",
           'x" <sip:evil>', "a\nAction: Command", "a\rCommand: core stop now", "\0", "CC_HEARTBEAT=0", "1,CC_CALLER=x",
           "${SHELL(id)}", "$[1/0]", "%0d%0aAction%3a Command", "%ff%fe", "%", "Щукин", "\u202e", "../../etc/passwd",
           "transfer-technical", "consult-managers", "transfer-general", "take-back", "complete",
           "x" * 3000)  # fmt: skip
ids = st.sampled_from(("1.1", "1.2", "1.3", "offer-BOOT-0000001", "offer-BOOT-0000002", "offer-x", "", "a\nb", "x,y"))
HEADERS = ("Line", "Number", "Name", "Phone", "Id", "Key", "Feature", "Digit", "Digits", "Status", "Cause", "Cause-txt",
           "ChannelState", "Response", "Reason", "Peer", "PeerStatus",
           "ActionID", "BridgeUniqueid", "Channel", "Seconds",
           "Variable", "Token")  # fmt: skip
lies = st.builds(
    lambda name, user, id, headers: (
        name,
        {"Uniqueid": id, "UserEvent": user, "Line": "estp", "Token": "TOKEN", **headers},
    ),
    names,
    user_events,
    ids,
    st.dictionaries(st.sampled_from(HEADERS), st.sampled_from(HOSTILE) | ids | st.text(max_size=10), max_size=6),
)
Lie = tuple[str, dict[str, str]]


@FUZZ
@given(storm=st.lists(lies, max_size=30), edits=edits)
async def test_an_asterisk_that_lies_stops_nothing_and_gets_no_word_of_its_own_into_an_action(
    office: Office, caplog: pytest.LogCaptureFixture, storm: list[Lie], edits: list[tuple[str, int, int]]
) -> None:
    await office.new_morning()
    truth = torn(office.session(), edits)
    for place, (name, headers) in enumerate(storm):
        lie = event(name, **headers).replace("BOOT", office.floor.settings.boot)
        lie = lie.replace("TOKEN", office.controller.link._token)
        await office.hears([lie.encode(errors="replace"), *truth[place : place + 1]])
        assert_sound(office.floor)
    there: dict[str, Any] = {"7.7": {"Uniqueid": "7.7", "Channel": "PJSIP/trunk-city-00000007", "Seconds": "3"}}
    there["7.7"] |= {"Stage": "waiting", "Who": "666"}
    await office.sees(list(there.values()))
    believes(office.floor, there)
    await office.sees()
    assert_empty(office.floor)
    office.every_fact_ended_once()
    nothing_was_sent_twice(office.peer)
    for block in office.peer.raw:
        is_proper(block.decode())
    assert "A defect of the core" not in caplog.text


def is_proper(block: str) -> None:
    """One action of those that we use, no line of which could be two, and no variable that we did not mean."""
    lines = block.split("\r\n")
    headers = [line.partition(": ")[::2] for line in lines]
    assert all(re.fullmatch("[A-Za-z]+", key) for key, _ in headers), lines
    assert not any(re.search("[\r\n\0]", value) for _, value in headers)
    assert Counter(key for key, _ in headers if key != "Variable").most_common(1)[0][1] == 1
    action = dict(headers)
    assert action["Action"] in ACTIONS
    if action["Action"] == "Originate":
        variables = [value for key, value in headers if key == "Variable"]
        assert {variable.partition("=")[0] for variable in variables} <= VARIABLES
        assert not any(re.search('[,"]', variable) for variable in variables)
        assert re.fullmatch(r'"[^"<>\\]*" <[^"<>\\]*>', action["CallerID"])
    if action["Action"] in ("Setvar", "Redirect", "Hangup", "MixMonitor"):
        assert action.get("Channel", "-") != "", "a variable of no channel is one of all Asterisk"
