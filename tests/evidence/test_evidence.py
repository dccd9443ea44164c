"""What a month of the shipped line proves: clause by clause, from rows in a real register, again and again the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from click.testing import CliRunner
from sqlalchemy import update

from callcenter.cli import evidence as command
from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.core.commands import Save, SaveLineOrder
from callcenter.core.ids import LineId, PersonId
from callcenter.core.records import Identification, LineOrderRecord, Outcome, PromiseResult
from callcenter.evidence import document
from callcenter.evidence.document import Document
from callcenter.evidence.evidence import Evidence, gather
from callcenter.evidence.finding import Finding, Verdict
from callcenter.evidence.month import MonthError
from callcenter.recordings.manifest import Action, Entry, Manifest
from callcenter.store import Register
from callcenter.store.tables import Call
from tests.store.stories import announcement, arrival, fill, presence, wall

ESTP = LineId("estp")
DECEMBER = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = 3600.0
"""Second 0 is Monday, 23 November, 9:00 in Moscow: the line opens."""


def answered(call: str, at: float, wait: float, operator: str = "101", **more: object) -> Save:
    known = {
        "joined_at": at,
        "place_at": at,
        "offered_at": at + wait,
        "answered_at": at + wait,
        "ended_at": at + wait + 60,
        "waiting": wait,
        "queued": wait,
        "talk": 60.0,
        "operator": operator,
        "outcome": Outcome.ANSWERED,
        "urgency": "normal",
        "identification": Identification.BY_NUMBER,
        "recording": f"estp/2026/11/23/{call}.wav",
        "recording_sha256": "ab" * 32,
    }
    return arrival(call, at, **known | more)


GOOD: Sequence[Save] = [
    presence("101", -60, "available", "logged_in"),
    presence("102", -60, "available", "logged_in"),
    answered("first", 60, 30),
    answered("second", 100, 100),
    announcement("second", spoken_at=105, spoken=3, p90=150.0, waited=95.0, result=PromiseResult.ANSWERED),
    arrival("evening", 10 * HOUR, ended_at=10 * HOUR + 20, outcome=Outcome.CLOSED),
    presence("101", 9 * HOUR + 60, "off", "logged_out"),
    presence("102", 9 * HOUR + 60, "off", "logged_out"),
]


class Month:
    """November of the shipped line."""

    def __init__(self, register: Register, config: Path, folder: Path) -> None:
        self.register = register
        self.config = Config.load(config)
        self.writes_at = wall(0)
        self.manifest = Manifest(folder, folder, lambda: self.writes_at)

    def recorded(self, *calls: str, sha256: str = "ab" * 32) -> None:
        paths = (f"estp/2026/11/23/{call}.wav" for call in calls)
        self.manifest.add(*(Entry(Action.ADDED, path=path, sha256=sha256) for path in paths))

    async def evidence(self, now: datetime = DECEMBER) -> Evidence:
        return await gather(self.config, self.register, self.manifest, ESTP, 2026, 11, now)


@pytest.fixture
def november(register: Register, config: Path, tmp_path: Path) -> Month:
    return Month(register, config, tmp_path)


def of(evidence: Evidence, topic: str) -> Finding:
    (found,) = [one for one in evidence.findings if one.topic.text == topic]
    return found


def exceptions(finding: Finding) -> list[tuple[str, str]]:
    return [(one.of, one.what.said()) for one in finding.exceptions]


async def test_a_good_day_is_kept_in_every_point_that_it_has_rows_for(november: Month) -> None:
    await fill(november.register, GOOD)
    november.recorded("first", "second")
    found = await november.evidence()
    verdicts = {one.topic.text: one.verdict for one in found.findings}
    assert verdicts.pop("Requests") is Verdict.UNPROVED
    assert verdicts.pop("What was asked") is Verdict.BROKEN, "nobody has registered a question"
    assert verdicts.pop("People") is Verdict.BROKEN, "on the other days of the month nobody was there"
    assert set(verdicts.values()) == {Verdict.KEPT}


async def test_one_case_in_twenty_is_an_exception_and_more_is_not_kept(november: Month) -> None:
    calls = [answered(f"call-{number}", number * 70, 5) for number in range(20)]
    await fill(november.register, [*calls, arrival("noon", 3 * HOUR, ended_at=3 * HOUR + 9, outcome=Outcome.CLOSED)])
    assert of(await november.evidence(), "Hours").verdict is Verdict.EXCEPTIONS
    await fill(november.register, [arrival("one", 4 * HOUR, ended_at=4 * HOUR + 9, outcome=Outcome.CLOSED)])
    assert of(await november.evidence(), "Hours").verdict is Verdict.BROKEN


@pytest.mark.clause("ESTP 2.2a")
async def test_a_caller_who_hears_within_the_hours_that_the_line_is_closed(november: Month) -> None:
    await fill(november.register, [*GOOD, arrival("noon", 3 * HOUR, outcome=Outcome.CLOSED)])
    hours = of(await november.evidence(), "Hours")
    assert exceptions(hours) == [("noon", "was told that the line is closed")]
    assert hours.required.values == {"days": "20", "hours": "180"}


@pytest.mark.clause("ESTP 2.2a")
async def test_who_closed_the_line_and_why_is_told(november: Month) -> None:
    order = LineOrderRecord("o-1", ESTP, False, "Авария на площадке", PersonId("402"), 2 * HOUR, 9 * HOUR, 4 * HOUR)
    closed = [arrival(f"at {hour}", hour * HOUR, ended_at=hour * HOUR + 9, outcome=Outcome.CLOSED) for hour in (3, 5)]
    await fill(november.register, [SaveLineOrder(order), *closed])
    assert exceptions(of(await november.evidence(), "Hours")) == [
        ("at 3", "was told that the line is closed, by order of 402: Авария на площадке"),
        ("at 5", "was told that the line is closed"),
    ]


@pytest.mark.clause("ESTP 2.2b")
async def test_a_busy_sign_counts_only_while_a_line_was_free(november: Month) -> None:
    together = [answered(f"call-{number}", 200 + number / 10, 60) for number in range(100)]
    busy = {"outcome": Outcome.ALL_LINES_BUSY}
    await fill(november.register, [*together, arrival("rightly", 230.0, **busy), arrival("wrongly", 400.0, **busy)])
    lines = of(await november.evidence(), "Lines")
    assert exceptions(lines) == [("wrongly", "heard that all lines are taken, while 0 of 100 were")]
    assert lines.found[0].said() == "At most 100 callers were on the line at once (2026-11-23 09:03:29)."


@pytest.mark.clause("ESTP 2.2b")
async def test_when_only_one_was_there_is_told_to_the_second(november: Month) -> None:
    await fill(
        november.register,
        [*GOOD, presence("102", HOUR, "paused", "break"), presence("102", 2 * HOUR, "available", "back")],
    )
    monday = [one for one in of(await november.evidence(), "People").exceptions if one.at == wall(HOUR)]
    assert [one.what.said() for one in monday] == ["1 of 2 until 11:00:00"]


@pytest.mark.clause("ESTP 2.2b")
async def test_who_has_left_since_was_there_then(november: Month) -> None:
    left = [presence("999", -60, "available", "logged_in"), presence("999", 9 * HOUR, "off", "logged_out")]
    alone = presence("102", HOUR, "off", "logged_out")
    await fill(november.register, [*GOOD[:2], alone, *left, answered("by who left", 60, 5, operator="999")])
    monday = [one.at for one in of(await november.evidence(), "People").exceptions if one.at and one.at.day == 23]
    assert monday == []


@pytest.mark.clause("ESTP 2.2d")
async def test_the_average_of_registered_persons_decides_and_bad_days_are_named(november: Month) -> None:
    tuesday = 24 * HOUR
    slow = [answered(f"slow-{number}", tuesday + 600 * number, 400) for number in range(2)]
    stranger = answered("stranger", 200, 5000, identification=Identification.UNKNOWN)
    await fill(november.register, [*GOOD, *slow, stranger])
    waits = of(await november.evidence(), "Average wait of registered persons")
    assert waits.verdict is Verdict.EXCEPTIONS
    assert exceptions(waits) == [("", "2026-11-24: 6:40 on average, 2 calls")]
    await fill(november.register, [answered(f"slower-{number}", 2 * tuesday, 900) for number in range(3)])
    assert of(await november.evidence(), "Average wait of registered persons").verdict is Verdict.BROKEN


@pytest.mark.clause("ESTP 2.3")
async def test_who_was_passed_is_named_and_asterisks_own_queue_and_orders_are_told_apart(november: Month) -> None:
    await fill(
        november.register,
        [
            answered("patient", 0, 300),
            answered("lucky", 60, 30),
            answered("alone", 120, 30, offered_at=None),
            answered("urgent for us", 200, 20, out_of_turn_at=210.0, out_of_turn_by="402"),
        ],
    )
    assert exceptions(of(await november.evidence(), "Order of service")) == [
        ("lucky", "before patient, whose turn it was; 1 came first"),
        ("alone", "by Asterisk's own queue, before patient"),
        ("urgent for us", "taken out of turn by 402, before patient"),
    ]


@pytest.mark.clause("ESTP 2.6")
async def test_each_recording_that_is_not_as_it_was_made_is_told(november: Month) -> None:
    problem = {"recording_problem": "one side is silent <b>"}
    await fill(
        november.register,
        [
            answered("kept", 0, 5),
            answered("none", 9, 5, recording=""),
            answered("changed", 99, 5),
            answered("unknown", 199, 5),
        ],
    )
    await fill(november.register, [answered("silent", 299, 5, **problem), answered("deleted", 399, 5)])
    november.recorded("kept", "silent", "deleted")
    november.recorded("changed", sha256="cd" * 32)
    november.manifest.add(Entry(Action.DELETED, path="estp/2026/11/23/deleted.wav"))
    found = of(await november.evidence(), "Recordings")
    assert exceptions(found) == [
        ("none", "has no recording"),
        ("changed", "the manifest has another hash of estp/2026/11/23/changed.wav"),
        ("unknown", "estp/2026/11/23/unknown.wav is not in the manifest"),
        ("silent", "its check found: one side is silent <b>"),
    ]
    assert found.found[0].values == {"talked": "6", "right": "2", "checked": "0"}
    assert found.found[1].values == {"deleted": "1"}, "by law: its hash stays"


async def test_a_manifest_that_somebody_has_changed_is_an_exception_of_its_own(november: Month) -> None:
    await fill(november.register, GOOD)
    november.recorded("first", "second")
    text = november.manifest.path.read_text()
    november.manifest.path.write_text(text.replace("ab" * 32, "cd" * 32, 1))
    said = [what for _, what in exceptions(of(await november.evidence(), "Recordings"))]
    assert any("was changed after it was written" in what for what in said)


@pytest.mark.clause("ESTP 5.4.6")
async def test_who_waited_and_heard_nothing_is_named_and_times_are_compared_with_the_truth(november: Month) -> None:
    judged: dict[str, Any] = {"spoken": 2, "p90": 100.0}
    await fill(
        november.register,
        [
            answered("told the truth", 0, 100),
            announcement("told the truth", spoken_at=5, waited=95.0, result=PromiseResult.ANSWERED, **judged),
            answered("told too little", 50, 300),
            announcement("told too little", spoken_at=55, waited=295.0, result=PromiseResult.ANSWERED, **judged),
            announcement("told too little", 2, spoken_at=175, waited=20.0, result=PromiseResult.LOST, **judged),
            answered("in silence", 60, 61),
        ],
    )
    found = of(await november.evidence(), "Announced waits")
    assert exceptions(found) == [("in silence", "waited 1:01 and heard no announcement")]
    assert found.found[1].said() == "Of 2 times that can be judged 1 were kept (50.0 %)."
    assert found.unproved[0].values == {"open": "1"}


@pytest.mark.clause("ESTP 5.6.1")
async def test_a_row_that_lacks_something_and_a_call_that_was_cut_off(november: Month) -> None:
    cut = {"outcome": Outcome.LOST, "cause_text": "Asterisk ended"}
    await fill(
        november.register,
        [answered("nobody", 0, 5, operator=""), answered("open", 9, 5, ended_at=None), answered("cut", 20, 5, **cut)],
    )
    assert exceptions(of(await november.evidence(), "Register of calls")) == [
        ("nobody", "the row does not say who took it"),
        ("open", "the row has no end"),
        ("cut", "cut off: Asterisk ended"),
    ]


@pytest.mark.clause("ESTP 5.3.1")
async def test_a_shift_that_nobody_ended_is_named(november: Month) -> None:
    await fill(november.register, [presence("101", 0, "available", "logged_in")])
    assert exceptions(of(await november.evidence(), "Shifts")) == [("101", "has no end")]


async def test_the_same_rows_give_the_same_evidence_after_personal_data_was_erased(november: Month) -> None:
    await fill(november.register, GOOD)
    november.recorded("first", "second")
    before = await november.evidence()
    erased = update(Call).values(number="", name="", inn="", customer="", role="")
    await november.register.read(lambda connection: connection.execute(erased))
    november.writes_at = DECEMBER
    november.manifest.add(Entry(Action.HELD, call="first", why="in December"))
    later = await november.evidence(DECEMBER + timedelta(days=400))
    assert later.sha256 == before.sha256, "no date of today is in it"
    await fill(november.register, [answered("later found", 500, 5)])
    assert (await november.evidence()).sha256 != before.sha256


async def test_a_month_that_is_not_over_says_so_and_one_that_has_not_begun_is_refused(november: Month) -> None:
    await fill(november.register, GOOD)
    running = await november.evidence(wall(4 * HOUR))
    assert "Месяц не окончен: сведения до 2026-11-23 13:00:00." in list(Document(running, "ru").text())
    with pytest.raises(MonthError, match="2026-11 has not begun on line estp"):
        await november.evidence(datetime(2026, 10, 31, 20, tzinfo=UTC))


async def test_the_page_to_print_escapes_what_comes_from_outside(november: Month) -> None:
    await fill(november.register, [answered("<script>", 0, 5, recording_problem="<img src=x> & {more}")])
    november.recorded("<script>")
    page = Document(await november.evidence(), "en").html()
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt; &amp; {more}" in page
    assert "+7342" not in page, "no telephone number is in it"


def test_everything_that_is_read_is_translated_and_nothing_is_left_over() -> None:
    folder = Path(document.__file__).parent
    extracted = extract_from_dir(folder, [("**.py", "python"), ("**.html", "jinja2")], keywords={"_": None, "N_": None})
    with (document.LOCALES / "ru/LC_MESSAGES/callcenter.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    assert {message.id for message in catalogue if message.id} == {message for _, _, message, _, _ in extracted}
    wrong = [
        message.id
        for message in catalogue
        if message.id and _names(str(message.id)) != _names(str(message.string) or "")
    ]
    assert not wrong, "each names the same values in both languages"


def _names(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    return lambda now: monkeypatch.setattr(command, "wall_clock", lambda: now)


def test_the_command_tells_it_writes_it_and_refuses_what_is_not_there(
    config: Path, tmp_path: Path, at: Callable[[datetime], None]
) -> None:
    at(DECEMBER)
    asked = ["evidence", "--config", str(config), "--line", "estp", "--month", "2026-11"]
    run = CliRunner().invoke

    async def made() -> None:
        register = await Register.open(Config.load(config).database)
        await fill(register, GOOD)
        await register.close()

    asyncio.run(made())
    told = run(main, asked)
    assert told.exit_code == 0, told.output
    assert "== Порядок обслуживания (ESTP 2.3, ESTP 4.2): соблюдено" in told.output
    page, data = tmp_path / "page.html", tmp_path / "data.json"
    written = run(main, [*asked, "--language", "en", "--html", str(page), "--json", str(data)])
    assert written.exit_code == 0, written.output
    found = json.loads(data.read_text(encoding="utf-8"))
    assert found["sha256"] in written.output
    assert found["sha256"] in told.output, "in every language the same"
    assert found["sha256"] in page.read_text(encoding="utf-8")
    assert {"topic": "Order of service", "verdict": "kept"}.items() <= found["points"][3].items()
    wrong = run(main, [*asked[:3], "--line", "nobody", "--month", "2026-11"])
    assert wrong.exit_code == 2
    assert "no line 'nobody'; configured: estp" in wrong.output
    early = run(main, [*asked[:5], "--month", "2027-01"])
    assert early.exit_code == 1
    assert "2027-01 has not begun on line estp" in early.output
