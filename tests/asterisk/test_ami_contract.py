"""What ami.py takes for granted about Asterisk, asked of a real one."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.asterisk.ami import ActionFailed, AmiSettings
from callcenter.asterisk.messages import MAX_LINE
from tests.asterisk.fake_asterisk import LIMIT, Facts, FakeAsterisk
from tests.asterisk.test_ami import SECRET, Line
from tests.patience import patience

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

CONFIGURATION = {
    "asterisk.conf": """
[directories]
astetcdir => {etc}
astmoddir => {modules}
astdatadir => {data}
astvarlibdir => {home}
astdbdir => {home}
astkeydir => {home}
astspooldir => {home}
astrundir => {home}
astlogdir => {home}
[options]
""",
    "manager.conf": """
[general]
enabled = yes
timestampevents = yes
bindaddr = 127.0.0.1
port = {port}
[callcenter]
secret = {secret}
read = all
write = all
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.0/255.0.0.0
""",
    "modules.conf": """
[modules]
autoload = no
load = pbx_config.so
load = res_sorcery_config.so
load = res_sorcery_memory.so
load = res_sorcery_astdb.so
load = res_statsd.so
load = res_pjproject.so
load = res_pjsip.so
""",
    "pjsip.conf": "",
    "extensions.conf": """
[room]
exten = s,1,Answer()
same = n,Wait(600)
""",
    "logger.conf": """
[logfiles]
messages = notice,warning,error
""",
}


async def wait_for_port(port: int, process: asyncio.subprocess.Process) -> None:
    async with patience(60):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise AssertionError(f"Asterisk ended with {process.returncode}")


@pytest.fixture
async def settings(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[AmiSettings]:
    """A real Asterisk with a manager interface and one extension, and how to reach it."""
    where = subprocess.run(  # noqa: ASYNC221  # quick, and before the test begins
        [sys.executable, "tools/parts.py", "--where", "asterisk"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert where.returncode == 0, where.stderr
    parts = json.loads(where.stdout)
    values = {**parts, "home": tmp_path, "etc": tmp_path, "port": unused_tcp_port, "secret": SECRET}
    for name, text in CONFIGURATION.items():
        (tmp_path / name).write_text(text.format(**values))
    process = await asyncio.create_subprocess_exec(
        parts["binary"],
        *("-C", str(tmp_path / "asterisk.conf"), "-f"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_for_port(unused_tcp_port, process)
        yield AmiSettings("127.0.0.1", unused_tcp_port, "callcenter", SECRET, backoff_first=0.05, backoff_max=0.1)
    finally:
        if process.returncode is None:
            process.terminate()
        async with patience(30):
            await process.wait()


@pytest.fixture
async def line(settings: AmiSettings) -> AsyncIterator[Line]:
    async with Line(FakeAsterisk(Facts()), settings).running() as line:
        await line.until_connected()
        yield line


async def test_a_note_of_ours_comes_back_as_an_event_with_every_letter(line: Line) -> None:
    name = "Щукина-Ёлкина 📞 " + "ы" * 200
    await line.ami.send({"Action": "UserEvent", "UserEvent": "Note", "Name": name})
    await line.until_event("UserEvent")
    assert line.events[-1]["UserEvent"] == "Note"
    assert line.events[-1]["Name"] == name


async def test_each_event_has_the_time_at_which_it_happened(line: Line) -> None:
    for number in range(2):
        await line.ami.send({"Action": "UserEvent", "UserEvent": "Note", "Number": str(number)})
    await line.until(lambda: line.names.count("UserEvent") == 2)
    stamps = [event["Timestamp"] for event in line.events if event["Event"] == "UserEvent"]
    assert all(re.fullmatch(r"\d{10,}\.\d{6}", stamp) for stamp in stamps)
    assert float(stamps[0]) <= float(stamps[1]) < float(stamps[0]) + LIMIT


async def test_a_call_is_seen_from_its_first_event_and_in_the_snapshot(line: Line) -> None:
    assert await line.ami.collect({"Action": "Status"}, LIMIT) == []
    await line.ami.send(
        {
            "Action": "Originate",
            "Channel": "Local/s@room",
            "Context": "room",
            "Exten": "s",
            "Priority": "1",
            "ActionID": "offer-1",
            "Async": "true",
            "Variable": ["PLACE=7", "NAME=Ёж"],
        }
    )
    await line.until_event("OriginateResponse")
    (answer,) = [event for event in line.events if event["Event"] == "OriginateResponse"]
    assert answer["ActionID"] == "offer-1"
    assert answer["Response"] == "Success"
    # Not necessarily before the response, which does not pass through Asterisk's message bus as other events do.
    await line.until(lambda: line.names.count("Newchannel") == 2)
    channels = await line.ami.collect({"Action": "Status", "Variables": "PLACE,NAME"}, LIMIT)
    assert len(channels) == 2
    assert all(channel["Channel"].startswith("Local/s@room") for channel in channels)
    assert any(channel["Variable"].split("\n") == ["PLACE=7", "NAME=Ёж"] for channel in channels)
    for channel in channels:
        if channel["Channel"].endswith(";1"):
            await line.ami.send({"Action": "Hangup", "Channel": channel["Uniqueid"]})
    await line.until(lambda: line.names.count("Hangup") == 2)


async def test_the_longest_line_is_taken_and_asterisk_refuses_no_less(line: Line) -> None:
    longest = "x" * (MAX_LINE - len("Name: "))
    await line.ami.send({"Action": "UserEvent", "UserEvent": "Long", "Name": longest})
    await line.until_event("UserEvent")
    assert line.events[-1]["Name"] == longest
    with pytest.raises(ActionFailed, match="Asterisk takes at most"):
        await line.ami.send({"Action": "UserEvent", "UserEvent": "Longer", "Name": longest + "x"})


async def test_a_channel_that_is_gone_cannot_be_hung_up(line: Line) -> None:
    with pytest.raises(ActionFailed, match="No such channel"):
        await line.ami.send({"Action": "Hangup", "Channel": "PJSIP/ghost-1"})
    with pytest.raises(ActionFailed, match="Invalid/unknown command"):
        await line.ami.send({"Action": "NeverHeardOf"})


async def test_with_no_phone_registered_the_list_of_contacts_is_empty(line: Line) -> None:
    assert await line.ami.collect({"Action": "PJSIPShowContacts"}, LIMIT) == []


async def test_what_a_command_prints_is_one_text(line: Line) -> None:
    answer = await line.ami.send({"Action": "Command", "Command": "core show help core show channels"})
    assert "Usage: core show channels" in answer["Output"]
    assert "\n" in answer["Output"]


async def test_a_wrong_password_is_refused_with_an_explanation(settings: AmiSettings) -> None:
    async with Line(FakeAsterisk(Facts()), replace(settings, secret="guessed")).running() as line:
        await line.until(lambda: bool(line.connections))
    assert "refused the AMI login of 'callcenter' (Authentication failed)" in line.connections[0][1]


async def test_a_connection_that_asterisk_cuts_comes_back(line: Line) -> None:
    line.ami.send({"Action": "Logoff"})  # Asterisk says goodbye and closes
    await line.until_connected(times=2)
    assert line.connections[1][0] is False
    assert "Asterisk closed the connection" in line.connections[1][1]
    assert await line.ami.collect({"Action": "Status"}, LIMIT) == []
