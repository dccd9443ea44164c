/**
 * How the phone in this page is, told to the controller: it offers no caller where nobody would be heard. It asks now and
 * then, because a browser keeps the connection of a frozen page alive.
 */

import { choice, inUse, microphone, trackOf } from "./devices";
import { openedAs, phone } from "./phone";
import { unlocked } from "./ringing";
import { asked, tell, told } from "./server";
import { Store } from "./store";

const KEY = "sound-heard";
const LONGEST_SHIFT_MS = 16 * 3600 * 1000;

interface Proof {
  person: string;
  microphone: string;
  speaker: string;
  at: number;
}

function kept(): Proof | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Proof | null;
  } catch {
    return null;
  }
}

const proof = new Store<Proof | null>(kept());

function keep(value: Proof | null): void {
  proof.set(value);
  try {
    if (value) localStorage.setItem(KEY, JSON.stringify(value));
    else localStorage.removeItem(KEY);
  } catch {
    // Kept for as long as the page is open.
  }
}

/** The person has heard the echo: with these devices, in this shift. */
export function heard(): void {
  const person = told.value?.state.me.id ?? "";
  keep({ person, microphone: inUse(), speaker: choice.value.speaker, at: Date.now() });
}

function proved(): boolean {
  const found = proof.value;
  return (
    found !== null &&
    found.person === told.value?.state.me.id &&
    found.microphone === inUse() &&
    found.speaker === choice.value.speaker &&
    Date.now() - found.at < LONGEST_SHIFT_MS
  );
}

function trouble(): string {
  if (trackOf(microphone.value)?.readyState !== "live") return "no_microphone";
  // Whose own caller waits for them is not made to test anything first, nor is anybody in a call.
  if (told.value?.state.me.kept || phone.value.call !== "none") return "";
  if (!unlocked.value) return "no_sound";
  return proved() ? "" : "untested";
}

let said = "";

function report(again = false): void {
  if (phone.value.readiness !== "ready" && phone.value.readiness !== "no_asterisk") return;
  if (!openedAs() || told.value == null) return;
  const now = JSON.stringify({ opening: openedAs(), trouble: trouble() });
  if (!again && now === said) return;
  said = now;
  tell(JSON.parse(now) as object);
}

for (const store of [phone, microphone, choice, unlocked, proof]) store.subscribe(() => report());
asked.subscribe(() => report(true));
told.subscribe(() => {
  if (told.value === null) keep(null); // the shift is over
  report();
});
