"""`callcenter requests` and `callcenter erase`: the rules and errors of the desk, at a terminal."""

from __future__ import annotations

import csv
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.cli.main import main
from callcenter.config import VAR_OVERRIDE
from tests.requests.lines import moscow
from tests.store.stories import stored

NOW = moscow("2026-12-01 12:00")
HEADING = "Исходный номер;Поступило;Предмет;Суть;Срочность;Способ ответа;Адрес ответа;ФИО;Телефон;ИНН\n"
ROW = "А-17;2026-11-30 10:00;signature;Не видна подпись;Контроль;email;a@b.ru;=Пётр;+73422000001;\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration as it is shipped, with everything made at run time in a folder of its own; it is Tuesday."""
    monkeypatch.setenv(VAR_OVERRIDE, str(tmp_path / "var"))
    for command in ("requests", "call_backs", "erase", "access"):
        monkeypatch.setattr(f"callcenter.cli.{command}.wall_clock", lambda: NOW)
    path = Path(__file__).parents[2] / "config.yaml"
    made = CliRunner().invoke(main, ["knowledge", "--config", str(path), "reindex"])
    assert made.exit_code == 0, made.output
    return path


def run(config: Path, *arguments: str) -> Result:
    """`callcenter requests --config … …`."""
    return CliRunner().invoke(main, ["requests", "--config", str(config), *arguments])


def imported(config: Path, folder: Path, text: str = HEADING + ROW) -> Result:
    file = folder / "open.csv"
    file.write_text(text, encoding="utf-8")
    return run(config, "import", str(file), "--line", "estp")


def table(*rows: str) -> str:
    """A file of these rows, each with a number of its own in the other system."""
    return HEADING + "".join(row.replace("А-17", f"А-{17 + place}") for place, row in enumerate(rows))


def database(tmp_path: Path) -> Path:
    return tmp_path / "var" / "register.sqlite"


@pytest.mark.clause("ESTP 5.5.3, 5.5.6")
def test_an_open_request_is_taken_over_and_worked_on_to_its_end(config: Path, tmp_path: Path) -> None:
    assert "1 requests taken over, ESTP-2026-000001 to ESTP-2026-000001" in imported(config, tmp_path).output
    listed = run(config, "list").output
    assert "! ESTP-2026-000001" in listed or "  ESTP-2026-000001" in listed
    number = "ESTP-2026-000001"
    for action in (
        ["assign", "--to", "201"],
        ["start"],
        ["answer", "--text", "Обновите драйвер."],
        ["sent", "--key", f"{number}/1"],
        ["close"],
    ):
        done = run(config, "act", number, *action)
        assert done.exit_code == 0, done.output
    assert "closed" in done.output
    shown = run(config, "show", number).output
    assert "Обновите драйвер." in shown
    assert "step close" in shown
    assert run(config, "list").output.count("ESTP") == 0
    assert "ESTP-2026-000001" in run(config, "list", "--search", "подписи").output
    audit = stored(database(tmp_path), "SELECT DISTINCT what FROM audit ORDER BY what")
    assert {"requests act", "requests import", "requests list", "requests show"} <= {what for (what,) in audit}


def test_what_the_rules_do_not_allow_is_said_in_a_sentence(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path)
    number = "ESTP-2026-000001"
    for arguments, told in (
        (["act", number, "close"], "Only what is answered is closed; the state of the request is “new”."),
        (["act", number, "assign", "--to", "nobody"], "'nobody' is nobody to assign to; known: 101"),
        (["act", number, "assign", "--to", "201", "--version", "1"], "was changed meanwhile by"),
        (["act", number, "inform"], "the new date is missing"),
        (["act", number, "sent", "--key", "x"], "there is no message 'x'"),
        (["show", "ESTP-2026-000009"], "there is no request ESTP-2026-000009"),
        (["list", "--line", "elot"], "no line 'elot'"),
    ):
        refused = run(config, *arguments)
        assert refused.exit_code != 0
        assert told in refused.output, refused.output
        assert "Traceback" not in refused.output


