/** The controller: requests to it, and the live connection over which it tells what has changed. */

import type { Chat } from "./chats";
import { Store } from "./store";
import { language, word } from "./texts";

export interface Call {
  call: string;
  line: string;
  number: string;
  name: string;
  customer: string;
  role: string;
  inn: string;
  identification: string;
  urgency: string;
  waited: number;
  /** The colleague who hands the caller on, and why. */
  handed_by: string;
  handed_why: string;
  /** "outgoing": an operator has called them. */
  direction: string;
  /** The second language of the line, if the caller has chosen it: "en". */
  language: string;
}

/** A call that this person makes, until somebody talks. */
export interface Outgoing {
  call: string;
  line: string;
  number: string;
  customer: string;
  inn: string;
  state: string;
  /** Seconds since they asked for the call. */
  since: number;
  /** What it came to, if that is known already; '': not yet. */
  result: string;
  /** The call-back for which it is made; "": none. */
  call_back: string;
}

export interface Me {
  id: string;
  name: string;
  group_title: string;
  phone: string;
  presence: string;
  activity: string;
  reason: string;
  since: number;
  call: Call | null;
  transfer: string;
  /** The caller of a conversation that broke off, who waits for this person. */
  kept: Call | null;
  outgoing: Outgoing | null;
  /** The ranges of numbers that they may call. */
  call_ranges: string[];
  phone_trouble: string;
  /** Seconds from `since` to the end of the wrap-up; null if there is none. */
  wrap_up: number | null;
  may_prolong: boolean;
  /** Whether their chats keep them from being offered callers. */
  kept_from_calls: boolean;
  /** Which opening of the phone in the page counts, '' if none is known; null if the person sits at another phone. */
  page_phone: string | null;
}

/** The call in which the person talks, or which is offered to them; '' if there is none. */
export function callOf(me: Me): string {
  return me.call?.call ?? "";
}

export interface Line {
  id: string;
  open: boolean;
  /** Whether a phone in the page answers its calls by itself. */
  auto_answer: boolean;
  waiting: Record<string, number>;
  longest_wait: number;
}

export interface State {
  me: Me;
  colleagues: { group: string; title: string; free: number }[];
  conversations: { id: string; name: string; activity: string; since: number }[];
  lines: Line[];
  recording: boolean;
  /** Of how many requests the person is warned: soon due, and late. */
  warned: { near: number; missed: number };
  /** The chats that they are offered, answer or write down. */
  chats: Chat[];
  /** What is valid now and concerns the person, whether they have read it or not. */
  news: { id: number; version: number; urgent: boolean }[];
}

/** What the controller said, and when each part of it came, by the page's own clock in seconds. */
export interface Told {
  state: State;
  at: Record<keyof State, number>;
}

/** null: nobody is logged in; undefined: not known yet. */
export const told = new Store<Told | null | undefined>(undefined);
export const connected = new Store(true);
/** The answer to the last request, for some seconds. */
export const message = new Store("");

const MESSAGE_MS = 10_000;
const REQUEST_MS = 8_000;
const LOGGED_OUT = 4401;
const TOO_MANY = 4409;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

let forget = 0;

export function say(text: string): void {
  clearTimeout(forget);
  message.set(text);
  forget = setTimeout(() => message.set(""), MESSAGE_MS);
}

export interface Answer {
  status: number;
  data: Record<string, unknown> & { message?: string };
}

/** Ask the controller for something. Throws if it cannot be reached. */
export async function request(path: string, body: object = {}): Promise<Answer> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Accept-Language": language, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  return { status: response.status, data: await response.json() };
}

/** Look something up. Throws if the controller cannot be reached, or if `over` says that nobody wants it any more. */
export async function look(path: string, over?: AbortSignal): Promise<Answer> {
  const ends = [AbortSignal.timeout(REQUEST_MS), ...(over ? [over] : [])];
  const response = await fetch(path, { headers: { "Accept-Language": language }, signal: AbortSignal.any(ends) });
  return { status: response.status, data: await response.json() };
}

let acting = false;

/** Do what a person asked for, and show the answer; a second press of the same key is ignored. */
export async function act(path: string, body: object = {}): Promise<Answer | null> {
  if (acting) return null;
  acting = true;
  try {
    const answer = await request(path, body);
    say(answer.data.message ?? "");
    return answer;
  } catch {
    say(word("no_connection"));
    return null;
  } finally {
    acting = false;
  }
}

let socket: WebSocket | null = null;
let retry = FIRST_RETRY_MS;

/** Open the live connection, and keep it open. */
export function live(): void {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
  socket = opened;
  [number, room] = [0, null];
  opened.addEventListener("open", () => asked.set(asked.value + 1));
  opened.addEventListener("message", ({ data }) => {
    retry = FIRST_RETRY_MS;
    connected.set(true);
    const news = JSON.parse(data);
    if ("how" in news) asked.set(asked.value + 1);
    else if (follows(news)) take(news);
    else renew(); // something is missing: the first message of a new connection has everything
  });
  opened.addEventListener("close", ({ code }) => {
    if (socket !== opened) return;
    socket = null;
    if (code === LOGGED_OUT) told.set(null);
    else if (code === TOO_MANY) say(word("too_many_pages"));
    else void reconnect();
  });
}

/** Open the live connection anew: the network is another, and the old one may seem open for minutes. */
export function renew(): void {
  const old = socket;
  socket = null;
  old?.close();
  if (old) void open();
}

/** How often the controller has asked how the phone in this page is; a new connection asks, too. */
export const asked = new Store(0);

/** Say something over the live connection, if there is one. */
export function tell(what: object): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
}

/** The number of the last message to this page alone, and of the last about what many are shown. */
let number = 0;
let room: number | null = null;

interface Numbers {
  n?: number;
  room?: number;
}

/** Whether no message is missing before this one; what comes with both numbers is whole. */
function follows(news: Numbers): boolean {
  const before = { number, room };
  if (news.n !== undefined) number = news.n;
  if (news.room !== undefined) room = news.room;
  if (news.n !== undefined) return news.n === before.number + 1;
  return before.room !== null && news.room === before.room + 1;
}

function take({ n, room, ...news }: Partial<State> & Numbers): void {
  const now = performance.now() / 1000;
  const before = told.value;
  const parts = Object.fromEntries(Object.keys(news).map((part) => [part, now]));
  told.set({
    state: { ...(before?.state ?? {}), ...news } as State,
    at: { ...(before?.at ?? {}), ...parts } as Told["at"],
  });
}

/**
 * Show the desk if somebody is logged in, else the log-in. A browser does not tell a script why a WebSocket was refused,
 * so this is asked before.
 */
export async function open(): Promise<void> {
  try {
    const { status } = await fetch("/api/me", { signal: AbortSignal.timeout(REQUEST_MS) });
    connected.set(true);
    if (status === 401) return told.set(null);
    if (status === 200) return live();
  } catch {
    connected.set(false);
  }
  await reconnect();
}

async function reconnect(): Promise<void> {
  await new Promise((done) => setTimeout(done, retry));
  if (retry > FIRST_RETRY_MS) connected.set(false); // a restart of the controller is shorter
  retry = Math.min(2 * retry, LAST_RETRY_MS);
  await open();
}
