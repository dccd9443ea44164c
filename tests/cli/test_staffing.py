"""`callcenter staffing`: the table of people needed, from a register that was really filled and from files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.staffing import staffing_command
from callcenter.config import Config
from callcenter.config.configuration import VAR_OVERRIDE
from callcenter.core.commands import Save, SaveCall, SaveOffer
from callcenter.core.ids import CallId, OfferId
from callcenter.core.records import CallRecord, OfferRecord, Outcome
from callcenter.store import Register
from tests.store.stories import MORNING, fill
from tests.wall import MONDAY_NOON

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration as it is shipped, with everything made at run time in a folder of its own."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    return Path(__file__).parents[2] / "config.yaml"


def run(config: Path, *arguments: str) -> Result:
    """`callcenter staffing --config … …`."""
    return CliRunner().invoke(staffing_command, ["--config", str(config), *arguments])


def table(result: Result) -> dict[str, list[str]]:
    """The rows by start: calls, erlangs, people, wait, offered wait, service level, gave up, busy."""
    assert result.exit_code == 0, result.output
    rows = (line.split() for line in result.output.splitlines())
    return {row[0]: row[1:] for row in rows if row and row[0][:1].isdigit() and ":" in row[0]}


def worked(days: list[date]) -> Iterator[Save]:
    """On each day 60 callers from 10:00 and 6 from 15:30, ringing 20 s, talk 172 s; every tenth gives up after 90 s."""
    for day in days:
        for hour, minute, number in ((10, 0, 60), (15, 30, 6)):
            for n in range(number):
                moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=MOSCOW).astimezone(UTC)
                at = (moment - MORNING).total_seconds() + n
                call = f"{day} {hour} {n}"
                gave_up = n % 10 == 9
                outcome = Outcome.ABANDONED if gave_up else Outcome.ANSWERED
                waiting = 90.0 if gave_up else 20.0
                yield SaveCall(
                    CallRecord(CallId(call), "estp", "", "", at, joined_at=at, waiting=waiting, outcome=outcome)
                )
                if not gave_up:
                    ends = at + 20 + 172.0
                    offer = OfferRecord(
                        OfferId(call),
                        CallId(call),
                        "101",
                        "queue",
                        at,
                        at,
                        at + 20,
                        at + 20,
                        ends,
                        "connected",
                    )
                    yield SaveOffer(offer)


@pytest.fixture
def past(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The last three working days, in the register."""
    calendar = Config.load(config).lines["estp"].hours.calendar
    today = MONDAY_NOON.date()
    monkeypatch.setattr("callcenter.cli.staffing.wall_clock", lambda: MONDAY_NOON)
    days = [day for back in range(1, 40) if calendar.working_day(day := today - timedelta(days=back))][:3]

    async def work() -> None:
        register = await Register.open(tmp_path / "var" / "register.sqlite")
        await fill(register, list(worked(days)))
        await register.close()

    asyncio.run(work())
    return days


@pytest.mark.clause("ESTP 2.2b")
@pytest.mark.clause("ESTP 2.2d")
def test_past_days_tell_how_many_people_the_next_working_day_needs(config: Path, past: list[date]) -> None:
    """Handling time is ringing, talk and 20 s of wrap-up beside what was expected; at least two people all day long."""
    result = run(config)
    rows = table(result)
    assert f"after {len(past)} working days" in result.output
    assert "handling time 201 s" in result.output  # 177 calls of 212 s with ringing and wrap-up, 100 expected of 180 s
    assert list(rows)[0] == "09:00"
    assert list(rows)[-1] == "17:30"
    assert rows["10:00"][:3] == ["60.0", "6.69", "3"]
    assert float(rows["10:00"][6].rstrip("%")) > 50  # callers are impatient: few people keep the average …
    assert table(run(config, "--abandonment", "5"))["10:00"][2] == "9"  # … and more keep the callers
    assert rows["15:30"][:3] == ["6.0", "0.67", "2"]
    assert rows["16:00"] == ["0.0", "0.00", "2", "–", "–", "–", "–", "–"]


def test_a_table_of_expected_calls_needs_no_register(config: Path, tmp_path: Path) -> None:
    """With a service level of 80 % in 60 seconds more people than for the average alone."""
    path = tmp_path / "forecast.csv"
    path.write_text("start;calls\n09:00;40\n09:30;70,5\n", encoding="utf-8")
    plain, level = (table(run(config, "--forecast", str(path), *more)) for more in ([], ["--level", "80"]))
    assert [(start, row[0], row[2]) for start, row in plain.items()] == [("09:00", "40.0", "3"), ("09:30", "70.5", "5")]
    assert [row[2] for row in level.values()] == ["6", "9"]
    assert not (tmp_path / "var" / "register.sqlite").exists()


def test_what_is_given_outweighs_what_is_known(config: Path, tmp_path: Path) -> None:
    """Endless patience, long calls, a short target and nobody who must be there."""
    path = tmp_path / "forecast.csv"
    path.write_text("start,calls\n09:00,18\n09:30,0\n", encoding="utf-8")
    wishes = ("--patience", "endless", "--handling", "300", "--target", "10", "--at-least", "0")
    result = run(config, "--forecast", str(path), *wishes)
    assert "handling time 300 s, patience endless" in result.output
    rows = table(result)
    assert rows["09:00"][:3] == ["18.0", "3.00", "6"]
    assert rows["09:30"][2] == "0"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--line", "nobody"], "no line 'nobody'; configured: estp"),
        (["--patience", "nan"], "'nan'; allowed are seconds from 1 to 86400, or 'endless'"),
        (["--patience", "0"], "'0'; allowed are seconds"),
        (["--handling", "nan"], "nan"),
        (["--target", "0"], "0"),
        (["--level", "100"], "100"),
        (["--days", "0"], "0"),
        (["--forecast", "missing.csv"], "missing.csv: No such file"),
        (["--forecast", "missing.csv", "--days", "3"], "either --forecast, or --for and --days"),
    ],
)
def test_wrong_wishes_are_refused_in_a_sentence(config: Path, arguments: list[str], complaint: str) -> None:
    """Before anything is read."""
    result = run(config, *arguments)
    assert result.exit_code != 0
    assert complaint in result.output
    assert "Traceback" not in result.output


def test_a_wrong_table_and_an_empty_register_are_told(config: Path, tmp_path: Path) -> None:
    """Each wrong line; and what to do where nobody has called yet."""
    path = tmp_path / "forecast.csv"
    path.write_text("start,calls\n09:10,40\n09:30,-1\n", encoding="utf-8")
    wrong = run(config, "--forecast", str(path))
    assert wrong.exit_code == 1
    assert "line 2: start '09:10'" in wrong.output
    assert "line 3: calls '-1'" in wrong.output
    assert run(config).exit_code == 1  # no register at all

    async def make() -> None:
        await (await Register.open(tmp_path / "var" / "register.sqlite")).close()

    asyncio.run(make())
    empty = run(config)
    assert empty.exit_code == 1
    assert "has no callers of line 'estp' on the 20 working days before" in empty.output
    assert "--forecast" in empty.output