def test_a_file_that_is_imported_again_doubles_nothing(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path)
    run(config, "act", "ESTP-2026-000001", "assign", "--to", "201")
    again = imported(
        config, tmp_path, HEADING + ROW.replace("Не видна", "Всё ещё не видна") + ROW.replace("А-17", "А-18")
    )
    assert again.exit_code == 0
    assert "1 requests taken over, ESTP-2026-000002 to ESTP-2026-000002" in again.output
    assert "1 rows were taken over before, their requests stay as they are:\n  line 2: ESTP-2026-000001" in again.output
    shown = run(config, "show", "ESTP-2026-000001").output
    assert "origin       А-17" in shown
    assert "state        assigned" in shown
    assert "Всё ещё" not in shown
    third = imported(config, tmp_path, HEADING + ROW).output
    assert third.startswith("0 requests taken over\n1 rows were")
    twice = imported(config, tmp_path, HEADING + ROW + ROW)
    assert "line 3: origin 'А-17' is that of line 2, too" in twice.output
    assert stored(database(tmp_path), "SELECT count(*) FROM requests") == [(2,)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ROW.replace("А-17", " "), "line 2: origin ''; allowed: the number that the request has in the other system"),
        (ROW.replace("2026-11-30 10:00", "вчера"), "line 2: received 'вчера'"),
        (ROW.replace("2026-11-30", "2027-11-30"), "allowed: a date and time that is past"),
        (ROW.replace("email", "голубь"), "line 2: way 'голубь'; allowed: letter, email"),
        (ROW.replace("Контроль", "Завтра"), "line 2: “Завтра” is no urgency of this line; it has: Контроль, Срочно"),
        (ROW.replace("signature", "cats"), "line 2: “cats” is no subject of this line"),
        (ROW.replace("Не видна подпись", ""), "line 2: This is missing: what is asked"),
        (ROW.replace("Не видна подпись", "ю" * 100_001), "allowed are 100000"),
        ("", "has headings, but no requests"),
    ],
)
def test_one_wrong_row_and_nothing_is_imported(config: Path, tmp_path: Path, row: str, told: str) -> None:
    refused = imported(config, tmp_path, HEADING + ROW * bool(row) + row.replace("А-17", "А-18"))
    refused = imported(config, tmp_path, HEADING + row) if told.startswith("line 2") or not row else refused
    assert refused.exit_code == 1
    assert told in refused.output, refused.output
    assert stored(database(tmp_path), "SELECT count(*) FROM requests") == [(0,)]
    assert stored(database(tmp_path), "SELECT count(*) FROM request_counters WHERE last > 0") == [(0,)]


def test_a_file_that_is_no_table_of_requests(config: Path, tmp_path: Path) -> None:
    assert "missing: origin or исходный номер, received or поступило" in imported(config, tmp_path, "a;b\n1;2\n").output
    (tmp_path / "x.csv").write_bytes(b"\0\1\2")
    assert "is neither UTF-8" in run(config, "import", str(tmp_path / "x.csv"), "--line", "estp").output
    assert "can't be read" in run(config, "import", str(tmp_path / "none.csv"), "--line", "estp").output


@pytest.mark.clause("ESTP 5.5.1")
def test_the_export_tells_what_was_kept_and_no_cell_is_a_formula(config: Path, tmp_path: Path) -> None:
    late = ROW.replace("2026-11-30 10:00", "2026-11-20 10:00")
    imported(config, tmp_path, table(ROW, late.replace("signature", "other")))
    number = "ESTP-2026-000001"
    for action in (["assign", "--to", "201"], ["start"], ["answer", "--text", "Да."]):
        run(config, "act", number, *action)
    run(config, "act", "ESTP-2026-000002", "refuse", "--reason", "хулиганство", "--why", "=cmd|' /C calc'!A0")
    file = tmp_path / "out.csv"
    done = run(config, "export", "--from", "2026-11-01", "--to", "2026-11-30", "--output", str(file))
    assert "2 requests written" in done.output
    with file.open(encoding="utf-8-sig", newline="") as opened:
        first, second = csv.DictReader(opened, delimiter=";")
    assert (first["kept"], first["due"]) == ("yes", "2026-12-03 18:00:00")
    assert first["working_seconds"] == str(11 * 3600)
    assert first["plain_seconds"] == str(26 * 3600)
    assert (second["state"], second["refusal"], second["kept"]) == ("refused", "хулиганство", "")
    assert not any(cell.startswith(("=", "+", "@")) for row in (first, second) for cell in row.values())


