"""The configuration: the published line is ready to run, and every mistake is told where it stands."""

from __future__ import annotations

import contextlib
import ipaddress
import tempfile
from datetime import date, time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from callcenter.asterisk.trunks import outgoing_entries
from callcenter.calendar.working_time import Term
from callcenter.config import Config, ConfigError, dialled_forms
from callcenter.config.roles import Role
from callcenter.config.values import DisplayText, PhoneName, SipAddress
from callcenter.core import settings as core
from callcenter.core.ids import LineId
from callcenter.requests.request import Way

PROJECT = Path(__file__).parents[2]

SHORT = """
lines:
  estp: {numbers: ["+7 342 292-19-60"]}
"""


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)


def load(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return Config.load(path)


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


# -- what is right -----------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 2.2a, 2.2b, 3.1, 5.7")
def test_the_committed_file_is_the_published_line() -> None:
    config = Config.load(PROJECT / "config.yaml")
    line = config.lines["estp"]
    assert line.numbers == ("+73422921960",)
    assert (line.hours.opens, line.hours.closes, line.zone.key) == (time(9), time(18), "Europe/Moscow")
    assert (line.capacity, line.required_staff, line.target_wait) == (100, 2, 300)
    assert line.email == "info@estp.ru"
    assert len(line.subjects) == 9
    assert config.way_out(line) is config.trunks["city"]
    assert config.warnings(date(2026, 11, 21)) == []
    known = config.settings("7")
    assert known.boot == "7"
    assert known.lines["estp"].class_of_digit == {"1": "urgent", "2": "normal"}
    assert known.people["201"].group == "technical"
    assert known.phones == {name for person in known.people for name in (person, f"{person}-web")}
    assert [group for group in config.groups.values() if group.transfer_code] == list(config.groups.values())
    assert config.database == PROJECT / "var" / "register.sqlite"
    assert config.recordings.folder == PROJECT / "recordings"


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    config = load(tmp_path, SHORT)
    line = config.lines["estp"]
    assert line.id == line.title == "estp"
    assert line.answered_by == ("operators",)
    assert list(config.groups) == ["operators"]
    assert config.settings("0").lines["estp"] == core.Line(
        id="estp", answered_by=("operators",), class_of_digit={"1": "urgent", "2": "normal"}
    ), "what is not set is what the core has by itself"
    assert config.asterisk.start
    assert any("only 0 belong to operators" in warning for warning in config.warnings(date(2026, 11, 21)))


def test_more_than_one_line_can_be_described(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        lines:
          estp: {numbers: ["7 (342) 292-19-60"]}
          night:
            title: Ночная линия
            numbers: [8 495 248-06-46, "+7 495 248-06-47"]
            hours: {zone: Asia/Yekaterinburg, opens: 00:00, closes: 24:00}
            capacity: 5
            answered_by: [night, operators]
            ivr: {ask_inn: no, urgency: {}}
            queue: {classes: [ordinary], default_class: ordinary}
        groups: {operators: , night: {title: Ночная смена}}
        people:
          007: {name: Джеймс, group: night, phone: 0101}
        phones: {0101: {address: 127.0.2.11}}
        trunks:
          city: {networks: [127.0.1.0/24, 192.0.2.7]}
        """,
    )
    night = config.settings("0").lines["night"]
    assert night.class_of_digit is None
    assert not night.ask_inn
    assert config.lines["night"].numbers == ("+74952480646", "+74952480647")
    # YAML 1.1 would make these 7, 65 and 1080.
    assert config.people["007"].phone == "0101"
    assert config.phones["0101"].address == SipAddress("127.0.2.11", 5060)
    assert config.lines["estp"].hours.closes == time(18)
    assert config.trunks["city"].networks == (
        ipaddress.ip_network("127.0.1.0/24"),
        ipaddress.ip_network("192.0.2.7/32"),
    )


@pytest.mark.clause("ESTP 2.2d, 5.4.6")
def test_a_line_says_how_it_speaks_of_waiting_and_what_it_expects(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        lines:
          estp:
            numbers: ["+7 342 292-19-60"]
            answer_within: 20
            queue: {expected_calls: 50, remembered_calls: 200, expected_patience: 240}
            promises:
              percentile: 0.8
              minutes: [5, 10, 15, 20, 25, 30, 45, 60]
              with_position: no
              never_longer: no
              trusted_coverage: 0.6
              trusted_over: 3600
              trusted_after: 10
            forecast: {risk: 0.05, days: 5, every: 30}
        """,
    )
    line = config.settings("0").lines["estp"]
    assert line.promises == core.Promises(0.8, (5, 10, 15, 20, 25, 30, 45, 60), False, False, 0.6, 3600.0, 10)
    assert (line.expected_calls, line.remembered_calls, line.expected_patience) == (50, 200, 240.0)
    assert line.answer_within == 20.0
    forecast = config.lines["estp"].forecast
    assert (forecast.risk, forecast.days, forecast.every) == (0.05, 5, 30.0)


@pytest.mark.clause("ESTP 5.6.2")
def test_a_line_says_how_its_calls_are_registered(tmp_path: Path) -> None:
    address = "http://127.0.0.1:8000/a-b_c/{inn}?tel={number}&who={customer}&call={call}&line={line}#x"
    config = load(
        tmp_path,
        f"""
        lines:
          estp:
            numbers: ["+7 342 292-19-60"]
            subjects: {{signature: Электронная подпись}}
            crm_url: "{address}"
            wrap_up_limit: 90
        """,
    )
    assert config.settings("0").lines["estp"].wrap_up_limit == 90.0
    assert config.lines["estp"].crm_url == address
    assert config.lines["estp"].subjects == {"signature": "Электронная подпись"}


@pytest.mark.clause("ESTP 5.4.6")
def test_a_line_says_which_numbers_are_called_on_its_behalf(tmp_path: Path) -> None:
    text = (
        "lines:\n  estp:\n    numbers: ['+73422921960']\n    outgoing:\n"
        "      ranges: ['+7 (342)', '+7 9XX XXX-XX-XX', '0890']\n      words: greeting\n"
        "trunks:\n  city: {networks: [127.0.1.0/24], outgoing: '127.0.1.200:5060'}\n"
    )
    config = load(tmp_path, text)
    line = config.settings("b").lines[LineId("estp")]
    assert line.outgoing
    assert line.outgoing.ranges == ("+7342", "+79XXXXXXXXX", "0890")
    assert line.outgoing.groups == ("operators",)
    [entry] = outgoing_entries(config)
    assert entry.patterns == ["_+7342.", "_+79XXXXXXXXX", "0890"]
    assert (entry.trunk, entry.caller_id, entry.words) == ("trunk-city", "+73422921960", "greeting")
    assert load(tmp_path, text[: text.index("    outgoing")]).settings("b").lines[LineId("estp")].outgoing is None


def test_a_time_is_promised_only_if_both_its_sentences_are_recorded(tmp_path: Path) -> None:
    text = SHORT.replace('60"]', '60"], promises: {minutes: [3, 6]}') + "prompts: prompts\n"
    load(tmp_path, text)  # there is no such folder: that is told where it is used
    recordings = tmp_path / "prompts" / "ru"
    recordings.mkdir(parents=True)
    for name in ("wait-3", "wait-over-3", "wait-5", "wait-over-5", "wait-6", "wait-over-9", "wait-over-old"):
        (recordings / f"{name}.wav").touch()
    assert problems(tmp_path, text) == (
        "lines.estp.promises.minutes.1: found 6, which nobody has recorded; there are 3, 5 (line 3)",
    )
    (recordings / "wait-over-6.wav").touch()
    assert load(tmp_path, text).lines["estp"].promises.minutes == (3, 6)


def test_paths_begin_at_the_files_folder_and_tests_may_have_a_var_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(tmp_path, SHORT + "recordings: {folder: talks}\ndatabase: /data/register.sqlite\n")
    assert config.var == tmp_path / "var"
    assert config.recordings.folder == tmp_path / "talks"
    assert config.database == Path("/data/register.sqlite")
    monkeypatch.setenv("CALLCENTER_VAR", str(tmp_path / "elsewhere"))
    config = load(tmp_path, SHORT + "var: here\n")
    assert config.var == tmp_path / "elsewhere"
    assert config.database == tmp_path / "elsewhere" / "register.sqlite"


def test_the_register_may_be_on_a_server(tmp_path: Path) -> None:
    for address in (
        "postgresql://callcenter@db.example:5433/callcenter?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
        "postgresql:///callcenter?host=/run/postgresql",
    ):
        assert load(tmp_path, SHORT + f"database: {address}\n").database == address


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql://callcenter:very-secret@db.example/x", "found a password; it belongs into var/secrets.yaml"),
        ("postgresql://db.example/x?password=very-secret", "found a password; it belongs into var/secrets.yaml"),
        ("mysql://db.example/x", "found mysql://…; allowed: a file (SQLite), or postgresql://user@host/database"),
        ("postgresql+asyncpg://db.example/x", "found postgresql+asyncpg://…; allowed: a file"),
        ("postgresql://db.example", "found an address without a database"),
        ("postgresql://db.example:very-secret/x", "found an address that can't be understood"),
        ("postgresql://db.example/x?options=-csearch_path%3Devil", "found the option options; allowed after the ?: "),
        ("postgresql://db.example/x?passfile=/etc/shadow", "found the option passfile; allowed after the ?: "),
        ("[a, b]", "allowed: a file, or an address such as postgresql://user@host/database"),
    ],
)
def test_an_address_of_a_server_that_is_none_is_told_without_a_secret(tmp_path: Path, address: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, SHORT + f"database: {address}\n")
    assert f"database: {told}" in str(caught.value) or told in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_a_number_is_dialled_in_five_forms() -> None:
    forms = ("73422921960", "+73422921960", "0073422921960", "83422921960", "3422921960")
    assert dialled_forms("73422921960") == forms
    assert dialled_forms("8 (342) 292-19-60") == forms
    german = ("4930901820", "+4930901820", "004930901820", "030901820", "30901820")
    assert dialled_forms("+49 30 901820") == german


