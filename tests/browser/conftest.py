"""To start a browser costs more than most tests in it: those of a module that share their loop share their browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.browser import shared_browsers

expect.set_options(timeout=15_000)  # a limit, as that of `browser`: what is asked for is mostly there at once


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Nothing is started before it is asked for."""
    async with shared_browsers(tmp_path_factory.mktemp("browsers")):
        yield
