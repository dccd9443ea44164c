"""What holds for all tests, and how long each part of them takes."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.app.harness import Harness, channels
from tests.asterisk.fake_asterisk import Facts, FakeAsterisk, success

pytest_plugins = ["tests.another_date", "tests.pools", "tests.shortcuts"]

# Tests run side by side on whatever machine there is: an example that takes longer once is no failure.
settings.register_profile("callcenter", deadline=None)
settings.load_profile("callcenter")


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """A command of ours that a test runs in this process forbids others to read what is written from then on."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
async def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    """One to start controllers in; nobody is on the line yet."""
    monkeypatch.delenv("CALLCENTER_VAR", raising=False)
    async with FakeAsterisk(Facts()).serving() as asterisk:
        asterisk.answers["Status"] = channels()
        asterisk.answers["CoreStatus"] = lambda action: success(action, CoreStartupDate="2026-11-22")
        yield Harness(tmp_path, asterisk)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Seconds by part, those of all processes together."""
    spent: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[_part(report)] += report.duration
    terminalreporter.section("seconds by part")
    for part, seconds in sorted(spent.items(), key=lambda one: -one[1]):
        terminalreporter.write_line(f"{seconds:7.1f}  {part}")


def _part(report: pytest.TestReport) -> str:
    """A folder of tests or a file beside them; stories with a real Asterisk apart."""
    _, part, *_ = report.nodeid.partition("::")[0].split("/")
    return f"{part}, with Asterisk" if "e2e" in report.keywords else part
