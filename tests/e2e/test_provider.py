"""A provider whose SIP comes over TCP, played by sipp: registration, a caller, and a call to the general line."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from callcenter.demo.sipp import find, tone
from tests.e2e.hearing import listen
from tests.e2e.listening import CALLER, GENERAL, OPERATOR, hears, voice
from tests.e2e.station import NUMBER, PROJECT, configuration, station, until

pytestmark = pytest.mark.e2e
HERE = Path(__file__).parent
TCP = ["-t", "t1", "-nostdin", "-trace_msg", "-message_file", "messages.log", "-timeout", "90s"]


def lay_out(folder: Path, scenario: str, hertz: float) -> None:
    folder.mkdir()
    (folder / "voice.alaw").write_bytes(tone(hertz, level=0.3))
    shutil.copy(HERE / scenario, folder)


@asynccontextmanager
async def sipp(folder: Path, scenario: str, address: str, hertz: float, *words: str) -> AsyncIterator[Path]:
    """One sipp at `address`; gives the file with every message that it sends and gets."""
    lay_out(folder, scenario, hertz)
    with (folder / "screen.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *(str(find(PROJECT)), "-sf", scenario, "-i", address, "-mi", address, *TCP, *words),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            env={"TERM": "dumb"},
        )
    try:
        yield folder / "messages.log"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def told(messages: Path) -> str:
    return messages.read_text(errors="replace") if messages.exists() else ""


@pytest.mark.clause("ESTP 2.1", "ESTP 2.6")
async def test_a_providers_calls_come_and_go_over_tcp(tmp_path: Path, brief: Path) -> None:
    data: dict[str, Any] = configuration(ivr={"ask_inn": "false", "urgency": {}}, prompts=str(brief))
    host = data["asterisk"]["sip_bind"].removesuffix("0.1") + "1.250"
    account = {"host": host, "port": "5070", "username": "estp", "transport": "tcp"}
    data["trunks"] = {"provider": {"provider": account}}
    data["lines"]["estp"]["general_trunk"] = "provider"
    data["asterisk"] |= {"tcp": "true"}
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secrets.yaml").write_text(yaml.safe_dump({"ami": "a" * 20, "trunks": {"provider": "x" * 12}}))
    async with (
        sipp(tmp_path / "provider", "provider_over_tcp.xml", host, GENERAL, "-p", "5070") as provider,
        station(tmp_path, **data) as line,
    ):
        await until(lambda: re.search(r"^CSeq: \d+ REGISTER", told(provider), re.MULTILINE), what="registered")
        phone = await line.operator("101")
        to = f"{line.proxy[0]}:{line.proxy[1]}"
        words = ("-m", "1", "-s", NUMBER, "-mp", "7000", to)
        async with sipp(tmp_path / "caller", "caller_over_tcp.xml", host, CALLER, *words) as caller:
            call = await phone.rings()
            assert call.caller_number == "+73425557001"
            call.answer()
            call.say(voice(OPERATOR))
            await hears(call, CALLER)
            await listen(call, 0.7)
            call.transfer("*20")
            await until(lambda: call.referred, what="an answer to REFER")
            call.hang_up()
            await until(lambda: "INVITE sip:+73422000000@" in told(provider), what="the general line is called")
            await until(lambda: "ACK sip:" in told(provider), what="it has answered")
            row = await line.row(number="+73425557001")
            # Longer than a recording may lack: what is said with the general line is not recorded.
            began = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() > began + 4.0)
            line.controller.link.ami.send({"Action": "Hangup", "Channel": row["call"], "Cause": "16"})
            await until(lambda: "BYE sip:" in told(caller) and "BYE sip:" in told(provider), what="both are told")
        row = await line.ended(number="+73425557001")
        transfers = [(one["target"], one["result"]) for one in line.rows("select * from transfers")]
        assert (row["outcome"], transfers) == ("answered", [("general", "done")])
        assert row["recording"]
        assert not row["recording_problem"]
        for messages in (provider, caller):
            assert "SIP/2.0/TCP" in told(messages)
            assert "SIP/2.0/UDP" not in told(messages)
