/**
 * The on-line assistant in the customer's browser: articles first, then a chat that survives a reload. Its secret is made
 * here and kept by this browser alone. Every text from outside becomes text, never markup; articles are cleaned HTML.
 */

import { HEADER, solved, type Work } from "./working";

interface Data {
  line: string;
  language: string;
  texts: Record<string, string>;
}
interface Message {
  number: number;
  side: "customer" | "operator" | "line";
  key: string;
  text: string;
  at: string;
}
interface Sending {
  key: string;
  text: string;
  /** Why it was refused for good; "": it is sent again until it is kept. */
  why: string;
}
interface News {
  chat?: string;
  state?: string;
  who?: string;
  place?: number;
  messages?: Message[];
  typing?: boolean;
  whole?: boolean;
  refused?: string;
  why?: string;
}

const place = document.getElementById("assistant")!;
const data = JSON.parse(place.dataset["of"]!) as Data;
const KEY = `chat ${data.line}`;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const AGAIN_MS = 2000;
const TYPING_MS = 3000;
const SHOWS_TYPING_MS = 6000;
const LONGEST = 4000;
const UNKNOWN = 4404;
const path = `/${data.line}/chat`;

const word = (key: string): string => data.texts[key] ?? key;
const random = (bytes: number): string =>
  [...crypto.getRandomValues(new Uint8Array(bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");

/** Kept by the browser, or for as long as the page is open where it keeps nothing. */
const memory = new Map<string, string>();
const kept = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(name);
    } catch {
      return memory.get(name) ?? null;
    }
  },
  set(name: string, value: string | null): void {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, value);
    } catch {
      if (value === null) memory.delete(name);
      else memory.set(name, value);
    }
  },
};

type Child = Node | string | null;

function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((one): one is Node | string => one !== null));
  return made;
}

function button(text: string, act: () => void, kind = ""): HTMLButtonElement {
  const made = el("button", { type: "button", ...(kind ? { class: kind } : {}) }, text);
  made.addEventListener("click", act);
  return made;
}

// -- articles first -----------------------------------------------------------------------------------------------

let question = "";

function ask(): void {
  const field = el("textarea", { id: "question", rows: "3", maxlength: String(LONGEST), dir: "auto" });
  field.value = question;
  field.addEventListener("input", () => (question = field.value));
  const found = el("div", { id: "found", role: "status" });
  const form = el(
    "form",
    { class: "card" },
    el("label", { for: "question" }, word("ask")),
    el("p", { class: "hint" }, word("ask_hint")),
    field,
    el("div", { class: "row" }, el("button", { class: "go" }, word("search")), button(word("to_person"), () => who())),
    found,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void search(found);
  });
  place.replaceChildren(form);
}

async function search(found: HTMLElement): Promise<void> {
  try {
    const answer = await fetch(`${path}/articles?q=${encodeURIComponent(question.slice(0, 200))}`);
    if (!answer.ok) throw new Error();
    const { articles } = (await answer.json()) as { articles: { name: string; title: string; snippet: string }[] };
    const list = el("ul");
    for (const one of articles) {
      const open = button(one.title, () => void read(one.name, found), "plain");
      list.append(el("li", {}, open, el("p", { class: "hint", dir: "auto" }, one.snippet)));
    }
    found.replaceChildren(el("p", {}, word(articles.length ? "found" : "none")), list);
  } catch {
    found.replaceChildren(el("p", { class: "problem" }, word("failed")));
  }
}

async function read(name: string, found: HTMLElement): Promise<void> {
  try {
    const answer = await fetch(`${path}/articles/${encodeURIComponent(name)}`);
    if (!answer.ok) throw new Error();
    const { title, html } = (await answer.json()) as { title: string; html: string };
    const text = el("div", { class: "article" });
    text.innerHTML = html; // made by the server from markdown, without HTML of its own, and cleaned
    const heading = el("h2", { tabindex: "-1" }, title);
    found.replaceChildren(button(word("back"), () => void search(found)), heading, text);
    heading.focus();
  } catch {
    found.replaceChildren(el("p", { class: "problem" }, word("failed")));
  }
}

// -- who writes ---------------------------------------------------------------------------------------------------

