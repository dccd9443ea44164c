"""`--pool`: stories with a real Asterisk mostly wait, other tests mostly compute; `all_tests` runs both pools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STORIES, FAST = "stories", "fast"
_A_STORY = "mark.e2e"
_ALL_STORIES = re.compile(r"^pytestmark = (\[[^\]]*)?pytest\.mark\.e2e", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pool", choices=(STORIES, FAST), help="only stories with a real Asterisk, or only the others")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Every process of a pool reads the files of its tests: those without any would cost it more than its tests."""
    pool = config.getoption("--pool")
    if not pool or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    elsewhere = _ALL_STORIES.search(text) if pool == FAST else _A_STORY not in text
    return True if elsewhere else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if pool := config.getoption("--pool"):
        others = [item for item in items if ("e2e" in item.keywords) != (pool == STORIES)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if ("e2e" in item.keywords) == (pool == STORIES)]
        items.sort(key=_longest, reverse=True)


def _longest(item: pytest.Item) -> float:
    """Seconds that a test asks for: what takes minutes begins first, or everybody would wait for it at the end."""
    asked = item.get_closest_marker("timeout")
    return float(asked.args[0]) if asked else 0.0
