"""Asterisk's files: what the configuration says is in them, and nothing that could mean something else there."""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.accounts.secrets import Secrets
from callcenter.asterisk.journal import CURRENT
from callcenter.asterisk.line_hours import days_told
from callcenter.asterisk.link import HEARTBEAT
from callcenter.asterisk.render import (
    HEARTBEAT_STALE,
    LONGEST_FOLDER,
    Folders,
    Installation,
    RenderError,
    features,
    notes,
    render,
)
from callcenter.calendar.auctions import AuctionHours
from callcenter.calendar.hours import WorkingHours
from callcenter.config import Config, ConfigError

PROJECT = Path(__file__).parents[2]
INSTALLED = Installation(Path("/usr/lib/asterisk/modules"), Path("/usr/share/asterisk"))

BASE = """
lines:
  estp: {numbers: ["+7 342 292-19-60"]}
people:
  101: {name: Анна}
phones:
  101:
"""
PROVIDER = "trunks: {prov: {provider: {host: sip.example.ru, port: 5070, username: '73422921960'}}}\n"


class Site:
    """A folder with a configuration; `render` writes Asterisk's files from it, `[name]` reads one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folders = Folders.under(folder / "var")

    def render(self, text: str = BASE, secrets: dict[str, Any] | None = None) -> None:
        config, found = self.prepared(text, secrets)
        render(config, found, INSTALLED, self.folders)

    def prepared(self, text: str = BASE, secrets: dict[str, Any] | None = None) -> tuple[Config, Secrets]:
        path = self.folder / "config.yaml"
        path.write_text(text, encoding="utf-8")
        config = Config.load(path)
        if secrets:
            config.var.mkdir(exist_ok=True)
            (config.var / "secrets.yaml").write_text(yaml.safe_dump({"ami": "a" * 20} | secrets), encoding="utf-8")
        return config, Secrets.load_or_create(config.var, config)

    def __getitem__(self, name: str) -> str:
        return (self.folders.etc / name).read_text(encoding="utf-8")

    def section(self, name: str, section: str, **has: str) -> list[tuple[str, str]]:
        """The settings of the section of this name that has these settings."""
        found = []
        for head, body in re.findall(r"^\[([^]]+)\][^\n]*\n((?:(?!\[).*\n?)*)", self[name], re.MULTILINE):
            pairs = re.findall(r"^([^;\s=]+) *=>? *(.*)$", body, re.MULTILINE)
            if head == section and has.items() <= dict(pairs).items():
                found.append(pairs)
        assert len(found) == 1, f"{len(found)} sections [{section}] with {has} in {name}"
        return found[0]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    return Site(tmp_path)


def refused(site: Site, text: str = BASE, secrets: dict[str, Any] | None = None) -> str:
    with pytest.raises(RenderError) as caught:
        site.render(text, secrets)
    return str(caught.value)


# -- what is written ---------------------------------------------------------------------------------------------------


def test_the_shipped_configuration_becomes_all_files_of_asterisk(site: Site) -> None:
    site.render((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    templates = {path.name.removesuffix(".j2") for path in (PROJECT / "dialplan").glob("*.j2")}
    assert {path.name for path in site.folders.etc.iterdir()} == templates
    for name in templates:
        assert "{{" not in site[name], name
        assert "{%" not in site[name], name
        assert "None" not in site[name], name
    for folder in (site.folders.lib, site.folders.run, site.folders.log, site.folders.recording, site.folders.journal):
        assert folder.is_dir()


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0, 0o640)])
def test_files_hold_passwords_and_are_never_for_others_whatever_was_there(site: Site, mask: int, mode: int) -> None:
    """Only for their owner under `callcenter run`; an Asterisk with a user of its own reads them through its group."""
    site.folders.etc.mkdir(parents=True)
    (site.folders.etc / "pjsip.conf").touch(mode=0o644)
    (site.folders.etc / "pjsip.conf").chmod(0o644)
    before = os.umask(mask)
    try:
        site.render()
    finally:
        os.umask(before)
    for path in site.folders.etc.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == mode, path.name


def test_a_link_in_the_folder_leads_to_no_file_elsewhere(site: Site) -> None:
    _, secrets = site.prepared()
    kept = (site.folder / "var" / "secrets.yaml").read_text(encoding="utf-8")
    site.folders.etc.mkdir(parents=True)
    (site.folders.etc / "acl.conf").symlink_to("../../secrets.yaml")
    site.render()
    assert (site.folder / "var" / "secrets.yaml").read_text(encoding="utf-8") == kept
    assert not (site.folders.etc / "acl.conf").is_symlink()
    assert secrets.ami in site["manager.conf"]


def test_a_second_rendering_replaces_the_first(site: Site) -> None:
    site.render()
    site.render(BASE + "codes: {log_in: '*55'}\n")
    assert "exten => *55,1,Gosub(cc-keys,s,1)" in site["extensions.conf"]
    assert "*11" not in site["extensions.conf"]


def test_phones_of_both_kinds_are_known(site: Site) -> None:
    site.render(BASE + "  102: {address: '127.0.2.12:5066'}\n  six: {address: '[fd00::12]:5066'}\n")
    config, secrets = site.prepared()
    assert ("password", secrets.phones["101"]) in site.section("pjsip.conf", "101", type="auth")
    assert ("max_contacts", "1") in site.section("pjsip.conf", "101", type="aor")
    assert ("auth", "101") in site.section("pjsip.conf", "101", auth="101")
    assert ("contact", "sip:102@127.0.2.12:5066") in site.section("pjsip.conf", "102", type="aor")
    assert ("match", "127.0.2.12") in site.section("pjsip.conf", "102", type="identify")
    assert ("contact", "sip:six@[fd00::12]:5066") in site.section("pjsip.conf", "six", type="aor")
    assert ("match", "fd00::12") in site.section("pjsip.conf", "six", type="identify")
    assert site["pjsip.conf"].count("type = auth\n") == 1
    assert config.asterisk.ami_port == 5038


def test_a_provider_is_registered_at_and_asked_for_the_general_line(site: Site) -> None:
    line = BASE.replace('60"]}', '60"], general_line: "+7 342 200-00-00"}')
    site.render(line + PROVIDER, {"trunks": {"prov": "given-by-them"}})
    assert ("server_uri", "sip:sip.example.ru:5070") in site.section("pjsip.conf", "trunk-prov", type="registration")
    assert ("password", "given-by-them") in site.section("pjsip.conf", "trunk-prov", type="auth")
    assert ("contact", "sip:sip.example.ru:5070") in site.section("pjsip.conf", "trunk-prov", type="aor")
    assert ("match", "sip.example.ru") in site.section("pjsip.conf", "trunk-prov", type="identify")
    assert "Dial(PJSIP/+73422000000@trunk-prov,45," in site["extensions.conf"]
    assert "exten => 73422921960,1,Goto(cc-arrive,estp,1)" in site["extensions.conf"]


def test_a_provider_may_be_reached_over_tls(site: Site) -> None:
    tls = PROVIDER.replace("username:", "transport: tls, username:")
    certificate = "asterisk: {tls: {certificate: c.pem, key: k.pem}}\n"
    site.render(BASE + tls + certificate, {"trunks": {"prov": "given-by-them"}})
    server = ("server_uri", r"sip:sip.example.ru:5070\;transport=tls")
    assert server in site.section("pjsip.conf", "trunk-prov", type="registration")
    assert ("contact", r"sip:sip.example.ru:5070\;transport=tls") in site.section(
        "pjsip.conf", "trunk-prov", type="aor"
    )
    assert ("transport", "tls") in site.section("pjsip.conf", "trunk-prov", context="cc-trunk")


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        ("", {("timers", "always"), ("timers_sess_expires", "1800")}),
        (", session_expires: 90", {("timers", "always"), ("timers_sess_expires", "90")}),
        (", session_expires: 0", {("timers", "no")}),
    ],
)
def test_a_carrier_is_asked_to_confirm_each_call(site: Site, entry: str, written: set[tuple[str, str]]) -> None:
    site.render(BASE + f"trunks: {{city: {{networks: [127.0.1.0/24]{entry}}}}}\n")
    assert written <= set(site.section("pjsip.conf", "trunk-city", context="cc-trunk"))


def test_a_session_that_no_carrier_accepts_is_refused(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"found session_expires: 89; allowed are 0 \(never\) and 90 or more"):
        site.render(BASE + "trunks: {city: {networks: [127.0.1.0/24], session_expires: 89}}\n")


def test_phones_may_dial_colleagues_and_no_outside_number(site: Site) -> None:
    people = "  1: {name: A, phone: 101}\n  2: {name: B, group: tech, phone: h}\n"
    groups = "groups: {operators: {title: A}, tech: {title: B, transfer_code: '2'}}\n"
    data = BASE.replace("  101: {name: Анна}\n", people) + "  h:\n" + groups
    data = data.replace('60"]}', '60"], general_line: "+7 342 200-00-00"}')
    site.render(data + "trunks: {city: {networks: [127.0.1.0/24], outgoing: '127.0.1.200:5060'}}\n")
    plan = site["extensions.conf"]
    phones = plan[plan.index("[cc-phones]") :]
    dialled = re.findall(r"^exten => (\S+),1,Set\(CC_TO=", phones, re.MULTILINE)
    assert sorted(dialled) == ["*22", "*32", "1", "101", "2"]


def test_a_trunk_that_only_receives_has_no_way_out(site: Site) -> None:
    site.render(BASE + "trunks: {city: {networks: [127.0.1.0/24, 'fd00:1::/64']}}\n")
    assert site.section("pjsip.conf", "trunk-city", type="aor") == [("type", "aor")]
    matches = [value for name, value in site.section("pjsip.conf", "trunk-city", type="identify") if name == "match"]
    assert matches == ["127.0.1.0/24", "fd00:1::/64"]
    assert "Dial(PJSIP" not in site["extensions.conf"]
    assert "CCGeneral,Token: ${CC_TOKEN},Status: UNCONFIGURED" in site["extensions.conf"]


@pytest.mark.parametrize(
    ("bind", "written"),
    [
        ("127.0.0.1", "127.0.0.1:5060"),
        ("0.0.0.0", "0.0.0.0:5060"),
        ("::1", "[::1]:5060"),
        ("2001:db8::5", "[2001:db8::5]:5060"),
    ],
)
def test_sip_listens_where_it_is_told_ipv6_too(site: Site, bind: str, written: str) -> None:
    site.render(BASE + f"asterisk: {{sip_bind: '{bind}'}}\n")
    assert ("bind", written) in site.section("pjsip.conf", "udp")


@pytest.mark.parametrize(("bind", "kept_to_this_machine"), [("127.0.0.1", True), ("0.0.0.0", False), ("::1", False)])
def test_the_manager_interface_lets_in_this_machine_unless_it_is_bound_to_more(
    site: Site, bind: str, kept_to_this_machine: bool
) -> None:
    site.render(BASE + f"asterisk: {{ami_bind: '{bind}'}}\n")
    assert ("bindaddr", bind) in site.section("manager.conf", "general")
    user = site.section("manager.conf", "callcenter")
    assert (("deny", "0.0.0.0/0.0.0.0") in user) is kept_to_this_machine
    assert (("permit", "127.0.0.0/255.0.0.0") in user) is kept_to_this_machine


def test_the_manager_interface_gives_no_right_to_load_modules_or_to_run_programs(site: Site) -> None:
    site.render()
    ((_, rights),) = [entry for entry in site.section("manager.conf", "callcenter") if entry[0] == "write"]
    assert not {"system", "command", "config", "all"} & set(rights.split(","))


def test_the_key_that_begins_a_recorder_can_be_pressed(site: Site) -> None:
    site.render()
    assert ("load", "app_senddtmf.so") in site.section("modules.conf", "modules"), "it brings AMI's PlayDTMF"


def test_phones_may_use_tcp_and_tls_where_it_is_configured(site: Site) -> None:
    site.render()
    assert ("transport", "udp") in site.section("pjsip.conf", "101", context="cc-phones")
    site.render(BASE + "asterisk: {tcp: true, tls: {certificate: tls/cert.pem, key: tls/key.pem}}\n")
    assert ("bind", "127.0.0.1:5060") in site.section("pjsip.conf", "tcp")
    tls = site.section("pjsip.conf", "tls")
    assert ("bind", "127.0.0.1:5061") in tls
    assert ("cert_file", str(site.folder / "tls/cert.pem")) in tls
    phone = site.section("pjsip.conf", "101", context="cc-phones")
    assert "transport" not in dict(phone), "each phone is called over what it registered with"


@pytest.mark.parametrize(
    ("setting", "encryption", "optimistic"),
    [("never", None, None), ("when_possible", "sdes", "yes"), ("always", "sdes", "no")],
)
def test_audio_is_encrypted_as_configured(
    site: Site, setting: str, encryption: str | None, optimistic: str | None
) -> None:
    site.render(BASE + f"asterisk: {{encrypt_audio: {setting}}}\n")
    peer = dict(re.findall(r"^(\w+) = (.*)$", site["pjsip.conf"].partition("[peer](!)")[2].partition("[101]")[0], re.M))
    assert (peer.get("media_encryption"), peer.get("media_encryption_optimistic")) == (encryption, optimistic)


def test_opus_is_loaded_if_this_asterisk_has_it_and_else_refused(site: Site) -> None:
    config, secrets = site.prepared(BASE + "asterisk: {codecs: [alaw, opus]}\n")
    modules = site.folder / "modules"
    modules.mkdir()
    installation = replace(INSTALLED, modules=modules)
    with pytest.raises(RenderError, match="opus, which this Asterisk cannot convert"):
        render(config, secrets, installation, site.folders)
    (modules / "codec_opus_open_source.so").touch()
    render(config, secrets, installation, site.folders)
    assert "load = codec_opus_open_source.so" in site["modules.conf"]
    site.render()
    assert "opus" not in site["modules.conf"]


def test_behind_nat_phones_on_private_networks_are_not_told_the_outside_address(site: Site) -> None:
    site.render()
    assert "external_" not in site["pjsip.conf"]
    site.render(BASE + "asterisk: {external_address: 203.0.113.5}\n")
    transport = site.section("pjsip.conf", "udp")
    assert ("external_media_address", "203.0.113.5") in transport
    assert ("local_net", "192.168.0.0/16") in transport


def test_callers_hear_the_folder_of_their_line_and_without_one_what_all_lines_share(site: Site) -> None:
    outgoing = BASE.replace('60"]', '60"], outgoing: {ranges: ["+7 342"], trunk: city}')
    text = outgoing + "trunks: {city: {networks: [127.0.1.0/24], outgoing: '127.0.1.200:5060'}}\n"
    site.render(text)
    assert site["extensions.conf"].count("Set(CC_PROMPTS=") == 0
    config = Config.load(site.folder / "config.yaml")
    assert f"\nCC_PROMPTS = {config.prompts}/ru\n" in site["extensions.conf"]
    (line,) = config.lines
    own = config.prompts_of(line)
    own.mkdir(parents=True)
    site.render(text)
    assert f"exten => {line},1,Set(CC_LINE={line})\n same => n,Set(CC_PROMPTS={own})\n" in site["extensions.conf"]
    assert f"\n same => n,Set(_CC_PROMPTS={own})\n" in site["extensions.conf"], "whom an operator calls"


@pytest.mark.parametrize(
    ("hours", "condition"),
    [
        ("opens: 09:00, closes: 18:00", "09:00-17:59,mon-fri,*,*,Europe/Moscow"),
        ("opens: 00:00, closes: 24:00", "00:00-23:59,mon-fri,*,*,Europe/Moscow"),
        ("opens: 08:30, closes: 24:00", "08:30-23:59,mon-fri,*,*,Europe/Moscow"),
        ("opens: 00:00, closes: 00:01", "00:00-00:00,mon-fri,*,*,Europe/Moscow"),
        ("opens: 10:00, closes: 15:30, zone: Asia/Yekaterinburg", "10:00-15:29,mon-fri,*,*,Asia/Yekaterinburg"),
    ],
)
@pytest.mark.clause("ESTP 2.2a")
def test_without_the_controller_asterisk_keeps_the_hours_itself(site: Site, hours: str, condition: str) -> None:
    site.render(BASE.replace('60"]', f'60"], hours: {{{hours}}}'))
    span, _, days = condition.partition(",")
    assert f"Set(CC_HOURS={span})" in site["extensions.conf"]
    assert f"GotoIfTime(${{CC_HOURS}},{days}?open)" in site["extensions.conf"]


@pytest.mark.clause("eLot 2.2a")
def test_without_the_controller_asterisk_keeps_the_hours_of_a_period(site: Site) -> None:
    period = "{from: 2026-12-01, to: 2026-12-18, opens: 09:00, closes: 21:00}"
    site.render(BASE.replace('60"]', f'60"], hours: {{opens: 11:00, closes: 18:00, periods: [{period}]}}'))
    today = "${STRFTIME(,Europe/Moscow,%Y%m%d)}"
    inside = f"ExecIf($[{today} >= 20261201 & {today} <= 20261218]?Set(CC_HOURS=09:00-20:59))"
    plan = site["extensions.conf"]
    assert plan.index("Set(CC_HOURS=11:00-17:59)") < plan.index(inside) < plan.index("GotoIfTime(${CC_HOURS}")


@pytest.mark.clause("eLot 2.2a")
def test_the_dialplan_is_told_the_hours_of_two_weeks() -> None:
    moscow = ZoneInfo("Europe/Moscow")
    runs = ((datetime(2026, 12, 29, 7, tzinfo=UTC), datetime(2027, 1, 12, 10, tzinfo=UTC)),)
    hours = WorkingHours(moscow, time(11), time(18), auctions=AuctionHours(time(9), time(0), runs))
    told = days_told(hours, datetime(2026, 12, 28, 22, tzinfo=UTC))  # the 29th in Moscow
    assert told.split("/")[:6] == ["20261229", "10:00-23:59", "20261230", "09:00-23:59", "20261231", "closed"]
    assert told.split("/")[-4:] == ["20270110", "closed", "20270111", "09:00-23:59"]
    assert re.fullmatch(r"(\d{8}/(closed|\d\d:\d\d-\d\d:\d\d)/?)+", told)


def test_two_lines_of_one_controller_each_have_their_own(site: Site) -> None:
    site.render(
        """
