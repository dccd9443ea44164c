"""The passwords of the phones in pages: one for an opening, worthless after the shift."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from callcenter.app.page_phones import PagePhones
from callcenter.asterisk.connection import NotConnected
from callcenter.config import Config
from callcenter.core.events import PhoneFound, PhoneLost
from callcenter.core.ids import PersonId, PhoneName
from tests.desk.fake_backend import operator

ANNA = PersonId("101")


class Asterisk:
    """What it is told: the digest of each phone, and how often pages were told of something."""

    def __init__(self) -> None:
        self.digests: dict[PhoneName, str] = {}
        self.pages_told = 0
        self.away = False
        self.events: list[PhoneLost | PhoneFound] = []

    def set_password(self, phone: PhoneName, digest: str) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        if self.away:
            done.set_exception(NotConnected("not connected"))
            done.exception()
        else:
            self.digests[phone] = digest
            done.set_result(None)
        return done

    def tell_pages(self) -> None:
        self.pages_told += 1


def made(folder: Path, asterisk: Asterisk, browsers: dict[str, object] | None) -> PagePhones:
    data = {
        "lines": {"estp": {"title": "ESTP", "numbers": ["7 342 292-19-60"]}},
        "people": {"101": {"name": "Анна Соколова", "phone": "101"}},
        "phones": {"101": None},
        "asterisk": {"browsers": browsers},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(data))
    return PagePhones(
        Config.load(folder / "config.yaml"), asterisk.set_password, asterisk.tell_pages, asterisk.events.append
    )


async def test_each_opening_has_a_password_of_its_own_and_the_newest_counts(tmp_path: Path) -> None:
    asterisk = Asterisk()
    phones = made(tmp_path, asterisk, {"port": 8088})
    seated = replace(operator(ANNA, "operators"), phone="101-web")
    assert phones.opening(seated) == ""
    first, second = await phones.open(ANNA), await phones.open(ANNA)
    assert (first.password, first.opening) != (second.password, second.opening)
    assert phones.opening(seated) == second.opening
    assert phones.opening(replace(seated, phone="101")) is None, "at a desk phone"
    assert asterisk.pages_told == 2
    assert second.password not in repr(second)
    assert second.password not in asterisk.digests[PhoneName("101-web")]


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_end_of_the_shift_ends_the_password_whoever_made_it(tmp_path: Path, restarted: bool) -> None:
    asterisk = Asterisk()
    phones = made(tmp_path, asterisk, {"port": 8088})
    await phones.open(ANNA)
    before = dict(asterisk.digests)
    (made(tmp_path, asterisk, {"port": 8088}) if restarted else phones).close(ANNA)
    assert asterisk.digests.keys() == before.keys()
    assert asterisk.digests != before


async def test_without_asterisk_there_is_no_phone_and_a_shift_ends_all_the_same(tmp_path: Path) -> None:
    asterisk = Asterisk()
    asterisk.away = True
    phones = made(tmp_path, asterisk, {"port": 8088})
    with pytest.raises(TimeoutError):
        await phones.open(ANNA)
    phones.close(ANNA)
    assert asterisk.pages_told == 0


async def test_only_the_page_that_has_the_phone_says_how_it_is(tmp_path: Path) -> None:
    asterisk, phone = Asterisk(), PhoneName("101-web")
    phones = made(tmp_path, asterisk, {"port": 8088})
    first, second = await phones.open(ANNA), await phones.open(ANNA)
    for opening, trouble in ((first.opening, "no_microphone"), (second.opening, "untested"), (second.opening, "")):
        phones.says(ANNA, opening, trouble)
        phones.says(ANNA, opening, trouble)
    assert asterisk.events == [PhoneLost(phone, page="untested"), PhoneFound(phone, page=True)]


async def test_after_a_restart_the_page_that_speaks_first_has_the_phone(tmp_path: Path) -> None:
    asterisk = Asterisk()
    phones = made(tmp_path, asterisk, {"port": 8088})
    phones.says(ANNA, "0a1b", "no_sound")
    phones.says(ANNA, "2c3d", "")
    assert asterisk.events == [PhoneLost(PhoneName("101-web"), page="no_sound")]
    assert phones.opening(replace(operator(ANNA, "operators"), phone="101-web")) == "0a1b"


async def test_where_no_test_is_wanted_an_untested_page_is_as_good(tmp_path: Path) -> None:
    asterisk = Asterisk()
    phones = made(tmp_path, asterisk, {"port": 8088, "sound_check": False})
    phones.says(ANNA, "0a1b", "untested")
    assert asterisk.events == [PhoneFound(PhoneName("101-web"), page=True)]


async def test_without_the_setting_nobody_has_one(tmp_path: Path) -> None:
    asterisk = Asterisk()
    phones = made(tmp_path, asterisk, None)
    phones.close(ANNA)
    assert (phones.names, phones.url, asterisk.digests) == ({}, "", {})


@pytest.mark.parametrize(
    ("browsers", "url"),
    [
        ({"port": 8088}, "ws://:8088/ws"),
        ({"port": 8089, "certificate": "c.pem", "key": "k.pem"}, "wss://:8089/ws"),
        ({"url": "wss://desk.example.ru/phone"}, "wss://desk.example.ru/phone"),
    ],
)
async def test_where_pages_register(tmp_path: Path, browsers: dict[str, object], url: str) -> None:
    assert made(tmp_path, Asterisk(), browsers).url == url
