"""What more lines cost: `python -m tests.bench.lines` measures 1, 4 and 40 of them, for docs/performance.md.

The lines are those of `examples/four.yaml`, again and again under other ids and numbers, answered by one team. For each
number of lines: how long reading and checking the file takes; the processor seconds of `callcenter check` as a whole;
how long the lines' folders of prompts take at the first start and at later ones; how long `callcenter run` takes from
its start until Asterisk is connected, and its processor seconds; and what controller and Asterisk need of memory.
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from callcenter.config import Config
from callcenter.voice.line_prompts import lay_out
from tests.bench.usage import MIB, Usage
from tests.e2e.station import PROJECT, configuration

COUNTS = (1, 4, 40)
WITHIN = 120.0
"""Seconds that a start may take."""
SETTLED = 3.0
"""Seconds after the start until the memory is looked at."""


def configured(folder: Path, count: int) -> Path:
    """Write a configuration with so many lines; return its path."""
    four: dict[str, Any] = yaml.load((PROJECT / "examples" / "four.yaml").read_text(), yaml.BaseLoader)["lines"]  # noqa: S506
    models = list(four.values())
    lines: dict[str, Any] = {}
    for place in range(count):
        line = dict(models[place % len(models)])
        line |= {"numbers": [f"+7 342 200-{place // 100:02}-{place % 100:02}"], "capacity": "30"}
        line.pop("extension", None)
        lines[f"line-{place + 1}"] = line
    data = configuration(lines=lines)
    data["asterisk"] |= {"rtp_first": "10000", "rtp_last": "29999"}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    return path


def measured(count: int, rounds: int) -> dict[str, float]:
    """Measure so many lines. Seconds, and MB; the best of `rounds` for what is repeated."""
    with tempfile.TemporaryDirectory() as name:
        path = configured(Path(name), count)
        found = {
            "read": min(_seconds(lambda: Config.load(path)) for _ in range(rounds)),
            "check": min(_command("check", path) for _ in range(rounds)),
        }
        config = Config.load(path)
        found["folders"] = _seconds(lambda: lay_out(config))
        found["folders again"] = min(_seconds(lambda: lay_out(config)) for _ in range(rounds))
        return found | _start(path, config)


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _command(name: str, path: Path) -> float:
    """Run a command; return the processor seconds that it took, which do not depend on what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "callcenter", name, "--config", str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=PROJECT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _start(path: Path, config: Config) -> dict[str, float]:
    """Start the line, wait until it answers with Asterisk connected, look at the memory, and stop it."""
    command = [sys.executable, "-m", "callcenter", "run", "--config", str(path)]
    began = time.perf_counter()
    with (path.parent / "log").open("wb") as log:
        running = psutil.Popen(command, stdout=log, stderr=log, cwd=PROJECT)
    try:
        while "Ctrl-C stops all" not in (told := (path.parent / "log").read_text()):
            if running.poll() is not None or time.perf_counter() - began > WITHIN:
                raise SystemExit(told)
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        time.sleep(SETTLED)
        ours = str(config.var / "asterisk")
        asterisk = [one for one in psutil.process_iter(["cmdline"]) if ours in " ".join(one.info["cmdline"] or ())]
        used = Usage.of([running], asterisk)
        return {
            "start": seconds,
            "start, processor": used.daemon,
            "controller": used.daemon_resident / MIB,
            "asterisk": used.asterisk_resident / MIB,
        }
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for count in options.counts:
        found = measured(count, options.rounds)
        print(f"{count} line(s): " + ", ".join(f"{name} {value:.3g}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
