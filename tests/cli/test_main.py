"""The commands: each explains itself, each error is a sentence, and nothing secret is shown but once."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from callcenter import __version__
from callcenter.accounts.secrets import Secrets
from callcenter.accounts.tokens import Tokens
from callcenter.asterisk import process
from callcenter.asterisk.process import Program
from callcenter.asterisk.render import Installation
from callcenter.cli.commands import Commands, Group
from callcenter.cli.main import main
from callcenter.config import Config
from callcenter.core.ids import PersonId
from callcenter.store import Register
from tests.wall import MONDAY_NOON, Wall

PROJECT = Path(__file__).parents[2]

BASE = """
lines:
  estp: {numbers: ["+7 342 292-19-60"], required_staff: 1}
people:
  101: {name: Анна}
phones:
  101:
trunks: {city: {networks: [127.0.1.0/24]}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration."""
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    (tmp_path / "config.yaml").write_text(BASE, encoding="utf-8")
    return tmp_path


def config_of(site: Path) -> Config:
    return Config.load(site / "config.yaml")


def add(site: Path, text: str) -> None:
    with (site / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(text)


def run(site: Path, *command: str, typed: str | None = None) -> Result:
    """A command, with the configuration named where it is asked for."""
    group, *rest = command
    arguments = [group, "--config", str(site / "config.yaml"), *rest]
    if group == "prompts":
        arguments = [group, rest[0], "--config", str(site / "config.yaml"), *rest[1:]]
    result = CliRunner().invoke(main, arguments, input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def every_command(command: click.Command = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner, (*path, name))


@pytest.mark.parametrize("command", list(every_command()), ids=" ".join)
def test_every_command_explains_itself(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0, result.output
    usage, _, rest = result.output.partition("\n")
    assert usage.startswith(f"Usage: main {' '.join(command)}".rstrip())
    said, _, options = rest.partition("Options:")
    assert said.rstrip().endswith("."), "a sentence that says what it does"
    assert "--help" in options
    assert list(tmp_path.iterdir()) == [], "without a configuration, and does nothing"


def test_all_commands_are_there() -> None:
    found = {" ".join(command) for command in every_command()}
    assert {"run", "serve", "demo", "check", "render", "backup", "passwd", "prompts check", "register list"} <= found
    assert CliRunner().invoke(main, ["--version"]).output.split()[-1] == __version__


def every_group(commands: Commands, path: tuple[str, ...] = ()) -> Iterator[tuple[Commands, tuple[str, ...]]]:
    yield commands, path
    for name, place in commands.places.items():
        inner = commands.get_command(click.Context(commands), name)
        if isinstance(place, Group):
            assert isinstance(inner, Commands)
            yield from every_group(inner, (*path, name))


def groups() -> list[tuple[Commands, tuple[str, ...]]]:
    assert isinstance(main, Commands)
    return list(every_group(main))


@pytest.mark.parametrize("commands", [one for one, _ in groups()], ids=[" ".join(path) for _, path in groups()])
def test_the_list_of_commands_has_the_sentence_of_each(commands: Commands) -> None:
    context = click.Context(commands)
    for name, place in commands.places.items():
        command = commands.get_command(context, name)
        assert command is not None
        if not isinstance(place, Group):
            assert place.summary == command.get_short_help_str(1000), name
            assert command.name == name
    assert commands.get_command(context, "rnu") is None


@pytest.mark.parametrize("asked", [["--version"], ["rnu"], *([*path, "--help"] for _, path in groups())], ids=" ".join)
def test_who_asks_what_there_is_waits_for_no_library(asked: list[str]) -> None:
    program = (
        f"import sys; sys.argv = ['callcenter', *{asked!r}]\n"
        "from callcenter.cli.main import main\n"
        "main(standalone_mode=False) if sys.argv[1:] != ['rnu'] else main.get_command(None, 'rnu')\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(found.stderr.split())
    assert "click" in loaded
    heavy = {"sqlalchemy", "alembic", "aiohttp", "asyncio", "pydantic", "numpy", "cryptography", "callcenter.config"}
    assert not loaded & heavy


# -- check -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a year whose moved working days are known: of another one the calendar is to be warned of."""
    monkeypatch.setattr("callcenter.cli.check.wall_clock", lambda: MONDAY_NOON)


@pytest.mark.usefixtures("monday")
def test_a_right_file_is_in_order(site: Path) -> None:
    result = run(site, "check")
    assert result.exit_code == 0
    assert "in order (1 line(s), 1 people, 1 phones)" in result.output
    assert "warning" not in result.output
    assert [path.name for path in site.iterdir()] == ["config.yaml"], "a check changes nothing"


@pytest.mark.usefixtures("monday")
def test_the_shipped_file_is_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    result = CliRunner().invoke(main, ["check", "--config", str(PROJECT / "config.yaml")])
    warnings = [line for line in result.output.splitlines() if "warning" in line and "other users" not in line]
    assert (result.exit_code, warnings) == (0, []), result.output


def test_files_that_others_may_read_are_a_warning(site: Path) -> None:
    folder = config_of(site).var
    folder.mkdir()
    (folder / "register.sqlite").write_bytes(b"names and numbers")
    (folder / "register.sqlite").chmod(0o644)
    for mode, told in ((0o755, True), (0o750, False)):
        folder.chmod(mode)
        assert ("other users of this machine may read 1 files" in run(site, "check").output) is told


def test_what_is_allowed_but_hardly_meant_is_a_warning(site: Path) -> None:
    (site / "config.yaml").write_text(BASE.replace("required_staff: 1", "required_staff: 9"), encoding="utf-8")
    result = run(site, "check")
    assert result.exit_code == 0
    assert "warning: lines.estp.required_staff: 9 people must be on duty, but only 1 belong to" in result.output


def test_a_wrong_file_is_told_all_at_once(site: Path) -> None:
    add(site, "codes: {log_in: abc}\nhttp: {port: 70000}\nasterisk: {sip_port: 15000, rtp_firts: 1}\nnonsense: 1\n")
    result = run(site, "check")
    assert result.exit_code == 1
    for place in ("codes.log_in", "http.port", "rtp_firts", "nonsense"):
        assert place in result.output, place
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["check"], ["passwd", "101"], ["prompts", "check"], ["run"], ["render"]])
def test_without_a_configuration_every_command_says_so(command: list[str], tmp_path: Path) -> None:
    result = run(tmp_path, *command)
    assert result.exit_code == 1
    assert "config.yaml" in result.output
    assert "cannot be read" in result.output


