/** Requests: the form that is open, kept on the server while it is typed; the forms not passed on; the caller's earlier ones. */

import type { Contract } from "./contract";
import { Files } from "./files";
import type { Kept, Limits } from "./files";
import { post, shown, write as writeNote } from "./notes";
import type { Saving } from "./notes";
import { look, request, say, told } from "./server";
import { Store } from "./store";
import { word } from "./texts";

export interface Row {
  id: string;
  /** false: of somebody else's, only where it stands. */
  in_full: boolean;
  number: string;
  line: string;
  state: string;
  subject: string;
  urgency: string;
  essentials: string;
  requester: string;
  received_at: string;
  due: string | null;
  overdue: boolean;
  due_today: boolean;
}

export interface Words {
  ru: string;
  en: string;
}

/** Where a request stands, as everybody may tell the caller. */
export interface Standing {
  number: string;
  state: string;
  subject: string;
  expected: string | null;
  overdue: boolean;
  words: Words | null;
}

export interface LineOptions {
  line: string;
  title: string;
  subjects: [string, string][];
  urgencies: string[];
  /** The urgencies of a subject, if some are for some subjects alone. */
  own_urgencies: Record<string, string[]>;
  /** Whether the line serves by contracts. */
  contracts: boolean;
  ways: string[];
  /** Seconds in which an answer is given in the conversation; 0: no limit. */
  spoken_answer: number;
  /** What may be attached; null: nothing. */
  files: Limits | null;
}

export interface Form extends Standing {
  id: string;
  line: string;
  call: string;
  received_at: string;
  subject_id: string;
  essentials: string;
  urgency: string;
  way: string | null;
  address: string;
  requester: {
    name: string;
    number: string;
    inn: string;
    customer: string;
    contract: string;
    convenient: string;
    /** In the line's zone. */
    convenient_from: string | null;
    convenient_until: string | null;
  };
  told: string;
  attachments: Kept[];
  version: number;
  form_due: string | null;
  promises: Record<string, { due: string | null; words: Words }>;
  /** By what the customer is served; null: the line asks nobody. */
  contract: (Contract & { urgencies: string[] }) | null;
  now: string;
}

export interface Filled {
  subject: string;
  essentials: string;
  urgency: string;
  way: string;
  address: string;
  name: string;
  number: string;
  inn: string;
  customer: string;
  /** Number of the contract, or login. */
  contract: string;
  convenient: string;
  /** As a field for date and time has them, in the line's zone. */
  convenient_from: string;
  convenient_until: string;
}

/** The form that is shown. */
export interface Open {
  form: Form;
  filled: Filled;
  files: Files;
  saving: Saving;
}

/** Drafts reach the server within two seconds of typing. */
const SAVE_AFTER_MS = 900;
/** Letters of date, hours and minutes. */
const MINUTES = 16;
const RETRY_MS = 3_000;
const LOGGED_OUT = 401;
const LOOK_EVERY_MS = 15_000;

export const open = new Store<Open | null>(null);
export const forms = new Store<Row[]>([]);
export const lines = new Store<Record<string, LineOptions>>({});
/** The requests of the caller whose card is shown: of this call, and earlier ones, what is open first. */
export const ofCaller = new Store<{ call: string; of_call: Row[]; earlier: Row[] } | null>(null);

/** Who else has the form open that is shown: their names. */
export const others = new Store("");

/** By how much the server's clock is ahead of this computer's, in milliseconds: the hour of a form is the server's. */
let ahead = 0;
let timer = 0;
let saves: Promise<void> = Promise.resolve();
/** What the server does not have yet, by form. */
const unsent = new Map<string, Filled>();
/** Forms that the operator has put aside: they open again when asked for, not by themselves. */
const aside = new Set<string>();

async function get(path: string): Promise<Record<string, unknown> | null> {
  try {
    const { status, data } = await look(path);
    return status === 200 ? data : null;
  } catch {
    return null;
  }
}

function setClock(now: unknown): void {
  const at = Date.parse(String(now));
  if (!Number.isNaN(at)) ahead = at - Date.now();
}

/** Seconds until a moment, by the server's clock. */
export const until = (iso: string): number => (Date.parse(iso) - Date.now() - ahead) / 1000;

/** Open the form of a call; one of it that is open already is returned by the server. */
export async function openForm(call: string): Promise<void> {
  const answer = await post("/api/requests", { call });
  if (answer?.status !== 200) return;
  take(answer.data as unknown as Form);
  if (shown.value?.card.call === call && !shown.value.registered && !shown.value.written.result) {
    writeNote({ result: "request" });
  }
  void listForms();
  void findOfCaller(call);
}

