"""The manager interface under everything that a broken or hostile peer could say.

Nothing leaves, nothing hangs, nothing is sent twice, and memory has an end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.asterisk.ami import ActionFailed, Ami, AmiError, AmiSettings, Message, NotConnected
from callcenter.asterisk.connection import MAX_ITEMS
from callcenter.asterisk.messages import BREAKS_OUT, MAX_MESSAGE, MessageReader
from tests.asterisk import recorded
from tests.asterisk.fake_asterisk import LIMIT, Facts, FakeAsterisk, event, success
from tests.asterisk.test_ami import Line as SocketLine
from tests.asterisk.test_ami import settings_for
from tests.asterisk.wire import BOOTED, Peer

HUNT = int(os.environ.get("CALLCENTER_HUNT", "0"))
"""So many storms, at random; without it some hundred that are the same each time: nobody's build fails by luck."""
FUZZ = settings(
    max_examples=HUNT or 300,
    deadline=None,
    derandomize=not HUNT,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
REAL = [told.encode() for told in recorded.session("6ab0c0de", "c0ffee") if not told.startswith(recorded.ASKED)]
IDS = ("ID0", "ID1", "ID2", "ID3", "nobody's", "list/1/1/1", "action/1/1/1", "offer-1", "")
"""The first are replaced by those of the actions in flight."""

words = st.sampled_from(
    (
        "Event",
        "Response",
        "ActionID",
        "EventList",
        "Message",
        "Output",
        "Variable",
        "ChanVariable",
        "Uniqueid",
        "Reason",
    )
)
values = st.one_of(
    st.sampled_from(
        ("Success", "Error", "Goodbye", "Follows", "start", "Complete", "cancelled", "StatusComplete", "Shutdown",
         "FullyBooted", "OriginateResponse", "No Contacts found", "\r", "\n", "\0", "a\nEvent: Hangup", "\x85\u2028",
         ":", "Щукин", "Response: Success", "-1", "9" * 400)
    ),
    st.sampled_from(IDS),
    st.text(max_size=20),
)  # fmt: skip
blocks = st.builds(
    lambda headers, end: ("".join(f"{key}: {value}\r\n" for key, value in headers) + end).encode(errors="replace"),
    st.lists(st.tuples(words, values), min_size=1, max_size=6),
    st.sampled_from(("\r\n", "\r\n", "\r\n", "\r\n\r\n", "\n\n", "")),
)
answers = st.builds(
    lambda first, id, rest: f"{first}\r\nActionID: {id}\r\n{rest}\r\n".encode(),
    st.sampled_from(
        ("Response: Success", "Response: Error", "Response: Follows", "Event: Status", "Event: StatusComplete",
         "Event: OriginateResponse\r\nResponse: Failure", "Response: Success\r\nEvent: Hangup", "EventList: Complete")
    ),
    st.sampled_from(IDS),
    st.sampled_from(("", "EventList: start\r\n", "EventList: Complete\r\n", "EventList: Cancelled\r\n")),
)  # fmt: skip
noise = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        (b"\r\n\r\n", b"\r", b"\n", b"\0", b"\xd0", b"\xff\xfe", b"Event: ", b"Response: Follows\r\n", b"\r\r\n\n")
    ),
    st.builds(lambda block, cut: block[: cut % len(block)], st.sampled_from(REAL), st.integers(0, 10_000)),
)
storms = st.lists(st.one_of(blocks, answers, answers, noise, st.sampled_from(REAL)), max_size=25)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)  # of each cut nothing


# --- bytes to messages ---


@FUZZ
@given(storms, st.lists(st.integers(1, 60), max_size=40))
def test_the_same_messages_come_of_the_same_bytes_wherever_they_are_cut(storm: list[bytes], lengths: list[int]) -> None:
    data = b"".join(storm)
    whole = list(MessageReader().feed(data))
    reader, found = MessageReader(), []
    for length in [*lengths, len(data) + 1]:
        found += list(reader.feed(data[:length]))
        data = data[length:]
    assert found == whole
    for message in found:
        assert "Event" in message or "Response" in message
        assert not any("\r\n" in key for key in message)
        assert not any("\r\n" in value for key, value in message.items() if not key.endswith(("Output", "Variable")))


def test_at_every_byte_of_a_real_session_a_cut_costs_only_the_message_that_it_cuts() -> None:
    data, ends, end = b"".join(REAL), set(), 0
    whole = list(MessageReader().feed(data))
    for told in REAL:
        end += len(told)
        ends.add(end)
    reader, complete = MessageReader(), 0
    for place in range(len(data)):
        come = list(reader.feed(data[place : place + 1]))
        assert come == whole[complete : complete + len(come)]
        complete += len(come)
        assert bool(come) == (place + 1 in ends)
    assert complete == len(whole) == len(REAL)