lines:
  estp: {numbers: ["+7 342 292-19-60"], hours: {opens: 09:00, closes: 18:00}, general_line: "+7 342 200-00-00"}
  city: {numbers: ["+7 342 212-00-01", "+7 342 212-00-02"], hours: {opens: 08:00, closes: 24:00}}
people: {101: }
phones: {101: }
trunks: {out: {networks: [127.0.1.0/24], outgoing: "127.0.1.200:5060"}}
timings: {ring_timeout: 12.6}
"""
    )
    dialplan = site["extensions.conf"]
    for number, line in (("83422921960", "estp"), ("3422120001", "city"), ("+73422120002", "city")):
        assert f"exten => {number},1,Goto(cc-arrive,{line},1)" in dialplan
    assert "exten => s,1,Goto(cc-arrive" not in dialplan, "with two lines nobody knows which one is meant"
    assert "exten => estp,1,Set(GROUP(general)=estp)" in dialplan
    assert "Dial(PJSIP/+73422000000@trunk-out," in dialplan
    assert "exten => city,1,UserEvent(CCGeneral,Token: ${CC_TOKEN},Status: UNCONFIGURED)" in dialplan
    assert "Set(CC_HOURS=08:00-23:59)" in dialplan
    assert ("timeout", "13") in site.section("queues.conf", "cc-estp")
    assert ("strategy", "leastrecent") in site.section("queues.conf", "cc-city")


def test_a_trunk_of_an_area_has_the_local_forms_of_that_areas_numbers_alone(site: Site) -> None:
    site.render(
        """
