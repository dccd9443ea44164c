"""The chats of a running controller that are not over: what both sides say, and what the core decides of them.

The register has every message before its sender is told so, and is the truth about what was said; the core is the truth
about whose turn it is. After a start the core is told again of every chat that is not over, so what it said last before
a crash may be lost: a chat is then offered once more, or is where it was.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Protocol

from callcenter.calendar.clock import Clock
from callcenter.chats.chat_table import OVER, UNSERVED, Beginning, ChatOver, ChatRow, ChatTable, Message, chat_of
from callcenter.core.commands import ChatMoved, ChatOutcome
from callcenter.core.errors import ReadableError
from callcenter.core.events import ChatArrived, ChatLeft, Event
from callcenter.core.ids import NO_PERSON, ChatId, LineId, PersonId
from callcenter.core.view import ChatView
from callcenter.request_register.arrivals import ArrivalRegister, Arrived
from callcenter.request_register.errors import RequestError
from callcenter.request_register.filed import Requester
from callcenter.requests.belonging import Nature
from callcenter.requests.request import Way
from callcenter.store import RegisterError
from callcenter.system.sparing_log import SparingLog

log = logging.getLogger(__name__)

CHANNEL = "chat"
EVERY = 5.0
"""Seconds between two looks for customers who are gone, and until what failed is tried again."""
PLACES_EVERY = 1.0
"""Seconds between two looks at the places of those who wait."""
TYPING = 6.0
"""Seconds for which somebody counts as typing."""
MOST_OPEN = 1000
"""Chats that are not over at the same time."""


class Listener(Protocol):
    """An open page of the customer."""

    def tell(self, parts: Mapping[str, Any]) -> None:
        """Send something to the page. Neither waits nor raises."""

    def end(self) -> None:
        """Close the page's connection: it comes back. Neither waits nor raises."""


@dataclass(frozen=True, slots=True)
class ChatLine:
    """What is needed of a line that has a chat."""

    id: LineId
    zone: tzinfo
    customer_away: float


@dataclass(eq=False, slots=True)
class Live:
    """A chat that is not over, or whose customer still looks at it."""

    row: ChatRow
    state: str
    operator: PersonId
    last: int
    listeners: set[Listener] = field(default_factory=set)
    gone_at: float | None = None
    """When the customer closed the last page; None: one is open."""
    typing_at: dict[str, float] = field(default_factory=dict)
    """When each side was last seen typing."""
    waits_since: float = 0.0
    """While nobody answers it: since when."""
    place: int = 0
    over: bool = False
    answered: bool = False
    """Whether its first answer is counted."""