def test_the_summary_says_how_many_were_in_time(config: Path, tmp_path: Path) -> None:
    late = ROW.replace("2026-11-30 10:00", "2026-11-20 10:00")
    imported(config, tmp_path, table(ROW, late, late.replace("Контроль", "Срочно")))
    for action in (["assign", "--to", "201"], ["start"], ["answer", "--text", "Да."]):
        run(config, "act", "ESTP-2026-000001", *action)
    shown = run(config, "summary", "--from", "2026-11-01", "--to", "2026-11-30").output
    heading, control, urgent = (line.split() for line in shown.splitlines())
    assert heading[:5] == ["URGENCY", "REQUESTS", "ANSWERED", "KEPT", "MISSED"]
    assert control == ["Контроль", "2", "1", "1", "1", "50%", "11.0", "26.0", "0", "0", "0"]
    assert urgent == ["Срочно", "1", "0", "0", "1", "0%", "–", "–", "0", "0", "0"]
    assert "2026-11" in run(config, "summary", "--from", "2026-11-01", "--to", "2026-11-30", "--by", "month").output


@pytest.mark.clause("ESTP 5.6.3", "eLot 2.2b")
def test_the_summary_by_age_and_by_refusal_against_an_aim_and_as_a_file(config: Path, tmp_path: Path) -> None:
    late = ROW.replace("2026-11-30 10:00", "2026-11-20 10:00")
    imported(config, tmp_path, table(ROW, late, late))
    for action in (["assign", "--to", "201"], ["start"], ["answer", "--text", "Да."]):
        run(config, "act", "ESTP-2026-000001", *action)
    run(config, "act", "ESTP-2026-000003", "refuse", "--reason", "хулиганство", "--why", "брань")
    month = ["summary", "--from", "2026-11-01", "--to", "2026-11-30"]
    ages = run(config, *month, "--by", "age").output.splitlines()[1:]
    assert [line[:20].strip() for line in ages] == ["up to 3 days", "up to 30 days"]
    [refused] = run(config, *month, "--by", "refusal").output.splitlines()[1:]
    assert refused.split()[:2] == ["хулиганство", "1"]
    assert refused.split()[-1] == "1"
    for aim, kept in (("12", "no"), ("72", "yes")):  # the answer took 26 hours
        heading, line = run(config, *month, "--by", "line", "--aim", aim).output.splitlines()
        assert (heading.split()[-2:], line.split()[-1]) == (["IN", "AIM"], kept)
    file = tmp_path / "sums.csv"
    done = run(config, *month, "--by", "line", "--aim", "12", "--output", str(file))
    assert "1 rows written" in done.output, done.output
    with file.open(encoding="utf-8-sig", newline="") as opened:
        [row] = csv.DictReader(opened, delimiter=";")
    assert (row["line"], row["requests"], row["mean_plain_seconds"], row["mean_within_aim"]) == (
        "estp",
        "3",
        str(26 * 3600),
        "no",
    )