lines:
  estp: {numbers: ["+7 342 292-19-60", "+7 495 292-19-61"]}
people: {101: }
phones: {101: }
trunks: {perm: {networks: [127.0.1.0/24], area: "+7 342"}, far: {networks: [127.0.3.0/24]}}
"""
    )
    local, other = site["extensions.conf"].partition("[cc-from-perm]")[2].partition("include => cc-trunk")[::2]
    assert "exten => 2921960,1,Goto(cc-arrive,estp,1)" in local
    assert "2921961" not in local
    assert "exten => 2921960," not in other
    assert ("set_var", "CC_AREA=+7342") in site.section("pjsip.conf", "trunk-perm", context="cc-from-perm")
    assert site.section("pjsip.conf", "trunk-far", context="cc-trunk")


def test_with_one_line_a_provider_may_deliver_no_number_or_the_accounts_name(site: Site) -> None:
    account = PROVIDER.replace("'73422921960'", "estp-account")
    site.render(BASE + account, {"trunks": {"prov": "given-by-them"}})
    assert "exten => s,1,Goto(cc-arrive,estp,1)" in site["extensions.conf"]
    assert "exten => estp-account,1,Goto(cc-arrive,estp,1)" in site["extensions.conf"]


def test_every_group_has_codes_of_its_own(site: Site) -> None:
    config, _ = site.prepared((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    found = features(config)
    assert {feature.name for feature in found} == {
        "take-back", "complete", "not-customer", "transfer-general",
        "transfer-operators", "transfer-technical", "transfer-managers",
        "consult-operators", "consult-technical", "consult-managers",
    }  # fmt: skip
    found += notes(config)
    for one, other in combinations([feature.code for feature in found], 2):
        assert not one.startswith(other), "Asterisk would take the shorter one"
        assert not other.startswith(one)
    site.render((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    for feature in found:
        line = f"cc-{feature.name} => {feature.code},self,Gosub(cc-feature,{feature.name},1),waiting"
        assert line in site["features.conf"]
        assert f"exten => {feature.name},1,Set(CC_TELL=)" in site["extensions.conf"]
    named = re.findall(r"DYNAMIC_FEATURES=(.*)\)", site["extensions.conf"])
    of_operators = frozenset(f"cc-{feature.name}" for feature in found)
    assert {frozenset(names.split("#")) for names in named} == {of_operators, frozenset(["cc-recorder"])}


def test_subjects_have_codes_as_far_as_one_digit_goes(site: Site) -> None:
    config, _ = site.prepared(BASE)
    assert [one.name for one in notes(config)] == ["conduct"], "a line without subjects"
    subjects = ", ".join(f"s{number}: Тема" for number in range(12))
    text = BASE.replace('19-60"]', f'19-60"], subjects: {{{subjects}}}')
    config, _ = site.prepared(text)
    assert [one.code for one in notes(config)] == ["*6", *(f"*7{number}" for number in range(1, 10))]
    site.render(text)
    for note in notes(config):
        assert f"exten => {note.code},1,Answer()" in site["extensions.conf"], "at rest"
        assert f"cc-{note.name} => {note.code},self,Gosub(cc-feature,{note.name},1),waiting" in site["features.conf"]


def test_a_group_without_a_code_is_not_transferred_to_by_telephone(site: Site) -> None:
    config, _ = site.prepared(BASE + "groups: {operators: {}, lawyers: {}}\n")
    names = {feature.name for feature in features(config)}
    assert names == {"take-back", "complete", "not-customer", "transfer-general"}


def test_a_heartbeat_or_two_may_be_late_before_asterisk_helps_itself(site: Site) -> None:
    site.render()
    assert ("CC_STALE", str(HEARTBEAT_STALE)) in site.section("extensions.conf", "globals")
    assert HEARTBEAT * 3 <= HEARTBEAT_STALE


def test_every_stage_of_a_caller_is_told_to_the_journal_and_to_nobody_else_twice(site: Site) -> None:
    site.render()
    lines = [line.partition(",")[2] for line in site["extensions.conf"].splitlines() if ",Set(CC_STAGE=" in line]
    dialplan_steps = [re.sub(r"^1,|.*CC_STAGE=|\)", "", line) for line in lines]
    callers = [
        dialplan_step for dialplan_step in dialplan_steps if dialplan_step not in ("operator", "outgoing", "arriving")
    ]
    assert (
        re.findall(r"CC_STAGE=(\w[\w-]*)\)\n same => n,CELGenUserEvent\(CC_STAGE,\1[:)]", site["extensions.conf"])
        == callers
    )
    assert len(set(callers)) == len(callers) == 13
    assert dialplan_steps.count("arriving") == site["extensions.conf"].count("CELGenUserEvent(CC_ARRIVED,") == 1


@pytest.mark.clause("TBS 2.6")
def test_digits_after_the_answer_choose_among_lines_that_share_a_number(site: Site) -> None:
    site.render(
        """