function who(): void {
  const input = (id: string, more: Record<string, string>): HTMLInputElement => el("input", { id, required: "", ...more });
  const name = input("name", { maxlength: "100", autocomplete: "name" });
  const contact = input("contact", { type: "email", maxlength: "254", autocomplete: "email" });
  const text = el("textarea", { id: "text", rows: "3", maxlength: String(LONGEST), required: "", dir: "auto" });
  text.value = question;
  const problem = el("p", { class: "problem", role: "alert" });
  const start = el("button", { class: "go" }, word("start"));
  const form = el(
    "form",
    { class: "card", novalidate: "" },
    el("label", { for: "name" }, word("name")),
    name,
    el("label", { for: "contact" }, word("contact")),
    contact,
    el("p", { class: "hint" }, word("contact_hint")),
    el("label", { for: "text" }, word("ask")),
    text,
    problem,
    el("div", { class: "row" }, start, button(word("back"), ask)),
  );
  const secret = random(32);
  const key = random(16);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start.disabled = true;
    const fields = { name: name.value.trim(), contact: contact.value.trim(), text: text.value.trim() };
    void begin({ secret, key, language: data.language, ...fields }).then((why) => {
      start.disabled = false;
      problem.textContent = why;
    });
  });
  place.replaceChildren(form);
  name.focus();
}

async function begin(body: Record<string, string>, proof = ""): Promise<string> {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(proof && { [HEADER]: proof }) },
      body: JSON.stringify(body),
    });
    if (answer.status === 429 && !proof) {
      const done = await solved(((await answer.json()) as { work?: Work }).work);
      return done ? begin(body, done) : word("too_many");
    }
    if (answer.ok) {
      kept.set(KEY, body["secret"]!);
      chat(body["secret"]!);
      return "";
    }
    if (answer.status === 429 || answer.status === 503) return word("too_many");
    const { where } = (await answer.json()) as { where?: string };
    return word(where && `wrong_${where}` in data.texts ? `wrong_${where}` : "failed");
  } catch {
    return word("failed");
  }
}

// -- the chat -----------------------------------------------------------------------------------------------------

