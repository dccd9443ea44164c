"""The lines of the other regulations, in `examples/`: complete, right, and as published."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from callcenter.calendar.auctions import AuctionHours
from callcenter.calendar.working_time import WorkingTime
from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.core.settings import AskedFor
from callcenter.requests.contract_rules import Service
from callcenter.requests.request import Way
from callcenter.requests.rules import LineRules

EXAMPLES = Path(__file__).parents[2] / "examples"
MOSCOW, ASTANA = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Almaty")


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


def example(name: str) -> tuple[Config, Line, LineRules]:
    config = Config.load(EXAMPLES / f"{name}.yaml")
    line = LineId(name)
    return config, config.lines[line], config.request_rules()[line]


def due(rules: LineRules, urgency: str, at: datetime) -> datetime | None:
    term = rules.urgencies[urgency].answer
    return None if term is None else rules.time.due(term, at)


def moment(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def auction(starts: str, results: str) -> AuctionHours:
    """The hours of the example while this auction runs."""
    found = example("elot")[1].hours.calendar.auctions
    assert found is not None
    return replace(found, runs=((moment(starts).astimezone(UTC), moment(results).astimezone(UTC)),))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_in_order_and_keeps_its_files_apart(path: Path) -> None:
    told = CliRunner().invoke(main, ["check", "--config", str(path)])
    assert told.exit_code == 0, told.output
    assert f"in order ({4 if path.stem == 'four' else 1} line(s)" in told.output
    config = Config.load(path)
    assert config.var.resolve() == EXAMPLES.parent.resolve() / "var" / path.stem, (
        "several can run beside config.yaml's line"
    )
    assert config.recordings.folder.is_relative_to(config.var)
    staffed = [text for text in config.warnings(date(2025, 6, 1)) if "calendar" not in text]
    assert staffed == []


def test_all_four_at_once_are_the_four_lines() -> None:
    """What callers of one regulation get does not depend on the others; only the people do."""
    four = Config.load(EXAMPLES / "four.yaml")
    assert list(four.lines) == ["estp", "elot", "e-sauda", "tbs"]
    for name in ("elot", "e-sauda", "tbs"):
        assert four.lines[LineId(name)] == example(name)[1]
    estp, alone = four.lines[LineId("estp")], Config.load(EXAMPLES.parent / "config.yaml").lines[LineId("estp")]
    same = ("numbers", "hours", "capacity", "required_staff", "target_wait", "customer_role", "general_line", "email")
    for setting in (*same, "spoken", "answered_by", "ivr", "queue", "promises", "subjects", "requests"):
        assert getattr(estp, setting) == getattr(alone, setting), setting
    assert {line.answered_by for line in four.lines.values()} == {("operators",)}, "one team"


def test_four_teams_instead_of_one_as_the_example_says(tmp_path: Path) -> None:
    text = (EXAMPLES / "four.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^(.*)\boperators\b(.*# or ([a-z-]+-team))$", r"\1\3\2", text, flags=re.MULTILINE)
    text = re.sub(r"^  # ([a-z-]+-team: \{)", r"  \1", text, flags=re.MULTILINE)
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    config = Config.load(path)
    assert {line.id: line.answered_by for line in config.lines.values()} == {
        name: (f"{name}-team",) for name in ("estp", "elot", "e-sauda", "tbs")
    }
    assert [text for text in config.warnings(date(2025, 6, 1)) if "calendar" not in text] == []


@pytest.mark.clause("eLot 2.2a, 2.2b, 2.4, 2.6, 2.11, 3.1")
def test_elot() -> None:
    _, line, rules = example("elot")
    hours = line.hours.calendar
    assert (line.numbers, line.required_staff, line.customer_role) == (("+78129080970",), 1, "")
    assert hours.clock(date(2026, 11, 30)) == (time(11), time(18))
    held = auction("2026-12-01 10:00", "2026-12-03 15:00")
    assert [replace(hours, auctions=held).clock(date(2026, 12, day)) for day in (1, 2, 3, 4)] == [
        (time(10), time(21)),
        (time(9), time(21)),
        (time(9), time(18)),
        (time(11), time(18)),
    ]
    assert (line.queue.classes, line.ivr.urgency) == (("high", "normal"), {"1": "high", "2": "normal"})
    assert line.written is not None
    assert (line.written.groups, line.written.required_staff) == (("letters",), 1)
    assert len(line.subjects) == 6
    friday = moment("2026-12-04 20:00")
    assert due(rules, "Зарегистрированный", friday) == moment("2026-12-05 08:00"), "plain hours run through the night"
    assert due(rules, "Незарегистрированный", friday) == moment("2026-12-07 20:00")
    assert rules.ways == {Way.EMAIL, Way.TELEGRAM, Way.TELEPHONE}
    assert "нарушение правил общения" in rules.refusals


@pytest.mark.clause("eLot 2.2a")
def test_targets_in_working_time_know_the_hours_of_auctions() -> None:
    """The head's two hours for the assignment: at 17:00 they end the next day, or today at 19:00."""
    _, line, rules = example("elot")
    hours = replace(line.hours.calendar, auctions=auction("2026-12-01 10:00", "2026-12-03 15:00"))
    assert rules.time.due(rules.assignment, moment("2026-12-01 17:00")) == moment("2026-12-02 12:00")
    assert WorkingTime(hours).due(rules.assignment, moment("2026-12-01 17:00")) == moment("2026-12-01 19:00")