# -- what is wrong -----------------------------------------------------------------------------------------------------


def test_one_port_may_be_used_at_two_addresses(tmp_path: Path) -> None:
    """The page for everybody, the metrics for the network of the servers alone."""
    text = SHORT + "http: {bind: 127.0.0.1, port: 8080, metrics_bind: 10.0.0.5, metrics_port: 8080}"
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert Config.load(path).http.metrics_port == 8080


def test_a_file_with_five_mistakes_reports_all_five(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        lines:
          estp:
            numbers: ["+7 342 292-19-60"]
            capacty: 90
            hours: {zone: Europe/Moskow}
            answered_by: [operatrs]
        people:
          101: {name: Анна, phone: 199}
        phones: {101: }
        http: {port: 5060}
        """,
    )
    assert found == (
        "lines.estp.capacty: found an unknown setting; 'capacity' perhaps (line 5)",
        "lines.estp.hours.zone: found 'Europe/Moskow'; "
        "allowed: a time zone of the IANA database, such as Europe/Moscow (line 6)",
        "lines.estp.answered_by.0: found group 'operatrs', which is not described; 'operators' perhaps (line 7)",
        "people.101.phone: found phone '199', which is not described; known here: 101 (line 9)",
        "http.port: found 5060, which asterisk.sip_port has; a port of its own (line 11)",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lines: {estp: {numbers: []}}", "lines.estp.numbers: found an empty list; allowed: at least 1 entry"),
        ("lines: {estp: {title: Линия}}", "lines.estp.numbers: found nothing; this setting is required"),
        ("lines: {estp: {numbers: +73422921960}}", "lines.estp.numbers: found '+73422921960'; allowed: a list"),
        ("lines: {estp: {numbers: ['12']}}", "lines.estp.numbers.0: found '12'; allowed: a whole telephone number"),
        ("lines: {}", "lines: found no line"),
        ("", "lines: found no line"),
        ("just words", "the file: found 'just words'; allowed: settings"),
        ("- a list", "the file: found a list; allowed: settings"),
        ("lines: [estp]", "lines: found a list; allowed: settings"),
        ("lines: {estp: yes}", "lines.estp: found 'yes'; allowed: settings"),
        ("lines: {Estp: {numbers: ['+73422921960']}}", "lines.Estp: found 'Estp'; allowed: up to 31 of a-z"),
        ("lines: {general: {numbers: ['+73422921960']}}", "lines.general: found 'general'; allowed: another name"),
        (SHORT + "timings: {ring_timeout: soon}", "timings.ring_timeout: found 'soon'; allowed: a number"),
        (SHORT + "timings: {ring_timeout: nan}", "timings.ring_timeout: found 'nan'; allowed: a"),
        (SHORT + "timings: {wrap_up: -1}", "timings.wrap_up: found '-1'; allowed: a number from 0"),
        (SHORT + "http: {port: 70000}", "http.port: found '70000'; allowed: a number up to 65535"),
        (SHORT + "http: {port: 80.5}", "http.port: found '80.5'; allowed: a whole number"),
        (SHORT + "http: {bind: localhost}", "http.bind: found 'localhost'; allowed: an IP address of this machine"),
        (SHORT + "recordings: {retention_days: 0}", "recordings.retention_days: found '0'; allowed: a number from 1"),
        (SHORT + "recordings: {when_full: panic}", "recordings.when_full: found 'panic'; allowed: one of 'go_on'"),
        (SHORT + "recordings: {min_free_mb: 0}", "recordings.min_free_mb: found '0'; allowed: a number from 1"),
        (
            SHORT + "recordings: {retention_days: 100, legal_minimum_days: 180}",
            "recordings.retention_days: found 100; at least 180, which is recordings.legal_minimum_days",
        ),
        (SHORT + "asterisk: {start: maybe}", "asterisk.start: found 'maybe'; allowed: true or false"),
        (SHORT + "asterisk: {codecs: [mp3]}", "asterisk.codecs.0: found 'mp3'; allowed: one of 'alaw'"),
        (SHORT + "asterisk: {rtp_last: 10099}", "asterisk.rtp_last: found 100 RTP ports from rtp_first to rtp_last"),
        (SHORT + "asterisk: {sip_port: 10500}", "asterisk.sip_port: found 10500, which is among the RTP ports"),
        (SHORT + "asterisk: {sip_bind: '::'}", "asterisk.sip_bind: found ::, on which Asterisk would hear IPv6 alone"),
        (SHORT + "asterisk: {ami_port: 5060}", "asterisk.ami_port: found 5060, which asterisk.sip_port has"),
        (SHORT + "http: {metrics_port: 8080}", "http.metrics_port: found 8080, which http.port has; a port of its own"),
        (SHORT + "http: {metrics_port: 5038}", "http.metrics_port: found 5038, which asterisk.ami_port has"),
        (
            SHORT + "http: {metrics_port: 8080, metrics_bind: 0.0.0.0}",
            "http.metrics_port: found 8080, which http.port has; a port of its own",
        ),
        (
            SHORT + "asterisk: {tls: {port: 5060, certificate: c.pem, key: k.pem}}",
            "asterisk.tls.port: found 5060, which asterisk.sip_port has; a port of its own",
        ),
        (
            SHORT + "http: {port: 5061}\nasterisk: {tls: {certificate: c.pem, key: k.pem}}",
            "asterisk.tls.port: found 5061, which http.port has; a port of its own",
        ),
        (SHORT + "timmings: {}", "timmings: found an unknown setting; 'timings' perhaps"),
        (SHORT + "people: {101: {password: x}}", "people.101.password: found an unknown setting; known here: group"),
        (SHORT + "trunks: {t: {networks: [127.0.1.9/24]}}", "found '127.0.1.9/24'; allowed: a network without host"),
        (
            SHORT + "trunks: {t: {networks: [127.0.1.0/24], area: 342}}",
            "trunks.t.area: found '342'; allowed: country and area code, which complete a local number",
        ),
        (
            SHORT + "trunks: {t: {provider: {host: h, username: u, transport: tls}}}",
            "trunks.t.provider.transport: found tls, but Asterisk is not told to use it; udp, or set `asterisk.tls`",
        ),
        (SHORT + "trunks: {t: {}}", "trunks.t: found neither networks nor provider; one of them is required"),
        (
            SHORT + "trunks: {t: {provider: {host: 300.1.1.1, username: u}}}",
            "trunks.t.provider.host: found '300.1.1.1'; allowed: an IP address or a host name",
        ),
        (
            SHORT + "trunks: {t: {provider: {host: h, username: u, pasword: x}}}",
            "trunks.t.provider.pasword: found an unknown setting; known here: from_domain, host, port, transport",
        ),
        (SHORT + "codes: {pause: '*1'}", "codes: found log_in *11 and pause *1; codes of which none is the beginning"),
        (
            SHORT + "groups: {operators: {transfer_code: 0}}",
            "codes: found transfer to the general line *20 and transfer to operators *20",
        ),
        (
            SHORT + "groups: {operators: {transfer_code: 1}, managers: {transfer_code: 12}}",
            "codes: found transfer to operators *21 and transfer to managers *212",
        ),
        (SHORT + "pause_reasons: {lunch: '${X}'}", "pause_reasons.lunch: found '${X}'; allowed: letters"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_what_is_allowed(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(tmp_path, text)
    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("hours: {opens: 18:00, closes: 09:00}", "estp.hours: found opens 18:00 and closes 09:00; opens is earlier"),
        ("hours: {opens: 9}", "estp.hours.opens: found '9'; allowed: a time of day such as 09:00"),
        ("hours: {closes: 24:01}", "estp.hours.closes: found '24:01'; allowed: a time of day"),
        ("hours: {country: Россия}", "estp.hours.country: found 'Россия'; allowed: the two-letter code"),
        (
            "hours: {periods: [{from: 2026-12-04, to: 2026-12-03, opens: 09:00, closes: 21:00}]}",
            "periods.0: found from 2026-12-04 and to 2026-12-03; a period ends on the day it begins, or later",
        ),
        (
            "hours: {periods: [{from: 2026-12-01, to: 2026-12-03, opens: 21:00, closes: 09:00}]}",
            "estp.hours.periods.0: found opens 21:00 and closes 09:00; opens is earlier than closes",
        ),
        (
            "hours: {periods: [{from: 2026-12-03, to: 2026-12-09, opens: 09:00, closes: 21:00}, "
            "{from: 2026-12-01, to: 2026-12-03, opens: 09:00, closes: 21:00}]}",
            "estp.hours: found periods 2026-12-01 to 2026-12-03 and 2026-12-03 to 2026-12-09, which overlap; a day is",
        ),
        ("hours: {periods: [{from: 2026-12-01, opens: 09:00, closes: 21:00}]}", "estp.hours.periods.0.to: "),
        (
            "hours: {auctions: {opens: 21:00, closes: 09:00}}",
            "estp.hours.auctions: found opens 21:00 and closes 09:00; opens is earlier than closes",
        ),
        ("hours: {auctions: {opens: 9}}", "estp.hours.auctions.opens: found '9'; allowed: a time of day such as"),
        ("hours: {extra_holidays: [20270101]}", "extra_holidays.0: found '20270101'; allowed: a date such as"),
        ("hours: {extra_holidays: [2027-02-30]}", "extra_holidays.0: found '2027-02-30'; allowed: a date such as"),
        (
            "ivr: {urgency: {10: urgent}}",
            "estp.ivr.urgency.10: found '10'; allowed: one key of a telephone: 0-9, * or #",
        ),
        ("ivr: {urgency: {1: urgnt}}", "urgency.1: found class 'urgnt', which is not described; 'urgent' perhaps"),
        ("queue: {default_class: vip}", "estp.queue.default_class: found class 'vip', which is not described"),
        ("queue: {classes: [a, a], default_class: a}", "estp.queue.classes: found a class twice"),
        (
            "promises: {minutes: [1, 2, 6]}",
            "estp.promises.minutes.2: found 6, which nobody has recorded; "
            "there are 1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 45, 60 (line 4)",
        ),
        ("promises: {minutes: []}", "estp.promises.minutes: found an empty list; allowed: at least 1 entry"),
        ("promises: {minutes: [1, 5, 3]}", "estp.promises.minutes: found 3 after 5; numbers that grow, such as"),
        ("promises: {minutes: [5, 5]}", "estp.promises.minutes: found 5 after 5; numbers that grow, such as"),
        ("promises: {minutes: [soon]}", "estp.promises.minutes.0: found 'soon'; allowed: a whole number"),
        ("promises: {minutes: 5}", "estp.promises.minutes: found '5'; allowed: a list"),
        ("promises: {percentile: 90}", "estp.promises.percentile: found '90'; allowed: a number up to 0.99"),
        ("promises: {trusted_coverage: 0.9}", "trusted_coverage: found '0.9'; allowed: a number below 0.9"),
        ("promises: {trusted: 0.7}", "estp.promises.trusted: found an unknown setting"),
        ("promises: {never_longer: 3}", "estp.promises.never_longer: found '3'; allowed: true or false"),
        ("forecast: {risk: 0}", "estp.forecast.risk: found '0'; allowed: a number above 0"),
        ("forecast: {days: 0.5}", "estp.forecast.days: found '0.5'; allowed: a whole number"),
        ("queue: {expected_patience: 0}", "estp.queue.expected_patience: found '0'; allowed: a number above 0"),
        ("queue: {remembered_calls: 1}", "estp.queue.remembered_calls: found '1'; allowed: a number from 10 up"),
        ("answer_within: -1", "estp.answer_within: found '-1'; allowed: a number above 0"),
        ("email: info at estp.ru", "estp.email: found 'info at estp.ru'; allowed: an e-mail address"),
        ("general_line: +7 342 200-00-00", "estp.general_line: found +73422000000, but no trunk can place calls"),
        ("general_trunk: city", "estp.general_trunk: found trunk 'city', which is not described"),
        ("ivr: {keep_place: {key: '9'}}", "ivr.keep_place: found, but the line has no `outgoing` to call back"),
        ("ivr: {keep_place: {key: '1'}}", "keep_place.key: found '1'; allowed: one key of a telephone: 0 or 2-9"),
        ("ivr: {keep_place: {}}", "estp.ivr.keep_place.key: found nothing; this setting is required"),
        ("queue: {call_backs: {share: 2}}", "estp.queue.call_backs.share: found '2'; allowed: a number up to 1"),
        ("queue: {call_backs: {hurry: -1}}", "estp.queue.call_backs.hurry: found '-1'; allowed: a number from 0"),
        ("outgoing: {}", "estp.outgoing.ranges: found nothing; this setting is required"),
        ("outgoing: {ranges: []}", "estp.outgoing.ranges: found an empty list; allowed: at least 1 entry"),
        *(
            (
                f"outgoing: {{ranges: ['{numbers}']}}",
                f"estp.outgoing.ranges.0: found '{numbers}'; allowed: the beginning",
            )
            for numbers in ("+", "73422000000", "+7342X5", "+7 342;", "XXX", "1", "+7${EXTEN}", "_+7.", "+7" + 15 * "X")
        ),
        (
            "outgoing: {ranges: ['+7342'], words: nobody-said}",
            "outgoing.words: found prompt 'nobody-said', which nobody",
        ),
        ("outgoing: {ranges: ['+7342'], words: '../x'}", "outgoing.words: found '../x'; allowed: the id of a prompt"),
        ("outgoing: {ranges: ['+7342'], trunk: cty}", "outgoing.trunk: found trunk 'cty', which is not described"),
        ("outgoing: {ranges: ['+7342'], groups: [cooks]}", "groups.0: found group 'cooks', which is not described"),
        ("outgoing: {ranges: ['+7342'], caller_id: me}", "outgoing.caller_id: found 'me'; allowed: a whole telephone"),
        ("outgoing: {ranges: ['+7342'], ring: 1}", "estp.outgoing.ring: found '1'; allowed: a number from 5.0 up"),
        ("outgoing: {ranges: ['+7342']}", "estp.outgoing: found no trunk that can place calls"),
        ("wrap_up_limit: -1", "estp.wrap_up_limit: found '-1'; allowed: a number from 0.0 up"),
        (
            "crm_url: 'javascript:alert({inn})'",
            "estp.crm_url: found 'javascript:alert({inn})'; allowed: an address such",
        ),
        ("crm_url: 'ftp://crm.example.ru/'", "estp.crm_url: found 'ftp://crm.example.ru/'; allowed: an address such"),
        ("crm_url: 'https://{number}.example.ru/'", "allowed: an address such as https://crm.example.ru/?inn={inn}"),
        ("crm_url: 'https://a@crm.example.ru/'", "allowed: an address such as https://crm.example.ru/?inn={inn}"),
        ("crm_url: 'https://crm.example.ru/?p={password}'", "known: number, inn, customer, call, line"),
        ("crm_url: 'https://crm.example.ru/?p={inn'", "known: number, inn, customer, call, line"),
        ("crm_url: 'https://crm.example.ru/\"onclick'", "known: number, inn, customer, call, line"),
    ],
)
def test_each_mistake_of_a_line(tmp_path: Path, settings: str, expected: str) -> None:
    text = f"lines:\n  estp:\n    numbers: ['+73422921960']\n    {settings}\n"
    found = problems(tmp_path, text)
    assert any(expected in problem for problem in found), found


def test_two_lines_cannot_share_a_number_in_whatever_form_it_is_written(tmp_path: Path) -> None:
    text = "lines:\n  one: {numbers: [+7 342 292-19-60]}\n  two: {numbers: [8(342)2921960]}\n"
    assert problems(tmp_path, text) == (
        "lines.two.numbers.0: found +73422921960, which line 'one' has already; "
        "a number belongs to one line, once (line 3)",
    )


@pytest.mark.clause("TBS 2.6")
def test_lines_with_extensions_of_their_own_share_a_number(tmp_path: Path) -> None:
    def lines(one: str, two: str) -> str:
        numbers = "numbers: [+7 495 248-06-46]"
        return f"lines:\n  one: {{{numbers}{one}}}\n  two: {{{numbers}{two}}}\n"

    config = load(tmp_path, lines(", extension: '1'", ", extension: '20'"))
    assert [line.extension for line in config.lines.values()] == ["1", "20"]
    ends = "a number belongs to one line, once, unless each line has an extension of its own (line 3)"
    for one, two in ((", extension: '1'", ", extension: '1'"), (", extension: '1'", ""), ("", ", extension: '1'")):
        assert problems(tmp_path, lines(one, two)) == (
            f"lines.two.numbers.0: found +74952480646, which line 'one' has already; {ends}",
        )
    first = problems(tmp_path, lines(", extension: '#1'", ", extension: '2'"))[0]
    assert first.startswith("lines.one.extension: found '#1'; allowed: one to four digits")


def test_a_phone_belongs_to_one_person_unless_it_is_meant_for_several(tmp_path: Path) -> None:
    people = "people: {101: {phone: hall}, 102: {phone: hall}}\n"
    (found,) = problems(tmp_path, SHORT + people + "phones: {hall: }")
    assert found.startswith("people.102.phone: found phone 'hall', which '101' sits at; a phone of one's own")
    assert load(tmp_path, SHORT + people + "phones: {hall: {shared: true}}").people["102"].phone == "hall"


def test_phones_at_fixed_addresses_can_be_told_from_one_another_and_from_callers(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        SHORT
        + """
phones:
  a: {address: "127.0.2.11:5060"}
  b: {address: "127.0.2.11:5070"}
  c: {address: "127.0.1.5:5060"}
  d: {address: "127.0.0.1:5060"}
  e: {address: "phone.example.ru:5060"}
  city: {address: "127.0.2.15"}
trunks:
  city: {networks: [127.0.1.0/24]}
  other: {networks: [127.0.1.128/25]}
""",
    )
    texts = "\n".join(found)
    assert len(found) == 6
    assert "phones.b.address: found 127.0.2.11, which phone 'a' has" in texts
    assert "phones.c.address: found 127.0.1.5, which is in a network of trunk 'city'" in texts
    assert "phones.d.address: found 127.0.0.1:5060, where Asterisk itself listens" in texts
    assert "phones.e.address: found 'phone.example.ru:5060'; allowed: the phone's IP address" in texts
    assert "phones.city: found a phone and a trunk of this name" in texts
    assert "trunks.other.networks.0: found 127.0.1.128/25, which overlaps 127.0.1.0/24 of trunk 'city'" in texts


def test_one_mistake_is_reported_once_and_not_again_by_what_refers_to_it(tmp_path: Path) -> None:
    text = SHORT + "people: {101: }\nphones: {101: {adress: 127.0.2.11}}\n"
    assert problems(tmp_path, text) == ("phones.101.adress: found an unknown setting; 'address' perhaps (line 5)",)


def test_a_list_of_one_wrong_entry_is_one_mistake(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, SHORT + "asterisk: {codecs: [mp3]}")
    assert found == "asterisk.codecs.0: found 'mp3'; allowed: one of 'alaw', 'ulaw', 'g722' or 'opus' (line 4)"


def test_a_setting_given_twice_is_refused(tmp_path: Path) -> None:
    text = SHORT + "http: {port: 8080}\ntimings: {}\nhttp: {port: 8081}\n"
    assert problems(tmp_path, text) == ("http: found twice; each setting once (line 6)",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"lines:\n\testp: 1\n", "line 2, column 1: not valid YAML"),
        (b"lines: [1, 2\nhttp: {}\n", "line 2, column 5: not valid YAML"),
        (b"a: 1\nb: \xff\n", "line 2: found a byte that is not UTF-8"),
        (b"a: 1\nb: \x00\n", "line 2: found a control character"),
        (b"? [a]\n: 1\n", "line 1: found a list or a mapping as a key"),
        (b"a: &x [*x]\n", "line 1: nested too deeply"),
        (b"[" * 5000, "nested too deeply"),
        (b"a: 1\n---\nb: 1\n", "line 2, column 1: not valid YAML"),
    ],
)
def test_a_file_that_is_no_yaml_is_told_with_the_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.yaml: 1 problem") as caught:
        Config.load(path)
    assert expected in caught.value.problems[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_any_place_of_the_file_is_taken_or_told(data: st.DataObject) -> None:
    content = yaml.load((PROJECT / "config.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    place = content
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        above, place = place, place[key]
        if data.draw(st.booleans()):
            break
    above[key] = data.draw(
        st.none() | st.text(max_size=20) | st.just([]) | st.just({}) | st.just(["x", {}]) | st.just({"x": ["y"]})
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        with contextlib.suppress(ConfigError):
            Config.load(path).settings("0")


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: 1 problem\n  the file cannot be read: No such file"):
        Config.load(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Config.load(tmp_path)


# -- values that try to break out of Asterisk's files ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "character"),
    [
        (r"Анна\n[general]", r"'\n' (U+000A"),
        ("Анна; exec", "';' (U+003B SEMICOLON)"),
        ("${SHELL(reboot)}", "'$' (U+0024 DOLLAR SIGN)"),
        ("$[1+1]", "'$' (U+0024"),
        ("<sip:evil>", "'<' (U+003C LESS-THAN SIGN)"),
        ("a]b", "']' (U+005D"),
        (r"a\\b", "(U+005C REVERSE SOLIDUS)"),
        (r"a\"b", "(U+0022 QUOTATION MARK)"),
        ("a,b", "(U+002C COMMA)"),
        (r"a\0b", "(U+0000 control character)"),
        ("a\u202eb", "(U+202E RIGHT-TO-LEFT OVERRIDE)"),
        ("a\u2028b", "(U+2028 LINE SEPARATOR)"),
    ],
)
def test_a_name_that_would_break_out_is_refused_with_its_character(tmp_path: Path, name: str, character: str) -> None:
    (found,) = problems(tmp_path, SHORT + f'people: {{101: {{name: "{name}"}}}}\nphones: {{101: }}')
    assert found.startswith("people.101.name: found ")
    assert character in found


def test_ordinary_names_are_welcome(tmp_path: Path) -> None:
    name = "Анна-Мария О’Нил (2)".replace("(2)", "№ 2 «ночь» & Co. 24/7!")
    config = load(tmp_path, SHORT + f'people: {{101: {{name: "{name}"}}}}\nphones: {{101: }}')
    assert config.people["101"].name == name


@given(st.text(max_size=60))
def test_whatever_text_passes_stays_on_its_line_and_in_its_place(text: str) -> None:
    try:
        passed = TypeAdapter(DisplayText).validate_python(text)
    except ValidationError:
        return
    assert not set(passed) & set("\n\r\x00\u2028\x85;\\\"'${}[]<>(),|`")
    assert passed.isprintable()
    assert passed.splitlines() == [passed]


@given(st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9_-]{1,33}\n?", fullmatch=True))
def test_whatever_phone_name_passes_is_letters_and_digits(text: str) -> None:
    try:
        passed = TypeAdapter(PhoneName).validate_python(text)
    except ValidationError:
        return
    assert passed.isascii()
    assert passed.replace("-", "a").replace("_", "a").isalnum()
    assert 1 <= len(passed) <= 32


@pytest.mark.parametrize(
    "setting",
    [
        'trunks: {t: {provider: {host: "a\\nb", username: u}}}',
        'trunks: {t: {provider: {host: "a;b", username: u}}}',
        'trunks: {t: {provider: {host: h, username: "u\\n"}}}',
        'trunks: {t: {provider: {host: h, username: "u;x"}}}',
        'trunks: {t: {networks: [127.0.1.0/24], outgoing: "127.0.1.2:5060\\nx=1"}}',
        'trunks: {"t\\n": {networks: [127.0.1.0/24]}}',
        'codes: {pause: "*1\\n"}',
        'asterisk: {sip_bind: "127.0.0.1\\n"}',
        'asterisk: {external_address: "a b"}',
        'groups: {operators: {transfer_code: "1\\n"}}',
        'phones: {101: {address: "127.0.2.1:5060;x"}}',
        'http: {bind: "fe80::1%a;b"}',
        'asterisk: {sip_bind: "fe80::1%a\\nb"}',
        'asterisk: {ami_host: "fe80::1%a;b"}',
        'phones: {101: {address: "fe80::1%a\\nb"}}',
        'trunks: {t: {networks: ["fe80::1%a;b"]}}',
    ],
)
def test_no_other_value_breaks_out_either(tmp_path: Path, setting: str) -> None:
    assert problems(tmp_path, SHORT + setting)


@pytest.mark.clause("ESTP 2.6")
def test_a_line_keeps_its_recordings_for_as_long_as_it_says_but_never_for_less_than_the_law(tmp_path: Path) -> None:
    text = """
lines:
  estp: {numbers: ["+73422921960"], retention_days: %s}
  other: {numbers: ["+73422921961"]}
asterisk: {rtp_first: 10000, rtp_last: 10999}
recordings: {retention_days: 1095, legal_minimum_days: 180}
"""
    config = load(tmp_path, text % 200)
    assert [config.retention_days(line) for line in ("estp", "other", "gone")] == [200, 1095, 1095]
    assert problems(tmp_path, text % 179) == (
        "lines.estp.retention_days: found 179; at least 180, which is recordings.legal_minimum_days (line 3)",
    )


@pytest.mark.parametrize(
    ("browsers", "told"),
    [
        ("{port: 5060}", "asterisk.browsers.port: found 5060, which asterisk.sip_port has"),
        ("{certificate: c.pem}", "found certificate without key; both of them, or none"),
        ("{url: 'https://desk.example.ru/phone'}", "an address such as wss://desk.example.ru/phone"),
        ('{url: "wss://desk.example.ru/x; script-src *"}', "an address such as wss://desk.example.ru/phone"),
        ("{bind: localhost}", "an IP address of this machine"),
    ],
)
def test_phones_in_pages_that_cannot_be_are_refused(tmp_path: Path, browsers: str, told: str) -> None:
    text = "lines: {estp: {numbers: ['+73422921960']}}\nasterisk: {browsers: " + browsers + "}\n"
    assert told in "\n".join(problems(tmp_path, text))


def test_an_id_leaves_room_for_the_name_of_the_phone_in_the_page(tmp_path: Path) -> None:
    long = "a" * 30
    text = "lines: {estp: {numbers: ['+73422921960']}}\nphones: {p: }\npeople: {" + long + ": {phone: p}}\n"
    assert problems(tmp_path, text + "asterisk: {browsers: {port: 8088}}\n") != ()
    assert load(tmp_path, text).people


# -- roles -------------------------------------------------------------------------------------------------------------


def test_people_who_take_no_calls_need_neither_group_nor_phone(tmp_path: Path) -> None:
    people = "people: {101: {}, 401: {name: Анна, roles: [head]}, 7: {roles: [supervisor, operator]}}\n"
    config = load(tmp_path, SHORT + people + "phones: {101: , 7: }\n")
    assert config.people["101"].roles == {Role.OPERATOR}
    assert config.people["401"].roles == {Role.HEAD}
    assert list(config.call_takers) == ["101", "7"]
    assert set(config.settings("b").people) == {"101", "7"}, "the core knows nobody else"


def test_who_takes_no_calls_has_no_phone_in_the_page_and_counts_as_nobody_on_duty(tmp_path: Path) -> None:
    browsers = "asterisk: {browsers: {port: 8088}}\n"
    config = load(tmp_path, SHORT + "people: {101: , 401: {roles: [head]}}\nphones: {101: }\n" + browsers)
    assert set(config.phones) == {"101", "101-web"}
    assert any("only 1 belong" in warning for warning in config.warnings(date(2026, 11, 21)))


@pytest.mark.parametrize("role", ["[]", "{}", "~", "1"])
def test_a_role_that_is_none_is_told_with_pages_that_have_phones_too(tmp_path: Path, role: str) -> None:
    with pytest.raises(ConfigError, match=r"people\.401\.roles"):
        load(tmp_path, SHORT + f"people: {{101: {{}}, 401: {{roles: [{role}]}}}}\nasterisk: {{browsers: {{}}}}\n")


def test_a_supervisor_of_before_there_were_roles_is_what_he_was(tmp_path: Path) -> None:
    people = "people: {101: {supervisor: true}, 102: {supervisor: false}}\nphones: {101: , 102: }\n"
    config = load(tmp_path, SHORT + people)
    assert config.people["101"].roles == {Role.OPERATOR, Role.SUPERVISOR, Role.HEAD}
    assert config.people["102"].roles == {Role.OPERATOR}
    [told] = [warning for warning in config.warnings(date(2026, 11, 21)) if "supervisor" in warning]
    assert told == "people.101.supervisor: the former name; write `roles: [operator, supervisor, head]`"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{roles: [boss]}", "people.101.roles.0: found 'boss'; allowed: one of 'operator', 'specialist', 'manager'"),
        ("{roles: []}", "people.101.roles: found an empty list; allowed: at least 1 entry"),
        ("{roles: head}", "people.101.roles: found 'head'; allowed: a list, such as [first, second]"),
        ("{roles: [head], supervisor: true}", "found supervisor beside roles; roles alone"),
        ("{role: [head]}", "people.101.role: found an unknown setting; 'roles' perhaps"),
    ],
)
def test_a_role_that_is_none_is_explained(tmp_path: Path, entry: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, SHORT + f"people: {{101: {entry}}}\nphones: {{101: }}\n")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("audit: {keep_days: 30}", "audit.keep_days: found '30'; allowed: a number from 31 up"),
        ("accounts: {second_factor: [everybody]}", "accounts.second_factor.0: found 'everybody'; allowed: one of"),
    ],
)
def test_settings_of_the_audit_log_and_of_second_factors(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, SHORT + text + "\n")
    assert told in str(refused.value)


@pytest.mark.clause("ESTP 5.5.1, 5.5.2, 5.5.3, 5.6.3")
def test_the_committed_line_has_requests_as_its_regulation_asks() -> None:
    rules = Config.load(PROJECT / "config.yaml").request_rules()[LineId("estp")]
    assert {name: one.answer for name, one in rules.urgencies.items()} == {
        "Срочно": Term.working_days(1),
        "Контроль": Term.working_days(3),
    }
    assert rules.form == Term.plain_hours(1)
    assert rules.ways == {Way.LETTER, Way.EMAIL, Way.TELEPHONE}
    assert rules.refusals == {"хулиганство"}
    assert "signature" in rules.subjects


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("1 working day", Term.working_days(1)),
        ("3 working days by the minute", Term.working_days(3, by_the_minute=True)),
        ("16 working hours", Term.working_hours(16)),
        ("90 minutes", Term.plain_hours(1.5)),
        ("12 hours", Term.plain_hours(12)),
        ("3 days", Term.plain_hours(72)),
    ],
)
def test_a_term_is_written_as_people_say_it(tmp_path: Path, text: str, term: Term) -> None:
    config = load(tmp_path, SHORT.replace("}", f", requests: {{form: {text}}}}}"))
    settings = config.lines[LineId("estp")].requests
    assert settings is not None
    assert settings.form == term


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("form: soon", "lines.estp.requests.form: found 'soon'; allowed: a term such as 1 working day"),
        ("form: 0 hours", "longer than nothing and at most 366 days"),
        ("form: 400 working days", "longer than nothing and at most 366 days"),
        ("form: 1.5 working days", "a term such as"),
        ("form: 2 hours by the minute", "a term such as"),
        ("urgencies: {}", "lines.estp.requests.urgencies: found nothing; allowed: at least 1 entry"),
        ("urgencies: {Срочно: {anwser: 1 hour}}", "found an unknown setting; 'answer' perhaps"),
        ("ways: [pigeon]", "allowed: one of 'letter', 'email', 'telephone', 'chat' or 'telegram'"),
        ("interim_way: telegram", "found interim_way telegram; one of ways: email, letter, telephone"),
        ("head_email: nobody", "an e-mail address, such as info@estp.ru"),
        ("head_language: de", "allowed: one of 'ru' or 'en'"),
        ("mean_answer: {registered: soon}", "allowed: a time such as 30 minutes, 2 hours or 0"),
        ("mean_answer: {members: 12 hours}", "found an unknown setting"),
        ("letterhead: {posted_within: soon}", "a term such as"),
        ('letterhead: {sender: "a\\u202eb"}', "without control characters"),
        ("departments: {УЦ: nobody}", "an e-mail address"),
        ("warnings: {frm: {}}", "lines.estp.requests.warnings.frm"),
        ("warnings: {form: {before: [soon]}}", "allowed: a time such as 30 minutes, 2 hours or 0"),
        ("files: {longest_mb: 101}", "allowed: a number up to 100"),
        ("files: {types: ['.pdf']}", "the ending of a file's name, in small letters and without a dot"),
        ("keep_days: 0", "allowed: a number from 1 up"),
    ],
)
def test_each_mistake_of_a_lines_requests(tmp_path: Path, settings: str, told: str) -> None:
    found = problems(tmp_path, SHORT.replace("}", f", requests: {{{settings}}}}}"))
    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ("{from: info@estp.ru}", "mail.host: found nothing; this setting is required"),
        ("{host: smtp.example.ru, from: us}", "mail.from: found 'us'; allowed: an e-mail address"),
        ("{host: smtp.example.ru, from: a@b.ru, tls: maybe}", "allowed: one of 'starttls', 'tls' or 'none'"),
        ("{host: 'a b', from: a@b.ru}", "an IP address or a host name"),
    ],
)
def test_each_mistake_of_mail(tmp_path: Path, mail: str, told: str) -> None:
    [found] = problems(tmp_path, SHORT + f"mail: {mail}\n")
    assert told in found


@pytest.mark.clause("ESTP 2.7")
def test_a_line_without_other_channels_refuses_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(
            tmp_path,
            """
            lines:
              estp:
                numbers: ["7 (342) 292-19-60"]
                requests: {ways: [email, telegram]}
                channels: {no_others: true}
            """,
        )
    assert "found telegram, but the line has no other channels (channels.no_others, ESTP 2.7)" in str(refused.value)


def test_a_mailbox_needs_what_its_mails_become_and_how_they_are_answered(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load(
            tmp_path,
            """
            lines:
              estp:
                numbers: ["7 (342) 292-19-60"]
                requests: {ways: [letter]}
                subjects: {other: Иное}
                channels: {email: {imap: {host: a.ru, user: u, done: INBOX}, subject: signature, urgency: Вчера}}
              second:
                numbers: ["7 (342) 292-19-61"]
                email: b@a.ru
                channels: {email: {imap: {host: a.ru, user: u}}}
            """,
        )
    for problem in (
        "`requests.ways` has no email",
        "found a mailbox, but no `mail`",
        "the address of the mailbox, here or as the line's `email`",
        "found subject 'signature'",
        "found urgency 'Вчера'",
        "found the mailbox's own folder",
        "found a channel, but the line has no `requests`",
    ):
        assert problem in str(refused.value), problem


@pytest.mark.clause("ESTP 2.7", "eLot 2.3", "eLot 2.6")
def test_a_bot_needs_that_its_line_answers_by_it_and_has_other_channels(tmp_path: Path) -> None:
    def described(channels: str, ways: str = "[email, telegram]") -> Config:
        return load(
            tmp_path,
            f"""
            lines:
              elot:
                numbers: ["7 (342) 292-19-60"]
                requests: {{ways: {ways}}}
                channels: {channels}
            """,
        )

    assert described("{telegram: {}}").lines[LineId("elot")].channels.telegram is not None
    for channels, ways, problem in (
        ("{telegram: {}}", "[email]", "`requests.ways` has no telegram"),
        ("{telegram: {}, no_others: true}", "[email]", "found a channel beside e-mail"),
        ("{letter: {}, no_others: true}", "[email, letter]", "found a channel beside e-mail"),
        ("{letter: {}}", "[email]", "`requests.ways` has no letter"),
        ("{letter: {acknowledgement: x}}", "[letter]", "lines.elot.channels.letter.acknowledgement"),
        ("{telegram: {api: 'ftp://a'}}", "[telegram]", "an address such as https://api.telegram.org"),
    ):
        with pytest.raises(ConfigError, match=problem):
            described(channels, ways)


def test_a_mailbox_is_described_in_a_few_words(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        lines:
          estp:
            numbers: ["7 (342) 292-19-60"]
            email: info@estp.ru
            requests: {}
            channels: {email: {imap: {host: imap.example.ru, user: info@estp.ru}}}
        mail: {host: smtp.example.ru, from: info@estp.ru}
        """,
    )
    email = config.lines["estp"].channels.email
    assert email is not None
    assert (email.imap.port, email.imap.tls, email.old_mail) == (993, "tls", "leave")