function chat(secret: string): void {
  const messages = new Map<number, Message>();
  const sent = `${KEY} sending`;
  let sending = JSON.parse(kept.get(sent) ?? "[]") as Sending[];
  let socket: WebSocket | null = null;
  let tries = 0;
  let state: News = {};
  let closed = false;
  let typed = 0;
  let forget = 0;

  const list = el("ol");
  const log = el("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0", "aria-label": word("messages") });
  log.append(list);
  const status = el("p", { class: "state", role: "status" });
  const number = el("small");
  const typing = el("p", { class: "typing" });
  const field = el("textarea", { id: "message", rows: "2", maxlength: String(LONGEST), dir: "auto" });
  const form = el(
    "form",
    {},
    el("label", { for: "message" }, word("write")),
    field,
    el("div", { class: "row" }, el("button", { class: "go" }, word("send"))),
  );
  const leave = button(word("leave"), () => tell({ leave: true }));
  const again = button(word("again"), () => {
    closed = true;
    socket?.close();
    kept.set(KEY, null);
    kept.set(sent, null);
    question = "";
    ask();
  });
  form.querySelector(".row")!.append(leave);
  place.replaceChildren(el("section", { class: "card", id: "chat" }, status, number, log, typing, form, again));

  const contiguous = (): number => {
    let last = 0;
    while (messages.has(last + 1)) last += 1;
    return last;
  };
  const tell = (what: object): boolean => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(what));
    return true;
  };
  const resend = (): void => {
    for (const one of sending) if (!one.why) tell({ key: one.key, text: one.text });
  };
  const keep = (): void => kept.set(sent, sending.length ? JSON.stringify(sending) : null);

  function connect(): void {
    if (closed) return;
    const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}/live`);
    socket = opened;
    opened.addEventListener("open", () => opened.send(JSON.stringify({ secret, after: contiguous() })));
    opened.addEventListener("message", ({ data: text }) => take(JSON.parse(text as string) as News));
    opened.addEventListener("close", ({ code }) => {
      if (socket !== opened || closed) return;
      socket = null;
      if (code === UNKNOWN) {
        closed = true;
        kept.set(KEY, null);
        kept.set(sent, null);
        status.textContent = word("unknown");
        form.hidden = true;
        again.hidden = false;
        return;
      }
      if (tries > 0) status.textContent = word("no_connection");
      setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      tries += 1;
    });
  }

  function take(news: News): void {
    if (news.chat) number.textContent = `${word("number")}: ${news.chat}`;
    if (news.state) {
      state = news;
      tries = 0;
    }
    if (news.messages) {
      for (const one of news.messages) messages.set(one.number, one);
      const there = new Set([...messages.values()].filter((one) => one.side === "customer").map((one) => one.key));
      sending = sending.filter((one) => !there.has(one.key));
      keep();
      if (news.messages.some((one) => one.side === "operator")) typing.textContent = "";
    }
    if (news.whole) resend();
    if (news.typing) {
      typing.textContent = word("typing");
      clearTimeout(forget);
      forget = setTimeout(() => (typing.textContent = ""), SHOWS_TYPING_MS);
    }
    if (news.refused !== undefined) {
      if (news.why === "too_fast" || news.why === "try_again") setTimeout(resend, AGAIN_MS);
      else sending = sending.map((one) => (one.key === news.refused ? { ...one, why: news.why ?? "over" } : one));
      keep();
    }
    draw();
  }

  /** The items that are there stay, so that a reader is told only what is new. */
  const items = new Map<string, HTMLLIElement>();

  function draw(): void {
    status.textContent = stateWords();
    const over = state.state === "ended" || state.state === "left";
    form.hidden = over;
    again.hidden = !over;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const wanted: HTMLLIElement[] = [];
    for (const one of [...messages.values()].sort((a, b) => a.number - b.number)) wanted.push(item(`${one.number}`, one));
    for (const one of sending) wanted.push(item(one.key, one));
    const gone = new Set(items.keys());
    wanted.forEach((one, at) => {
      gone.delete(one.dataset["id"]!);
      if (list.children[at] !== one) list.insertBefore(one, list.children[at] ?? null);
    });
    for (const id of gone) {
      items.get(id)?.remove();
      items.delete(id);
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function item(id: string, one: Message | Sending): HTMLLIElement {
    const found = items.get(id);
    if (found && "number" in one) return found;
    const made = found ?? el("li", { "data-id": id });
    made.className = "number" in one ? one.side : "customer sending";
    if ("number" in one && one.side === "line") made.replaceChildren(...lineWords(one.text));
    else made.replaceChildren(...said(one));
    items.set(id, made);
    return made;
  }

  function said(one: Message | Sending): Node[] {
    const mine = !("number" in one) || one.side === "customer";
    const head = el("small", {}, mine ? word("you") : state.who || word("us"), " ");
    if ("number" in one) {
      const at = new Date(one.at);
      const shown = at.toLocaleTimeString(data.language, { hour: "2-digit", minute: "2-digit" });
      head.append(el("time", { datetime: one.at }, shown));
    } else head.append(word(one.why ? "not_sent" : "sending"));
    return [head, el("p", { dir: "auto" }, one.text)];
  }

  function lineWords(text: string): Node[] {
    const told = JSON.parse(text) as { number: string; until: string };
    const words = [`${word("request")} ${told.number}.`];
    if (told.until) {
      const until = new Date(told.until).toLocaleString(data.language, { dateStyle: "long", timeStyle: "short" });
      words.push(`${word("until")} ${until}.`);
    }
    return [el("p", {}, words.join(" "))];
  }

  function stateWords(): string {
    switch (state.state) {
      case "open":
        return state.who ? `${word("open")}: ${state.who}` : word("open_nobody");
      case "ended":
        return word("ended");
      case "left":
        return word("left");
      default:
        return state.place ? `${word("waiting")} ${word("place")} ${state.place}.` : word("waiting");
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    const one = { key: random(16), text, why: "" };
    sending.push(one);
    keep();
    field.value = "";
    tell({ key: one.key, text });
    draw();
    log.scrollTop = log.scrollHeight;
  });
  field.addEventListener("keydown", (event) => {
    if (event.code !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener("input", () => {
    if (Date.now() - typed < TYPING_MS) return;
    typed = Date.now();
    tell({ typing: true });
  });
  again.hidden = true;
  connect();
}

const secret = kept.get(KEY);
if (secret) chat(secret);
else ask();
