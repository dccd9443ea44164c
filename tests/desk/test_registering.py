"""The card and registering through the API, with the real core and a real register (ESTP 3.1, 5.6.2, 5.6.3)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from callcenter.config.roles import Role
from callcenter.core import events
from callcenter.core.commands import Redirect, Reply, Ring, Save
from callcenter.core.events import Customer, Event
from callcenter.core.ids import BridgeId, CallId, ChannelId, PersonId, ReplyTo
from callcenter.customers.directory import Directory
from callcenter.customers.table import CustomersTable
from callcenter.desk import make_app
from callcenter.desk.app import GATE
from callcenter.desk.quality import QualityApi
from callcenter.desk.recordings import RecordingsApi
from callcenter.desk.registering import LineWords, RegisteringApi, crm_address
from callcenter.desk.sessions import Sessions
from callcenter.registering.card import Card, Cards
from callcenter.registering.note_table import NoteTable
from callcenter.registering.quality_table import QualityTable
from callcenter.reports.audit import Audit
from callcenter.reports.erasure import PersonalData
from callcenter.store import Register, RegisterError
from callcenter.store.facts import Fact
from callcenter.store.rows import row_of
from callcenter.store.tables import Call
from tests.desk.fake_accounts import STAFF, FakeAccounts, account
from tests.desk.test_with_core import SETTINGS, CoreFloor
from tests.wall import MONDAY_NOON

ANNA, BORIS = "101", "102"
CHIEF = account(BORIS, Role.OPERATOR, Role.SUPERVISOR)
NUMBER, OTHER = "+73420000777", "+73420000888"
SCHOOL = Customer("Школа № 7 посёлка Кедровка", "Заказчик", "5900000115")
COUNCIL = Customer("Администрация Кедровки", "Заказчик", "5900000316")
SUBJECTS = {"signature": "Электронная подпись", "other": "Иные вопросы"}
CRM = "https://crm.example.ru/find?inn={inn}&who={customer}&tel={number}"


class Clock:
    def __init__(self) -> None:
        self.now = MONDAY_NOON

    def __call__(self) -> datetime:
        return self.now


class Line(CoreFloor):
    """The core, whose facts come into the register when a story says so."""

    def __init__(self, register: Register) -> None:
        super().__init__()
        self.register = register
        self.clock = Clock()
        self.saves: list[Save] = []
        self.rung: list[Ring] = []
        self.redirects: list[Redirect] = []
        self.calls = 0
        self.tell(events.Snapshot(()), events.HoursChanged("estp", True))

    def tell(self, *told: Event) -> list[Reply]:
        replies = []
        for event in told:
            for command in self.core.handle(event, self.now):
                if isinstance(command, get_args(Save)):
                    self.saves.append(command)
                elif isinstance(command, Ring):
                    self.rung.append(command)
                elif isinstance(command, Redirect):
                    self.redirects.append(command)
                elif isinstance(command, Reply):
                    replies.append(command)
        return replies

    async def ask(self, make: Callable[[ReplyTo], Event]) -> Reply:
        [reply] = self.tell(make(ReplyTo("page")))
        await self.write()
        return reply

    async def write(self) -> None:
        saves, self.saves = self.saves, []
        facts = [
            Fact(type(save), row_of(save, self._wall, f"fact {id(save)} {place}"), 0.0, False, 0, False)
            for place, save in enumerate(saves)
        ]
        await self.register.write(facts)

    def _wall(self, seconds: float) -> datetime:
        return MONDAY_NOON + timedelta(seconds=seconds)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.clock.now += timedelta(seconds=seconds)

    async def rings(self, number: str = NUMBER, name: str = "", customer: Customer | None = None) -> str:
        """Somebody calls, waits, and the phone of whoever is free rings. Returns the call."""
        self.calls += 1
        call = CallId(f"1700.{self.calls}")
        self.tell(events.CallArrived(call, f"SIP/{call}", "estp", number, name, customer), events.GreetingHeard(call))
        self.passes(20)
        await self.write()
        return call

    async def answers(self, call: str) -> None:
        offer, bridge = self.rung[-1].offer, BridgeId(f"bridge {call}")
        self.tell(events.OfferRinging(offer), events.OfferAnswered(offer))
        self.tell(events.BridgeEntered(offer, bridge), events.BridgeEntered(CallId(call), bridge))
        self.passes(60)
        await self.write()

    async def ends(self, call: str) -> None:
        self.tell(events.ChannelHungUp(CallId(call)), events.ChannelHungUp(self.rung[-1].offer))
        await self.write()

    async def talked(self, number: str = NUMBER, customer: Customer | None = None) -> str:
        """A whole call; the operator is free again."""
        call = await self.rings(number, customer=customer)
        await self.answers(call)
        await self.ends(call)
        self.tell(events.RecordingFinished(CallId(call), f"{call}.wav", 60.0, "hash"))
        self.tell(*(events.Return(PersonId(person)) for person in (ANNA, BORIS)))
        await self.write()
        return call


class Desk:
    """Two operators' browsers."""

    def __init__(self, line: Line, table: CustomersTable, directory: Directory, folder: Path) -> None:
        self.line, self.table, self.directory, self.folder = line, table, directory, folder
        self.notes = NoteTable(line.register)
        self.refused: list[str] = []
        registering = RegisteringApi(
            line,
            self.notes,
            Cards(line.register, self.notes),
            directory,
            {"estp": LineWords("Линия", SUBJECTS, CRM)},
            line.clock,
            Audit(line.register).enter,
            self.refused.append,
        )
        self.app = make_app(
            line,
            titles={"operators": "Операторы"},
            pause_reasons=SETTINGS.pause_reasons,
            metrics_text=lambda: b"",
            accounts=FakeAccounts((*STAFF, CHIEF), {who: f"password of {who}" for who in (ANNA, BORIS)}),
            sessions=Sessions(line.clock),
            registering=registering,
            recordings=RecordingsApi(Cards(line.register, self.notes), folder, line.clock, Audit(line.register).enter),
            quality=QualityApi(line, QualityTable(line.register), self.notes, line.clock),
        )
        self.browsers: dict[str, TestClient[Any, Any]] = {}

    async def ask(self, who: str, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = await self.browsers[who].request(method, f"/api/{path}", json=body, headers={"Accept-Language": "en"})
        told = await answer.json()
        assert answer.status == status, told
        return told

    async def get(self, path: str, status: int = 200, who: str = ANNA) -> Any:
        return await self.ask(who, "GET", path, None, status)

    async def post(self, path: str, status: int = 200, who: str = ANNA, **body: Any) -> Any:
        return await self.ask(who, "POST", path, body, status)

    async def card(self, call: str, who: str = ANNA) -> Any:
        return await self.get(f"card?call={call}", who=who)

    async def open_calls(self, who: str = ANNA) -> list[str]:
        return [one["call"] for one in (await self.get("notes", who=who))["calls"]]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    register = await Register.open(tmp_path / "register.sqlite", busy_timeout=0.05)
    table = CustomersTable(register)
    await table.replace([("+73420000001", SCHOOL), ("+73420000002", COUNCIL)], "file", MONDAY_NOON)
    directory = Directory(table)
    await directory.refresh()
    made = Desk(Line(register), table, directory, tmp_path / "recordings")
    made.folder.mkdir()
    async with TestServer(made.app) as server:
        for who in (ANNA, BORIS):
            made.browsers[who] = TestClient(server)
        await made.post("login", id=ANNA, password=f"password of {ANNA}")
        yield made
        for browser in made.browsers.values():
            await browser.close()
    await register.close()


async def boris(desk: Desk) -> None:
    await desk.post("login", who=BORIS, id=BORIS, password=f"password of {BORIS}")


NOTE: dict[str, Any] = {"subject": "signature", "text": "Сертификат не виден в списке.", "result": "answered"}

# -- registering -------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 3.1")
@pytest.mark.clause("ESTP 5.6.2")
async def test_what_was_asked_is_a_draft_until_it_is_registered(desk: Desk) -> None:
    call = await desk.line.rings()
    await desk.post("note", call=call, text="Под")
    await desk.line.answers(call)
    await desk.post("note", call=call, subject="signature", text="Подпись не видна")
    assert (await desk.card(call))["note"] == {
        "subject": "signature",
        "text": "Подпись не видна",
        "result": "",
        "conduct": False,
        "saved_at": desk.line.clock.now.isoformat(),
        "registered_at": None,
    }
    await desk.line.ends(call)
    [listed] = (await desk.get("notes"))["calls"]
    assert (listed["call"], listed["number"], listed["draft"]["text"]) == (call, NUMBER, "Подпись не видна")
    done = await desk.post("note/register", call=call, **NOTE)
    assert await desk.open_calls() == []
    late = await desk.post("note", 409, call=call, text="Подпись не вид")
    assert late["answer"] == "registered_already", "a draft that comes late takes nothing back"
    desk.line.passes(60)
    await desk.post("note/register", call=call, **NOTE | {"text": "Сертификат просрочен."})
    note = (await desk.card(call))["note"]
    assert (note["text"], note["registered_at"]) == ("Сертификат просрочен.", done["registered_at"])


@pytest.mark.clause("ESTP 5.5.2", "ESTP 5.6.2")
async def test_an_outgoing_call_is_registered_like_a_callers(desk: Desk) -> None:
    earlier = await desk.line.talked()
    refused = await desk.post("call", 403, number="112")
    assert (refused["answer"], refused["message"]) == (
        "number_not_allowed",
        "This number may not be called from here. Allowed: +7342",
    )
    asked = await desk.post("call", number=NUMBER)
    assert asked["answer"] == "calling_out"
    own = (await desk.get("me"))["me"]
    assert (own["activity"], own["outgoing"]["number"], own["call_ranges"]) == ("calling_out", NUMBER, ["+7342"])
    call, customer, bridge = CallId(own["outgoing"]["call"]), ChannelId("1800.1"), BridgeId("b")
    assert [one["call"] for one in (await desk.card(call))["earlier"]] == [earlier]
    desk.line.tell(events.OutgoingPhoneAnswered(call), events.CustomerDialled(call, customer))
    desk.line.tell(events.BridgeEntered(call, bridge), events.BridgeEntered(customer, bridge))
    await desk.line.write()
    await desk.post("note", call=call, text="Перезвонили")
    desk.line.passes(30)
    desk.line.tell(events.ChannelHungUp(customer), events.ChannelHungUp(call))
    await desk.line.write()
    assert call in await desk.open_calls()
    await desk.post("note/register", call=call, **NOTE)
    assert call not in await desk.open_calls()
    desk.line.tell(events.Return(PersonId(ANNA)))
    again = await desk.line.talked()
    before = {one["call"]: one for one in (await desk.card(again))["earlier"]}
    assert (before[call]["direction"], before[earlier]["direction"]) == ("outgoing", "incoming")
    assert (before[call]["outcome"], before[call]["talk"]) == ("answered", 30.0)


@pytest.mark.clause("ESTP 5.6.2")
async def test_a_call_stays_on_the_list_over_the_end_of_the_shift(desk: Desk) -> None:
    first, second = await desk.line.talked(), await desk.line.talked(OTHER)
    await desk.post("logout")
    await desk.get("notes", 401)
    await desk.post("login", id=ANNA, password=f"password of {ANNA}")
    assert await desk.open_calls() == [second, first]
    await boris(desk)
    assert await desk.open_calls(BORIS) == [], "everybody has a list of their own"


@pytest.mark.parametrize(
    ("note", "answer"),
    [
        (NOTE | {"subject": ""}, "no_subject"),
        (NOTE | {"subject": "poetry"}, "no_subject"),
        (NOTE | {"result": ""}, "no_result"),
        (NOTE | {"text": " \n"}, "no_text"),
        (NOTE | {"result": "ignored"}, "wrong_value"),
        (NOTE | {"text": "ы" * 4001}, "wrong_value"),
        (NOTE | {"subject": "Drop Table"}, "wrong_value"),
    ],
)
async def test_what_is_missing_is_said(desk: Desk, note: dict[str, Any], answer: str) -> None:
    call = await desk.line.talked()
    told = await desk.post("note/register", 400, call=call, **note)
    assert told["answer"] == answer
    assert told["message"]
    assert await desk.open_calls() == [call]


async def test_a_note_of_a_megabyte_is_refused_with_words(desk: Desk) -> None:
    call = await desk.line.talked()
    told = await desk.post("note", 413, call=call, text="a" * 1_000_000)
    assert told["message"] == "The body is too large. Kilobytes allowed: 64."
    longest = "\u044b" * 4000
    await desk.post("note", call=call, text=longest)
    assert (await desk.card(call))["note"]["text"] == longest


async def test_what_hides_in_a_note_is_left_out(desk: Desk) -> None:
    call = await desk.line.talked()
    await desk.post("note", call=call, text="<b>a</b>\u202e\r\nb\x00\x1bc")
    assert (await desk.card(call))["note"]["text"] == "<b>a</b>\nbc"


async def test_nobody_sees_or_registers_the_calls_of_others(desk: Desk) -> None:
    call = await desk.line.talked()
    await desk.get("card?call=1700.99", 403)
    await boris(desk)
    await desk.get(f"card?call={call}", 403, who=BORIS)
    for path in ("note", "note/register"):
        await desk.post(path, 403, who=BORIS, call=call, **NOTE)
    await desk.post("note/refuse", 403, who=BORIS, call=call)
    await desk.post("identify", 403, who=BORIS, call=call, inn=SCHOOL.inn)
    for path in ("card", "card?call=%00", "card?call=" + "1" * 200):
        await desk.get(path, 400)


@pytest.mark.parametrize("path", ["note", "note/register", "note/refuse", "identify", "wrap-up"])
async def test_a_session_and_our_own_page_are_needed(desk: Desk, path: str) -> None:
    await desk.post(path, 401, who=BORIS)
    foreign = await desk.browsers[ANNA].post(f"/api/{path}", json={}, headers={"Origin": "https://evil.example"})
    assert foreign.status == 403


@pytest.mark.clause("ESTP 5.6.3", "eLot 2.11", "E-SAUDA 3.7")
async def test_hooliganism_is_one_action(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    call = await desk.line.rings()
    await desk.line.answers(call)
    assert await desk.post("note/refuse", call=call, text="Брань") == {"call": call, "ended": True}
    assert desk.line.redirects[-1].prompts == ("conduct-refused",)
    await desk.line.ends(call)
    assert await desk.open_calls() == []
    note = (await desk.card(call))["note"]
    assert (note["conduct"], note["result"], note["text"]) == (True, "refused", "Брань")
    assert desk.refused == ["estp"]
    assert f"'101' refused call {call} of line 'estp'" in caplog.text
    desk.line.tell(events.Return(PersonId(ANNA)))
    after = await desk.line.talked()
    assert (await desk.post("note/refuse", call=after))["ended"] is False, "registered so after the call"
    await desk.post("note/refuse", call=after, text="Брань")
    assert desk.refused == ["estp", "estp"], "each call once"


@pytest.mark.clause("ESTP 5.6.2")
async def test_wrap_up_is_prolonged_by_the_operator(desk: Desk) -> None:
    await desk.post("wrap-up", 409)
    call = await desk.line.rings()
    await desk.line.answers(call)
    await desk.line.ends(call)
    desk.line.passes(10)
    assert (await desk.post("wrap-up"))["answer"] == "prolonged"
    me = (await desk.get("me"))["me"]
    assert (me["activity"], me["wrap_up"], me["may_prolong"]) == ("wrapping_up", 70.0, True)


async def test_the_share_of_registered_conversations(desk: Desk) -> None:
    midnight = MONDAY_NOON.replace(hour=0)
    assert await desk.notes.share("estp", midnight) == (0, 0)
    first = await desk.line.talked()
    await desk.line.talked(OTHER)
    await desk.post("note/register", call=first, **NOTE)
    assert await desk.notes.share("estp", midnight) == (1, 2)
    assert await desk.notes.share("estp", midnight + timedelta(days=1)) == (0, 0)


# -- the card ----------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.1")
async def test_the_card_shows_what_was_before(desk: Desk) -> None:
    same = await desk.line.talked()
    await desk.post("note/register", call=same, **NOTE)
    body = await desk.line.talked("+73420000001", SCHOOL)
    await desk.line.talked(OTHER)
    call = await desk.line.rings(NUMBER, customer=SCHOOL)
    card = await desk.card(call)
    assert [(one["call"], one["same_number"]) for one in card["earlier"]] == [(body, False), (same, True)]
    assert card["earlier"][1]["notes"] == [
        {
            "operator": "Анна",
            "subject": "Электронная подпись",
            "result": "answered",
            "conduct": False,
            "text": NOTE["text"],
        }
    ]
    first = card["earlier"][1]
    assert (first["outcome"], first["operator"], first["talk"], first["recorded"]) == ("answered", "Анна", 60.0, True)
    assert card["subjects"] == [["signature", "Электронная подпись"], ["other", "Иные вопросы"]]
    assert card["customer"] == SCHOOL.name


async def test_callers_who_withhold_their_number_have_no_history_together(desk: Desk) -> None:
    await desk.line.talked("anonymous")
    call = await desk.line.rings("anonymous")
    assert (await desk.card(call))["earlier"] == []


async def test_a_hostile_name_opens_no_other_page(desk: Desk) -> None:
    name = "<script>alert(1)</script>\u202e" + "{number}&inn=1#" * 300
    call = await desk.line.rings(customer=Customer(name, "Заказчик", "5900000115"))
    card = await desk.card(call)
    assert len((await desk.get("me"))["me"]["call"]["customer"]) == len(name), "as the directory has it"
    address = card["crm_url"]
    assert address.startswith("https://crm.example.ru/find?inn=5900000115&who=%3Cscript%3Ealert%281%29%3C%2Fscript%3E")
    assert address.endswith("&tel=%2B73420000777")
    assert not set(address) & set("<>{}#\u202e ")


@pytest.mark.parametrize("number", [".", "..", "...", "../..", "%2e%2e", "..;"])
def test_a_number_of_dots_opens_no_other_page(number: str) -> None:
    """A browser takes «..» for a step up, and «%2e%2e» too: to /admin instead of the caller's page."""
    card = Card("1.1", "estp", MONDAY_NOON, number, ".", "..", "", "", "none", "", 0, (), (), ())
    address = crm_address("https://crm.example.ru/callers/{number}/{customer}{inn}/{line}/admin", card)
    steps = urlsplit(address).path.split("/")
    assert steps[:2] == ["", "callers"]
    assert not {".", ".."} & {unquote(step) for step in steps}
    assert steps[-1] == "admin"
    assert len(steps) == 6


# -- listening ---------------------------------------------------------------------------------------------------------


async def heard(desk: Desk, call: str, who: str = BORIS, **headers: str) -> tuple[int, bytes]:
    answer = await desk.browsers[who].get("/api/recording", params={"call": call}, headers=headers)
    return answer.status, await answer.read()


async def entries(desk: Desk) -> list[tuple[str, str, str]]:
    found = await Audit(desk.line.register).between(MONDAY_NOON, MONDAY_NOON + timedelta(days=1))
    return [(one.who, one.what, one.about) for one in found]


async def test_who_may_hears_an_earlier_call_and_it_is_written_down(desk: Desk) -> None:
    call = await desk.line.talked()
    sound = bytes(range(256)) * 1000
    (desk.folder / f"{call}.wav").write_bytes(sound)
    now = await desk.line.rings()
    assert (await desk.card(now))["may_hear"] is False, "Anna is an operator"
    await boris(desk)
    assert (await heard(desk, call, ANNA))[0] == 403
    assert await entries(desk) == []

    assert await heard(desk, call) == (200, sound)
    assert await heard(desk, call, Range="bytes=100-199") == (206, sound[100:200])
    assert await heard(desk, call, Range="bytes=255990-") == (206, sound[255_990:])
    assert await heard(desk, call, Range="bytes=-10") == (206, sound[-10:])
    assert (await heard(desk, call, Range="bytes=256000-"))[0] == 416
    assert (await heard(desk, call, Range="bytes=9-2"))[0] == 416
    assert await entries(desk) == [(BORIS, "recording heard", f"call {call}")], "pieces of one listening"
    answer = await desk.browsers[BORIS].get("/api/recording", params={"call": call}, headers={"Range": "bytes=0-0"})
    assert answer.headers["Content-Range"] == "bytes 0-0/256000"
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("audio/wav", "no-store")
    desk.line.passes(3600)
    await heard(desk, call)
    assert len(await entries(desk)) == 2, "an hour later they hear it again"


async def test_who_cannot_be_written_down_hears_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await boris(desk)
    call = await desk.line.talked()
    (desk.folder / f"{call}.wav").write_bytes(b"RIFF")

    async def fails(*_: object) -> None:
        raise RegisterError("locked")

    for route in desk.app[GATE].routes:
        if route.path == "/api/recording":
            monkeypatch.setattr(route.handler.__self__, "_looked_at", fails)  # type: ignore[attr-defined]
    status, said = await heard(desk, call)
    assert (status, b"RIFF" in said) == (503, False)


@pytest.mark.parametrize(
    "name", ["../secret.wav", "/etc/passwd", "link.wav", "linked/secret.wav", "nowhere.wav", "a\0b", ""]
)
async def test_nothing_outside_the_recordings_folder_is_ever_sent(desk: Desk, tmp_path: Path, name: str) -> None:
    """Whoever could write the register, or into the folder, may not choose what is read."""
    await boris(desk)
    (tmp_path / "elsewhere").mkdir()
    for secret in (tmp_path / "secret.wav", tmp_path / "elsewhere" / "secret.wav"):
        secret.write_bytes(b"secret")
    (desk.folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (desk.folder / "linked").symlink_to(tmp_path / "elsewhere")
    call = await desk.line.talked()
    await desk.line.register.read(
        lambda connection: connection.execute(update(Call).where(Call.call == call).values(recording=name))
    )
    assert (await heard(desk, call))[0] == 404
    assert await entries(desk) == [], "nobody has heard anything"


@pytest.mark.parametrize("call", ["", "1700.99", "../../etc/passwd", "x" * 151, "\u202e"])
async def test_a_call_that_is_none_has_no_recording(desk: Desk, call: str) -> None:
    await boris(desk)
    assert (await heard(desk, call))[0] in (400, 404)


# -- who it is ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("кедровк", [SCHOOL.name, COUNCIL.name]),
        ("ШКОЛА поселка", [SCHOOL.name]),
        ("5900000316", [COUNCIL.name]),
        ("59000003", [COUNCIL.name]),
        ("8 (342) 000-00-01", [SCHOOL.name]),
        ("нет такого", []),
        ("", []),
        ("%' OR 1=1 --", []),
    ],
)
async def test_customers_are_found_by_hand(desk: Desk, asked: str, names: list[str]) -> None:
    answer = await desk.browsers[ANNA].get("/api/customers", params={"q": asked})
    assert [one["name"] for one in (await answer.json())["customers"]] == names
    found = await Audit(desk.line.register).between(MONDAY_NOON, MONDAY_NOON + timedelta(days=1))
    assert [(one.who, one.what) for one in found] == ([(ANNA, "page customers")] if names else [])


@pytest.mark.clause("ESTP 2.1")
async def test_the_operator_corrects_who_calls_and_the_register_says_who_did(desk: Desk) -> None:
    call = await desk.line.rings()
    await desk.line.answers(call)
    assert (await desk.post("identify", call=call, inn=SCHOOL.inn))["answer"] == "identified"
    card = await desk.card(call)
    assert (card["customer"], card["identification"], card["identified_by"]) == (SCHOOL.name, "by_hand", "Анна")
    assert (await desk.get("me"))["me"]["call"]["customer"] == SCHOOL.name
    await desk.line.ends(call)
    await desk.post("identify", call=call, inn=COUNCIL.inn)
    desk.line.tell(events.RecordingFinished(CallId(call), "a.wav", 60.0, "hash"))
    await desk.line.write()
    assert (await desk.card(call))["customer"] == COUNCIL.name
    await desk.post("identify", call=call, inn=SCHOOL.inn)
    assert (await desk.card(call))["customer"] == SCHOOL.name, "even long after the call"
    await desk.post("identify", 404, call=call, inn="7707083893")
    await desk.post("identify", 404, call=call)


@pytest.mark.clause("ESTP 2.1")
async def test_a_number_that_an_operator_has_learned_is_known_the_next_time(desk: Desk) -> None:
    call = await desk.line.rings()
    await desk.post("identify", call=call, inn=SCHOOL.inn, learn=True, person="Иванова,\u202e бухгалтер")
    assert desk.directory.by_number("8 342 000-07-77") == SCHOOL
    assert (await desk.card(call))["person"] == "Иванова, бухгалтер"

    renamed = Customer("Гимназия № 7", "Заказчик", SCHOOL.inn)
    await desk.table.replace([("+73420000001", renamed)], "new file", MONDAY_NOON)
    await desk.directory.refresh()
    assert desk.directory.by_number(NUMBER) == renamed, "an import does not take it away, and renames it"
    await desk.table.replace([("+73420000002", COUNCIL)], "new file", MONDAY_NOON)
    await desk.directory.refresh()
    assert desk.directory.by_number(NUMBER) is None, "who is no customer any more has no numbers"
    await desk.table.replace([(NUMBER, COUNCIL), ("+73420000001", SCHOOL)], "new file", MONDAY_NOON)
    await desk.directory.refresh()
    assert desk.directory.by_number(NUMBER) == COUNCIL, "the file knows better"


async def test_a_withheld_number_is_nobodys(desk: Desk) -> None:
    call = await desk.line.rings("anonymous")
    told = await desk.post("identify", 409, call=call, inn=SCHOOL.inn, learn=True)
    assert told["answer"] == "no_number"


async def test_old_notes_and_contacts_are_erased_with_the_call(desk: Desk, tmp_path: Path) -> None:
    call = await desk.line.talked()
    await desk.post("identify", call=call, inn=SCHOOL.inn, learn=True, person="Иванова")
    await desk.post("note/register", call=call, **NOTE)
    erasure = PersonalData(desk.line.register, timedelta(days=100), lambda: (), tmp_path / "spool", "tester")
    await erasure.erase(MONDAY_NOON + timedelta(days=99))
    assert desk.directory.by_number(NUMBER) == SCHOOL
    assert await erasure.erase(MONDAY_NOON + timedelta(days=101)) == 1
    await desk.directory.refresh()
    assert desk.directory.by_number(NUMBER) is None
    with closing(sqlite3.connect(tmp_path / "register.sqlite")) as database:
        assert database.execute("SELECT text, subject, result FROM call_notes").fetchall() == [
            ("", "signature", "answered")
        ]
        assert database.execute("SELECT count(*) FROM learned_contacts").fetchall() == [(0,)]
