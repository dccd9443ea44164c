"""The desk of a call centre whose line takes requests: the real core, a real register, and everybody's browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from callcenter.app.call_backs import CallBacks
from callcenter.app.directory_table import DirectoryTable
from callcenter.app.wiring import standing_of
from callcenter.calendar.clock import Clock
from callcenter.calendar.hours import WorkingHours
from callcenter.calendar.working_time import Term, WorkingTime
from callcenter.chats.chat_search import ChatSearch
from callcenter.chats.chat_table import ChatTable
from callcenter.chats.chats import Chats
from callcenter.config import Config
from callcenter.config.channel_sections import LetterChannel
from callcenter.config.roles import Role
from callcenter.core import events
from callcenter.core.callcenter import CallCenter
from callcenter.core.commands import (
    CallBackOver,
    CallOut,
    KeepPlace,
    Redirect,
    Reply,
    Ring,
    SaveAnnouncement,
    SaveCall,
    SaveOffer,
    SavePresence,
    SaveTransfer,
)
from callcenter.core.events import Customer, Event
from callcenter.core.ids import BridgeId, CallId, ChannelId, GroupId, LineId, PersonId
from callcenter.core.settings import Person, Settings
from callcenter.customers.directory import Directory
from callcenter.customers.table import CustomersTable
from callcenter.desk import make_app
from callcenter.desk.accounts import Account
from callcenter.desk.app import LIVE
from callcenter.desk.call_back_actions import CallBackActions
from callcenter.desk.chats import ChatsApi
from callcenter.desk.directory import DirectoryApi
from callcenter.desk.letter_sheet import Letterhead
from callcenter.desk.registering import LineWords, RegisteringApi
from callcenter.desk.request_actions import RequestActions, RequestLine
from callcenter.desk.sessions import Sessions
from callcenter.registering.card import Cards
from callcenter.registering.note_table import NoteTable
from callcenter.reports.audit import Audit
from callcenter.reports.requests import figures
from callcenter.request_register.arrivals import ArrivalRegister
from callcenter.request_register.arrivals import LineWords as OfArrivals
from callcenter.request_register.attachments import Allowed, Attachments
from callcenter.request_register.board import RequestBoard
from callcenter.request_register.call_back_board import CallBackBoard
from callcenter.request_register.call_backs import CallBackRegister
from callcenter.request_register.in_force import WarningsInForce
from callcenter.request_register.paper import LetterBoard
from callcenter.request_register.register import RequestRegister
from callcenter.request_register.viewers import Viewers
from callcenter.requests.rules import LineRules
from callcenter.store import Register
from tests.desk.fake_accounts import FakeAccounts
from tests.desk.test_registering import Line
from tests.desk.test_with_core import SETTINGS
from tests.requests.lines import ESTP, MOSCOW, TBS
from tests.wall import MONDAY_NOON

ANNA, BORIS, LEBEDEV, HEAD, SUPERVISOR, ENGINEER = "101", "102", "201", "401", "402", "403"
NAMES = {
    ANNA: ("Анна", Role.OPERATOR),
    BORIS: ("Борис", Role.OPERATOR),
    LEBEDEV: ("Лебедев", Role.SPECIALIST),
    HEAD: ("Галина Петровна", Role.HEAD),
    SUPERVISOR: ("Семён", Role.SUPERVISOR),
    ENGINEER: ("Инженер", Role.ENGINEER),
}
STAFF = [Account(PersonId(id), name, frozenset({role})) for id, (name, role) in NAMES.items()]
_CONFIG = Config.load(Path(__file__).parents[2] / "config.yaml")
SUBJECTS = {"signature": "Электронная подпись", "other": "Иные вопросы"}
NUMBER = "+73420000777"
SCHOOL = Customer("Школа № 7 посёлка Кедровка", "Заказчик", "5900000115")
WORDS = "Не подписывается контракт: истёк сертификат"
LETTERHEAD = Letterhead(
    ("АО «Пример» & партнёры", "614000, г. Пермь, ул. Ленина, д. 1"), ("Руководитель", "Г. П. Орлова")
)
FORM: dict[str, Any] = {
    "subject": "signature",
    "essentials": WORDS,
    "urgency": "Контроль",
    "way": "email",
    "address": "zakaz@kedrovka.ru",
}
WITH_SPECIALISTS = replace(
    SETTINGS, people={**SETTINGS.people, PersonId("201"): Person("201", "Лебедев", "technical", "desk-3")}
)


def of_lines() -> dict[LineId, LineRules]:
    """Anew for each who asks, as the configuration does."""
    nine_to_six = {"time": WorkingTime(WorkingHours(MOSCOW, time(9), time(18)))}
    estp = replace(ESTP, subjects=frozenset(SUBJECTS), **nine_to_six)  # type: ignore[arg-type]
    return {LineId("estp"): estp, LineId("tbs"): replace(TBS, **nine_to_six)}  # type: ignore[arg-type]


class RequestLineFloor(Line):
    """The telephone line, with technical specialists, and what is told to those who keep call-backs."""

    def __init__(self, register: Register, settings: Settings = WITH_SPECIALISTS) -> None:
        self.called_out: list[CallOut] = []
        super().__init__(register)
        self.call_backs = CallBacks(
            CallBackRegister(register, of_lines),
            register,
            self.take,
            lambda: self.view().call_backs,
            Clock(lambda: self.now, lambda: self.clock.now),
        )
        self.restart(settings)

    def restart(self, settings: Settings = WITH_SPECIALISTS) -> None:
        """Another core, which knows nothing of the former one."""
        self.core = CallCenter(settings)
        self.tell(events.Snapshot(()), events.HoursChanged("estp", True))

    def take(self, event: Event) -> bool:
        self.tell(event)
        return True

    def tell(self, *told: Event) -> list[Reply]:
        replies = []
        for event in told:
            for command in self.core.handle(event, self.now):
                match command:
                    case CallBackOver():
                        self.call_backs.over(command)
                    case KeepPlace():
                        self.call_backs.keep_place(command)
                    case CallOut():
                        self.called_out.append(command)
                    case Reply():
                        replies.append(command)
                    case Ring():
                        self.rung.append(command)
                    case Redirect():
                        self.redirects.append(command)
                    case SaveCall() | SaveOffer() | SaveAnnouncement() | SaveTransfer() | SavePresence():
                        self.saves.append(command)
                    case _:
                        pass
        return replies

    async def looks(self) -> None:
        """The call-backs are looked at, and the register has what the core has noted."""
        await self.call_backs.look()
        await self.write()
        await self.call_backs.look()

    def dials(self) -> CallId:
        """The operator whose phone rings for it picks up, and the number is dialled. Returns the call."""
        call = self.called_out[-1].call
        self.tell(
            events.OutgoingPhoneRings(call),
            events.OutgoingPhoneAnswered(call),
            events.CustomerDialled(call, ChannelId(f"{call}-customer")),
        )
        return call

    def talks(self, seconds: float = 120.0) -> None:
        """The customer answers, they talk, and both hang up."""
        call = self.dials()
        customer, bridge = ChannelId(f"{call}-customer"), BridgeId(f"bridge {call}")
        self.tell(events.CustomerAnswered(call, customer))
        self.tell(events.BridgeEntered(call, bridge), events.BridgeEntered(customer, bridge))
        self.passes(seconds)
        self.tell(events.ChannelHungUp(customer), events.ChannelHungUp(call))


class Desk:
    """Everybody's browsers."""

    def __init__(
        self,
        line: RequestLineFloor,
        directory: Directory,
        folder: Path,
        of_lines: Callable[[], dict[LineId, LineRules]] = of_lines,
    ) -> None:
        self.line = line
        self.folder = folder
        self.register = RequestRegister(line.register, of_lines)
        self.audit = Audit(line.register)
        notes = NoteTable(line.register)
        self.registering = RegisteringApi(
            line,
            notes,
            Cards(line.register, notes),
            directory,
            {"estp": LineWords("ЕСТП", SUBJECTS, "", MOSCOW, of_lines()[LineId("estp")].contracts)},
            line.clock,
            self.audit.enter,
        )
        limits = {LineId("estp"): Allowed(25_000_000, ("pdf", "txt", "sig"))}
        self.attachments = attachments = Attachments(line.register, folder / "attachments", limits, of_lines)
        self.accounts = FakeAccounts(STAFF, {one.id: f"password of {one.id}" for one in STAFF})
        words = OfArrivals("other", "Контроль", LetterChannel().limits, "")
        self.arrivals = ArrivalRegister(line.register, attachments, of_lines, {(LineId("estp"), "letter"): words})
        times = {name: rules.time for name, rules in of_lines().items()}
        self.warnings = WarningsInForce(line.register)
        self.requests = RequestActions(
            self.register,
            RequestBoard(line.register),
            Viewers(),
            {
                LineId("estp"): RequestLine(
                    "ЕСТП",
                    SUBJECTS,
                    600.0,
                    {"Удостоверяющий центр": "uc@example.ru"},
                    (timedelta(hours=12), timedelta(days=3)),
                    LETTERHEAD,
                    Term.working_days(1),
                    takes_letters=True,
                ),
                LineId("tbs"): RequestLine("ТБС", {}),
            },
            lambda: self.accounts.people,
            {GroupId("operators"): "Операторы", GroupId("technical"): "Технические специалисты"},
            lambda person: own.group if (own := line.operator(person)) else "",
            self.registering,
            line.clock,
            self.audit.enter,
            MOSCOW,
            attachments,
            lambda first, last, of, now: figures(
                line.register, first, last, {LineId("estp"): MOSCOW, LineId("tbs"): MOSCOW}, times, now, of
            ),
            self.warnings,
            lambda request: line.call_backs.calling(request),
            partial(standing_of, directory),
            self.arrivals,
            LetterBoard(line.register),
        )
        self.call_backs = CallBackActions(
            self.requests,
            CallBackRegister(line.register, of_lines),
            CallBackBoard(line.register),
            lambda line, requester: ["VIP"] if requester.inn == SCHOOL.inn else [],
            lambda call_back: line.call_backs.calling_back(call_back),
        )
        self.sessions = Sessions(line.clock)
        self.app = make_app(
            line,
            titles={"operators": "Операторы"},
            pause_reasons=SETTINGS.pause_reasons,
            metrics_text=lambda: b"",
            accounts=self.accounts,
            sessions=self.sessions,
            registering=self.registering,
            requests=self.requests,
            call_backs=self.call_backs,
            chats=ChatsApi(
                Chats(
                    ChatTable(line.register),
                    cast(ArrivalRegister, None),
                    (),
                    bool,
                    lambda _: None,
                    str,
                    Clock(float, line.clock),
                ),
                lambda _: None,
                bool,
                {},
                search=ChatSearch(line.register),
            ),
            directory=DirectoryApi(DirectoryTable(_CONFIG, line.register, line.clock)),
            zone=MOSCOW,
        )
        self.warnings.changed = self.changed
        self.browsers: dict[str, TestClient[Any, Any]] = {}

    @property
    def now(self) -> datetime:
        """By the clock on the wall."""
        return self.line.clock.now

    async def ask(self, who: str, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.browsers[who].request(method, f"/api/{path}", json=body, headers={"Accept-Language": "en"})
        told = await answer.json()
        assert answer.status == status, told
        return told

    async def get(self, who: str, path: str, status: int = 200) -> Any:
        return await self.ask(who, "GET", path, None, status)

    async def post(self, who: str, path: str, status: int = 200, /, **body: Any) -> Any:
        return await self.ask(who, "POST", path, body, status)

    async def page(self, who: str, path: str, status: int = 200, language: str = "ru") -> str:
        answer = await self.browsers[who].get(path, headers={"Accept-Language": language}, allow_redirects=False)
        text = await answer.text()
        assert answer.status == status, text
        return text

    async def send(self, who: str, path: str, fields: dict[str, Any], status: int = 303) -> ClientResponse:
        """Send a form, as a browser does; on success it is sent on to a page."""
        answer = await self.browsers[who].post(
            path, data=fields, headers={"Accept-Language": "ru"}, allow_redirects=False
        )
        assert answer.status == status, await answer.text()
        return answer

    async def log_in(self, who: str, shift: bool = True) -> None:
        takes_calls = self.accounts.people[PersonId(who)].takes_calls and shift
        status = 200 if takes_calls or not shift else 409
        await self.post(who, "login", status, id=who, password=f"password of {who}", shift=shift)

    def changed(self) -> None:
        """Something happened on the telephone: open pages are told."""
        self.app[LIVE].changed()

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who saw or did what, in order."""
        found = await self.audit.between(datetime.min.replace(tzinfo=self.now.tzinfo), self.now.replace(year=2100))
        return [(one.who, one.what, one.about) for one in found]

    # -- what happens again and again --------------------------------------------------------------------------

    async def talking(self, number: str = NUMBER, customer: Customer | None = SCHOOL, name: str = "Иванова") -> str:
        """Somebody calls, and whoever is free answers. Returns the call."""
        call = await self.line.rings(number, name, customer)
        await self.line.answers(call)
        self.changed()
        return call

    async def form(self, who: str = ANNA, **more: Any) -> Any:
        """A form that is filled in, from a call; as it is now."""
        call = await self.talking()
        opened = await self.post(who, "requests", call=call)
        await self.post(who, f"requests/{opened['id']}/fill", **FORM | more)
        await self.line.ends(call)
        self.line.tell(events.Return(PersonId(who)))
        return await self.get(who, f"requests/{opened['id']}")

    async def new(self, who: str = ANNA, **more: Any) -> Any:
        """With the head."""
        form = await self.form(who, **more)
        return await self.post(who, f"requests/{form['id']}/submit", version=form["version"])

    async def assigned(self, to: str = LEBEDEV, **more: Any) -> Any:
        """To a person."""
        filed = await self.new(**more)
        return await self.act(HEAD, filed, "assign", kind="person", id=to)

    async def in_work(self, **more: Any) -> Any:
        """By the specialist."""
        return await self.act(LEBEDEV, await self.assigned(**more), "start")

    async def act(self, who: str, filed: Any, action: str, status: int = 200, /, **body: Any) -> Any:
        """Do something to a request as it was seen last."""
        return await self.post(who, f"requests/{filed['id']}/{action}", status, version=filed["version"], **body)


@asynccontextmanager
async def request_desk(
    folder: Path,
    *without: str,
    lines: Callable[[], dict[LineId, LineRules]] = of_lines,
    customers: Sequence[tuple[str, Customer]] = (("+73420000001", SCHOOL),),
) -> AsyncIterator[Desk]:
    """Everybody has logged in, the operators and the specialist with a shift; `without`: but these."""
    register = await Register.open(folder / "register.sqlite", busy_timeout=0.3)
    table = CustomersTable(register)
    await table.replace(customers, "file", MONDAY_NOON)
    directory = Directory(table)
    await directory.refresh()
    made = Desk(RequestLineFloor(register), directory, folder, lines)
    async with TestServer(made.app) as server:
        for who in NAMES:
            made.browsers[who] = TestClient(server)
            if who not in without:
                await made.log_in(who)
        if LEBEDEV not in without:
            made.line.tell(events.Pause("lunch", person=PersonId(LEBEDEV)))
        if BORIS not in without:
            made.line.tell(events.Pause("lunch", person=PersonId(BORIS)))
        yield made
        for browser in made.browsers.values():
            await browser.close()
    await register.close()
