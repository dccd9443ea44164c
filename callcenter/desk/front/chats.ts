/** The chats of this person: what the controller tells of them, their messages, and what is being sent. */

import { look, request, say, told } from "./server";
import { Store } from "./store";
import { word } from "./texts";

/** A chat as the live connection tells of it. */
export interface Chat {
  chat: string;
  /** What the customer can quote. */
  number: string;
  line: string;
  name: string;
  contact: string;
  state: "offered" | "open" | "wrapping_up";
  /** The number of its last message. */
  last: number;
  /** Whether the customer has the page open. */
  here: boolean;
  typing: boolean;
}

export interface Message {
  number: number;
  side: "customer" | "operator" | "line";
  key: string;
  text: string;
  at: string;
}

/** What is known here of one chat. */
export interface Talk {
  messages: Message[];
  /** What was sent and is not acknowledged yet. */
  sending: { key: string; text: string }[];
  /** What was typed before, as the server keeps it; null: not known yet. */
  draft: string | null;
  request: string;
  note: string;
  subject: string;
  subjects: { id: string; title: string }[];
  /** The number of the last message that somebody has looked at. */
  seen: number;
}

const NONE: Talk = {
  messages: [],
  sending: [],
  draft: null,
  request: "",
  note: "",
  subject: "",
  subjects: [],
  seen: 0,
};
const AGAIN_MS = 1500;
const TYPING_MS = 3000;

export const talks = new Store<Record<string, Talk>>({});
/** The chat that is shown; "": none. */
export const current = new Store("");
/** Takes a piece of an article into the answer that is being written; null: none is. */
export const insert = new Store<((text: string) => void) | null>(null);

export const chats = (): Chat[] => told.value?.state.chats ?? [];
export const talkOf = (chat: string): Talk => talks.value[chat] ?? NONE;
const path = (chat: string, what = ""): string => `/api/chats/${chat}${what}`;

function change(chat: string, parts: Partial<Talk>): void {
  talks.set({ ...talks.value, [chat]: { ...talkOf(chat), ...parts } });
}

/** Up to which number nothing is missing: an own message may be acknowledged before an earlier one was read. */
function complete(chat: string): number {
  const gap = talkOf(chat).messages.findIndex(({ number }, at) => number !== at + 1);
  return gap < 0 ? talkOf(chat).messages.length : gap;
}

const reading = new Set<string>();

/** Read what is new in a chat. */
async function read(chat: string): Promise<void> {
  if (reading.has(chat)) return;
  reading.add(chat);
  try {
    const { status, data } = await look(path(chat, `?after=${complete(chat)}`));
    if (status !== 200) return;
    take(chat, data["messages"] as Message[]);
    const { draft, ...rest } = data as unknown as Talk;
    change(chat, { request: rest.request, note: rest.note, subject: rest.subject, subjects: rest.subjects });
    if (talkOf(chat).draft === null) change(chat, { draft });
  } catch {
    setTimeout(follow, AGAIN_MS);
  } finally {
    reading.delete(chat);
  }
}

function take(chat: string, news: Message[]): void {
  const { messages, sending } = talkOf(chat);
  const known = new Map([...messages, ...news].map((one) => [one.number, one]));
  const ours = new Set([...known.values()].filter((one) => one.side === "operator").map((one) => one.key));
  change(chat, {
    messages: [...known.values()].sort((one, other) => one.number - other.number),
    sending: sending.filter((one) => !ours.has(one.key)),
  });
}

/** Have all messages that there are, and forget the chats that are over. */
function follow(): void {
  const there = chats();
  for (const one of there) {
    const talk = talkOf(one.chat);
    if (one.state !== "offered" && (talk.draft === null || complete(one.chat) < one.last)) {
      void read(one.chat);
    }
  }
  const left = Object.entries(talks.value).filter(([chat]) => there.some((one) => one.chat === chat));
  if (left.length < Object.keys(talks.value).length) talks.set(Object.fromEntries(left));
  if (!there.some((one) => one.chat === current.value && one.state !== "offered")) {
    current.set(there.find((one) => one.state !== "offered")?.chat ?? "");
  }
}

told.subscribe(follow);

export function show(chat: string): void {
  current.set(chat);
}

/** Somebody has looked at what there is. */
export function seen(chat: string): void {
  const last = talkOf(chat).messages.at(-1)?.number ?? 0;
  if (talkOf(chat).seen !== last) change(chat, { seen: last });
}

/** Do something with a chat, and say what is wrong if it cannot be done. */
export async function act(chat: string, what: string, body: object = {}): Promise<Record<string, unknown> | null> {
  try {
    const { status, data } = await request(path(chat, what), body);
    if (status === 200) return data;
    say(data.message ?? "");
  } catch {
    say(word("no_connection"));
  }
  return null;
}

/** Somebody on shift; `why_not`: why the chat cannot be handed over to them now, "" if it can. */
export interface Colleague {
  id: string;
  name: string;
  why_not: string;
}

export async function colleagues(chat: string): Promise<Colleague[]> {
  try {
    const { status, data } = await look(path(chat, "/colleagues"));
    return status === 200 ? (data["colleagues"] as Colleague[]) : [];
  } catch {
    return [];
  }
}

export async function accept(chat: string): Promise<void> {
  if (await act(chat, "/accept")) show(chat);
}

const random = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16)).join("-");

/** Send a message; with no connection it is sent again until it is kept, and is there once. */
export async function send(chat: string, text: string): Promise<void> {
  const key = random();
  change(chat, { sending: [...talkOf(chat).sending, { key, text }], draft: "" });
  for (;;) {
    try {
      const { status, data } = await request(path(chat, "/messages"), { key, text });
      if (status === 200) return take(chat, [data as unknown as Message]);
      if (status < 500) {
        say(data.message ?? "");
        return change(chat, { sending: talkOf(chat).sending.filter((one) => one.key !== key) });
      }
    } catch {
      // the connection: again
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

let typed = 0;

/** Show the customer that an answer is being written. */
export function typing(chat: string): void {
  if (Date.now() - typed < TYPING_MS) return;
  typed = Date.now();
  void request(path(chat, "/typing")).catch(() => undefined);
}

let later = 0;

/** Keep on the server what is typed: it is there after a reload, and for whoever has the chat next. */
export function keepDraft(chat: string, text: string): void {
  clearTimeout(later);
  later = setTimeout(() => void request(path(chat, "/draft"), { text }).catch(() => undefined), 700);
}
