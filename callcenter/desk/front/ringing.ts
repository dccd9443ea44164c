/** Ringing: two soft tones, made here so that nothing has to be loaded, until the call is answered or gone. */

import { phone } from "./phone";

let context: AudioContext | null = null;
let timer = 0;

/** Browsers allow sound only after a click or a key: the log-in is one. */
export function unlock(): void {
  context ??= new AudioContext();
  void context.resume();
}

function tone(frequency: number, at: number): void {
  if (!context) return;
  const [oscillator, volume] = [context.createOscillator(), context.createGain()];
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.25, at + 0.03);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.55);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.6);
}

function ring(): void {
  if (!context) return;
  const now = context.currentTime;
  tone(784, now);
  tone(988, now + 0.22);
}

phone.subscribe(() => {
  const ringing = phone.value.call === "ringing";
  if (ringing && !timer) {
    ring();
    timer = setInterval(ring, 2000);
  } else if (!ringing && timer) {
    clearInterval(timer);
    timer = 0;
  }
});

for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, unlock, { once: true });
