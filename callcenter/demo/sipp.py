"""Groups of callers and answering phones, simulated by sipp in separate processes that we limit and end.

sipp uses real SIP and real audio, but it cannot press keys: its callers answer no question.
"""

from __future__ import annotations

import array
import asyncio
import csv
import json
import math
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callcenter.core.errors import ReadableError
from callcenter.system.programs import PARTS, ProgramError, ask_parts

SCENARIOS = Path(__file__).parent / "scenarios"
RATE = 8000
"""Samples per second (one A-law byte each)."""
_SOFT, _HARD = 0.3, 2.0
"""Seconds that sipp has to hang up its calls, and then to end."""
_LOOKING = 60.0


class SippError(ReadableError):
    """sipp is missing or does not start; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One row of callers. `patience`: seconds from the answer until they hang up, whatever happens."""

    dials: str
    number: str
    delay: float = 0.0
    """Seconds before dialling."""
    patience: float = 3600.0


@dataclass(frozen=True, slots=True)
class Pickup:
    """How a phone takes one call: seconds of ringing, then seconds of conversation until it hangs up."""

    ring: float
    talk: float


@dataclass(frozen=True, slots=True)
class Counts:
    """sipp's counts of its calls so far."""

    created: int
    going_on: int
    successful: int
    failed: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """A running sipp."""

    process: asyncio.subprocess.Process
    folder: Path

    @property
    def counts(self) -> Counts:
        """Return the counts, at most about one second old."""
        try:
            with (self.folder / "counts.csv").open() as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except FileNotFoundError:
            rows = []
        last = rows[-1] if rows else {}
        incoming, outgoing = int(last.get("IncomingCall(C)") or 0), int(last.get("OutgoingCall(C)") or 0)
        going_on = int(last.get("CurrentCall") or 0)
        successful, failed = int(last.get("SuccessfulCall(C)") or 0), int(last.get("FailedCall(C)") or 0)
        return Counts(incoming + outgoing, going_on, successful, failed)

    def errors(self) -> str:
        """Return the errors that sipp reported."""
        path = self.folder / "errors.log"
        return path.read_text(errors="replace") if path.exists() else ""


def find(project: Path) -> Path:
    """Return the sipp that the set-up found or fetched. Raises SippError, which says what to do."""
    tool = project / PARTS
    if not tool.exists():
        raise SippError(f"{tool} is missing: simulated callers need the whole project")
    try:
        return Path(json.loads(ask_parts(project, "--where", "sipp", timeout=_LOOKING))["binary"])
    except ProgramError as problem:
        raise SippError(problem.said or "sipp was not found; run: make demo") from None


@asynccontextmanager
async def callers(
    program: Path,
    folder: Path,
    address: str,
    asterisk: tuple[str, int],
    rows: Sequence[Caller],
    *,
    rate: float,
    at_once: int,
    total: int | None = None,
    lasting: float = 600.0,
    hertz: float = 440.0,
) -> AsyncIterator[Crowd]:
    """Run callers at `address`, `rate` per second, at most `at_once`, `total` altogether (None: no limit).

    Rows are used in turn, repeatedly. `lasting`: seconds after which sipp ends by itself. With `total` it also ends
    when the last caller has hung up; but if it is stopped before that, it does not hang up its calls.
    """
    fields = ((row.dials, row.number, round(row.delay * 1000), round(row.patience * 1000)) for row in rows)
    bounds = ["-r", str(max(1, round(rate * 100))), "-rp", "100000", "-l", str(at_once)]
    if total is not None:
        bounds += ["-m", str(total)]
    words = [f"{asterisk[0]}:{asterisk[1]}", *bounds, "-timeout", f"{math.ceil(lasting)}s"]
    async with _running(program, "caller", folder, address, fields, words, hertz) as crowd:
        yield crowd


@asynccontextmanager
async def phone(
    program: Path,
    folder: Path,
    address: str,
    port: int,
    rows: Sequence[Pickup],
    *,
    lasting: float = 600.0,
    hertz: float = 1000.0,
) -> AsyncIterator[Crowd]:
    """Run a phone at `address` that answers every call as the rows say, in turn. It is ready when this returns."""
    fields = ((round(row.ring * 1000), round(row.talk * 1000)) for row in rows)
    words = ["-p", str(port), "-timeout", f"{math.ceil(lasting)}s"]
    async with _running(program, "operator", folder, address, fields, words, hertz) as crowd:
        yield crowd


@asynccontextmanager
async def _running(
    program: Path,
    scenario: str,
    folder: Path,
    address: str,
    fields: Iterable[tuple[object, ...]],
    words: list[str],
    hertz: float,
) -> AsyncIterator[Crowd]:
    _lay_out(folder, fields, hertz)
    command = [
        *(str(program), "-sf", str(SCENARIOS / f"{scenario}.xml"), "-inf", "rows.csv"),
        *("-i", address, "-bind_local", "-mi", address, "-ci", "127.0.0.1", "-nostdin"),
        *("-trace_stat", "-stf", "counts.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log"),
        *words,
    ]
    with (folder / "screen.log").open("wb") as screen:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            env={"TERM": "dumb"},
            start_new_session=True,  # Ctrl-C reaches us first, and we end the calls in an orderly way
        )
    crowd = Crowd(process, folder)
    try:
        await _started(crowd)
        yield crowd
    finally:
        await _stop(process)


def _lay_out(folder: Path, fields: Iterable[tuple[object, ...]], hertz: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "counts.csv").unlink(missing_ok=True)
    (folder / "voice.alaw").write_bytes(tone(hertz))
    lines = ["SEQUENTIAL", *(";".join(map(str, row)) for row in fields)]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


async def _started(crowd: Crowd) -> None:
    """Wait until sipp has written its first counts, which it does when its sockets are open."""
    while not (crowd.folder / "counts.csv").exists():
        if crowd.process.returncode is not None:
            said = (crowd.folder / "screen.log").read_text(errors="replace").strip()[-500:]
            raise SippError(f"sipp did not start (code {crowd.process.returncode}): {said or crowd.errors()}")
        await asyncio.sleep(0.01)


async def hang_up(crowds: Iterable[Crowd]) -> None:
    """End all of them at the same time, so that leaving their contexts takes no time."""
    await asyncio.gather(*(_stop(crowd.process) for crowd in crowds))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask twice (first no new calls, then hang up the present ones), then end the process."""
    for _ in range(2):
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGUSR1)
        if await _ended(process, _SOFT / 2):
            return
    if not await _ended(process, _SOFT):
        process.terminate()
    if not await _ended(process, _HARD):
        process.kill()
        await process.wait()


async def _ended(process: asyncio.subprocess.Process, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        return False
    return True


def tone(hertz: float, seconds: float = 1.0, level: float = 0.2) -> bytes:
    """Return a sine tone as A-law (G.711), to be played in a loop."""
    samples = array.array(
        "h", (round(math.sin(2 * math.pi * hertz * n / RATE) * level * 32767) for n in range(int(RATE * seconds)))
    )
    return bytes(map(_alaw, samples))


def _alaw(sample: int) -> int:
    sign, magnitude = (0xD5, sample) if sample >= 0 else (0x55, -sample - 1)
    magnitude >>= 3  # 13 bits
    segment = max(0, magnitude.bit_length() - 5)
    step = magnitude >> (segment or 1) & 0x0F
    return (segment << 4 | step) ^ sign