@pytest.mark.parametrize(
    "flood", [b"Variable: x\r\n", b"\r", b"\n", b"Event: x\r\n", b"\xff", b"\xd0\xa9", b"\r\n", b"k:\r\nOutput: \r\n"]
)
def test_what_has_no_end_is_given_up_before_it_fills_the_memory(flood: bytes) -> None:
    reader = MessageReader()
    chunk = flood * (65536 // len(flood))

    def pour() -> None:
        for _ in range(100):
            for _ in reader.feed(chunk):
                pass

    tracemalloc.start()
    try:
        with suppress(ValueError):  # a flood that is made of message ends is only noise
            pour()
        assert tracemalloc.get_traced_memory()[1] < 30 * MAX_MESSAGE
    finally:
        tracemalloc.stop()


# --- actions in flight ---


class Line:
    """A controller's end of the interface, and the far end of it."""

    def __init__(self, **patience: float) -> None:
        quick = {"backoff_first": 0.0, "backoff_max": 0.0, "action_timeout": LIMIT, "ping_interval": LIMIT}
        quick |= {"unresponsive_after": LIMIT, "lost_after": LIMIT}
        self.peer = Peer()
        self.facts = Facts()
        self.events: list[Message] = []
        self.connections: list[bool] = []
        self.settled: list[str] = []
        """How each action ended, in the order in which they did."""
        self.ami = Ami(AmiSettings("127.0.0.1", 1, "callcenter", "sesame", **quick | patience), self._event, self._news)

    def _event(self, message: Message) -> None:
        self.events.append(message)
        self.facts.changed()

    def _news(self, connected: bool, _: str) -> None:
        self.connections.append(connected)
        self.facts.changed()

    @asynccontextmanager
    async def running(self, patch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
        patch.setattr(asyncio.get_running_loop(), "create_connection", self.peer.connect)
        running = asyncio.create_task(self.ami.run())
        try:
            yield self
        finally:
            running.cancel()
            await asyncio.wait([running])
            with pytest.raises(asyncio.CancelledError):
                running.result()

    async def until_connected(self, times: int = 1) -> None:
        await self.facts.until(lambda: self.connections.count(True) >= times and self.connections[-1])

    def send(self, *names: str) -> list[asyncio.Future[Any]]:
        """Actions that the peer does not answer of its own; a name in brackets asks for a list."""
        futures: list[asyncio.Future[Any]] = []
        for name in names:
            bare = name.strip("[]")
            self.peer.answers[bare] = lambda _: ""
            if bare == name:
                futures.append(self.ami.send({"Action": name, "Channel": "PJSIP/101"}))
            else:
                futures.append(asyncio.ensure_future(self.ami.collect({"Action": bare}, LIMIT)))
            futures[-1].add_done_callback(self._note)
        return futures

    def _note(self, future: asyncio.Future[Any]) -> None:
        self.settled.append(type(future.exception()).__name__ if future.exception() else "answered")


async def turns(number: int = 10) -> None:
    """So many turns of the loop: time in which nothing can be late, since nothing leaves the process."""
    for _ in range(number):
        await asyncio.sleep(0)


def nothing_was_sent_twice(peer: Peer) -> None:
    ids = [action["ActionID"] for action in peer.actions if "ActionID" in action]
    assert len(ids) == len(set(ids))


@FUZZ
@given(storm=storms, cut=st.booleans())
async def test_a_storm_of_answers_ends_every_action_once_and_the_next_connection_is_a_new_beginning(
    monkeypatch: pytest.MonkeyPatch, storm: list[bytes], cut: bool
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with Line().running(monkeypatch) as line:
        await line.until_connected()
        futures = line.send("Originate", "Redirect", "[Status]", "Hangup")
        await turns()
        ids = [action["ActionID"] for action in line.peer.actions if action["Action"] not in ("Login", "Ping")]
        for part in storm:
            for place, id in enumerate(ids):
                part = part.replace(f"ID{place}".encode(), id.encode())
            line.peer.say(part)
        await turns(len(storm) + 10)
        if cut or line.connections == [True]:
            line.peer.hang_up()
        await line.until_connected(times=2)
        assert all(future.done() for future in futures)
        assert len(line.settled) == 4
        line.peer.answers["Noop"] = success
        assert (await line.ami.send({"Action": "Noop"}))["Response"] == "Success"
    nothing_was_sent_twice(line.peer)
    assert complaints == []


async def test_cut_at_any_byte_no_action_is_left_open_and_none_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, a list, actions in flight and their answers among events: the connection breaks after each single byte."""
    byte = 0
    while await _breaks_after(byte, monkeypatch):
        byte += 1
    assert byte > 500


async def _breaks_after(byte: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether anything was lost by it; otherwise the session was not that long."""
    line = Line()
    line.peer.answers["Status"] = lambda action: (
        success(action, EventList="start") + recorded.status_items([{"Uniqueid": "1.1"}], action["ActionID"])
    )
    line.peer.answers["Originate"] = lambda action: success(action, Message="Originate успешно")
    line.peer.cut_after = byte
    async with line.running(monkeypatch):
        await line.facts.until(lambda: bool(line.connections))
        outcomes: list[asyncio.Future[Any]] = []
        if line.connections[-1]:
            outcomes = [asyncio.ensure_future(line.ami.collect({"Action": "Status"}, LIMIT))]
            for number, name in enumerate(("Originate", "Hangup")):
                outcomes.append(line.ami.send({"Action": name, "ActionID": f"offer-{number}"}))
            line.peer.say(event("Newstate", Uniqueid="offer-0", CallerIDName="Щукин"))
            await asyncio.wait(outcomes)
        lost = [type(outcome.exception()) for outcome in outcomes if outcome.exception()]
        assert set(lost) <= {NotConnected}
        line.peer.cut_after = None
        line.peer.hang_up()
        await line.until_connected()
        await turns()
    nothing_was_sent_twice(line.peer)
    assert len(line.peer.named("Originate")) <= 1
    return bool(lost) or not outcomes


async def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Line().running(monkeypatch) as line:
        await line.until_connected()
        listing = asyncio.ensure_future(line.ami.collect({"Action": "Status"}, LIMIT))
        await turns()
        item = event("Status", ActionID=line.peer.named("Status")[0]["ActionID"], Channel="PJSIP/101")
        for _ in range(MAX_ITEMS // 1000 + 1):
            line.peer.say(item * 1000)
            await turns(2)
        with pytest.raises(ActionFailed, match=f"more than {MAX_ITEMS}"):
            await listing
        assert line.events[1:] == [], "items are nobody's events"
        assert line.ami.connected


async def test_what_is_said_before_the_login_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an Asterisk that has let us in, and is ready, tells of calls; and first we ask it for a snapshot."""
    line = Line()
    line.peer.answers["Login"] = lambda action: event("Hangup") + success(action) + event("Newchannel") + BOOTED
    async with line.running(monkeypatch):
        await line.until_connected()
        line.peer.say(event("BridgeEnter"))
        await line.facts.until(lambda: len(line.events) > 1)
    assert [message["Event"] for message in line.events] == ["FullyBooted", "BridgeEnter"]


@pytest.mark.parametrize("said", [BOOTED * 3, BOOTED + event("Shutdown") + BOOTED])
async def test_an_asterisk_that_boots_again_and_again_is_one_connection(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    line = Line()
    line.peer.answers["Login"] = lambda action: success(action) + said
    async with line.running(monkeypatch):
        await line.until_connected()
        await turns()
        assert line.connections == [True]


@FUZZ
@given(
    key=st.text(max_size=12) | st.sampled_from(("Variable", "Ключ", "A\nB", "A:B", "\ud800")),
    value=st.text()
    | st.lists(st.text(), max_size=3)
    | st.sampled_from(("x" * 2000, "\ud800", "a\r\nAction: System", "\0")),
)
async def test_whatever_is_to_be_sent_leaves_as_one_action_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str | Sequence[str]
) -> None:
    async with Line().running(monkeypatch) as line:
        await line.until_connected()
        before = len(line.peer.raw)
        future = None
        with suppress(ValueError, AmiError):
            future = line.ami.send({"Action": "Setvar", f"X{key}": value})
            await future
        await turns()
        sent = [block for block in line.peer.raw[before:] if not block.startswith(b"Action: Ping\r\n")]
        assert len(sent) == (future is not None and not future.exception())
        for block in sent:
            lines = block.decode().split("\r\n")
            assert len(lines) == 2 + (1 if isinstance(value, str) else len(value))
            assert not any(BREAKS_OUT.search(line) for line in lines)


# --- over a real socket ---


@settings(FUZZ, max_examples=HUNT or 60)
@given(storm=storms, lengths=st.lists(st.integers(1, 2000), max_size=20))
async def test_after_any_storm_over_a_socket_the_line_is_there_or_comes_back(
    storm: list[bytes], lengths: list[int]
) -> None:
    async with FakeAsterisk(Facts()).serving() as asterisk:
        line = SocketLine(asterisk, replace(settings_for(asterisk.port), ping_interval=0.05, lost_after=0.05))
        async with line.running():
            await line.until_connected()
            data = b"".join(storm)
            for length in [*lengths, len(data)]:
                asterisk.say(data[:length])
                data = data[length:]
                await asyncio.sleep(0)
            asterisk.say(b"\r\n\r\n")

            def is_heard() -> bool:
                return any(message.get("Uniqueid") == "the last" for message in line.events)

            while not is_heard():  # said again to each new connection
                connections = len(line.connections)
                if line.ami.connected:
                    asterisk.say(event("Hangup", Uniqueid="the last"))
                await line.until(partial(lambda before: is_heard() or len(line.connections) > before, connections))
        assert asterisk.actions("Hangup") == []
