"""The connection to Asterisk under everything that can befall it. The peer is scripted; test_ami_contract.py
tells the same to a real one."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from callcenter.asterisk.ami import (
    ActionFailed,
    ActionTimeout,
    Ami,
    AmiSettings,
    Message,
    NotConnected,
)
from callcenter.asterisk.connection import Action
from callcenter.system.backoff import Backoff
from tests.asterisk.fake_asterisk import LIMIT, Facts, FakeAsterisk, event, failure, success
from tests.patience import patience

SECRET = "open sesame"
HANGUP = {"Action": "Hangup", "Channel": "operator-1"}


class Line:
    """A controller's AMI with what it heard, connected to a scripted Asterisk."""

    def __init__(self, asterisk: FakeAsterisk, settings: AmiSettings) -> None:
        self.asterisk = asterisk
        self.facts = asterisk.facts
        self.events: list[Message] = []
        self.connections: list[tuple[bool, str]] = []
        self.unresponsiveness: list[tuple[bool, int]] = []
        """Silent or not, and how many events had been told by then."""
        self.on_event: Callable[[Message], None] = lambda _: None
        self.ami = Ami(settings, self._event, self._connected, self._unresponsive)

    def _event(self, message: Message) -> None:
        self.events.append(message)
        self.facts.changed()
        self.on_event(message)

    def _connected(self, connected: bool, reason: str) -> None:
        self.connections.append((connected, reason))
        self.facts.changed()

    def _unresponsive(self, unresponsive: bool) -> None:
        self.unresponsiveness.append((unresponsive, len(self.events)))
        self.facts.changed()

    async def until(self, fact: Callable[[], bool]) -> None:
        await self.facts.until(fact)

    async def until_connected(self, times: int = 1) -> None:
        await self.until(lambda: [up for up, _ in self.connections].count(True) == times)

    async def until_event(self, name: str) -> None:
        await self.until(lambda: name in self.names)

    @property
    def names(self) -> list[str]:
        return [message["Event"] for message in self.events]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Line]:
        task = asyncio.create_task(self.ami.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def settings_for(port: int) -> AmiSettings:
    return AmiSettings("127.0.0.1", port, "callcenter", SECRET, backoff_first=0.01, backoff_max=0.02)


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk(Facts()).serving() as fake:
        yield fake


@pytest.fixture
async def line(asterisk: FakeAsterisk) -> AsyncIterator[Line]:
    async with Line(asterisk, settings_for(asterisk.port)).running() as line:
        await line.until_connected()
        yield line


async def result(future: asyncio.Future[Message]) -> Message:
    async with patience(LIMIT):
        return await future


# --- events ---


async def test_events_come_in_order_after_the_news_of_the_connection(asterisk: FakeAsterisk) -> None:
    asterisk.after_login += "".join(event("Newchannel", Uniqueid=str(n)) for n in range(500))
    line = Line(asterisk, settings_for(asterisk.port))
    connected_at: list[int] = []
    line.on_event = lambda _: connected_at.append(len(line.connections))
    async with line.running():
        await line.until(lambda: len(line.events) == 501)
    assert [message.get("Uniqueid") for message in line.events[1:]] == [str(n) for n in range(500)]
    assert set(connected_at) == {1}
    assert line.ami.events_seen == 501
    assert line.ami.last_event_at is not None


async def test_an_error_in_the_callback_costs_nothing_but_a_log_line(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(message: Message) -> None:
        if message["Event"] == "Cursed":
            raise KeyError("an unknown channel")

    line.on_event = fail
    line.asterisk.say(event("Cursed", N="1") + event("Cursed", N="2") + event("Hangup"))
    await line.until_event("Hangup")
    assert line.names == ["FullyBooted", "Cursed", "Cursed", "Hangup"]
    assert line.ami.connected
    assert [record.message.count("Cursed") for record in caplog.records if record.exc_info] == [1]


async def test_an_error_in_the_connection_callback_does_not_stop_the_line(asterisk: FakeAsterisk) -> None:
    def fail(connected: bool, reason: str) -> None:
        asterisk.facts.changed()
        raise RuntimeError(reason)

    ami = Ami(settings_for(asterisk.port), lambda _: None, fail)
    task = asyncio.create_task(ami.run())
    await asterisk.facts.until(lambda: ami.connected)
    asterisk.hang_up()
    await asterisk.facts.until(lambda: asterisk.logins == 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_cyrillic_name_cut_in_the_middle_of_a_letter_arrives_whole(line: Line) -> None:
    connection = line.ami._connection
    assert connection is not None
    data = event("NewCallerid", CallerIDName="Щукин").encode()
    cut = data.index("Щ".encode()) + 1
    connection.data_received(data[:cut])  # not over the socket, which may join the two again
    connection.data_received(data[cut:])
    assert line.events[-1]["CallerIDName"] == "Щукин"


async def test_what_is_no_message_is_passed_over(line: Line) -> None:
    line.asterisk.say("no colon at all\r\n\r\n\r\n\r\n: \r\n\r\nKey: without a kind\r\n\r\n")
    line.asterisk.say(b"\xff\xfe: \x00\r\n\r\n")
    line.asterisk.say("Response: Follows\r\nActionID: nobody's\r\ntext\r\n\r\nResponse: Success\r\n\r\n")
    line.asterisk.say(event("NeverHeardOf", Channel="PJSIP/ghost-1") + event("Hangup"))
    await line.until_event("Hangup")
    assert line.names == ["FullyBooted", "NeverHeardOf", "Hangup"]
    assert line.ami.connected


async def test_a_megabyte_without_an_end_is_cut_off_and_the_line_comes_back(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    line.asterisk.say(b"x" * 1_000_000)
    await line.until_connected(times=2)
    assert "no end of a message" in line.connections[1][1]
    assert "no end of a message" in caplog.text


# --- actions ---


async def test_an_action_leaves_in_one_piece_and_brings_its_answer(line: Line) -> None:
    line.asterisk.answers["Hangup"] = lambda action: success(action, Message="Channel Hungup")
    answer = await result(line.ami.send({**HANGUP, "Variable": ["A=1", "B=Ёж"]}))
    assert answer["Message"] == "Channel Hungup"
    assert type(answer) is dict
    assert "Variable: A=1\r\nVariable: B=Ёж\r\n" in line.asterisk.raw.decode()
    assert line.ami.actions_sent == 1
    assert line.ami.actions_failed == 0


async def test_a_refused_action_says_why(line: Line) -> None:
    line.asterisk.answers["Hangup"] = lambda action: failure(action, "No such channel")
    with pytest.raises(ActionFailed, match=r"^Hangup: No such channel$") as refusal:
        await result(line.ami.send(HANGUP))
    assert refusal.value.answer == "No such channel"
    assert line.ami.actions_failed == 1


async def test_the_outcome_of_an_originate_is_an_event_with_the_id_of_its_action(line: Line) -> None:
    line.asterisk.answers["Originate"] = lambda action: (
        success(action, Message="Originate successfully queued")
        + event("OriginateResponse", ActionID=action["ActionID"], Response="Failure", Reason="5")
    )
    answer = await result(line.ami.send({"Action": "Originate", "Async": "true", "ActionID": "offer-7"}))
    assert answer["Message"] == "Originate successfully queued"
    await line.until_event("OriginateResponse")
    assert line.events[-1]["ActionID"] == "offer-7"
    assert line.events[-1]["Response"] == "Failure"


async def test_cr_and_lf_from_a_caller_never_reach_asterisk(line: Line) -> None:
    hostile = "Ivan\r\n\r\nAction: Originate\r\nApplication: System"
    for headers in ({"Value": hostile}, {hostile: "x"}, {"Variable": ["A=1", hostile]}):
        with pytest.raises(ValueError, match="must not contain CR, LF or NUL"):
            line.ami.send({"Action": "Setvar", **headers})
    await result(line.ami.send({"Action": "Ping"}))
    assert b"System" not in line.asterisk.raw


async def test_a_name_too_long_for_asterisk_is_refused_at_once(line: Line) -> None:
    with pytest.raises(ActionFailed, match="Asterisk takes at most 1022"):
        await result(line.ami.send({"Action": "Setvar", "Value": "x" * 4096}))
    assert b"xxx" not in line.asterisk.raw


async def test_an_action_without_an_answer_times_out_and_a_late_answer_is_ignored(
    asterisk: FakeAsterisk,
) -> None:
    hasty = replace(settings_for(asterisk.port), action_timeout=0.02)
    async with Line(asterisk, hasty).running() as line:
        await line.until_connected()
        with pytest.raises(ActionTimeout, match="no answer in 0.02 s"):
            await result(line.ami.send(HANGUP))
        asterisk.say(success(asterisk.received[0]) + event("Hangup"))
        await line.until_event("Hangup")
        assert line.names == ["FullyBooted", "Hangup"]
        assert line.ami.connected
        assert line.ami.actions_failed == 1


async def test_a_caller_of_ours_may_give_up_waiting(line: Line) -> None:
    future = line.ami.send(HANGUP)
    action = await line.asterisk.action("Hangup")
    future.cancel()
    line.asterisk.say(success(action) + event("Hangup"))
    await line.until_event("Hangup")
    assert line.ami.actions_failed == 0


async def test_without_a_connection_an_action_is_refused_at_once() -> None:
    ami = Ami(settings_for(1), lambda _: None, lambda *_: None)
    future = ami.send(HANGUP)
    assert future.done()
    with pytest.raises(NotConnected, match="Hangup: not sent"):
        await future
    with pytest.raises(NotConnected):
        await ami.collect({"Action": "Status"}, LIMIT)


async def test_before_asterisk_is_fully_booted_no_action_leaves(asterisk: FakeAsterisk) -> None:
    asterisk.after_login = ""
    async with Line(asterisk, settings_for(asterisk.port)).running() as line:
        await asterisk.facts.until(lambda: asterisk.logins == 1)
        with pytest.raises(NotConnected):
            await line.ami.send(HANGUP)
        asterisk.say(event("FullyBooted"))
        await line.until_connected()
        assert asterisk.logins == 1


async def test_an_asterisk_that_never_reports_that_it_booted_is_explained(asterisk: FakeAsterisk) -> None:
    asterisk.after_login = ""
    async with Line(asterisk, replace(settings_for(asterisk.port), connect_timeout=0.05)).running() as line:
        await line.until(lambda: bool(line.connections))
    assert "lacks «read = all»" in line.connections[0][1]


async def test_an_action_in_flight_when_the_line_drops_fails_once_and_is_never_sent_again(line: Line) -> None:
    outcomes: list[str] = []
    futures = [line.ami.send({"Action": "Originate", "Channel": "PJSIP/101"}), line.ami.send(HANGUP)]
    for future in futures:
        future.add_done_callback(lambda f: outcomes.append(type(f.exception()).__name__))
    listing = asyncio.create_task(line.ami.collect({"Action": "Status"}, LIMIT))
    await line.asterisk.action("Status")
    line.asterisk.hang_up()
    with pytest.raises(NotConnected):
        await listing
    await line.until_connected(times=2)
    line.asterisk.answers["Noop"] = success
    await result(line.ami.send({"Action": "Noop"}))  # whatever is sent again would have come before this
    assert outcomes == ["NotConnected", "NotConnected"]
    assert [action["Action"] for action in line.asterisk.received] == [
        "Originate",
        "Hangup",
        "Status",
        "Noop",
    ]
    assert line.ami.actions_failed == 3


async def test_futures_that_nobody_awaits_are_silent(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    line.asterisk.answers["Hangup"] = lambda action: failure(action, "No such channel")
    line.ami.send(HANGUP)
    line.ami.send({"Action": "Noop"})
    line.ami.send({"Action": "Setvar", "Value": "x" * 4096})
    await line.asterisk.action("Noop")
    line.asterisk.hang_up()
    await line.until(lambda: not line.ami.connected)
    line.ami.send(HANGUP)
    await line.until_connected(times=2)
    gc.collect()
    assert complaints == []
    assert "never retrieved" not in caplog.text
    assert line.ami.actions_failed == 4


# --- lists ---


def status(action: dict[str, str], *items: str, end: str = "Complete") -> str:
    sent = action["ActionID"]
    return (
        success(action, EventList="start")
        + event("Newchannel", Uniqueid="meanwhile")
        + "".join(event("Status", ActionID=sent, Channel=item) for item in items)
        + event("StatusComplete", ActionID=sent, EventList=end)
    )


async def test_a_list_is_collected_apart_from_the_events_of_the_calls(line: Line) -> None:
    line.asterisk.answers["Status"] = lambda action: status(action, "PJSIP/a", "PJSIP/b")
    items = await line.ami.collect({"Action": "Status"}, LIMIT)
    assert [item["Channel"] for item in items] == ["PJSIP/a", "PJSIP/b"]
    assert line.names == ["FullyBooted", "Newchannel"]


async def test_two_lists_at_once_keep_apart(line: Line) -> None:
    line.asterisk.answers["Status"] = lambda action: status(action, action["Channel"])
    both = await asyncio.gather(*(line.ami.collect({"Action": "Status", "Channel": c}, LIMIT) for c in "ab"))
    assert [[item["Channel"] for item in items] for items in both] == [["a"], ["b"]]


async def test_a_refused_list_fails_and_does_not_hang(line: Line) -> None:
    line.asterisk.answers["Status"] = lambda action: failure(action, "Permission denied")
    with pytest.raises(ActionFailed, match="Permission denied"):
        await line.ami.collect({"Action": "Status"}, LIMIT)


async def test_an_empty_list_of_contacts_is_no_error(line: Line) -> None:
    line.asterisk.answers["PJSIPShowContacts"] = lambda action: failure(action, "No Contacts found\n")
    assert await line.ami.collect({"Action": "PJSIPShowContacts"}, LIMIT) == []


async def test_the_items_of_a_list_that_came_too_late_are_no_events(line: Line) -> None:
    with pytest.raises(ActionTimeout):
        await line.ami.collect({"Action": "Status"}, timeout=0.02)
    line.asterisk.say(status(line.asterisk.received[0], "PJSIP/gone") + event("Hangup"))
    await line.until_event("Hangup")
    assert line.names == ["FullyBooted", "Newchannel", "Hangup"]


# --- the connection ---


async def test_when_the_peer_falls_silent_the_connection_is_given_up(asterisk: FakeAsterisk) -> None:
    hasty = replace(settings_for(asterisk.port), ping_interval=0.02, unresponsive_after=0.01, lost_after=0.02)
    async with Line(asterisk, hasty).running() as line:
        await line.until_connected()
        asterisk.answers_pings = False
        await line.until(lambda: len(line.connections) > 1)
        assert line.connections[1] == (
            False,
            f"no connection to Asterisk's AMI at 127.0.0.1:{asterisk.port}: no answer to a ping in 0.02 s",
        )
        asterisk.answers_pings = True
        await line.until_connected(times=2)
        assert [unresponsive for unresponsive, _ in line.unresponsiveness] == [
            True
        ]  # the end of the connection says the rest
        assert not line.ami.unresponsive


async def test_a_peer_that_answers_late_has_told_everything_by_then(asterisk: FakeAsterisk) -> None:
    """A network that stood still: the connection is kept, and who decides knows from when to when it was blind."""
    patient = replace(settings_for(asterisk.port), ping_interval=0.02, unresponsive_after=0.02, lost_after=LIMIT)
    async with Line(asterisk, patient).running() as line:
        await line.until_connected()
        asterisk.answers_pings = False
        await line.until(lambda: line.ami.unresponsive)
        asterisk.say("".join(event("Newchannel", Uniqueid=str(n)) for n in range(50)))
        asterisk.answer_pings()
        await line.until(lambda: len(line.unresponsiveness) > 1)
        assert line.unresponsiveness == [(True, 1), (False, 51)]
        assert [up for up, _ in line.connections] == [True]
        assert not line.ami.unresponsive


async def test_an_answer_behind_a_long_list_is_waited_for(asterisk: FakeAsterisk) -> None:
    """Thousands of channels take longer to tell than silence may last: as long as they come, nobody is gone."""
    settings = replace(settings_for(asterisk.port), ping_interval=0.02, unresponsive_after=1.0, lost_after=1.2)
    async with Line(asterisk, settings).running() as line:
        await line.until_connected()
        asterisk.answers_pings = False
        listing = asyncio.create_task(line.ami.collect({"Action": "Status"}, LIMIT))
        asked = await asterisk.action("Status")
        asterisk.say(success(asked, EventList="start"))
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begun + 1.6:
            asterisk.say(event("Status", ActionID=asked["ActionID"], Uniqueid="1"))
            await asyncio.sleep(0.01)
        assert line.unresponsiveness == []
        assert [up for up, _ in line.connections] == [True]
        asterisk.say(event("StatusComplete", ActionID=asked["ActionID"], EventList="Complete"))
        assert await listing


async def test_a_peer_that_talks_but_does_not_hear_us_is_given_up(asterisk: FakeAsterisk) -> None:
    """A connection that is half-open the other way: events go on coming, and nothing that we say arrives."""
    settings = replace(settings_for(asterisk.port), ping_interval=0.02, unresponsive_after=0.05, lost_after=0.2)
    async with Line(asterisk, settings).running() as line:
        await line.until_connected()
        asterisk.answers_pings = False
        while len(line.connections) == 1:
            asterisk.say(event("Newchannel", Uniqueid="1"))
            await asyncio.sleep(0.01)
        assert not line.connections[1][0]
        assert [unresponsive for unresponsive, _ in line.unresponsiveness] == [True]


async def test_a_wrong_password_is_explained_once_and_tried_again_slowly(
    asterisk: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    asterisk.secret = "changed by somebody"
    async with Line(asterisk, settings_for(asterisk.port)).running() as line:
        await asterisk.facts.until(lambda: asterisk.tries == 3)
        assert not line.ami.connected
        asterisk.secret = SECRET
        await line.until_connected()
    refusals = [reason for connected, reason in line.connections[:-1] if not connected]
    assert len(refusals) == 1
    assert "section [callcenter] of its manager.conf" in refusals[0]
    assert caplog.text.count("refused the AMI login") == 1


def test_a_refused_login_waits_longer_than_any_other_failure() -> None:
    ami = Ami(settings_for(1), lambda _: None, lambda *_: None)
    backoff = Backoff(ami._settings.backoff_first, ami._settings.backoff_max)
    others = [ami._pause(backoff.failed(), refused=False) for _ in range(1, 10_000)]
    assert min(ami._pause(0.1, refused=True) for _ in range(100)) > max(others)
    assert max(others[:1]) <= 0.01
    assert max(others) <= 0.02


def test_who_waited_for_an_answer_in_vain_tries_again_at_once() -> None:
    """Orders held up on their way ring phones as soon as messages flow; the next connection takes them back."""
    ami = Ami(settings_for(1), lambda _: None, lambda *_: None)
    assert ami._pause(0.4, 5.0, refused=False) == 0.0
    assert ami._pause(5.0, 0.5, refused=False) >= 2.0, "an Asterisk that is gone is not asked without a pause"
    assert ami._pause(0.4, 5.0, refused=True) > 1.0 * ami._settings.backoff_max


async def test_asterisk_may_start_after_the_controller(unused_tcp_port: int) -> None:
    asterisk = FakeAsterisk(Facts())
    async with Line(asterisk, settings_for(unused_tcp_port)).running() as line:
        await line.until(lambda: bool(line.connections))
        assert line.connections[0][0] is False
        assert f"127.0.0.1:{unused_tcp_port}" in line.connections[0][1]
        async with asterisk.serving(unused_tcp_port):
            await line.until_connected()
            line.ami.send(HANGUP)
            await asterisk.action("Hangup")


async def test_a_port_that_is_not_asterisks_is_explained(asterisk: FakeAsterisk) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Line(asterisk, replace(settings_for(port), connect_timeout=0.02)).running() as line:
        await line.until(lambda: bool(line.connections))
    server.close()
    await server.wait_closed()
    assert "is this port Asterisk's AMI?" in line.connections[0][1]


async def test_stopping_logs_off_and_leaves_nothing_open(asterisk: FakeAsterisk) -> None:
    line = Line(asterisk, settings_for(asterisk.port))
    async with line.running():
        await line.until_connected()
        pending = line.ami.send(HANGUP)
    with pytest.raises(NotConnected, match="the controller closed the connection"):
        await pending
    await asterisk.action("Logoff")
    assert line.connections[-1] == (False, "the controller is stopping")
    assert not line.ami.connected


async def test_actions_are_not_held_back_by_nagle(line: Line) -> None:
    connection = line.ami._connection
    assert connection is not None
    opened: socket.socket = connection.transport.get_extra_info("socket")
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- the secret ---


async def test_the_secret_is_in_no_log_and_no_repr(asterisk: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0.0  # asyncio now describes every callback it runs
    settings = settings_for(asterisk.port)
    asterisk.answers_pings = False
    async with Line(asterisk, replace(settings, lost_after=0.02)).running() as line:
        await line.until_connected(times=2)
        line.ami.send(HANGUP)
        await asterisk.action("Hangup")
    assert asterisk.raw.decode().count(SECRET) == 2
    assert caplog.records
    assert SECRET not in caplog.text
    assert SECRET not in repr(settings)


async def test_a_login_that_cannot_be_written_does_not_tell_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ActionFailed, match="Username is not valid Unicode text") as refusal:
        Action({"Action": "Login", "Username": "\ud800", "Secret": SECRET}, LIMIT)
    assert SECRET not in str(refusal.value)
    assert SECRET not in caplog.text


def test_settings_that_would_break_the_login_are_refused_without_telling_the_secret() -> None:
    with pytest.raises(ValueError, match="AMI secret") as refusal:
        AmiSettings("127.0.0.1", 5038, "callcenter", "sec\r\nret")
    assert "sec\r" not in str(refusal.value)
