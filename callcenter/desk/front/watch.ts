/** The live connection of the floor page and of a wall screen: a whole, then numbered differences of rows. */

import { Store } from "./store";

export interface LineRow {
  id: string;
  title: string;
  open: boolean;
  in_use: number;
  capacity: number;
  /** Callers who wait, by class, the most urgent first. */
  waiting: [string, number][];
  /** Everybody in the queue: call-backs, too. */
  queue: number;
  /** Moments are of the controller's clock, in seconds. */
  oldest: number | null;
  on_duty: number;
  required: number;
  out_of_reach: number;
  target: number;
  average: number | null;
  registered: number;
  forecast: number | null;
  exceeding: number | null;
  needed: number | null;
  /** Why a supervisor has closed or opened it against its hours; "": nobody has. */
  order: string;
  order_by: string;
  order_until: number | null;
}

export interface PersonRow {
  id: string;
  name: string;
  group: string;
  state: string;
  presence: string;
  reason: string;
  trouble: string;
  since: number;
  call: string;
  line: string;
  number: string;
  customer: string;
  chats: number;
}

/** How many people of a group are in a state: all that a wall says of people. */
export interface CountRow {
  group: string;
  state: string;
  count: number;
}

export interface WaitingRow {
  call: string;
  line: string;
  place: number;
  number: string;
  customer: string;
  urgency: string;
  since: number;
  /** "": a caller; "kept" or "due": a call-back. */
  call_back: string;
  by: string;
  overtakes: number;
  overtaken: number;
  kept: boolean;
  safe_at: number | null;
  elsewhere: number;
  minutes: number | null;
  longer: boolean;
  until: number | null;
  holds: number | null;
}

export interface Rows<Person extends object> {
  floor: { floor: { connected: boolean; recording: boolean } };
  lines: Record<string, LineRow>;
  people: Record<string, Person>;
  waiting: Record<string, WaitingRow>;
}

export interface Watched<Person extends object> {
  rows: Rows<Person>;
  /** What the controller's clock shows when this page's clock shows 0, in seconds. */
  clock: number;
}

/** Why there is nothing (new) to be seen. */
export type Trouble = "" | "no_connection" | "refused";

const REFUSED = 4401;
const TOO_MANY = 4409;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;
const ATTEMPTS_BEFORE_TROUBLE = 2;

type Message = Partial<Record<string, Record<string, object | null>>> & { v: number; now: number; whole?: boolean };

export class Watch<Person extends object> {
  readonly shown = new Store<Watched<Person> | null>(null);
  readonly trouble = new Store<Trouble>("");
  private version = 0;
  private retry = FIRST_RETRY_MS;
  private failed = 0;

  constructor(
    private readonly path: string,
    private readonly token = "",
  ) {}

  open(): void {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.path}`;
    const socket = this.token ? new WebSocket(address, ["wall", this.token]) : new WebSocket(address);
    let heard = false;
    socket.addEventListener("message", ({ data }) => {
      heard = true;
      const message = JSON.parse(data) as Message;
      if (!message.whole && message.v !== this.version + 1) return socket.close(); // one is missing: begin anew
      this.version = message.v;
      this.take(message);
      this.failed = 0;
      this.retry = FIRST_RETRY_MS;
      this.trouble.set("");
    });
    socket.addEventListener("close", ({ code }) => {
      if (code === REFUSED || code === TOO_MANY) return this.refused();
      if (!heard) this.failed += 1;
      void this.again();
    });
  }

  /** A browser does not tell a script why a WebSocket was refused, so this is asked before the next attempt. */
  private async again(): Promise<void> {
    await new Promise((done) => setTimeout(done, this.retry));
    if (this.failed >= ATTEMPTS_BEFORE_TROUBLE || this.retry > FIRST_RETRY_MS) this.trouble.set("no_connection");
    this.retry = Math.min(2 * this.retry, LAST_RETRY_MS);
    try {
      const headers: HeadersInit = this.token ? { Authorization: `Wall ${this.token}` } : {};
      const { status } = await fetch(this.path, { headers, signal: AbortSignal.timeout(LAST_RETRY_MS) });
      if (status === 401 || status === 403) return this.refused();
    } catch {
      this.trouble.set("no_connection");
      return void this.again();
    }
    this.open();
  }

  /** A token or session may become valid again, with a new log-in in another tab: it is tried now and then. */
  private refused(): void {
    this.trouble.set("refused");
    this.failed = 0;
    setTimeout(() => this.open(), LAST_RETRY_MS);
  }

  private take({ v: _, now, whole, ...tables }: Message): void {
    const before = whole ? null : this.shown.value;
    const rows: Record<string, Record<string, object>> = { floor: {}, lines: {}, people: {}, waiting: {}, ...before?.rows };
    for (const [table, news] of Object.entries(tables)) {
      const known = { ...rows[table] };
      for (const [key, row] of Object.entries(news ?? {})) {
        if (row === null) delete known[key];
        else known[key] = { ...known[key], ...row };
      }
      rows[table] = known;
    }
    this.shown.set({ rows: rows as unknown as Rows<Person>, clock: now - performance.now() / 1000 });
  }
}
