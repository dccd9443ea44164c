"""A person at the desk: a real Chromium, driven by Playwright, with a file for a microphone.

Its sound goes through WebRTC to Asterisk and back. What the page plays can be measured: each remote stream is kept, and
its loudest tone is asked for.
"""

from __future__ import annotations

import shutil
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import BrowserContext, Page, async_playwright

MICROPHONE_RATE = 48_000
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


@asynccontextmanager
async def browser(
    folder: Path, hertz: float, language: str = "ru-RU", program: str = "", flags: Sequence[str] = ()
) -> AsyncIterator[BrowserContext]:
    """One browser of one person, who says this tone. `program`: what starts it, if not Chromium itself."""
    sound = microphone(folder / f"microphone-{hertz:.0f}.wav", hertz)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder / f"profile-{hertz:.0f}",
            executable_path=program or chromium(),
            args=[*FLAGS, *flags, f"--use-file-for-fake-audio-capture={sound}"],
            locale=language,
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(15_000)
        await context.add_init_script(LISTENING)
        try:
            yield context
        finally:
            await context.close()


async def hears_the_echo(page: Page) -> None:
    """The test before the shift: the person says something, and hears it."""
    await page.click("#echo")
    await page.click("#heard")


async def loudest_tone(page: Page) -> float:
    """The frequency of what the page plays now, in hertz; 0 if it is silent."""
    found: float = await page.evaluate("window.loudestTone()")
    return found