# -- passwd ------------------------------------------------------------------------------------------------------------


@pytest.mark.clause("ESTP 5.3.1")
def test_a_password_is_changed_and_not_shown(site: Path) -> None:
    result = run(site, "passwd", "101", typed="сосна над рекой\nсосна над рекой\n")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Changed.")
    assert "сосна" not in result.output
    secrets = Secrets.load_or_create(site / "var", config_of(site))
    assert secrets.verify_password("101", "сосна над рекой")


def test_an_empty_answer_makes_a_new_one_which_is_shown_once(site: Path) -> None:
    for options, verify in ((["--pin"], "verify_pin"), ([], "verify_password")):
        result = run(site, "passwd", "101", *options, typed="\n")
        assert result.exit_code == 0
        made = result.output.split()[-1]
        secrets = Secrets.load_or_create(site / "var", config_of(site))
        assert getattr(secrets, verify)("101", made)
    assert secrets.initial("101") is None


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (["101"], "one password\nanother password\n", "the two are not the same; nothing was changed"),
        (["101"], "short\nshort\n", "a password has 8 to 128 characters"),
        (["101", "--pin"], "12345\n12345\n", "a PIN has exactly 6 digits"),
        (["102"], "", "102: nobody of that id; known are 101"),
    ],
)
def test_what_is_not_allowed_is_said_and_changes_nothing(
    site: Path, arguments: list[str], typed: str, told: str
) -> None:
    first = Secrets.load_or_create(site / "var", config_of(site)).initial("101")
    result = run(site, "passwd", *arguments, typed=typed)
    assert result.exit_code == 1
    assert told in result.output
    assert Secrets.load_or_create(site / "var", config_of(site)).initial("101") == first


def test_a_one_time_password_is_made_and_a_lost_second_factor_taken_away(site: Path) -> None:
    secrets = Secrets.load_or_create(site / "var", config_of(site))
    secrets.set_second_factor("101", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 0)
    tokens = Tokens(site / "var", config_of(site).people, Wall())
    tokens.make(PersonId("101"), "wallboard", timedelta(days=1))
    told = run(site, "passwd", "101", "--one-time").output
    assert "It can be used until" in told
    assert "Tokens that are not valid any more" in told
    assert tokens.all() == []
    assert secrets.verify_password("101", told.split()[-1])
    assert secrets.one_time("101")
    assert run(site, "passwd", "101", "--no-second-factor").exit_code == 0
    assert not secrets.second_factor("101").enrolled
    refused = run(site, "passwd", "101", "--one-time", "--pin")
    assert (refused.exit_code, "one of --pin, --one-time and --no-second-factor" in refused.output) == (2, True)


