"""The demonstration, from its command line to the register that it leaves behind."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psutil
import pytest
import yaml

from callcenter.config import Config
from callcenter.config.yaml_file import read_yaml
from callcenter.core.ids import PersonId, PhoneName
from callcenter.core.server import ONLY
from callcenter.core.view import LineView, OperatorView, PromisesView, View, WaitingView
from callcenter.demo.demonstration import callers, status
from callcenter.demo.setting import make_setting, network
from tests.e2e.station import free_port, own_network
from tests.wall import MONDAY_NOON

PROJECT = Path(__file__).resolve().parents[2]
IN_ALL = 150.0
"""Seconds within which a short demonstration has started, run and ended, on a busy machine too."""


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """The configuration as shipped, on addresses and ports that nobody else has."""
    data = read_yaml(PROJECT / "config.yaml").data
    data["asterisk"] |= {"sip_bind": f"{own_network()}0.1", "ami_port": free_port(socket.SOCK_STREAM)}
    data["http"] = {"port": free_port(socket.SOCK_STREAM)}
    data["prompts"], data["dialplan"] = str(PROJECT / "ivr_prompts"), str(PROJECT / "dialplan")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True))
    return path


@pytest.fixture
def leaves_nothing_running(tmp_path: Path) -> Iterator[None]:
    """No process that mentions the test's folder, or works in it, is left."""
    yield
    left = []
    for process in psutil.process_iter():
        try:
            if str(tmp_path) in " ".join([*process.cmdline(), process.cwd()]):
                left.append(process)
        except psutil.Error:
            continue
    for process in left:
        process.kill()
    assert left == []


def demo(given: Path, *words: str) -> subprocess.Popen[str]:
    # By its module: the installed command may belong to another folder.
    command = [sys.executable, "-m", "callcenter", "demo", "--config", str(given), *words]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def calls(given: Path) -> list[sqlite3.Row]:
    with sqlite3.connect(given.parent / "var/demo/register.sqlite") as database:
        database.row_factory = sqlite3.Row
        rows = list(database.execute("select * from calls order by arrived_at"))
    database.close()
    return rows


@pytest.mark.e2e
@pytest.mark.usefixtures("leaves_nothing_running")
def test_a_short_demonstration_registers_answered_calls_and_cleans_up(given: Path) -> None:
    process = demo(given, "--seconds", "24", "--callers-per-minute", "30")
    said, _ = process.communicate(timeout=IN_ALL)
    assert process.returncode == 0, said
    assert "open at all hours" in said
    assert "talking" in said
    assert "Traceback" not in said
    rows = calls(given)
    answered = [row for row in rows if row["outcome"] == "answered"]
    assert len(answered) >= 2, said
    assert {row["outcome"] for row in rows} <= {"answered", "abandoned", "left_in_menu", "general_line"}, said
    assert all(row["ended_at"] for row in rows)
    recordings = given.parent / "var/demo/recordings"
    assert all((recordings / row["recording"]).stat().st_size > 44 for row in answered if row["talk"] > 0.5)


@pytest.mark.e2e
@pytest.mark.usefixtures("leaves_nothing_running")
def test_ctrl_c_ends_a_demonstration_in_order(given: Path) -> None:
    process = demo(given)
    assert process.stdout
    for line in process.stdout:
        if "talking" in line:  # it runs
            break
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=IN_ALL)
    assert process.returncode == 0, said
    assert "Stopped." in said
    assert "Traceback" not in said
    assert all(row["ended_at"] for row in calls(given))


@pytest.mark.e2e
@pytest.mark.usefixtures("leaves_nothing_running")
def test_a_link_for_each_role_logs_in_once_and_ends_with_the_demonstration(given: Path) -> None:
    process = demo(given)
    assert process.stdout
    links: dict[str, str] = {}
    for line in process.stdout:
        words = line.split()
        if len(words) > 1 and words[1].startswith("http://127.0.0.1:") and words[0] in ROLES:
            links[words[0]] = words[1]
        if len(links) == len(ROLES):
            break
    assert set(links) == ROLES
    for role, link in links.items():
        with browser() as opened:
            page = opened.open(link).read().decode()
            if role == "operator":
                me = json.load(opened.open(page_address(given) + "/api/me"))["me"]
                assert (me["id"], me["phone"], me["presence"]) == ("104", "104-web", "available")
            else:
                assert "/account/logout" in page
            with pytest.raises(HTTPError, match="410"):
                opened.open(link)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=IN_ALL)
    assert process.returncode == 0, said
    with pytest.raises(URLError), browser() as opened:
        opened.open(next(iter(links.values())))


