"""A person at the desk: a real Chromium, driven by Playwright, with a file for a microphone.

Its sound goes through WebRTC to Asterisk and back. What the page plays can be measured: each remote stream is kept, and
its loudest tone is asked for.
"""

from __future__ import annotations

import asyncio
import shutil
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, BrowserContext, Page, Playwright, ViewportSize, async_playwright

MICROPHONE_RATE = 48_000
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=user-gesture-required",
)
# Tones would be taken for noise; and the page keeps its streams to itself.
LISTENING = """
const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async ({ audio }) => {
  const asked = audio === true ? {} : audio;
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await getUserMedia({ audio: { ...asked, ...plain } });
  (window.microphones ??= []).push(stream.getAudioTracks()[0]);
  return stream;
};
const Connection = RTCPeerConnection;
window.RTCPeerConnection = class extends Connection {
  constructor(...options) {
    super(...options);
    this.addEventListener("track", ({ track }) => { window.heardTrack = track; });
  }
};
window.loudestTone = async () => {
  if (!window.heardTrack) return 0;
  const context = new AudioContext({ sampleRate: 8000 });
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(new MediaStream([window.heardTrack])).connect(analyser);
  await new Promise((done) => setTimeout(done, 400));
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(spectrum);
  await context.close();
  const loudest = spectrum.indexOf(Math.max(...spectrum));
  return spectrum[loudest] > -50 ? loudest * 8000 / analyser.fftSize : 0;
};
"""


def chromium() -> str:
    """The browser of this machine. There is no story of the desk without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "Chromium is not installed here: on Debian, apt-get install chromium"
    return found


def microphone(file: Path, hertz: float) -> Path:
    """A recording of one tone, for a microphone; the browser plays it again and again."""
    t = np.arange(MICROPHONE_RATE) / MICROPHONE_RATE
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, MICROPHONE_RATE, 0, "NONE", ""))
        sound.writeframes((np.sin(2 * np.pi * hertz * t) * 0.3 * 32767).astype("<i2").tobytes())
    return file


class Browsers:
    """Browsers that the tests of one event loop share, one for each voice; each test has a context of its own in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[float, Browser] = {}
        self._stack = AsyncExitStack()
        self._playwright: Playwright | None = None

    async def context(self, hertz: float, language: str) -> BrowserContext:
        """A person who says this tone."""
        if self._playwright is None:
            self._playwright = await self._stack.enter_async_context(async_playwright())
        if hertz not in self._running:
            flags = _flags(microphone(self._folder / f"microphone-{hertz:.0f}.wav", hertz))
            self._running[hertz] = await self._playwright.chromium.launch(executable_path=chromium(), args=flags)
            self._stack.push_async_callback(self._running[hertz].close)
        return await self._running[hertz].new_context(locale=language, viewport=VIEWPORT)

    async def close(self) -> None:
        await self._stack.aclose()


_shared: dict[asyncio.AbstractEventLoop, Browsers] = {}


@asynccontextmanager
async def shared_browsers(folder: Path) -> AsyncIterator[None]:
    """Meanwhile, whoever asks for a `browser` in this loop gets a context in one that may be running already."""
    loop = asyncio.get_running_loop()
    browsers = _shared[loop] = Browsers(folder)
    try:
        yield
    finally:
        del _shared[loop]
        await browsers.close()


@asynccontextmanager
async def browser(
    folder: Path, hertz: float, language: str = "ru-RU", program: str = "", flags: Sequence[str] = (), own: bool = False
) -> AsyncIterator[BrowserContext]:
    """A browser of one person, who says this tone.

    `own`: processes of its own, with a profile in this folder; another `program` and more `flags` mean that, too.
    """
    browsers = _shared.get(asyncio.get_running_loop())
    async with AsyncExitStack() as stack:
        if browsers and not (own or program or flags):
            context = await browsers.context(hertz, language)
        else:
            playwright = await stack.enter_async_context(async_playwright())
            context = await playwright.chromium.launch_persistent_context(
                folder / f"profile-{hertz:.0f}",
                executable_path=program or chromium(),
                args=[*_flags(microphone(folder / f"microphone-{hertz:.0f}.wav", hertz)), *flags],
                locale=language,
                viewport=VIEWPORT,
            )
        context.set_default_timeout(15_000)
        await context.add_init_script(LISTENING)
        try:
            yield context
        finally:
            await context.close()


def _flags(sound: Path) -> list[str]:
    return [*FLAGS, f"--use-file-for-fake-audio-capture={sound}"]


async def hears_the_echo(page: Page) -> None:
    """The test before the shift: the person says something, and hears it."""
    await page.click("#echo")
    await page.click("#heard")


async def loudest_tone(page: Page) -> float:
    """The frequency of what the page plays now, in hertz; 0 if it is silent."""
    found: float = await page.evaluate("window.loudestTone()")
    return found
