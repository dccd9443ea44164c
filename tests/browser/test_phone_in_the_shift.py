"""What the phone in the page does by itself: rings everywhere, measures, notices a frozen tab, serves a headset."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.accessibility import AXE
from tests.browser.browser import browser
from tests.browser.test_page_phone import answered, free, opened
from tests.e2e.hearing import brief_prompts, listen
from tests.e2e.listening import CALLER, OPERATOR, all_quiet, hears
from tests.e2e.station import Station, station, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    folder = tmp_path_factory.mktemp("shift")
    prompts = brief_prompts(folder / "prompts", 0.3)
    people = {name: {"group": "operators"} for name in ("101", "102")}
    settings = {"ivr": {"ask_inn": "false", "urgency": {}}, "prompts": str(prompts), "people": people}
    async with station(folder, browsers=True, timings={"ring_timeout": 8}, **settings) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def anna(running: Station, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    async with browser(tmp_path, OPERATOR, own=True) as context:
        await context.add_init_script(path=AXE)
        yield context
    await running.hang_up_all()
    await running.api("101")
    await running.api("101", "logout")
    await all_quiet(running)


# -- A8: ringing -------------------------------------------------------------------------------------------------------

RINGING = """
window.sounds = [];
const [start, stop] = [OscillatorNode.prototype.start, OscillatorNode.prototype.stop];
OscillatorNode.prototype.start = function (...at) {
  window.sounds.push({ of: this, through: this.context.sinkId, sounds: true });
  this.addEventListener("ended", () => { window.sounds.find(({ of }) => of === this).sounds = false; });
  return start.apply(this, at);
};
window.notices = [];
window.Notification = class {
  static permission = "granted";
  constructor(title) { this.title = title; this.shown = true; window.notices.push(this); }
  close() { this.shown = false; }
};
document.hasFocus = () => false;
"""


async def test_ringing_is_everywhere_and_ends_everywhere_at_once(running: Station, anna: BrowserContext) -> None:
    await anna.add_init_script(RINGING)
    page = await opened(anna, running)
    await free(page)
    await page.keyboard.press("v")
    options = page.locator("[name=ringer] option")
    await expect(options).not_to_have_count(1)
    second = await options.nth(1).get_attribute("value")
    assert second
    await page.select_option("[name=ringer]", second)
    caller = await running.caller("+73425554001")
    await expect(page.locator("#answer")).to_be_visible()
    assert await page.title() == "☎ Вам звонят"
    assert set(await page.evaluate("window.sounds.map(({ through }) => through)")) == {"", second}
    assert "svg" in str(await page.get_attribute("link[rel=icon]", "href"))
    assert await page.evaluate("window.notices.map(({ title, shown }) => [title, shown])") == [["Вам звонят", True]]
    await page.click("#answer")
    await hears(caller, OPERATOR)
    assert await page.evaluate("window.notices.map(({ shown }) => shown)") == [False]
    assert await page.get_attribute("link[rel=icon]", "href") == "data:,"
    assert not await page.evaluate("window.sounds.some(({ sounds }) => sounds)")
    await expect(page).to_have_title("Разговор")
    await page.reload()  # what was chosen is remembered in this browser
    await page.click("#sound-button")
    await expect(page.locator("[name=ringer]")).to_have_value(second)
    await page.click("#answer")
    await listen(caller, 1.0)
    await page.click("#hangup")
    await caller.ended.wait()


# -- A9: quality -------------------------------------------------------------------------------------------------------

LOSING = """
const getStats = RTCPeerConnection.prototype.getStats;
RTCPeerConnection.prototype.getStats = async function () {
  const found = new Map();
  (await getStats.call(this)).forEach((entry, id) => {
    if (entry.type === "inbound-rtp" && window.losing) {
      window.lost = (window.lost ?? 0) + 100;
      entry = { ...entry, packetsLost: window.lost };
    }
    found.set(id, entry);
  });
  return found;
};
"""


async def test_a_bad_line_is_shown_and_kept_with_the_call(running: Station, anna: BrowserContext) -> None:
    await anna.add_init_script(LOSING)
    page = await opened(anna, running)
    await free(page)
    caller = await answered(running, page, "+73425554002")
    row = await running.row(number="+73425554002")

    def samples() -> list[dict[str, Any]]:
        return running.rows(f"select * from call_quality where call = '{row['call']}'")

    await until(samples, 12.0, "the first five seconds are in the register")
    assert samples()[0]["worst_loss"] < 0.05
    await page.evaluate("window.losing = true")
    await expect(page.locator("#line-quality")).to_have_text("плохая связь", timeout=17_000)
    await page.evaluate("window.losing = false")
    await expect(page.locator("#line-quality")).to_have_text("", timeout=7_000)
    await page.click("#hangup")
    await caller.ended.wait()
    await until(lambda: samples()[0]["worst_loss"] > 0.05, 5.0, "what was bad is in the register")
    [kept] = samples()
    assert kept["operator"] == "101"


# -- A6: a frozen tab --------------------------------------------------------------------------------------------------


@contextmanager
def frozen(profile: Path) -> Iterator[None]:
    """The renderers of the browser with this profile are stopped; its network process goes on, and answers pings."""
    stopped = _renderers(profile)
    assert stopped
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)


def _renderers(profile: Path) -> list[int]:
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                commands[int(entry.name)] = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has ended meanwhile

    def ours(process: int) -> bool:
        while process in parents:
            if f"--user-data-dir={profile}" in commands[process]:
                return True
            process = parents[process]
        return False

    return [one for one, command in commands.items() if "--type=renderer" in command and ours(one)]


@pytest.mark.timeout(180)
async def test_a_frozen_tab_gets_no_caller(running: Station, anna: BrowserContext, tmp_path: Path) -> None:
    page = await opened(anna, running)
    await free(page)
    await until(lambda: running.see("101").phone_trouble == "", what="the phone is there")
    with frozen(tmp_path / f"profile-{OPERATOR:.0f}"):
        await until(lambda: running.see("101").phone_trouble != "", 20.0, "the frozen page is noticed")
        caller = await running.caller("+73425554003")
        await until(lambda: running.waiting() == 1, what="the caller waits")
        assert running.see("101").activity == "idle"
        row = await running.row(number="+73425554003")
        assert running.rows(f"select * from offers where call = '{row['call']}'") == []
    await expect(page.locator("#answer")).to_be_visible()
    await page.click("#answer")
    await listen(caller, 1.0)
    await page.click("#hangup")
    await caller.ended.wait()


# -- A11: a headset with buttons ---------------------------------------------------------------------------------------

HEADSET = """
class Headset extends EventTarget {
  productName = "Гарнитура 7";
  opened = false;
  sent = [];
  collections = [{
    usagePage: 0x0b,
    inputReports: [{ reportId: 2, items: [
      { usages: [0x0b0020, 0x0b002f], reportSize: 1, reportCount: 2 }, { reportSize: 6, reportCount: 1 },
    ] }],
    outputReports: [{ reportId: 3, items: [
      { usages: [0x080017, 0x080018, 0x080009], reportSize: 1, reportCount: 3 }, { reportSize: 5, reportCount: 1 },
    ] }],
  }];
  async open() { this.opened = true; }
  async sendReport(id, data) { if (window.broken) throw new Error("gone"); this.sent.push([id, ...data]); }
  press(bits) {
    const event = new Event("inputreport");
    event.reportId = 2;
    event.data = new DataView(new Uint8Array([bits]).buffer);
    this.dispatchEvent(event);
  }
}
window.headset = new Headset();
const hid = new EventTarget();
hid.getDevices = async () => [];
hid.requestDevice = async () => [window.headset];
Object.defineProperty(navigator, "hid", { value: hid });
"""
OFF_HOOK, MUTE = 1, 2


async def press(page: Page, bits: int) -> None:
    await page.evaluate("(bits) => window.headset.press(bits)", bits)


async def test_the_buttons_of_a_headset_and_a_headset_that_breaks(running: Station, anna: BrowserContext) -> None:
    await anna.add_init_script(HEADSET)
    page = await opened(anna, running)
    await free(page)
    await page.keyboard.press("v")
    await page.click("#headset")
    await expect(page.locator("#headset-ready")).to_contain_text("Гарнитура 7")
    caller = await running.caller("+73425554004")
    await expect(page.locator("#answer")).to_be_visible()
    assert await page.evaluate("window.headset.sent.at(-1)") == [3, 0b010], "it is told to ring"
    await press(page, OFF_HOOK)
    await hears(caller, OPERATOR)
    assert await page.evaluate("window.headset.sent.at(-1)") == [3, 0b001]
    await press(page, OFF_HOOK | MUTE)
    await press(page, OFF_HOOK)
    await hears(caller)
    assert await page.evaluate("window.headset.sent.at(-1)") == [3, 0b101]
    await page.evaluate("window.broken = true")
    await page.keyboard.press("F7")
    await hears(caller, OPERATOR)
    await listen(caller, 1.0)
    await page.click("#hangup")
    await caller.ended.wait()


# -- A4: one phone a person --------------------------------------------------------------------------------------------


async def test_two_tabs_and_two_computers_have_one_phone(
    running: Station, anna: BrowserContext, tmp_path: Path
) -> None:
    first = await opened(anna, running)
    await free(first)
    second = await anna.new_page()
    await second.goto(first.url)
    await free(second)
    await expect(first.locator("#banner")).to_contain_text("на другой странице")
    held = "navigator.locks.query().then(({ held }) => held.filter(({ name }) => name === 'phone').length)"
    assert await second.evaluate(held) == 1, "the tabs of one browser agree without the controller, too"
    async with browser(tmp_path, CALLER) as elsewhere:
        third = await opened(elsewhere, running)
        await free(third)
        await expect(second.locator("#banner")).to_contain_text("на другом компьютере")
        caller = await running.caller("+73425554005")
        await third.click("#answer")
        await hears(caller, CALLER)
        await second.reload()
        await expect(second.locator("#take-phone")).to_have_text("Взять телефон сюда")
        await hears(caller, CALLER)  # nobody has taken anything from the conversation
        await third.click("#hangup")
        await caller.ended.wait()
        await second.click("#take-phone")
        await free(second)
        await expect(third.locator("#banner")).to_contain_text("на другой странице")