/** Show a form that was begun before. */
export async function goOn(id: string): Promise<void> {
  flush();
  await saves;
  const found = await get(`/api/requests/${id}`);
  if (found?.["state"] === "draft" && found["promises"]) take(found as unknown as Form);
}

function take(form: Form): void {
  setClock(form.now);
  aside.delete(form.id);
  const mine = unsent.get(form.id);
  const { requester } = form;
  open.set({
    form,
    files: filesOf(form),
    filled: mine ?? {
      subject: form.subject_id,
      essentials: form.essentials,
      urgency: form.urgency,
      way: form.way ?? "",
      address: form.address,
      name: requester.name,
      number: requester.number,
      inn: requester.inn,
      customer: requester.customer,
      contract: requester.contract,
      convenient: requester.convenient,
      convenient_from: (requester.convenient_from ?? "").slice(0, MINUTES),
      convenient_until: (requester.convenient_until ?? "").slice(0, MINUTES),
    },
    saving: mine ? "failed" : "saved",
  });
}

/** The files of a form; those that are on their way go on when it is shown anew. */
function filesOf({ id, line, number, attachments }: Form): Files {
  const now = open.value;
  if (now?.form.id === id && !number) return now.files;
  const limits = number ? null : (lines.value[line]?.files ?? null);
  return new Files(id, attachments, limits, (version) => {
    const shownNow = open.value;
    if (shownNow?.form.id !== id) return;
    open.set({ ...shownNow, form: { ...shownNow.form, version: Math.max(version, shownNow.form.version) } });
  });
}

/** The operator writes. */
export function fill(change: Partial<Filled>): void {
  const now = open.value;
  if (!now || now.form.number) return;
  open.set({ ...now, filled: { ...now.filled, ...change }, saving: "typing" });
  clearTimeout(timer);
  timer = setTimeout(flush, SAVE_AFTER_MS);
}

/** Keep on the server what is typed, now; one request after the other, so that the last one wins there, too. */
export function flush(): void {
  clearTimeout(timer);
  const now = open.value;
  if (!now || now.saving !== "typing") return;
  open.set({ ...now, saving: "saving" });
  unsent.set(now.form.id, now.filled);
  send(now.form.id);
}

function send(id: string): void {
  saves = saves.then(() => save(id));
}

/** What can be sent of it: without an address there is no way of the answer yet, without a beginning no end. */
function body({ way, address, convenient_from, convenient_until, ...filled }: Filled): object {
  const time = {
    convenient_from: convenient_from || null,
    convenient_until: convenient_until > convenient_from && convenient_from ? convenient_until : null,
  };
  return way && address.trim() ? { ...filled, ...time, way, address } : { ...filled, ...time };
}

async function save(id: string): Promise<void> {
  const filled = unsent.get(id);
  if (!filled) return;
  let status = 0;
  let version = 0;
  try {
    const answer = await request(`/api/requests/${id}/fill`, body(filled));
    status = answer.status;
    version = Number(answer.data["version"] ?? 0);
    if (status !== 200) say(answer.data.message ?? "");
  } catch {
    // Tried again below.
  }
  if (status === 0 || status >= 500) setTimeout(() => send(id), RETRY_MS);
  else if (status !== LOGGED_OUT && unsent.get(id) === filled) unsent.delete(id);
  const now = open.value;
  if (now?.form.id !== id) return;
  const form = version ? { ...now.form, version } : now.form;
  const settled = ["saving", "failed"].includes(now.saving);
  open.set({ ...now, form, saving: !settled ? now.saving : status === 200 ? "saved" : "failed" });
}

/** Everything that is typed is on the server. */
export async function settle(): Promise<Open | null> {
  flush();
  await saves;
  return open.value;
}

/** The operator has said until when the answer comes (ESTP 5.5.1). */
export async function tell(words: string): Promise<void> {
  const now = await settle();
  if (!now) return;
  const { id, version } = now.form;
  const answer = await post(`/api/requests/${id}/tell`, { version, words });
  if (answer?.status !== 200 || open.value?.form.id !== id) return;
  say(word("request_told"));
  const form = { ...open.value.form, told: words, version: Number(answer.data["version"]) };
  open.set({ ...open.value, form });
}

