"""Another program is told of calls and requests: once each, in order, signed, whatever it answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from aiohttp.test_utils import TestServer

from callcenter.config.webhook_section import Kind, Webhook
from callcenter.core.commands import Save, SaveCall
from callcenter.core.records import Direction, Outcome
from callcenter.registering.note_table import NoteTable
from callcenter.registering.notes import NoteText
from callcenter.request_register.register import RequestRegister
from callcenter.store import Register
from callcenter.webhooks import message
from callcenter.webhooks.event_table import KEPT, EventTable
from callcenter.webhooks.sender import FIRST_PAUSE, LONGEST_PAUSE, WebhookSender, pause_after
from tests.patience import patience
from tests.request_register.conftest import of_lines
from tests.request_register.stories import CALLED, new
from tests.store.stories import arrival, fill, wall

KEY = "a key that only two know"
ARRIVES = arrival("call-1")
ANSWERED = arrival("call-1", answered_at=5.0, operator="101")
ENDED = arrival("call-1", answered_at=5.0, ended_at=65.0, operator="101", talk=60.0, outcome=Outcome.ANSWERED)


@dataclass
class Told:
    """One try, as the other side has it."""

    body: dict[str, Any]
    headers: dict[str, str]
    content: bytes


@dataclass
class Crm:
    """The other side."""

    url: str = ""
    tries: list[Told] = field(default_factory=list)
    answer: Callable[[Told], int] = lambda told: 204
    hangs: bool = False
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kinds(self) -> list[str]:
        return [one.body["event"] for one in self.tries]

    async def take(self, request: web.Request) -> web.Response:
        content = await request.read()
        self.tries.append(told := Told(json.loads(content), dict(request.headers), content))
        self.came.set()
        if self.hangs:
            await asyncio.Event().wait()
        status = self.answer(told)
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def elsewhere(self, request: web.Request) -> web.Response:
        raise AssertionError("what we tell goes where the configuration says")


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    found, app = Crm(), web.Application()
    app.router.add_post("/hook", found.take)
    app.router.add_route("*", "/elsewhere", found.elsewhere)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/hook"))
        yield found


class Line:
    """The register of a line, one webhook, and a clock."""

    def __init__(self, register: Register, crm: Crm) -> None:
        self.register = register
        self.events = EventTable(register)
        self.crm = crm
        self.now = wall(100)
        self.sender = self.made({})

    def made(self, settings: dict[str, Any]) -> WebhookSender:
        self.hook = Webhook(url=self.crm.url, **settings)
        self.sender = WebhookSender("crm", self.hook, KEY, self.events, lambda: self.now)
        return self.sender

    async def subscribed(self, **settings: Any) -> Line:
        self.made(settings)
        await self.events.subscribe({"crm": self.hook}, self.now)
        return self

    async def happens(self, *facts: Save) -> None:
        for fact in facts:
            await fill(self.register, [fact])

    async def tells(self, times: int = 20) -> int:
        """Tell until nothing is due."""
        async with ClientSession(timeout=ClientTimeout(total=self.hook.within)) as session:
            tried = 0
            for _ in range(times):
                found = await self.sender.tell_due(session)
                tried += found
                if not found:
                    break
        return tried

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sender.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def line(register: Register, crm: Crm) -> Line:
    return await Line(register, crm).subscribed()


async def test_a_call_is_told_from_its_arrival_to_its_end_each_once(line: Line) -> None:
    await line.happens(ARRIVES, ANSWERED, ANSWERED, ENDED, ENDED)
    assert await line.tells() == 3
    assert line.crm.kinds == ["call.arrived", "call.answered", "call.ended"]
    last = line.crm.tries[-1].body
    assert last["at"] == wall(65).isoformat()
    assert {"call": "call-1", "line": "estp", "operator": "101", "talk": 60.0, "outcome": "answered"}.items() <= (
        last["call"].items()
    )
    assert await line.tells() == 0


async def test_a_call_that_is_written_at_once_as_a_whole_is_told_in_order_too(line: Line) -> None:
    await line.happens(ENDED)
    await line.tells()
    assert line.crm.kinds == ["call.arrived", "call.answered", "call.ended"]


async def test_nobody_but_us_can_have_signed_it_and_no_old_one_looks_new(line: Line) -> None:
    await line.happens(ARRIVES)
    await line.tells()
    (told,) = line.crm.tries
    at, _, mac = told.headers[message.SIGNATURE].partition(",v1=")
    assert at == f"t={int(line.now.timestamp())}"
    assert mac == hmac.new(KEY.encode(), at[2:].encode() + b"." + told.content, hashlib.sha256).hexdigest()
    assert told.headers[message.EVENT] == "call.arrived"
    assert told.headers[message.DELIVERY] == str(told.body["id"])


async def test_what_was_not_taken_is_told_again_under_its_number_and_nothing_overtakes_it(line: Line) -> None:
    line.crm.answer = lambda told: 500
    await line.happens(ARRIVES, ANSWERED, arrival("call-2"))
    assert await line.tells() == 2, "one of each call"
    assert await line.tells() == 0, "not at once again"
    line.crm.answer = lambda told: 200
    line.now += FIRST_PAUSE
    await line.tells()
    of_first = [(one.body["id"], one.body["event"]) for one in line.crm.tries if one.body["call"]["call"] == "call-1"]
    assert [kind for _, kind in of_first] == ["call.arrived", "call.arrived", "call.answered"]
    assert of_first[0] == of_first[1]


async def test_a_program_that_hangs_for_a_day_costs_only_its_own_time_and_loses_nothing(line: Line) -> None:
    line.made({"within": 1.0})
    line.crm.hangs = True
    await line.happens(*(arrival(f"call-{number}") for number in range(12)))
    started = asyncio.get_running_loop().time()
    assert await line.tells() == 12
    assert asyncio.get_running_loop().time() - started < 30, "several at the same time"
    (waiting,) = await line.events.waiting()
    assert (waiting.hook, waiting.events, waiting.problem) == ("crm", 12, "no answer within 1 s")
    line.crm.hangs = False
    assert await line.tells() == 0
    assert await line.events.again("crm") == 12, "or somebody says: now"
    assert await line.tells() == 12
    assert await line.events.waiting() == []


async def test_after_its_time_it_is_given_up_and_who_wants_nothing_more_is_told_so_once(line: Line) -> None:
    line.crm.answer = lambda told: 503
    await line.happens(ARRIVES)
    await line.tells()
    line.now += timedelta(hours=73)
    assert await line.tells() == 1
    assert await line.tells() == 0
    assert (line.sender.told, line.sender.given_up) == (0, 1)
    line.crm.answer = lambda told: 410
    await line.happens(arrival("call-2", at=line.now.timestamp() - wall(0).timestamp()))
    await line.tells()
    assert line.sender.given_up == 2
    assert await line.events.waiting() == []


async def test_a_redirection_leads_nowhere(line: Line) -> None:
    line.crm.answer = lambda told: 302
    await line.happens(ARRIVES)
    await line.tells()
    (waiting,) = await line.events.waiting()
    assert waiting.problem == "302 was answered"


async def test_only_what_is_wanted_of_the_lines_that_are_wanted_is_kept_at_all(line: Line) -> None:
    await line.subscribed(events=[Kind.CALL_ENDED], lines=["elot"])
    await line.happens(ENDED)
    assert await line.events.waiting() == []
    await line.subscribed(events=[Kind.CALL_ENDED, Kind.CALL_PLACED], lines=["estp"])
    called: dict[str, Any] = {"direction": Direction.OUTGOING, "ended_at": 9.0, "outcome": Outcome.BUSY}
    await line.happens(arrival("out-1", **called))
    await line.tells()
    assert line.crm.kinds == ["call.placed", "call.ended"]


async def test_a_webhook_that_is_configured_no_more_is_told_nothing_and_nothing_waits_for_it(line: Line) -> None:
    await line.happens(ARRIVES)
    await line.events.subscribe({}, line.now)
    await line.happens(arrival("call-2"))
    assert await line.events.waiting() == []
    await line.events.subscribe({"crm": line.hook}, line.now)
    assert await line.tells() == 0


async def test_what_was_told_is_removed_after_some_days(line: Line) -> None:
    await line.happens(ARRIVES)
    await line.tells()
    await line.events.purge(line.now + KEPT)
    assert await line.register.read(_count) == 1
    await line.events.purge(line.now + KEPT + timedelta(seconds=1))
    assert await line.register.read(_count) == 0


def _count(connection: Any) -> int:
    found: int = connection.exec_driver_sql("SELECT count(*) FROM webhook_events").scalar()
    return found


@pytest.mark.clause("ESTP 5.6.2")
async def test_a_registered_question_is_told_once_and_a_draft_not_at_all(line: Line) -> None:
    await line.subscribed(events=[Kind.CALL_REGISTERED])
    await line.happens(ENDED)
    notes, text = NoteTable(line.register), NoteText("signature", "Не видна подпись", "answered")
    await notes.save_draft("call-1", "101", text, wall(70))
    assert await line.tells() == 0
    await notes.register("call-1", "101", text, wall(80))
    await line.tells()
    (told,) = line.crm.tries
    assert (told.body["event"], told.body["at"]) == ("call.registered", wall(80).isoformat())
    assert "подпись" not in told.content.decode(), "what was said is not told"


@pytest.mark.clause("ESTP 5.5.4")
async def test_each_step_of_a_request_is_told_in_order_with_its_number(line: Line) -> None:
    await line.subscribed(events=[Kind.REQUEST_CHANGED])
    await new(RequestRegister(line.register, of_lines))
    await line.tells()
    assert [one.body["change"] for one in line.crm.tries] == ["submit"]
    request = line.crm.tries[-1].body["request"]
    assert (request["line"], request["year"], request["running"], request["state"]) == ("estp", 2026, 1, "new")
    assert datetime.fromisoformat(line.crm.tries[-1].body["at"]) > CALLED
    assert "zakazchik" not in line.crm.tries[-1].content.decode(), "nor who asked"


async def test_a_controller_that_dies_after_telling_and_before_noting_tells_under_the_same_number(line: Line) -> None:
    await line.happens(ARRIVES)
    async with ClientSession() as session:
        (due,) = await line.events.due("crm", line.now, 8)
        assert await line.sender._tell(session, due) is None
    await line.tells()
    assert len({one.body["id"] for one in line.crm.tries}) == 1
    assert len(line.crm.tries) == 2


async def test_it_runs_by_itself_and_a_name_with_markup_stays_text(line: Line) -> None:
    hostile = replace(ARRIVES.record, name='"}<script>\u202e\r\nX-Callcenter-Event: x', number="+7';--")
    async with line.at_work(), patience(20):
        await line.happens(SaveCall(hostile))
        await line.crm.came.wait()
    told = line.crm.tries[0]
    assert "<script>" in told.body["call"]["name"]
    assert told.body["call"]["number"] == "+7';--"
    assert told.headers[message.EVENT] == "call.arrived", "a name adds no header"
    await line.happens(arrival("call-2"))
    await line.tells()
    assert line.crm.tries[-1].body["call"]["call"] == "call-2", "and the next is told"


def test_pauses_grow_to_half_an_hour() -> None:
    pauses = [pause_after(tries) for tries in range(40)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