@pytest.mark.clause("E-SAUDA 1.3, 1.4, 1.5, 1.6, 2.2, 2.3, 3.6, 3.7")
def test_e_sauda() -> None:
    config, line, rules = example("e-sauda")
    assert line.channels.letter is not None, "official letters (2.2)"
    assert Way.LETTER in rules.ways
    assert (line.zone, line.hours.country) == (ASTANA, "KZ")
    assert line.hours.calendar.clock(date(2026, 12, 1)) == (time(9), time(18, 30))
    assert (line.queue.classes, line.queue.default_class) == (("vip", "basic"), "basic")
    assert len(rules.refusals) == 4
    assert "не относится к компетенции службы" in rules.refusals
    assert {"wishes", "error"} < set(line.subjects)
    assert rules.contracts is not None
    assert rules.contracts.promised_to("VIP", "VIP — ошибка")
    assert not rules.contracts.promised_to("", "VIP — ошибка")
    assert rules.contracts.promised_to("", "Базовый — ошибка")
    assert line.contracts is not None
    assert line.contracts.class_of_level == {"Базовый": "basic", "VIP": "vip"}
    assert rules.of_subjects["complaint"].group == "quality"
    assert rules.urgency_fits("wishes", "Пожелание")
    assert not rules.urgency_fits("portal", "Пожелание")
    assert rules.call_backs is not None
    assert rules.call_backs.levels == {"VIP"}
    assert due(rules, "Базовый — консультация", moment("2026-12-15 18:00", ASTANA)) is None
    asked = moment("2026-12-15 18:00", ASTANA)  # the 16th is Independence Day
    assert due(rules, "VIP — консультация", asked) == moment("2026-12-17 12:30", ASTANA)
    assert rules.time.due(rules.customer_reply, asked) == moment("2026-12-17 16:30", ASTANA)
    assert any("calendar of KZ" in text for text in config.warnings(date(2026, 11, 30)))


@pytest.mark.clause("TBS 2.5, 2.6, 3.2, 4.1, 4.2, 4.3, 5")
def test_tbs() -> None:
    _, line, rules = example("tbs")
    assert line.hours.calendar.clock(date(2026, 12, 1)) == (time(9, 30), time(18, 30))
    assert (line.numbers, line.extension) == (("+74952480646",), "1")
    assert len(line.subjects) == 17
    assert (rules.asks_before_closing, rules.interim_way) == (True, Way.EMAIL)
    assert due(rules, "Обращение", moment("2026-11-30 18:00")) == moment("2026-12-02 16:00"), "16 working hours"
    assert due(rules, "Техническая ошибка", moment("2026-11-30 18:00")) is None
    assert rules.refusals == {"нет идентифицирующей информации", "нет оплаченного периода поддержки"}
    contracts = rules.contracts
    assert contracts is not None
    assert contracts.needs_period
    by_user = {subject for subject, who in contracts.plans["Базовый"].items() if who is Service.USER}
    assert len(by_user) == 9
    assert contracts.service("Базовый", "catalogue") is Service.NOBODY
    assert {contracts.service("Расширенный", subject) for subject in line.subjects} == {Service.OPERATOR}
    assert line.ivr.asked_for is AskedFor.INN_OR_CONTRACT


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("tbs", "without_period: queue", "without_period: general_line", "found general_line, but the line has none"),
        ("tbs", "          cabinet: user", "          cabinat: user", "'cabinat', which is not in subjects"),
        ("tbs", "refusal: нет оплаченного", "refusal: не оплачено", "which is not in requests.refusals"),
        ("tbs", "how_to_get: Оплатить", "# ", "found nothing; how to get a paid period"),
        ("e-sauda", "VIP: {class: vip,", "VIP: {class: gold,", "found class 'gold', which is not described"),
        ("e-sauda", "usual_level: Базовый", "usual_level: Basic", "'Basic', which is not in levels"),
        ("e-sauda", "group: quality, conf", "group: qality, conf", "found group 'qality', which is not described"),
        ("elot", "groups: [letters]", "groups: [operators]", "which answers the telephone, too"),
    ],
)
def test_contracts_that_do_not_fit_the_line_are_named(
    tmp_path: Path, name: str, before: str, after: str, told: str
) -> None:
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    assert before in text
    (tmp_path / "config.yaml").write_text(text.replace(before, after, 1), encoding="utf-8")
    output = CliRunner().invoke(main, ["check", "--config", str(tmp_path / "config.yaml")]).output
    assert told in output