ROLES = {"operator", "supervisor", "head", "engineer"}


def page_address(given: Path) -> str:
    return f"http://127.0.0.1:{read_yaml(given).data['http']['port']}"


@contextmanager
def browser() -> Iterator[OpenerDirector]:
    """A browser that has never been here."""
    yield build_opener(HTTPCookieProcessor(CookieJar()))


def test_the_setting_moves_everything_to_loopback_and_keeps_the_rest(given: Path) -> None:
    data = read_yaml(given).data
    bind = data["asterisk"]["sip_bind"]
    data["trunks"] = {"provider": {"provider": {"host": "sip.example.ru", "username": "7342"}}}
    data["lines"]["estp"] |= {"general_trunk": "provider", "capacity": "7"}
    data["lines"]["estp"]["hours"] |= {"extra_holidays": ["2026-11-23"]}
    data["mail"] = {"host": "smtp.example.ru", "from": "info@estp.ru"}
    data["asterisk"] |= {"external_address": "203.0.113.5"}
    given.write_text(yaml.safe_dump(data, allow_unicode=True))
    made = make_setting(given, MONDAY_NOON.date())
    assert made.var == given.parent / "var/demo"
    assert made.database == given.parent / "var/demo/register.sqlite"
    assert made.recordings.folder == given.parent / "var/demo/recordings"
    assert made.asterisk.sip_bind == bind
    assert made.asterisk.external_address is None
    assert made.lines["estp"].capacity == 7
    assert list(made.people) == list(Config.load(given).people)
    assert [trunk.provider for trunk in made.trunks.values()] == [None]
    assert {str(phone.address).startswith(network(made)) for phone in made.phones.values() if phone.address} == {True}
    assert all(phone.address or phone.browser for phone in made.phones.values())
    assert made.mail is None
    assert made.warnings(MONDAY_NOON.date()) == []


def test_a_line_in_the_open_net_is_demonstrated_on_loopback_only(given: Path) -> None:
    data = read_yaml(given).data
    data["asterisk"] |= {"sip_bind": "0.0.0.0"}
    given.write_text(yaml.safe_dump(data, allow_unicode=True))
    assert make_setting(given, MONDAY_NOON.date()).asterisk.sip_bind == "127.0.0.1"


def test_the_setting_is_the_demonstrations_own_whatever_the_environment_says(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLCENTER_VAR", str(tmp_path / "elsewhere"))
    made = make_setting(given, MONDAY_NOON.date())
    assert made.var == tmp_path / "elsewhere/demo"
    assert made.database == tmp_path / "elsewhere/demo/register.sqlite"


def test_simulated_callers_are_mostly_known_and_sometimes_impatient(given: Path) -> None:
    rows = callers(make_setting(given, MONDAY_NOON.date()), rate=0.2)
    assert {row.dials for row in rows} == {"73422921960"}
    known = sum(row.number.startswith("+7342000") for row in rows)
    assert 0.5 < known / len(rows) < 0.9
    assert 0 < sum(row.patience < 61 for row in rows) < len(rows) / 2
    assert max(row.delay for row in rows) <= 20


def test_the_status_says_where_everybody_is() -> None:
    recent = WaitingView(17, 12, 3, 35.2, 30.1, 0.8, 41.0)
    trusted = PromisesView(True, 0, None, None, None, None)
    line = LineView(
        "estp", True, 5, 100, {"urgent": 1, "normal": 2}, 41.3, 4, 2, 300.0, {"5m": recent}, 60.0, None, 45.0, trusted
    )
    people = {
        PersonId(id): OperatorView(
            PersonId(id), "", "operators", PhoneName(id), "available", activity, "", 0.0, None, ""
        )
        for id, activity in (("1", "talking"), ("2", "talking"), ("3", "offered"), ("4", "idle"))
    }
    view = View({"estp": line}, people, {"operators": 1}, {ONLY: True})
    (text,) = status(view, {("estp", "answered"): 17, ("estp", "abandoned"): 3})
    assert "waiting 3 (longest 41 s) · ringing 1 · talking 2 · wrap-up 0 · free 1 · average wait 35 s" in text
    assert "answered 17, gave up 3" in text
