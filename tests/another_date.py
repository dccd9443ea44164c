"""`--at`: the tests on another date than today's, and who of them reads the clock on the wall at all.

The wall clock goes on from that moment, and the zone of the machine is that of the moment; monotonic clocks go as ever.
Every test begins at that moment, so that one shortly before midnight passes midnight in most of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import settings

_READERS = "another_date/readers"
"""In pytest's cache: the tests that read the wall clock when they were last run on another date."""
_READS = "reads the wall clock"
_BOOKKEEPING = ("/_pytest/", "/execnet/", "/hypothesis/", "/logging/", "/prometheus_client/", "/sqlalchemy/", "/xdist/")
"""Whoever reads a clock to note when something was done, for a reader whom no test is."""

# The date is tried, and not once more what is tried today.
settings.register_profile("another date", deadline=None, max_examples=5)


def moment(text: str) -> datetime:
    """Of «2028-02-29T12:00 Europe/Moscow»."""
    date, _, zone = text.partition(" ")
    return datetime.fromisoformat(date).replace(tzinfo=ZoneInfo(zone))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--at", type=moment, help="each test begins at a moment, such as «2028-02-29T12:00 Europe/Moscow»")
    parser.addoption("--readers", action="store_true", help="only who read the wall clock in the last run `--at`")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--at"):
        settings.load_profile("another date")
        config.pluginmanager.register(_AnotherDate(config.getoption("--at")))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """To read files of which no test is wanted takes longer than the tests."""
    if not config.getoption("--readers") or collection_path.is_dir():
        return None
    files = {config.rootpath / reader.partition("::")[0] for reader in _readers(config)}
    return True if collection_path not in files else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--readers"):
        readers = _readers(config)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in readers])
        items[:] = [item for item in items if item.nodeid in readers]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    everybody = not config.getoption("--readers") and not config.getoption("--last-failed")
    if config.getoption("--at") and everybody:
        reports = [report for some in terminalreporter.stats.values() for report in some]
        readers = {report.nodeid for report in reports if _READS in dict(getattr(report, "user_properties", ()))}
        config.cache.set(_READERS, sorted(readers))
        terminalreporter.write_line(f"{len(readers)} tests read the wall clock")


def _readers(config: pytest.Config) -> set[str]:
    return set(config.cache.get(_READERS, ()))


class _AnotherDate:
    """Shifts the wall clock while a test is run, its fixtures included."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._read = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        self._read = False
        with time_machine.travel(self._at) as traveller:
            shown = traveller.time_ns

            def asked() -> int:
                asking = _file_of_who_asks()
                self._read = self._read or not any(name in asking for name in _BOOKKEEPING)
                return shown()

            traveller.time_ns = asked  # type: ignore[method-assign]
            return (yield)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Before the last report of a test is made, which takes the note along."""
        if self._read:
            item.user_properties.append((_READS, True))


def _file_of_who_asks() -> str:
    frame = sys._getframe(2)
    while frame.f_back and "/time_machine/" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename
