/** What is written down of each call: kept on the server while it is typed, and shown in the form of one call at a time. */

import type { Contract } from "./contract";
import { callOf, request, say, told } from "./server";
import type { Answer } from "./server";
import { Store } from "./store";
import { language, word } from "./texts";

export interface Written {
  subject: string;
  text: string;
  result: string;
}

export interface Earlier {
  call: string;
  at: string;
  number: string;
  same_number: boolean;
  outcome: string;
  /** "outgoing": an operator called. */
  direction: string;
  operator: string;
  talk: number;
  recorded: boolean;
  notes: { operator: string; subject: string; result: string; conduct: boolean; text: string }[];
}

export interface Card {
  call: string;
  line: string;
  line_title: string;
  at: string;
  number: string;
  name: string;
  customer: string;
  role: string;
  inn: string;
  identification: string;
  identified_by: string;
  person: string;
  info_visits: number;
  heard: { at: string; place: number; minutes: number | null }[];
  handed: { at: string; by: string; to: string; target: string; result: string; note: string }[];
  earlier: Earlier[];
  subjects: [string, string][];
  /** By what the caller is served; null: the line asks nobody. */
  contract: Contract | null;
  crm_url: string;
  /** Whether the person may listen to recordings. */
  may_hear: boolean;
  note: (Written & { conduct: boolean; saved_at: string; registered_at: string | null }) | null;
}

export interface Unregistered {
  call: string;
  line: string;
  began_at: string;
  number: string;
  name: string;
  customer: string;
  draft: (Written & { conduct: boolean }) | null;
}

export type Saving = "saved" | "typing" | "saving" | "failed" | "nothing";

/** The card that is shown, and the note of its call. */
export interface Open {
  card: Card;
  written: Written;
  saving: Saving;
  registered: boolean;
}

/** Drafts are kept within two seconds of typing. */
const SAVE_AFTER_MS = 900;
const RETRY_MS = 3_000;
/** The register has the end of a conversation about a second after it. */
const LIST_AGAIN_MS = [1_500, 5_000];
const LOGGED_OUT = 401;
export const LONGEST_TEXT = 4000;
const REQUEST_MS = 8_000;

export const shown = new Store<Open | null>(null);
export const unregistered = new Store<Unregistered[]>([]);

let wanted = "";
/** How often something was typed: an answer that was asked for before that knows less. */
let edits = 0;
let timer = 0;
let saves: Promise<void> = Promise.resolve();
/** What the server does not have yet, by call: it stays here until it has, even when another call's form is open. */
const unsent = new Map<string, Written>();
/** Whose it is. */
let author = "";

async function get(path: string): Promise<Answer | null> {
  try {
    const headers = { "Accept-Language": language };
    const response = await fetch(path, { headers, signal: AbortSignal.timeout(REQUEST_MS) });
    return { status: response.status, data: await response.json() };
  } catch {
    return null;
  }
}

/** Show the card of a call. What is typed of the former one is kept first. */
export async function show(call: string): Promise<void> {
  wanted = call;
  flush();
  await saves;
  for (let attempt = 0; wanted === call; attempt += 1) {
    const before = edits;
    const answer = await get(`/api/card?call=${encodeURIComponent(call)}`);
    if (wanted !== call) return;
    if (answer?.status === 200) {
      const card = answer.data as unknown as Card;
      take(card, edits !== before);
      if (!lacksWhy(card) || attempt > 4) return;
    }
    if (answer?.status === 401 || answer?.status === 403 || attempt > 20) return;
    await new Promise((done) => setTimeout(done, 300 + 200 * attempt)); // the register is a moment behind
  }
}

/** Whether the card does not have yet why the caller was handed on, which the state tells already. */
function lacksWhy(card: Card): boolean {
  const call = told.value?.state.me.call;
  return Boolean(call?.handed_why) && !card.handed.some((one) => one.note);
}

function take(card: Card, typedSince: boolean): void {
  const open = shown.value;
  if (open?.card.call === card.call && (typedSince || !["nothing", "saved"].includes(open.saving))) {
    shown.set({ ...open, card }); // what is being typed here is newer
    return;
  }
  const { note } = card;
  const mine = unsent.get(card.call);
  shown.set({
    card,
    written: mine ?? { subject: note?.subject ?? "", text: note?.text ?? "", result: note?.result ?? "" },
    saving: mine ? "failed" : note ? "saved" : "nothing",
    registered: Boolean(note?.registered_at),
  });
}

/** Fetch the card again: the call has gone on, or somebody was identified. */
export const refresh = (): void => {
  if (wanted) void show(wanted);
};

/** The operator writes. */
export function write(change: Partial<Written>): void {
  const open = shown.value;
  if (!open) return;
  edits += 1;
  shown.set({ ...open, written: { ...open.written, ...change }, saving: "typing" });
  clearTimeout(timer);
  timer = setTimeout(flush, SAVE_AFTER_MS);
}

/** Keep on the server what is typed, now. One request after the other, so that the last one wins there, too. */
export function flush(): void {
  clearTimeout(timer);
  const open = shown.value;
  if (!open || open.registered || open.saving !== "typing") return;
  shown.set({ ...open, saving: "saving" });
  unsent.set(open.card.call, open.written);
  send(open.card.call);
}

function send(call: string): void {
  saves = saves.then(() => save(call));
}

async function save(call: string): Promise<void> {
  const written = unsent.get(call);
  if (!written) return;
  let status = 0;
  try {
    const answer = await request("/api/note", { call, ...written });
    status = answer.status;
    if (status !== 200 && status !== 409) say(answer.data.message ?? "");
  } catch {
    // Tried again below.
  }
  if (status === 0 || status >= 500) setTimeout(() => send(call), RETRY_MS);
  else if (status !== LOGGED_OUT && unsent.get(call) === written) unsent.delete(call);
  const open = shown.value;
  if (open?.card.call === call && ["saving", "failed"].includes(open.saving)) {
    shown.set({ ...open, saving: status === 200 ? "saved" : "failed" });
  }
}

/** Register the note. Returns whether that was done. */
export async function register(): Promise<boolean> {
  const open = shown.value;
  if (!open) return false;
  clearTimeout(timer);
  await saves; // no draft may come after it
  const { card, written } = shown.value ?? open;
  return done(card.call, await post("/api/note/register", { call: card.call, ...written }), written);
}

/** «Хулиганство»: the conversation is ended with words, and the call is registered so. */
export async function refuse(): Promise<boolean> {
  const open = shown.value;
  if (!open) return false;
  clearTimeout(timer);
  await saves;
  const { card, written } = shown.value ?? open;
  const body = { call: card.call, text: written.text };
  return done(card.call, await post("/api/note/refuse", body), { ...written, result: "refused" });
}

function done(call: string, answer: Answer | null, written: Written): boolean {
  if (answer?.status !== 200) {
    const open = shown.value;
    if (open?.card.call === call) shown.set({ ...open, saving: "typing" });
    timer = setTimeout(flush, SAVE_AFTER_MS);
    return false;
  }
  say(word("registered"));
  unsent.delete(call);
  const open = shown.value;
  if (open?.card.call === call) shown.set({ ...open, written, saving: "saved", registered: true });
  unregistered.set(unregistered.value.filter((one) => one.call !== call));
  // The next call may take the place of this form: nobody is in it any more.
  if (document.activeElement?.closest("#note")) document.getElementById("state")?.focus();
  void list();
  return true;
}

export async function post(path: string, body: object = {}): Promise<Answer | null> {
  try {
    const answer = await request(path, body);
    if (answer.status !== 200 || answer.data.message) say(answer.data.message ?? "");
    return answer;
  } catch {
    say(word("no_connection"));
    return null;
  }
}

/** Fetch the list of what is not registered yet. */
export async function list(): Promise<void> {
  const answer = await get("/api/notes");
  if (answer?.status === 200) unregistered.set(answer.data["calls"] as unknown as Unregistered[]);
}

/** Somebody of the customers' directory; `contract`: number or login of one of theirs. */
export interface Match {
  name: string;
  role: string;
  inn: string;
  number: string;
  contract: string;
}

export async function find(asked: string): Promise<Match[]> {
  const answer = await get(`/api/customers?q=${encodeURIComponent(asked)}`);
  return answer?.status === 200 ? (answer.data["customers"] as never) : [];
}

/** Whether the operator writes just now: keys are letters then. */
export const typing = (): boolean =>
  Boolean(document.activeElement?.matches("input:not([type=radio]), textarea, select, [contenteditable]"));

/** Fetch the list when a conversation is over, and again when the register has caught up. */
function listSoon(): void {
  for (const after of LIST_AGAIN_MS) setTimeout(() => told.value && void list(), after);
}

let call = "";
let activity = "";
let known = false;

/** Follow the state: a call that appears brings its card, unless a note of another one is being typed. */
told.subscribe(() => {
  const me = told.value?.state.me;
  if (!me) {
    flush();
    shown.set(null);
    unregistered.set([]);
    [wanted, call, activity, known] = ["", "", "", false];
    return;
  }
  if (me.id !== author) unsent.clear();
  author = me.id;
  const [now, doing] = [callOf(me), me.activity];
  if (known && now === call && doing === activity) return;
  const first = !known;
  if (known && call && !now) listSoon();
  if (first) for (const call of unsent.keys()) send(call);
  [call, activity, known] = [now, doing, true];
  if (now && now !== wanted) {
    if (!busy()) void show(now);
  } else if (now) {
    refresh();
  }
  void list().then(() => {
    const latest = unregistered.value[0];
    // A page that is loaded anew goes on where the former one was.
    if (first && latest && !wanted && (doing === "wrapping_up" || latest.draft)) void show(latest.call);
  });
});

/** Whether a note of another call is being typed, so that its form must not go away under the hands. */
function busy(): boolean {
  const open = shown.value;
  return Boolean(open && !open.registered && typing() && document.activeElement?.closest("#note"));
}

addEventListener("pagehide", () => {
  const open = shown.value;
  if (!open || open.registered || !["typing", "saving", "failed"].includes(open.saving)) return;
  const body = JSON.stringify({ call: open.card.call, ...open.written });
  navigator.sendBeacon("/api/note", new Blob([body], { type: "application/json" }));
});