lines:
  tbs: {numbers: ["+7 495 248-06-46"], extension: "1"}
  sales: {numbers: ["+7 495 248-06-46"], extension: "20"}
  estp: {numbers: ["+7 495 292-19-60"]}
people: {101: }
phones: {101: }
trunks: {city: {networks: [127.0.1.0/24], outgoing: "127.0.1.200:5060", area: "+7 495"}}
"""
    )
    contexts = re.split(r"^\[([\w-]+)\]$", site["extensions.conf"], flags=re.MULTILINE)[1:]
    plan = dict(zip(contexts[::2], contexts[1::2], strict=True))
    assert [name for name in plan if name.startswith("cc-extension")] == ["cc-extension-tbs"]
    asked = plan["cc-extension-tbs"]
    for digits, line in (("1", "tbs"), ("20", "sales")):
        chosen = f"exten => {digits},1,Set(CC_EXTENSION={digits})\n same => n,StartMusicOnHold(waiting)\n"
        assert f"{chosen} same => n,Goto(cc-arrive,{line},1)" in asked
    assert "exten => +74952480646,1,Goto(cc-arrive,tbs,1)" in plan["cc-trunk"]
    assert plan["cc-from-city"].count("exten => 2480646,") == 1
    assert plan["cc-arrive"].count("?cc-extension-") == 1, "whoever is on the first line is asked once, nobody else"


def test_no_key_ends_a_call_where_keys_are_waited_for(site: Site) -> None:
    """Asterisk hangs up after a key without a step, of which A to D are easily forgotten."""
    site.render()
    contexts = re.split(r"^\[([\w-]+)\]$", site["extensions.conf"], flags=re.MULTILINE)[1:]
    asks = {name: text for name, text in zip(contexts[::2], contexts[1::2], strict=True) if "WaitExten(" in text}
    assert len(asks) == 7
    asks["cc-again"] = contexts[contexts.index("cc-again") + 1]
    assert [name for name, text in asks.items() if "\nexten => i,1,Goto(" not in text] == []


def test_no_column_of_the_journal_holds_what_a_caller_can_choose(site: Site) -> None:
    site.render()
    [(name, line)] = site.section("cel_custom.conf", "mappings")
    assert site.folders.log / "cel-custom" / name == site.folders.journal / CURRENT
    columns = re.findall(r"\$\{CSV_QUOTE\(\$\{([^}]+)\}\)\}", line)
    assert columns == [
        "eventtime",
        "eventtype",
        "CHANNEL(uniqueid)",
        "CHANNEL(linkedid)",
        "CHANNEL(channame)",
        "eventextra",
    ]
    told = re.findall(r"CELGenUserEvent\((.*)\)\n", site["extensions.conf"])
    assert not [text for text in told if "CALLERID" in text]
    encoded = re.findall(r"Set\((CC_WHO|CC_NAME)=(.*)\)\n", site["extensions.conf"])
    assert {name for name, _ in encoded} == {"CC_WHO", "CC_NAME"}
    assert all(value.startswith("${URIENCODE(") for _, value in encoded)


# -- what is refused ---------------------------------------------------------------------------------------------------

UNSAFE = "\n\r;$[]{}()<>|&^'\"`\\\t\0"


@pytest.mark.parametrize("character", UNSAFE)
def test_what_has_a_meaning_in_asterisks_files_is_refused_by_its_character(site: Site, character: str) -> None:
    """The configuration refuses these itself; the gate holds even where it one day would not."""
    config, secrets = with_phones_alone(site)
    bad = config.phones["101"].model_copy(update={"id": f"10{character}1"})
    with pytest.raises(RenderError) as caught:
        render(config.model_copy(update={"phones": {"101": bad}}), secrets, INSTALLED, site.folders)
    assert f"{character!r} has a meaning there" in str(caught.value)
    assert "dialplan/pjsip.conf.j2" in str(caught.value)
    assert not site.folders.etc.exists(), "nothing is written when anything is wrong"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_whatever_gets_through_stays_in_its_place(site: Site, text: str) -> None:
    config, secrets = with_phones_alone(site)
    odd = config.phones["101"].model_copy(update={"id": text})
    try:
        render(
            config.model_copy(update={"phones": {"101": odd}}), replace_phone(secrets, text), INSTALLED, site.folders
        )
    except RenderError:
        return
    assert f"callerid = {text} <{text}>\n" in site["pjsip.conf"]
    assert not set(text) & set(UNSAFE)
    assert len(text.splitlines()) == 1


def with_phones_alone(site: Site) -> tuple[Config, Secrets]:
    """One template instead of all: many renderings are quick."""
    (site.folder / "dialplan").mkdir(exist_ok=True)
    shutil.copy(PROJECT / "dialplan/pjsip.conf.j2", site.folder / "dialplan")
    return site.prepared(BASE + "dialplan: dialplan\n")


def replace_phone(secrets: Secrets, phone: str) -> Any:
    """The same secrets, with the password of a phone of another name."""

    class Renamed:
        ami = secrets.ami
        phones = dict.fromkeys([phone], secrets.phones["101"])
        trunks = secrets.trunks

    return Renamed()


@pytest.mark.parametrize("password", ["$9a&c^d(e)f", "<[{|}]>'`?", "+=%~#!*/:,.@_-", "Kd8$Fp2&x"])
def test_a_provider_may_give_any_password_that_fits_its_line(site: Site, password: str) -> None:
    site.render(BASE + PROVIDER, {"trunks": {"prov": password}})
    assert ("password", password) in site.section("pjsip.conf", "trunk-prov", type="auth")


@pytest.mark.parametrize("password", ["geheim;1", "geheim 1", 'ge"heim1', "geheim\\1", "geheim\n1", "geheimё1"])
def test_a_password_that_does_not_is_named_by_its_owner_and_never_shown(site: Site, password: str) -> None:
    config, secrets = site.prepared(BASE + PROVIDER, {"trunks": {"prov": "harmless"}})

    class Damaged:
        ami = secrets.ami
        phones = secrets.phones
        trunks = dict.fromkeys(["prov"], password)

    with pytest.raises(RenderError) as caught:
        render(config, Damaged(), INSTALLED, site.folders)  # type: ignore[arg-type]
    told = str(caught.value)
    assert "trunks.prov" in told
    assert "geheim" not in told
    assert "heim" not in told
    assert not site.folders.etc.exists()


@pytest.mark.parametrize("character", ",:")
@pytest.mark.parametrize("what", ["prompts", "var"])
def test_a_folder_that_the_dialplan_would_take_for_two_is_refused(site: Site, what: str, character: str) -> None:
    config, secrets = site.prepared()
    folder = site.folder / f"calls{character} and more"
    folders = Folders.under(folder) if what == "var" else site.folders
    config = config.model_copy(update={"prompts": folder}) if what == "prompts" else config
    with pytest.raises(RenderError, match=f"'{character}' has a meaning in a dialplan; another folder"):
        render(config, secrets, INSTALLED, folders)
    assert not folders.etc.exists()


def test_a_folder_too_deep_for_a_line_of_the_manager_is_refused(site: Site) -> None:
    config, secrets = site.prepared()
    config = config.model_copy(update={"prompts": Path("/" + "ы" * 100)})
    with pytest.raises(RenderError, match=f"201 bytes are too many for Asterisk's manager, {LONGEST_FOLDER} are"):
        render(config, secrets, INSTALLED, site.folders)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (b"[general]\nx = {{ config.asterisk.sip_porter }}\n", "sip_porter"),
        (b"[general]\n{% if %}\n", "Expected an expression"),
        (b"[general]\nx = {{ nobody }}\n", "'nobody' is undefined"),
        ("[общие]\n".encode("koi8-r"), "utf-8"),
    ],
)
def test_when_one_template_fails_nothing_is_written(site: Site, template: bytes, told: str) -> None:
    shutil.copytree(PROJECT / "dialplan", site.folder / "dialplan")
    (site.folder / "dialplan/rtp.conf.j2").write_bytes(template)
    message = refused(site, BASE + "dialplan: dialplan\n")
    assert message.startswith("dialplan/rtp.conf.j2: ")
    assert told in message
    assert not site.folders.etc.exists()


def test_a_folder_without_templates_is_named(site: Site) -> None:
    (site.folder / "empty").mkdir()
    assert f"{site.folder / 'empty'}: no templates" in refused(site, BASE + "dialplan: empty\n")


def test_a_folder_that_cannot_be_written_is_said(site: Site) -> None:
    config, secrets = site.prepared()
    (site.folder / "file").touch()
    with pytest.raises(RenderError, match=r"cannot be written: (Not a directory|File exists): .*file"):
        render(config, secrets, INSTALLED, replace(site.folders, etc=site.folder / "file" / "etc"))


def test_calls_in_the_fallback_queue_go_on_there_though_its_context_had_another_name(site: Site) -> None:
    """The dialplan is reloaded while the controller is renewed, and those calls are in the old context."""
    site.render()
    after = site["extensions.conf"].partition("[cc-alone]")[2]
    assert after.split()[:3] == ["include", "=>", "cc-fallback"]
