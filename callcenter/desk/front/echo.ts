/** The test before the shift: a call to Asterisk's echo, in which the person hears their own voice a second later. */

import type { RTCSession } from "jssip/lib/RTCSession";
import { choice, playThrough } from "./devices";
import { levelOf } from "./level";
import { callEcho, phone } from "./phone";
import { Store } from "./store";

export interface Echo {
  state: "none" | "calling" | "listening" | "failed";
  /** Whether a voice has come back from Asterisk: microphone and line work. Whether it is heard, the person says. */
  returned: boolean;
  stream: MediaStream | null;
}

const NONE: Echo = { state: "none", returned: false, stream: null };
const LATER_SECONDS = 1;
/** Louder than this, for so many tenths of a second, is a voice. */
const LOUD = 0.03;
const LONG_ENOUGH = 5;

export const echo = new Store<Echo>(NONE);

let session: RTCSession | null = null;
let player: AudioContext | null = null;
let unwatch = (): void => undefined;

export function begin(): void {
  end();
  const placed = callEcho();
  if (!placed) return echo.set({ ...NONE, state: "failed" });
  session = placed;
  echo.set({ ...NONE, state: "calling" });
  placed.connection.addEventListener("track", ({ track }) => placed === session && listen(new MediaStream([track])));
  placed.on("ended", () => placed === session && end());
  placed.on("failed", () => {
    if (placed !== session) return;
    end();
    echo.set({ ...NONE, state: "failed" });
  });
}

export function end(): void {
  const over = session;
  session = null;
  unwatch();
  void player?.close();
  player = null;
  if (over && !over.isEnded()) over.terminate();
  echo.set(NONE);
}

function listen(stream: MediaStream): void {
  // Chromium lets only what an element plays through to a context.
  const silent = new Audio();
  silent.muted = true;
  silent.srcObject = stream;
  player = new AudioContext();
  void playThrough(player, choice.value.speaker);
  const [later, volume] = [player.createDelay(2 * LATER_SECONDS), player.createGain()];
  later.delayTime.value = LATER_SECONDS;
  volume.gain.value = choice.value.volume;
  player.createMediaStreamSource(stream).connect(later).connect(volume).connect(player.destination);
  echo.set({ state: "listening", returned: false, stream });
  let loud = 0;
  unwatch = levelOf(stream, (level) => {
    if (level > LOUD) loud += 1;
    if (loud === LONG_ENOUGH) echo.set({ ...echo.value, returned: true });
  });
}

/** A call comes before a test. */
phone.subscribe(() => session && phone.value.call !== "none" && end());