def test_the_report_is_a_workbook_in_which_nothing_is_a_formula(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    imported(config, tmp_path)
    run(config, "act", "ESTP-2026-000001", "refuse", "--reason", "хулиганство", "--why", "брань")
    file = tmp_path / "november.xlsx"
    done = run(config, "report", "--from", "2026-11-01", "--to", "2026-11-30", "--xlsx", str(file))
    assert done.output == f"1 requests reported in {file}\n"
    with zipfile.ZipFile(file) as book:
        tabs = book.read("xl/workbook.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
        assert not any(b"<f>" in book.read(name) for name in book.namelist() if "worksheets" in name)
    assert "Без рассмотрения" in tabs
    assert "2026-11-01 – 2026-11-30" in texts
    assert "хулиганство" in texts
    nowhere = run(config, "report", "--xlsx", str(tmp_path / "no" / "folder.xlsx"))
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.output
    told = run(config, "act", "ESTP-2026-000001", "start").output
    assert "Действие «Взять в работу» невозможно" in told, "whoever has a Russian terminal reads Russian"


def test_one_person_is_erased_and_an_entry_says_so(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path, table(ROW, ROW))
    run(config, "act", "ESTP-2026-000001", "refuse", "--reason", "хулиганство", "--why", "брань Петра")
    asked = ["erase", "--config", str(config), "--number", "8 342 200-00-01"]
    assert "would be erased: 0 calls, 1 requests" in CliRunner().invoke(main, [*asked, "--dry-run"]).output
    done = CliRunner().invoke(main, asked)
    assert "erased: 0 calls, 1 requests" in done.output
    assert "left, because they are open or held: 0 calls, 1 requests" in done.output
    assert stored(database(tmp_path), "SELECT requester_name FROM requests ORDER BY id") == [("",), ("=Пётр",)]
    assert stored(database(tmp_path), "SELECT about FROM audit WHERE what = 'erase'") == [
        ("0 calls, 1 requests and 0 chats of one person",)
    ]
    for wrong, told in (([], "whose?"), (["--inn", "1"], "check digits"), (["--number", "x"], "a whole telephone")):
        assert told in CliRunner().invoke(main, ["erase", "--config", str(config), *wrong]).output


def test_what_was_kept_long_enough_is_erased_by_hand(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(config, tmp_path)
    run(config, "act", "ESTP-2026-000001", "refuse", "--reason", "хулиганство", "--why", "брань")
    monkeypatch.setattr("callcenter.cli.requests.wall_clock", lambda: NOW + timedelta(days=1097))
    assert "requests that would be erased: 1" in run(config, "erase", "--dry-run").output
    assert "requests erased: 1" in run(config, "erase").output
    assert "requests erased: 0" in run(config, "erase").output


def test_what_waits_to_leave_is_listed_and_says_that_mail_is_not_configured(config: Path, tmp_path: Path) -> None:
    assert "nothing waits" in run(config, "outbox").output
    imported(config, tmp_path)
    for action in (["assign", "--to", "201"], ["start"], ["answer", "--text", "Да."]):
        run(config, "act", "ESTP-2026-000001", *action)
    waiting = run(config, "outbox").output
    assert "ESTP-2026-000001/1 email to a@b.ru" in waiting
    assert "`mail` is not configured" in waiting


@pytest.mark.clause("ESTP 5.4.5")
def test_a_call_back_is_promised_moved_and_withdrawn(config: Path, tmp_path: Path) -> None:
    imported(config, tmp_path)
    number = "ESTP-2026-000001"
    wrong = run(config, "call-back", "order", number, "--number", "112")
    assert wrong.exit_code == 1
    assert "emergency" in wrong.output
    made = run(config, "call-back", "order", number, "--words", "после обеда")
    assert "waiting, +73422000001, from 2026-12-01 12:00 until 2026-12-01 16:00" in made.output
    one = made.output.partition(":")[0]
    times = ["--since", "2026-12-02 10:00", "--until", "2026-12-02 12:00"]
    assert "from 2026-12-02 10:00" in run(config, "call-back", "move", one, *times, "--why", "просит завтра").output
    assert number in run(config, "call-back", "list").output
    refused = run(config, "call-back", "said", one, "voicemail")
    assert "Nobody has called yet" in refused.output
    assert "withdrawn" in run(config, "call-back", "withdraw", one, "--why", "не надо").output
    assert "there is no call-back" in run(config, "call-back", "withdraw", "cb-0", "--why", "не надо").output
    assert "no call back is owed" in run(config, "call-back", "owed", "1.1").output
    days = ["--from", "2026-12-01", "--to", "2026-12-01"]
    assert "estp" in run(config, "call-back", "summary", *days).output
    file = tmp_path / "call-backs.csv"
    assert "1 call-backs written" in run(config, "call-back", "summary", *days, "--output", str(file)).output
    assert "+7342" not in file.read_text(encoding="utf-8"), "no numbers: it can be handed on"
    assert "call_back withdrawn не надо" in run(config, "show", number).output
