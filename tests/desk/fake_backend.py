"""A call centre of two operators and a technical specialist, just clever enough to answer a page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from callcenter.core import events
from callcenter.core.commands import Answer, Reply
from callcenter.core.events import Customer, Event
from callcenter.core.ids import NO_PHONE, GroupId, LineId, PersonId, PhoneName, ReplyTo
from callcenter.core.on_floor import FloorView
from callcenter.core.server import ONLY
from callcenter.core.view import CallView, LineView, OperatorView, PromisesView, View, WaitingView
from callcenter.desk.backend import PagePhone
from callcenter.planning.forecast import Forecast

LINE = LineView(
    id="estp",
    open=True,
    lines_in_use=3,
    capacity=100,
    waiting={"urgent": 1, "normal": 2},
    longest_wait=42.5,
    on_duty=1,
    required_staff=2,
    target_wait=300.0,
    windows={
        "5m": WaitingView(0, 0, 1, None, None, 0.0, 20.0),
        "30m": WaitingView(9, 6, 1, 12.0, 11.0, 0.9, 13.5),
        "day": WaitingView(90, 60, 10, 30.0, 28.0, 0.8, 36.0),
    },
    handling=200.0,
    patience=None,
    next_wait=600.0,
    promises=PromisesView(trusted=True, judged=80, coverage=0.9, kept=0.95, bias=0.02, rmse=0.4),
)


def call(name: str = "Управление образования") -> CallView:
    """A call in progress."""
    return CallView(
        call="1700.1",
        line="estp",
        number="+73420000001",
        name=name,
        customer="",
        role="Заказчик",
        inn="",
        identification="by_number",
        urgency="urgent",
        state="talking",
        waited=61.0,
    )


def operator(id: PersonId, group: GroupId) -> OperatorView:
    """Somebody who is not on shift."""
    return OperatorView(id, f"Сотрудник {id}", group, "", "off", "idle", "", 0.0, None, "")


class FakeBackend:
    """Answers as the core would; `events` is what it was asked."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        groups = {"101": "operators", "102": "operators", "201": "technical", "301": "managers"}
        people = [operator(PersonId(id), GroupId(group)) for id, group in groups.items()]
        self.operators = {one.id: one for one in people}
        self.free = {GroupId("operators"): 0, GroupId("technical"): 0}
        self.forecast: dict[LineId, tuple[Forecast, float]] = {}
        self.components = {"asterisk": "ok", "register": "ok"}
        self.owed_calls: list[dict[str, Any]] = []
        self.not_recording = ""
        self.longest_wait = LINE.longest_wait
        self.unresponsive = False
        self.page_phones: dict[PersonId, PhoneName] = {}
        self.openings: dict[PersonId, str] = {}
        self.floor_view = FloorView(1000.0, (), (), (), True, "")
        self.said: list[tuple[PersonId, str, str]] = []
        """By pages of their phones."""

    def change(
        self,
        id: PersonId,
        presence: str = "",
        call: CallView | None = None,
        phone: PhoneName = NO_PHONE,
        activity: str = "",
        kept: CallView | None = None,
    ) -> None:
        """Something happens to a person outside the page."""
        own = self.operators[id]
        activity = activity or ("talking" if call else own.activity)
        self.operators[id] = replace(
            own, presence=presence or own.presence, call=call, activity=activity, phone=phone or own.phone, kept=kept
        )

    def view(self, people: Collection[PersonId] | None = None) -> View:
        shown = self.operators if people is None else people
        return View(
            {"estp": replace(LINE, longest_wait=self.longest_wait)},
            {id: self.operators[id] for id in shown},
            dict(self.free),
            {ONLY: True},
            self.not_recording,
        )

    def hours_change_at(self, line: LineId) -> float | None:
        return 3600.0 if line == "estp" else None

    def floor(self) -> FloorView:
        return self.floor_view

    def operator(self, person: PersonId) -> OperatorView | None:
        return self.operators.get(person)

    def customer(self, number: str) -> Customer | None:
        return Customer("Министерство", "Заказчик", "5902290459") if number == "+73420000009" else None

    def forecasts(self) -> Mapping[LineId, tuple[Forecast, float]]:
        return self.forecast

    async def owed(self, reader: PersonId) -> Sequence[Mapping[str, Any]]:
        if self.unresponsive:
            raise TimeoutError
        return self.owed_calls

    def healthy(self) -> tuple[bool, Mapping[str, str]]:
        return all(state == "ok" for state in self.components.values()), self.components

    def page_phone(self, own: OperatorView) -> str | None:
        return self.openings.get(own.id, "") if own.phone and own.phone == self.page_phones.get(own.id) else None

    async def open_page_phone(self, person: PersonId) -> PagePhone:
        self.openings[person] = f"opening {len(self.openings) + 1}"
        return PagePhone(self.page_phones[person], "a password", "callcenter", "ws://:8088/ws", self.openings[person])

    def page_phone_says(self, person: PersonId, opening: str, trouble: str) -> None:
        self.said.append((person, opening, trouble))

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        if self.unresponsive:
            raise TimeoutError
        event = make(ReplyTo("page-1"))
        self.events.append(event)
        return Reply("page-1", self._answer(event))

    def _answer(self, event: Event) -> Answer:
        match event:
            case events.LogIn():
                return self._log_in(event)
            case events.LogOut():
                self.change(event.person, "off")
                return Answer.LOGGED_OUT
            case events.Pause():
                self.change(event.person, "paused")
                return Answer.PAUSED
            case events.Return():
                self.change(event.person, "available")
                return Answer.RETURNED
            case events.Transfer() if event.target == events.GENERAL_LINE:
                return Answer.TRANSFERRED
            case events.Transfer():
                return Answer.RINGING_COLLEAGUE if self.free[event.target] else Answer.NONE_FREE
            case events.OutgoingAsked():
                return Answer.CALLING_OUT
            case events.EndConversation():
                return Answer.ENDED
            case events.CancelTransfer():
                return Answer.TAKEN_BACK
            case _:
                return Answer.NOT_POSSIBLE

    def _log_in(self, event: events.LogIn) -> Answer:
        if event.too_soon:
            return Answer.TRY_LATER
        if not event.verified or event.person not in self.operators:
            return Answer.WRONG_SECRET
        self.change(event.person, "available", phone=event.phone or PhoneName("usual"))
        return Answer.LOGGED_IN
