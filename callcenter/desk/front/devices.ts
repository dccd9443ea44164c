/** Microphone and speakers: what was chosen in this browser, what is there, and what to go on with when one is unplugged. */

import { Store } from "./store";

export interface Choice {
  /** Ids of devices; '': what the system uses. */
  microphone: string;
  speaker: string;
  /** A second device that rings, beside the one for voices; '': none. */
  ringer: string;
  /** From 0 to 1. */
  volume: number;
  ringing: number;
}

export interface Device {
  id: string;
  label: string;
}

/** What the person has to be told: a device was unplugged, and with which one the call goes on ('': there is none). */
export interface Unplugged {
  kind: "microphone" | "speaker";
  instead: string;
}

const KEY = "sound";
const USUAL: Choice = { microphone: "", speaker: "", ringer: "", volume: 1, ringing: 0.7 };
/** Chromium lists these beside the devices that they stand for. */
const STAND_FOR_OTHERS = ["", "default", "communications"];

function remembered(): Choice {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Choice>;
    const texts = ["microphone", "speaker", "ringer"] as const;
    const found = { ...USUAL };
    for (const name of texts) if (typeof kept[name] === "string") found[name] = kept[name];
    for (const name of ["volume", "ringing"] as const) {
      const value = Number(kept[name] ?? NaN);
      if (value >= 0 && value <= 1) found[name] = value;
    }
    return found;
  } catch {
    return USUAL;
  }
}

export const choice = new Store<Choice>(remembered());
export const microphones = new Store<Device[]>([]);
export const speakers = new Store<Device[]>([]);
/** The open microphone; null: there is none, or none is wanted now. */
export const microphone = new Store<MediaStream | null>(null);
export const unplugged = new Store<Unplugged | null>(null);

let wanted = false;

export function choose(change: Partial<Choice>): void {
  const before = choice.value;
  choice.set({ ...before, ...change });
  try {
    localStorage.setItem(KEY, JSON.stringify(choice.value));
  } catch {
    // Not remembered in a browser that keeps nothing.
  }
  if (choice.value.microphone !== before.microphone && wanted) void reopen();
}

/** Open the chosen microphone, or another if it is not there. Throws if there is none, or none is allowed. */
export async function open(): Promise<void> {
  wanted = true;
  if (trackOf(microphone.value)?.readyState === "live") return;
  take(await opened());
  await look();
}

export function close(): void {
  wanted = false;
  unplugged.set(null);
  for (const track of microphone.value?.getTracks() ?? []) track.stop();
  microphone.set(null);
}

export const trackOf = (stream: MediaStream | null): MediaStreamTrack | undefined => stream?.getAudioTracks()[0];

/** The id of the device in use; '' if there is none. */
export const inUse = (): string => trackOf(microphone.value)?.getSettings().deviceId ?? "";

async function opened(): Promise<MediaStream> {
  const id = choice.value.microphone;
  const ask = (audio: MediaTrackConstraints | true) => navigator.mediaDevices.getUserMedia({ audio });
  if (!id) return ask(true);
  try {
    return await ask({ deviceId: { exact: id } });
  } catch {
    return ask(true);
  }
}

function take(stream: MediaStream): void {
  const before = trackOf(microphone.value);
  const track = trackOf(stream);
  if (before && track) track.enabled = before.enabled; // muted stays muted
  track?.addEventListener("ended", () => track === trackOf(microphone.value) && void gone(track.label));
  microphone.set(stream);
  before?.stop();
}

let opening = false;

async function reopen(): Promise<boolean> {
  if (opening) return true;
  opening = true;
  try {
    const stream = await opened();
    if (wanted) take(stream);
    else for (const track of stream.getTracks()) track.stop();
    return true;
  } catch {
    return false;
  } finally {
    opening = false;
  }
}

/** The microphone has ended: it was unplugged, or is forbidden now. */
async function gone(label: string): Promise<void> {
  if (!(await reopen())) microphone.set(null);
  unplugged.set({ kind: "microphone", instead: trackOf(microphone.value)?.label ?? "" });
  console.warn(`the microphone has ended: ${label}`);
}

/** See which devices are there; go on with another if one in use is gone, and with the chosen one when it is back. */
async function look(): Promise<void> {
  const found = await navigator.mediaDevices.enumerateDevices();
  const of = (kind: MediaDeviceKind): Device[] =>
    found
      .filter((one) => one.kind === kind && !STAND_FOR_OTHERS.includes(one.deviceId))
      .map((one, n) => ({ id: one.deviceId, label: one.label || `${n + 1}` }));
  const [inputs, outputs] = [of("audioinput"), of("audiooutput")];
  const heard = choice.value.speaker;
  const was = speakers.value.some(({ id }) => id === heard);
  microphones.set(inputs);
  speakers.set(outputs);
  const is = outputs.some(({ id }) => id === heard);
  if (was && !is) unplugged.set({ kind: "speaker", instead: outputs[0]?.label ?? "" });
  if (is && !was && unplugged.value?.kind === "speaker") unplugged.set(null);
  if (!wanted) return;
  const track = trackOf(microphone.value);
  if (!track) {
    if (inputs.length && (await reopen())) unplugged.set(null);
  } else if (track.readyState === "ended" || (inputs.length && !inputs.some(({ id }) => id === inUse()))) {
    if (!STAND_FOR_OTHERS.includes(inUse()) || track.readyState === "ended") await gone(track.label);
  } else if (inputs.some(({ id }) => id === choice.value.microphone) && inUse() !== choice.value.microphone) {
    if (await reopen()) unplugged.set(null);
  }
}

navigator.mediaDevices?.addEventListener("devicechange", () => void look());

/** Let a player or a context play through a chosen device; through the usual one if that is not there. */
export async function playThrough(player: HTMLMediaElement | AudioContext, device: string): Promise<void> {
  if (!("setSinkId" in player)) return; // a browser in which only the system chooses
  const set = (id: string): Promise<void> => (player as { setSinkId(id: string): Promise<void> }).setSinkId(id);
  const there = device && speakers.value.some(({ id }) => id === device) ? device : "";
  await set(there).catch(() => (there ? set("").catch(() => undefined) : undefined));
}