/** Pass the form to the head: it gets its number. */
/** `why`: why something is registered that the customer's plan leaves to the customer. */
export async function submit(why = ""): Promise<void> {
  const now = await settle();
  if (!now || now.form.number) return;
  const { id, version, call } = now.form;
  const answer = await post(`/api/requests/${id}/submit`, { version, why });
  if (answer?.status !== 200 || open.value?.form.id !== id) return;
  take(answer.data as unknown as Form);
  say(`${word("request_registered")}: ${open.value.form.number}`);
  void listForms();
  if (call) void findOfCaller(call);
}

/** Put the form aside: what was typed stays, on the list of forms. */
export function close(): void {
  flush();
  if (open.value) aside.add(open.value.form.id);
  open.set(null);
  void saves.then(listForms);
}

export async function listForms(): Promise<void> {
  const found = await get("/api/requests/drafts");
  if (!found) return;
  setClock(found["now"]);
  forms.set(found["requests"] as Row[]);
}

async function findOfCaller(call: string): Promise<void> {
  const found = await get(`/api/requests/caller?call=${encodeURIComponent(call)}`);
  if (!found || shown.value?.card.call !== call) return;
  ofCaller.set({ call, of_call: found["of_call"] as Row[], earlier: found["earlier"] as Row[] });
  await goOnWithForm();
}

/** A page that is loaded anew, here or elsewhere, goes on with the form of the call that it shows. */
async function goOnWithForm(): Promise<void> {
  const mine = new Set(forms.value.map((one) => one.id));
  const draft = ofCaller.value?.of_call.find((one) => one.state === "draft" && mine.has(one.id));
  if (draft && !open.value && !aside.has(draft.id)) await goOn(draft.id);
}

/** Where the request of this number stands (ESTP 5.7.1); of anything else, the requests that have it. */
export async function findStanding(asked: string): Promise<Standing | Row[]> {
  if (/^[A-Za-z0-9_-]+-\d{4}-\d{6,12}$/.test(asked)) {
    const found = await get(`/api/requests/state?number=${encodeURIComponent(asked)}`);
    return found ? (found as unknown as Standing) : [];
  }
  const found = await get(`/api/requests/search?q=${encodeURIComponent(asked)}`);
  return (found?.["requests"] as Row[] | undefined) ?? [];
}

/** Say that the form is open, and learn who else has it open: the head, for example. */
async function lookAround(): Promise<void> {
  const id = open.value && !open.value.form.number ? open.value.form.id : "";
  if (!id || document.hidden) return others.set("");
  try {
    const { status, data } = await request(`/api/requests/${id}/look`);
    if (status !== 200 || open.value?.form.id !== id) return;
    others.set((data["viewers"] as { person: string }[]).map((one) => one.person).join(", "));
  } catch {
    // The next look will tell.
  }
}

setInterval(() => void lookAround(), LOOK_EVERY_MS);

let looking = "";

open.subscribe(() => {
  const id = open.value?.form.number ? "" : (open.value?.form.id ?? "");
  if (id === looking) return;
  looking = id;
  void lookAround();
});

let person = "";
let activity = "";

/** Who logs in gets the choices of the lines and the forms; when a conversation is over, the forms are looked at again. */
told.subscribe(() => {
  const me = told.value?.state.me;
  if (!me) {
    flush();
    for (const store of [open, ofCaller]) store.set(null);
    forms.set([]);
    [person, activity] = ["", ""];
    return;
  }
  if (me.id !== person) {
    if (person) unsent.clear();
    for (const id of unsent.keys()) send(id);
    void get("/api/requests/options").then((found) => {
      const all = (found?.["lines"] as LineOptions[] | undefined) ?? [];
      lines.set(Object.fromEntries(all.map((one) => [one.line, one])));
      if (all.length) void listForms().then(goOnWithForm);
    });
  } else if (me.activity !== activity && Object.keys(lines.value).length) void listForms();
  [person, activity] = [me.id, me.activity];
});

let card = "";

shown.subscribe(() => {
  const call = shown.value?.card.call ?? "";
  if (call === card) return;
  card = call;
  ofCaller.set(null);
  if (call) void findOfCaller(call);
});

addEventListener("pagehide", () => {
  const now = open.value;
  if (!now || now.form.number || !["typing", "saving", "failed"].includes(now.saving)) return;
  const blob = new Blob([JSON.stringify(body(now.filled))], { type: "application/json" });
  navigator.sendBeacon(`/api/requests/${now.form.id}/fill`, blob);
});