def test_damaged_secrets_are_named(site: Path) -> None:
    (site / "var").mkdir()
    (site / "var/secrets.yaml").write_text("ami: [")
    result = run(site, "passwd", "101", typed="\n")
    assert result.exit_code == 1
    assert "secrets.yaml" in result.output


# -- prompts, files, register ------------------------------------------------------------------------------------------


def test_the_committed_prompts_are_in_order_and_a_missing_one_is_named(site: Path) -> None:
    (site / "config.yaml").write_text((PROJECT / "config.yaml").read_text())
    whole = run(site, "prompts", "check")
    assert (whole.exit_code, "all are there and up to date" in whole.output) == (0, True), whole.output
    shutil.copytree(PROJECT / "ivr_prompts", site / "prompts")
    (site / "prompts/ru/greeting.wav").unlink()
    add(site, "prompts: prompts\n")
    result = run(site, "prompts", "check")
    assert result.exit_code == 1
    assert "greeting: missing" in result.output


def test_asterisks_files_are_written_where_they_are_wanted(site: Path) -> None:
    result = run(site, "render", "--modules", "/m", "--to", str(site / "etc"))
    assert (result.exit_code, result.output) == (0, f"Asterisk's files are in {site / 'etc'}.\n")
    assert "astmoddir => /m\n" in (site / "etc/asterisk.conf").read_text()


def test_files_that_cannot_be_written_are_a_sentence(site: Path) -> None:
    (site / "file").touch()
    result = run(site, "render", "--modules", "/m", "--to", str(site / "file/etc"))
    assert result.exit_code == 1
    assert "Error: Asterisk's files cannot be written" in result.output


def test_an_empty_register_is_listed_and_exported(site: Path) -> None:
    async def create() -> None:
        await (await Register.open(config_of(site).database)).close()

    asyncio.run(create())
    listed = run(site, "register", "list")
    assert listed.exit_code == 0
    assert "Traceback" not in listed.output
    exported = run(site, "register", "export", "--output", str(site / "calls.csv"))
    assert (exported.exit_code, exported.output) == (0, f"0 calls written to {site / 'calls.csv'}\n")
    assert len((site / "calls.csv").read_text(encoding="utf-8-sig").splitlines()) == 1, "the heads of the columns"
    shown = run(site, "register", "show", "1.1")
    assert (shown.exit_code, "has no call '1.1'" in shown.output) == (1, True)


# -- run ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An Asterisk that need not run, because something else is wrong before."""
    installed = Program(Path("/bin/false"), Installation(Path("/m"), Path("/d")), "22")
    monkeypatch.setattr(process, "find", lambda project: installed)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("setting", "kind", "more"),
    [
        ("sip_port", socket.SOCK_DGRAM, {}),
        ("ami_port", socket.SOCK_STREAM, {}),
        ("sip_port", socket.SOCK_STREAM, {"tcp": True}),
        ("tls.port", socket.SOCK_STREAM, {"tls": {"certificate": "c.pem", "key": "k.pem"}}),
    ],
)
def test_a_port_in_use_is_named_by_its_setting(
    site: Path, setting: str, kind: socket.SocketKind, more: dict[str, Any]
) -> None:
    """Asterisk itself would start, and nobody could reach it there."""
    with closing(socket.socket(type=kind)) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        ports = {"sip_port": 1, "ami_port": 2} | more
        if setting == "tls.port":
            ports["tls"] |= {"port": port}
        else:
            ports[setting] = port
        add(site, yaml.safe_dump({"asterisk": ports | {"rtp_first": 1024, "rtp_last": 9999}}))
        result = run(site, "run")
    assert result.exit_code == 1
    assert f"asterisk.{setting}: 127.0.0.1:{port} is in use by another program" in result.output
    assert not (site / "var/asterisk/etc").exists(), "nothing is written for an Asterisk that cannot start"


def test_a_register_that_is_none_is_named_and_left_as_it_is(site: Path) -> None:
    (site / "var").mkdir()
    (site / "var/register.sqlite").write_text("Dear diary, today nobody called.")
    result = run(site, "serve")
    assert result.exit_code == 1
    assert "register.sqlite is not a database" in result.output
    assert (site / "var/register.sqlite").read_text() == "Dear diary, today nobody called."


def test_a_provider_without_its_password_is_asked_for(site: Path) -> None:
    add(site, "  prov: {provider: {host: sip.example.ru, username: x}}\n")
    text = (site / "config.yaml").read_text(encoding="utf-8")
    (site / "config.yaml").write_text(text.replace("trunks: {city: {networks: [127.0.1.0/24]}}", "trunks:"))
    result = run(site, "serve")
    assert result.exit_code == 1
    assert "no password for the trunk prov" in result.output
