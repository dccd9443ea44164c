/** Call-backs: promised beside the form of a request, and whom one is for while the own phone rings (ESTP 5.4.5). */

import { useEffect, useState } from "preact/hooks";
import { post } from "./notes";
import { open, settle } from "./requests";
import type { Open, Words } from "./requests";
import { look, say } from "./server";
import type { Me } from "./server";
import { Store, use } from "./store";
import { language, seen, word } from "./texts";

interface Window {
  /** In the line's zone, with its offset: "2026-12-02T14:00:00+03:00". */
  since: string;
  until: string;
  words: string;
  say: Words;
}

interface CallBack {
  id: string;
  request: string | null;
  number: string;
  state: string;
  window: Window;
}

interface Promised {
  call_backs: CallBack[];
  /** What to suggest; null: none can be promised now. */
  suggested: Window | null;
  number: string;
  groups: { id: string; title: string }[];
}

/** Of the form that is open. */
const promised = new Store<{ form: string; found: Promised } | null>(null);
const LOCAL = 16;
const ENDED = ["done", "given_up", "withdrawn"];

async function find(form: string): Promise<void> {
  try {
    const { status, data } = await look(`/api/requests/${form}/call-backs`);
    if (status === 200) promised.set({ form, found: data as unknown as Promised });
  } catch {
    // Nothing is shown then.
  }
}

/** What can be promised to the caller whose form is open, or has been promised. */
export function CallBackPromise({ now }: { now: Open }) {
  const known = use(promised);
  const { id } = now.form;
  useEffect(() => void find(id), [id]);
  if (known?.form !== id) return null;
  const { found } = known;
  const current = found.call_backs.find((one) => !ENDED.includes(one.state));
  if (current) return <Said one={current} />;
  return found.suggested && <Order key={id} now={now} found={found} suggested={found.suggested} />;
}

function Said({ one }: { one: CallBack }) {
  const mine = language === "en" ? "en" : "ru";
  return (
    <section class="say" aria-label={word("call_back")}>
      <p class="chip done">✓ {word("call_back_promised")}</p>
      <p id="call-back-say">«{one.window.say[mine]}»</p>
    </section>
  );
}

interface OrderOf {
  now: Open;
  found: Promised;
  suggested: Window;
}

function Order({ now, found, suggested }: OrderOf) {
  const zone = suggested.since.slice(19);
  const [since, setSince] = useState(suggested.since.slice(0, LOCAL));
  const [until, setUntil] = useState(suggested.until.slice(0, LOCAL));
  const [number, setNumber] = useState(now.filled.number || found.number);
  const [group, setGroup] = useState("");
  async function order(event: Event): Promise<void> {
    event.preventDefault();
    const form = await settle();
    if (!form) return;
    const times = { since: `${since}:00${zone}`, until: `${until}:00${zone}`, words: form.filled.convenient };
    const body = { version: form.form.version, number, ...times, groups: group ? [group] : [] };
    const answer = await post(`/api/requests/${form.form.id}/call-back`, body);
    if (answer?.status !== 200 || open.value?.form.id !== form.form.id) return;
    open.set({ ...open.value, form: { ...open.value.form, version: form.form.version + 1 } });
    say(word("call_back_promised"));
    await find(form.form.id);
  }
  return (
    <details id="call-back">
      <summary>{word("call_back")}</summary>
      <form onSubmit={(event) => void order(event)} onKeyDown={(event) => event.stopPropagation()}>
        <div class="fields-two">
          <label>
            <span class="legend">{word("request_number")}</span>
            <input
              id="call-back-number"
              type="tel"
              maxLength={64}
              autocomplete="off"
              required
              value={number}
              onInput={(event) => setNumber(event.currentTarget.value)}
            />
          </label>
          {found.groups.length > 1 && (
            <label>
              <span class="legend">{word("call_back_group")}</span>
              <select id="call-back-group" value={group} onChange={(event) => setGroup(event.currentTarget.value)}>
                <option value="">{word("call_back_anybody")}</option>
                {found.groups.map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.title}
                  </option>
                ))}
              </select>
            </label>
          )}
          <Moment id="call-back-since" name={word("call_back_since")} value={since} set={setSince} />
          <Moment id="call-back-until" name={word("call_back_until")} value={until} set={setUntil} />
        </div>
        <div class="row">
          <button class="go" id="call-back-order">
            {word("call_back_order")}
          </button>
        </div>
      </form>
    </details>
  );
}

interface MomentOf {
  id: string;
  name: string;
  value: string;
  set: (value: string) => void;
}

function Moment({ id, name, value, set }: MomentOf) {
  return (
    <label>
      <span class="legend">
        {word("call_back_when")}, {name}
      </span>
      <input
        id={id}
        type="datetime-local"
        required
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
}

interface Whom extends CallBack {
  request_number: string;
  subject: string;
  name: string;
  customer: string;
}

interface Told {
  essentials?: string;
  messages?: { key: string; text: string; way: string; fate: string }[];
}

/** The call-back that was made last: its result can still be said in the wrap-up. */
const whom = new Store<{ one: Whom; request: Told; said: string } | null>(null);

async function findWhom(id: string): Promise<void> {
  try {
    const { status, data } = await look(`/api/call-backs/${id}`);
    if (status !== 200) return;
    const one = data as unknown as Whom;
    const request = one.request ? await look(`/api/requests/${one.request}`) : null;
    whom.set({ one, request: (request?.status === 200 ? request.data : {}) as Told, said: "" });
  } catch {
    // The number is shown beside it anyway.
  }
}

/** Whom the call-back is for for which the own phone rings; its request; and afterwards whom one had on the telephone. */
export function CallBackFor({ me }: { me: Me }) {
  const shown = use(whom);
  const id = me.outgoing?.call_back ?? "";
  const state = me.outgoing?.state ?? "";
  useEffect(() => {
    if (id) void findWhom(id);
  }, [id, state === "talking"]);
  const kept = shown && (shown.one.id === id || (!id && me.activity === "wrapping_up"));
  if (!kept) return null;
  const { one, request, said } = shown;
  const page = one.request_number || one.request;
  const answers = (request.messages ?? []).filter((sent) => sent.way === "telephone" && sent.fate !== "failed");
  async function tell(came: string): Promise<void> {
    const answer = await post(`/api/call-backs/${one.id}/said`, { word: came });
    if (answer?.status === 200 && whom.value?.one.id === one.id) whom.set({ ...whom.value, said: came });
  }
  return (
    <section id="call-back-for" class="card" aria-label={word("call_back_for")}>
      <h2>
        {word("call_back_for")} {seen(one.name || one.customer || one.number)}
      </h2>
      <p>
        {page && (
          <a href={`/requests/${page}`} target="_blank" rel="noopener">
            {one.request_number || word("request_page")}
          </a>
        )}{" "}
        {seen(one.subject)} {one.window.words && <q>{seen(one.window.words)}</q>}
      </p>
      {request.essentials && <p dir="auto">{request.essentials}</p>}
      {answers.map((sent) => (
        <p key={sent.key} class="say" dir="auto">
          {sent.text}
        </p>
      ))}
      {(state === "talking" || !id) && (
        <fieldset class="choices results">
          <legend>{word("call_back_result")}</legend>
          {["talked", "voicemail", "wrong_number"].map((came) => (
            <button key={came} type="button" aria-pressed={said === came} onClick={() => void tell(came)}>
              {word(`call_back_${came}`)}
            </button>
          ))}
          {said && <span role="status">✓ {word("call_back_said")}</span>}
        </fieldset>
      )}
    </section>
  );
}
