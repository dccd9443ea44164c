/**
 * Ringing: two soft tones, made here so that nothing has to be loaded, through the voices' device and a second one; the
 * icon; and a message of the system if the page is not looked at. All of it ends at the same moment.
 */

import { choice, playThrough, speakers, unplugged } from "./devices";
import { phone } from "./phone";
import { Store } from "./store";
import { word } from "./texts";

/** Whether the browser lets this page make sounds: only after a click or a key, as the log-in. */
export const unlocked = new Store(false);

const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
const BELL = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 0l8 8-8 8-8-8z" fill="#e07b00"/></svg>',
)}`;

/** For the voices' device and for the second one. */
let contexts: AudioContext[] = [];
let sounding: OscillatorNode[] = [];
let timer = 0;
let shown: Notification | null = null;

function context(n: 0 | 1): AudioContext {
  const found = contexts[n];
  if (found) return found;
  const made = new AudioContext();
  contexts[n] = made;
  made.addEventListener("statechange", () => unlocked.set(contexts[0]?.state === "running"));
  return made;
}

/** Browsers allow sound only after a click or a key. */
export function unlock(): void {
  for (const n of [0, 1] as const) {
    void context(n)
      .resume()
      .then(() => unlocked.set(contexts[0]?.state === "running"));
  }
}

function tone(through: AudioContext, frequency: number, at: number, loudness: number): void {
  const [oscillator, volume] = [through.createOscillator(), through.createGain()];
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(Math.max(0.001, loudness), at + 0.03);
  volume.gain.exponentialRampToValueAtTime(0.0005, at + 0.55);
  oscillator.connect(volume).connect(through.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.6);
  oscillator.onended = () => (sounding = sounding.filter((one) => one !== oscillator));
  sounding.push(oscillator);
}

function play(frequencies: number[], apart: number): void {
  const through = choice.value.ringer ? contexts : contexts.slice(0, 1);
  for (const one of through) {
    if (one.state !== "running") continue;
    frequencies.forEach((hertz, n) => tone(one, hertz, one.currentTime + n * apart, 0.4 * choice.value.ringing));
  }
}

/** One ring, as it sounds with a call. */
export const ring = (): void => play([784, 988], 0.22);
/** That something is wrong with the sound itself. */
const alarm = (): void => play([988, 494, 988, 494], 0.18);
/** That a call is about to be answered by itself. */
export const announce = (): void => play([1047], 0);

function begin(): void {
  ring();
  timer = setInterval(ring, 2000);
  if (icon) icon.href = BELL;
  if (!document.hasFocus() && "Notification" in window && Notification.permission === "granted") {
    shown = new Notification(word("offered"), { tag: "call", icon: BELL, requireInteraction: true, silent: true });
    shown.onclick = () => window.focus();
  }
}

function end(): void {
  clearInterval(timer);
  timer = 0;
  for (const one of sounding) one.stop();
  if (icon) icon.href = "data:,";
  shown?.close();
  shown = null;
}

phone.subscribe(() => {
  const rings = phone.value.call === "ringing";
  if (rings && !timer) begin();
  else if (!rings && timer) end();
});
unplugged.subscribe(() => unplugged.value && alarm());

function through(): void {
  void playThrough(context(0), choice.value.speaker);
  void playThrough(context(1), choice.value.ringer);
}

choice.subscribe(through);
speakers.subscribe(through);
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => unlocked.value || unlock());
unlock(); // a page that was reloaded may be allowed to at once
