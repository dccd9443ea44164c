"""Who somebody is, is told by where they call from or by a password, never by the name that they write into From."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from callcenter.config import Config
from callcenter.config.problems import ConfigError
from tests.attack.stranger import Stranger
from tests.e2e.hearing import brief_prompts
from tests.e2e.listening import all_quiet
from tests.e2e.station import NUMBER, Station, configuration, station, until

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("identity")
    prompts = brief_prompts(folder / "prompts", 0.3)
    async with station(
        folder, ivr={"ask_inn": "false", "urgency": {}}, prompts=str(prompts), registering=["901"]
    ) as found:
        yield found


@pytest.mark.e2e
@pytest.mark.clause("ESTP 2.1")
@pytest.mark.parametrize(
    "name", ["trunk-city", "TRUNK-CITY", "trunk-city;x=1", '"trunk-city" <sip:trunk-city', "102", "901"]
)
async def test_a_name_in_from_opens_neither_the_line_nor_the_codes(here: Station, name: str) -> None:
    """From an address that is nobody's: neither the trunk's, nor a phone's."""
    sender = f"<sip:{name}@x>" if "<" not in name else f"{name}@x>"
    async with Stranger(f"{here.network}3.77", here.proxy) as stranger:
        for dialled in (NUMBER, "*11", "*12", "s"):
            stranger.answers.clear()
            call = stranger.invite(dialled, sender)
            assert not await stranger.is_answered()
            assert set(stranger.statuses(call)) == {401}, "asked for a password, which it has not"
    assert not here.rows()
    await all_quiet(here)


@pytest.mark.e2e
async def test_who_calls_from_a_phones_address_is_that_phone_whatever_it_says(here: Station) -> None:
    """And a registered phone's name does not help from the trunk's address: there it is a caller of that name."""
    phone = here.config.phones["102"].address
    assert phone
    async with Stranger(phone.host, here.proxy) as stranger:
        call = stranger.invite(NUMBER, "<sip:trunk-city@x>")
        await until(lambda: 404 in stranger.statuses(call), what="a phone dials codes, no numbers")
    async with Stranger(f"{here.network}1.44", here.proxy) as stranger:
        call = stranger.invite("*11", "<sip:901@x>")
        await until(lambda: 404 in stranger.statuses(call), what="a caller has no codes")
    assert not here.rows()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phones": {"trunk-city": None}}, "phones.trunk-city: found 'trunk-city'; allowed: another name"),
        ({"phones": {"Trunk-City": None}}, "phones.Trunk-City: found 'Trunk-City'; allowed: another name"),
        ({"phones": {"udp": None}}, "phones.udp: found 'udp'; allowed: another name"),
        ({"phones": {"global": None}}, "phones.global: found 'global'; allowed: another name"),
        ({"lines": {"queue": {"numbers": ["+73422921961"]}}}, "lines.queue: found 'queue'; allowed: another name"),
        ({"lines": {"s": {"numbers": ["+73422921961"]}}}, "lines.s: found 's'; allowed: another name"),
    ],
)
async def test_a_phone_cannot_be_called_as_a_trunk_nor_a_line_as_a_step_of_the_dialplan(
    tmp_path: Path, changes: dict[str, dict[str, object]], told: str
) -> None:
    data = configuration()
    for section, entries in changes.items():
        data[section] |= entries
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(data, allow_unicode=True))
    with pytest.raises(ConfigError) as found:
        Config.load(tmp_path / "config.yaml")
    assert told in str(found.value)