class ChatsFull(ReadableError):
    """So many chats are open that no more can begin."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_OPEN} chats are open; no more can begin")


class Chats:
    """All of it. `take` hands an event to the core, `view` shows a chat as the core has it.

    `name_of` returns a person's name, as customers are told it.
    """

    def __init__(
        self,
        table: ChatTable,
        arrivals: ArrivalRegister,
        lines: Collection[ChatLine],
        take: Callable[[Event], bool],
        view: Callable[[ChatId], ChatView | None],
        name_of: Callable[[PersonId], str],
        clock: Clock,
    ) -> None:
        self.table = table
        self._arrivals = arrivals
        self.lines = {line.id: line for line in lines}
        self._take = take
        self._view = view
        self._name_of = name_of
        self._clock = clock
        self._log = SparingLog(log)
        self.live: dict[ChatId, Live] = {}
        self.tell_pages: Callable[[Collection[PersonId]], None] = lambda people: None
        """Notes that something of these people's chats is new."""
        self._moves: deque[tuple[ChatMoved, datetime]] = deque()
        self._to_file: deque[ChatId] = deque()
        self._came = asyncio.Event()
        self._fresh = True
        self._places_later: asyncio.TimerHandle | None = None
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """Chats since the start, by line and outcome."""
        self.missed: Counter[str] = Counter()
        """Offers that nobody accepted in time, or that were declined, by line."""
        self.first_answers: Counter[str] = Counter()
        self.first_answer_seconds: Counter[str] = Counter()

    def now(self) -> datetime:
        """Return the present moment."""
        return self._clock.wall()

    def waits(self) -> dict[LineId, float]:
        """Return for how many seconds the chat that nobody has accepted has waited the longest, by line; 0: none."""
        found = dict.fromkeys(self.lines, 0.0)
        now = self._clock.now()
        for live in self.live.values():
            if live.state in ("waiting", "offered"):
                line = live.row.line
                found[line] = max(found.get(line, 0.0), now - live.waits_since)
        return found

    # -- the customer ------------------------------------------------------------------------------------------

    async def begin(self, one: Beginning) -> ChatRow:
        """Begin a chat, once for each secret. Raises `RegisterError`, `ChatsFull`."""
        chat = chat_of(one.secret)
        if chat not in self.live and len(self.live) >= MOST_OPEN:
            raise ChatsFull
        new = await self.table.begin(one, self._clock.wall())
        row = await self.table.by_secret(one.secret)
        if row is None:
            raise ValueError("a chat has begun and is not there")
        if new:
            now = self._clock.now()
            self.live[chat] = Live(row, "waiting", NO_PERSON, row.last, gone_at=now, waits_since=now)
            self._take(ChatArrived(chat, one.line, self._clock.now()))
        return row

    def attach(self, row: ChatRow, listener: Listener) -> Live:
        """Tell a page of the customer what happens from now on."""
        live = self.live.get(row.chat)
        if live is None:
            live = self.live[row.chat] = Live(row, row.state, row.operator, row.last, over=row.state in OVER)
        live.listeners.add(listener)
        live.gone_at = None
        self._tell_operator(live)
        return live

    def detach(self, live: Live, listener: Listener) -> None:
        """Take note that a page of the customer is closed."""
        live.listeners.discard(listener)
        if not live.listeners:
            live.gone_at = self._clock.now()
            if live.over and live.row.chat not in {moved.chat for moved, _ in self._moves}:
                self.live.pop(live.row.chat, None)
            self._tell_operator(live)

    def leave(self, chat: ChatId) -> None:
        """End the chat, because the customer wants that."""
        self._take(ChatLeft(chat))

    def state_of(self, live: Live) -> dict[str, Any]:
        """Return what the customer is shown of the chat's state."""
        who = self._name_of(live.operator) if live.operator and live.state in ("open", "wrapping_up") else ""
        shown = {"offered": "waiting", "wrapping_up": "ended"}.get(live.state, live.state)
        return {"state": shown, "who": who, "place": live.place if shown == "waiting" else 0}

    # -- both sides --------------------------------------------------------------------------------------------

    async def say(self, chat: ChatId, side: str, key: str, author: str, text: str) -> Message:
        """Keep a message, once, and show it to the other side. Raises `RegisterError`, `ChatFull`, `ChatOver`."""
        at = self._clock.wall()
        over = self.live.get(chat)
        if side == "customer" and over and over.state in ("wrapping_up", *OVER):
            raise ChatOver
        message, new = await self.table.say(chat, side, key, author, text, at)
        live = self.live.get(chat)
        if live is None or not new:
            return message
        live.last = max(live.last, message.number)
        live.typing_at.pop(side, None)
        for listener in list(live.listeners):
            listener.tell({"messages": [plain(message)]})
        self._tell_operator(live)
        if side == "operator":
            self._count_first_answer(live, at)
        return message

    def typing(self, chat: ChatId, side: str) -> None:
        """Show the other side that somebody types."""
        live = self.live.get(chat)
        if live is None:
            return
        now = self._clock.now()
        fresh = now - live.typing_at.get(side, float("-inf")) > TYPING / 2
        live.typing_at[side] = now
        if fresh and side == "operator":
            for listener in list(live.listeners):
                listener.tell({"typing": True})
        elif fresh:
            self._tell_operator(live)

    # -- the desk ----------------------------------------------------------------------------------------------

    def of(self, chats: Collection[ChatId]) -> list[dict[str, Any]]:
        """Return what an operator's page shows of these chats beside their messages."""
        now = self._clock.now()
        return [self._shown(live, now) for chat in chats if (live := self.live.get(chat))]

    def _shown(self, live: Live, now: float) -> dict[str, Any]:
        row = live.row
        return {
            "chat": row.chat,
            "number": row.number,
            "line": row.line,
            "name": row.name,
            "contact": row.contact,
            "state": live.state,
            "last": live.last,
            "here": bool(live.listeners),
            "typing": now - live.typing_at.get("customer", float("-inf")) < TYPING,
            "began": row.started_at.isoformat(),
        }

    # -- from the core -----------------------------------------------------------------------------------------

    def moved(self, moved: ChatMoved) -> None:
        """Take what the core has decided: show it at once, and store it soon."""
        self._moves.append((moved, self._clock.wall()))
        self._came.set()
        live = self.live.get(moved.chat)
        if live is None:
            return
        if moved.state in ("waiting", "offered") and live.state not in ("waiting", "offered"):
            live.waits_since = self._clock.now()  # anew: somebody has handed it over, or is gone
        live.state = moved.state
        if moved.operator or moved.state == "waiting":
            live.operator = moved.operator
        if moved.why in ("missed", "declined"):
            self.missed[live.row.line] += 1
        if moved.state in OVER:
            live.over = True
            self.outcomes[live.row.line, moved.outcome.value] += 1
        for listener in list(live.listeners):
            listener.tell(self.state_of(live))
        self.tell_pages([person for person in (moved.operator, moved.before) if person])
        if self._places_later is None:
            self._places_later = asyncio.get_running_loop().call_later(PLACES_EVERY, self._tell_places)

    def _tell_places(self) -> None:
        self._places_later = None
        for live in self.live.values():
            if live.state in ("waiting", "offered") and live.listeners:
                view = self._view(live.row.chat)
                place = view.place if view else 0
                if place != live.place:
                    live.place = place
                    for listener in list(live.listeners):
                        listener.tell(self.state_of(live))

    # -- work --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self.look()
            except RegisterError as problem:
                self._log.warning("register", "chats wait for the register: %s", problem)
                await asyncio.sleep(1.0)
            self._end_the_abandoned()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._came.wait()
            self._came.clear()

    async def look(self) -> None:
        """Store what the core has decided, and what follows. Raises `RegisterError`; then it is done the next time."""
        if self._fresh:
            await self._take_up_again()
            self._fresh = False
        await self._store_moves()
        await self._file_all()

    async def _take_up_again(self) -> None:
        for row in await self.table.not_over():
            if row.chat in self.live:
                continue
            now = self._clock.now()
            live = Live(row, row.state, row.operator, row.last, gone_at=now, waits_since=now)
            self.live[row.chat] = live
            if row.state == "wrapping_up":
                self.moved(ChatMoved(row.chat, "ended", NO_PERSON, outcome=ChatOutcome.ENDED))
                continue
            operator = row.operator if row.state == "open" else NO_PERSON
            place_at = self._clock.at(row.started_at)
            answered = row.accepted_at is not None
            self._take(ChatArrived(row.chat, row.line, place_at, operator=operator, answered=answered, again=True))
        self._to_file.extend(row.chat for row in await self.table.unfiled())

    async def _store_moves(self) -> None:
        while self._moves:
            moved, at = self._moves[0]
            if moved.outcome is ChatOutcome.ENDED:
                await self._file_rest(moved.chat)
            await self.table.moved(moved.chat, moved.state, moved.operator, moved.outcome.value, at)
            self._moves.popleft()
            live = self.live.get(moved.chat)
            if live and live.over and not live.listeners:
                del self.live[moved.chat]
            if moved.outcome.value in UNSERVED:
                self._to_file.append(moved.chat)

    async def _file_all(self) -> None:
        while self._to_file:
            try:
                await self.file(self._to_file[0])
            except RegisterError:
                raise  # and again the next time
            except RequestError as problem:
                self._log.warning("request", "chat %s has become no request: %s", self._to_file[0], problem)
            except Exception:
                log.exception("A defect: chat %s has become no request.", self._to_file[0])
            self._to_file.popleft()

    def _end_the_abandoned(self) -> None:
        now = self._clock.now()
        for live in list(self.live.values()):
            line = self.lines.get(live.row.line)
            if live.gone_at is not None and line and now - live.gone_at > line.customer_away and not live.over:
                self._take(ChatLeft(live.row.chat))

    # -- a chat becomes a request ------------------------------------------------------------------------------

    async def file(self, chat: ChatId) -> str:
        """Make a request of the whole conversation, once; return its number. Raises `RegisterError`, `RequestError`.

        Whoever dies on the way finds the chat without a request again, and the request there already.
        """
        row = await self.table.chat(chat)
        if row is None or row.line not in self.lines:
            return ""
        if row.request is not None:
            return await self.table.number_of(row.request)
        arrived = self._arrived(row, chat, await self._conversation(row))
        taken = await self._arrivals.take(arrived, self._clock.wall())
        if taken.number:
            due = await self.table.due(taken.number)
            told = {"what": "request", "number": taken.number, "until": due.isoformat() if due else ""}
            await self.say(chat, "line", "request", "", json.dumps(told))
            await self.table.belongs_to(chat, taken.number)
        return taken.number

    async def _file_rest(self, chat: ChatId) -> None:
        """Add to the request of a chat what was said after it was made. Raises `RegisterError`."""
        row = await self.table.chat(chat)
        if row is None or row.request is None or row.line not in self.lines:
            return
        made = await self.table.number_by_key(chat, "line", "request")
        number = await self.table.number_of(row.request)
        if not number or not await self.table.messages(chat, made, most=1):
            return
        rest = self._arrived(row, f"{chat}-{row.last}", await self._conversation(row, made), (f"{number}/chat",))
        try:
            await self._arrivals.take(rest, self._clock.wall())
        except RegisterError:
            raise  # and again the next time
        except RequestError as problem:
            self._log.warning("request", "the end of chat %s is not in %s: %s", chat, number, problem)
        except Exception:  # what the core has decided of the other chats has to be stored all the same
            log.exception("A defect: the end of chat %s is not in %s.", chat, number)

    def _arrived(self, row: ChatRow, key: str, text: str, refers: tuple[str, ...] = ()) -> Arrived:
        return Arrived(
            line=row.line,
            channel=CHANNEL,
            way=Way.EMAIL,
            key=key,
            place=f"chat:{row.number}",
            sender=row.contact,
            sender_name=row.name,
            reply_to=row.contact,
            subject="",
            text=text,
            nature=Nature.WRITTEN,
            refers=refers,
            # Whoever writes has only said that this is their address: nothing that is known of it is theirs yet.
            requester=Requester(name=row.name),
            apart=True,
        )

    async def _conversation(self, row: ChatRow, after: int = 0) -> str:
        zone = self.lines[row.line].zone
        said: list[str] = [f"Чат {row.number}: {row.name}, {row.contact}"]
        while messages := await self.table.messages(row.chat, after):
            after = messages[-1].number
            for one in messages:
                if one.side != "line":
                    who = row.name if one.side == "customer" else self._name_of(PersonId(one.author))
                    said.append(f"[{one.at.astimezone(zone):%d.%m.%Y %H:%M}] {who}:\n{one.text}")
        return "\n\n".join(said)

    def _count_first_answer(self, live: Live, at: datetime) -> None:
        if not live.answered and live.row.answered_at is None:
            live.answered = True
            self.first_answers[live.row.line] += 1
            self.first_answer_seconds[live.row.line] += int((at - live.row.started_at).total_seconds())

    def _tell_operator(self, live: Live) -> None:
        if live.operator:
            self.tell_pages([live.operator])


def plain(message: Message) -> dict[str, Any]:
    """Return a message as pages get it."""
    return {
        "number": message.number,
        "side": message.side,
        "key": message.key,
        "text": message.text,
        "at": message.at.isoformat(),
    }
