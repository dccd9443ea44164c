"""clamd's protocol, against a small server that speaks it, and against clamd itself where it is installed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callcenter.system.clamd import Clamd, Scan, Verdict
from tests.patience import patience

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-" + b"TEST-FILE!$H+H*"
"""Harmless by agreement: each scanner must find it (in two pieces, so that none finds it in this file)."""
Says = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def honest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As clamd: INSTREAM, pieces with their length, none of length 0, an answer that ends with a zero byte."""
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    content = b""
    while length := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(length)
    writer.write(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0")


def answering(said: bytes) -> Says:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    return answer


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@asynccontextmanager
async def listening(says: Says, folder: Path, within: float = 10.0) -> AsyncIterator[Clamd]:
    """A scanner of ours."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await says(reader, writer)
            await writer.drain()
        finally:
            writer.close()

    path = folder / "clamd.ctl"
    async with await asyncio.start_unix_server(serve, path):
        yield Clamd(path, "", 0, within)


def file(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "scan"),
    [
        (b"a contract", Scan(Verdict.CLEAN)),
        (b"", Scan(Verdict.CLEAN)),
        (b"x" * 700_000 + EICAR, Scan(Verdict.INFECTED, "Eicar-Test-Signature")),
    ],
)
async def test_a_file_is_clean_or_has_something_in_it(tmp_path: Path, content: bytes, scan: Scan) -> None:
    async with listening(honest, tmp_path) as clamd:
        assert await clamd.scan(file(tmp_path, content)) == scan


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (answering(b"INSTREAM size limit exceeded. ERROR\0"), "the scanner says: INSTREAM size limit exceeded. ERROR"),
        (answering(b""), "the scanner has closed the connection"),
        (answering(b"stream: OK"), ""),
        (answering(b"stream: OKAY\0"), "the scanner says: stream: OKAY"),
        (answering(b"\xff" * 9000), "the scanner says"),
    ],
)
async def test_what_is_no_clear_answer_is_none(tmp_path: Path, says: Says, why: str) -> None:
    async with listening(says, tmp_path) as clamd:
        scan = await clamd.scan(file(tmp_path, b"x" * 2_000_000))
    if why:
        assert scan.verdict is Verdict.UNANSWERED
        assert why in scan.said
    else:
        assert scan.verdict is Verdict.CLEAN, "older ones end a line otherwise"


async def test_a_scanner_that_hangs_or_is_away_does_not_mean_clean(tmp_path: Path) -> None:
    async with listening(hangs, tmp_path, within=0.05) as clamd:
        assert await clamd.scan(file(tmp_path, b"x")) == Scan(Verdict.UNANSWERED, "no answer within 0 s")
    away = Clamd(tmp_path / "nobody", "", 0, 5.0)
    assert (await away.scan(file(tmp_path, b"x"))).verdict is Verdict.UNANSWERED
    assert (await Clamd(None, "127.0.0.1", 9, 5.0).scan(file(tmp_path, b"x"))).verdict is Verdict.UNANSWERED
    async with listening(honest, tmp_path) as clamd:
        assert (await clamd.scan(tmp_path / "gone")).verdict is Verdict.UNANSWERED


@pytest.mark.skipif(shutil.which("clamd") is None, reason="clamd is not installed: apt-get install clamav-daemon")
@pytest.mark.timeout(120)
async def test_clamd_itself_finds_eicar_in_a_file_and_in_an_archive(tmp_path: Path) -> None:
    """With one signature of our own: its databases come from the network."""
    (tmp_path / "ours.ndb").write_text("Ours.Eicar:0:*:" + EICAR.hex() + "\n")
    (tmp_path / "clamd.conf").write_text(
        f"DatabaseDirectory {tmp_path}\nLocalSocket {tmp_path}/clamd.ctl\nForeground yes\nStreamMaxLength 1M\n"
    )
    settings = str(tmp_path / "clamd.conf")
    clamd = await asyncio.create_subprocess_exec("clamd", "--config-file", settings, stdout=subprocess.DEVNULL)
    try:
        async with patience(60):
            while not (tmp_path / "clamd.ctl").exists():  # noqa: ASYNC110 - what another program does
                await asyncio.sleep(0.05)
        scanner = Clamd(tmp_path / "clamd.ctl", "", 0, 30.0)
        assert await scanner.scan(file(tmp_path, b"a contract")) == Scan(Verdict.CLEAN)
        found = await scanner.scan(file(tmp_path, EICAR))
        assert (found.verdict, "Eicar" in found.said) == (Verdict.INFECTED, True)
        shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "file")
        assert (await scanner.scan(tmp_path / "packed.zip")).verdict is Verdict.INFECTED
        large = await scanner.scan(file(tmp_path, b"x" * 2_000_000))
        assert large.verdict is Verdict.UNANSWERED
        assert "size limit exceeded" in large.said
    finally:
        clamd.terminate()
        await clamd.wait()
