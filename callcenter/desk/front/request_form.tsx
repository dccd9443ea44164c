/** The form of a request, beside the call: the words to say, what is asked, and how the answer comes (ESTP 5.4.3, 5.5). */

import { useEffect, useRef, useState } from "preact/hooks";
import { grown } from "./bar";
import { CallBackPromise } from "./call_back";
import { ContractOf } from "./contract";
import { FileList } from "./files";
import { useKey } from "./keys";
import { shown } from "./notes";
import type { Saving } from "./notes";
import { close, fill, lines, open, openForm, others, submit, tell, until } from "./requests";
import type { Filled, Form, LineOptions, Open } from "./requests";
import { callOf } from "./server";
import type { Told } from "./server";
import { clock, use } from "./store";
import { duration, language, seen, word } from "./texts";

const SAVING: Record<Saving, string> = {
  nothing: "",
  typing: "draft_typing",
  saving: "draft_typing",
  saved: "draft_saved",
  failed: "draft_failed",
};
const LONGEST_ESSENTIALS = 4000;
const TYPED = "input:not([type=radio], [type=checkbox]), textarea, select";

export function Request({ state, at }: Told) {
  const now = use(open);
  const all = use(lines);
  const note = use(shown);
  const call = callOf(state.me) || (note?.card.call ?? "");
  const line = state.me.call?.line ?? (call === state.me.outgoing?.call ? state.me.outgoing.line : note?.card.line) ?? "";
  const possible = Boolean(call && all[line]);
  useKey("KeyR", "R", "request_open", now ? focusForm : possible ? () => void openForm(call) : null);
  if (!possible && !now) return null;
  return (
    <section id="request" class="card note request" aria-label={word("request")}>
      <h2>{word("request")}</h2>
      {!now && (
        <div class="row offer">
          <AnswerTime state={state} at={at} line={all[line]} />
          <button type="button" id="open-request" onClick={() => void openForm(call)}>
            {word("request_open")} <kbd>R</kbd>
          </button>
        </div>
      )}
      {now && (now.form.number ? <Registered now={now} /> : <Fields key={now.form.id} now={now} all={all} />)}
      {now && !now.form.number && <CallBackPromise now={now} />}
    </section>
  );
}

const focusForm = (): void => document.querySelector<HTMLElement>("#request form input, #request button")?.focus();

const began = { call: "", at: 0 };

/** How long the answer may still take in the conversation (ESTP 5.4.3); silent, until it is over. */
function AnswerTime({ state, at, line }: Told & { line: LineOptions | undefined }) {
  const now = use(clock);
  const { me } = state;
  if (!line?.spoken_answer || !me.call || me.activity !== "talking") return null;
  const since = now - grown(me.since, at.me, now);
  if (began.call !== me.call.call) Object.assign(began, { call: me.call.call, at: since });
  const left = line.spoken_answer - (now - Math.min(began.at, since));
  const over = left <= 0;
  return (
    <p class="answer-time" data-over={over}>
      {!over && (
        <span>
          {word("answer_within")} <time id="answer-left">{duration(left)}</time>
        </span>
      )}
      <strong role="status">{over && `▲ ${word("answer_over")}`}</strong>
    </p>
  );
}

/** What is told to the caller, in the language of the page; the other one is below. */
function Say({ form, urgency }: { form: Form; urgency: string }) {
  const words = form.promises[urgency]?.words;
  const mine = language === "en" ? "en" : "ru";
  const told = Boolean(words && [words.ru, words.en].includes(form.told));
  useKey("KeyT", "T", "request_tell", words && !told ? () => void tell(words[mine]) : null);
  if (!words) return <p class="nobody">{word("request_choose_urgency")}</p>;
  const others = mine === "ru" ? "en" : "ru";
  return (
    <div class="say">
      <p id="say">«{words[mine]}»</p>
      <p class="other-language" lang={others}>
        {words[others]}
      </p>
      {told ? (
        <p class="chip done" id="told">
          ✓ {word("request_was_told")}
        </p>
      ) : (
        <button type="button" id="tell" onClick={() => void tell(words[mine])}>
          {word("request_tell")} <kbd>T</kbd>
        </button>
      )}
    </div>
  );
}

function Registered({ now }: { now: Open }) {
  const { form } = now;
  return (
    <div class="registered" id="request-registered">
      <p>
        {word("request_number")} <strong id="request-number">{form.number}</strong>
      </p>
      <Say form={form} urgency={form.urgency} />
      <CallBackPromise now={now} />
      <div class="row">
        <button type="button" class="go" id="request-done" onClick={close}>
          {word("request_done")}
        </button>
        <a href={`/requests/${form.number}`} target="_blank" rel="noopener">
          {word("request_page")}
        </a>
      </div>
    </div>
  );
}

function Fields({ now, all }: { now: Open; all: Record<string, LineOptions> }) {
  const { form, filled, saving } = now;
  const line = all[form.line];
  const also = use(others);
  const element = useRef<HTMLFormElement>(null);
  const [why, setWhy] = useState("");
  useEffect(() => element.current?.querySelector<HTMLElement>("input")?.focus(), []); // it was asked for with a key
  if (!line) return null;
  /** Keys in this form are this form's: digits choose its subject, Ctrl+Enter passes it on. */
  function keys(event: KeyboardEvent): void {
    if (event.ctrlKey && ["Enter", "NumpadEnter"].includes(event.code)) {
      event.preventDefault();
      event.stopPropagation();
      void submit(why);
      return;
    }
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    if (!digit || event.ctrlKey || event.altKey || event.metaKey || (event.target as Element).matches(TYPED)) return;
    event.preventDefault();
    event.stopPropagation();
    const subject = line?.subjects[Number(digit) - 1];
    if (subject) fill({ subject: subject[0] });
  }
  function chooseWay(way: string): void {
    const { number } = filled;
    const telephone = way === "telephone" && !filled.address ? { address: number } : {};
    const other = way !== "telephone" && filled.address === number ? { address: "" } : {};
    fill({ way, ...telephone, ...other });
  }
  return (
    <form
      ref={element}
      onKeyDown={keys}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(why);
      }}
    >
      <p class="whose">
        <strong>{seen(filled.customer || filled.name || filled.number) || word("anonymous")}</strong>{" "}
        <small>{line.title}</small>
        <FormTime due={form.form_due} />
      </p>
      {form.contract && <ContractOf contract={form.contract} subjects={[]} />}
      <p class="others" role="status" hidden={!also}>
        {also && `${word("request_also_open")} ${seen(also)}`}
      </p>
      <fieldset class="choices results">
        <legend>{word("request_urgency")}</legend>
        {possible(form, line, filled.subject).map((urgency) => (
          <Choice
            key={urgency}
            name="urgency"
            title={urgency}
            chosen={filled.urgency === urgency}
            choose={() => fill({ urgency })}
          />
        ))}
      </fieldset>
      <Say form={form} urgency={filled.urgency} />
      <Subject line={line} filled={filled} />
      <Left form={form} subject={filled.subject} why={why} write={setWhy} />
      <label>
        <span class="legend">{word("essentials")}</span>
        <textarea
          id="request-essentials"
          rows={4}
          maxLength={LONGEST_ESSENTIALS}
          value={filled.essentials}
          onInput={(event) => fill({ essentials: event.currentTarget.value })}
        />
      </label>
      <fieldset class="choices results">
        <legend>{word("request_way")}</legend>
        {line.ways.map((way) => (
          <Choice
            key={way}
            name="way"
            title={word(`request_way_${way}`)}
            chosen={filled.way === way}
            choose={() => chooseWay(way)}
          />
        ))}
      </fieldset>
      <div class="fields-two">
        <Line name="address" filled={filled} longest={2000} />
        <Line name="convenient" filled={filled} longest={500} />
        <Moment name="convenient_from" filled={filled} wrong={false} />
        <Moment
          name="convenient_until"
          filled={filled}
          wrong={Boolean(filled.convenient_until) && filled.convenient_until <= filled.convenient_from}
        />
        <Line name="name" filled={filled} longest={300} />
        <Line name="number" filled={filled} longest={64} />
        <Line name="inn" filled={filled} longest={12} />
        <Line name="customer" filled={filled} longest={300} />
        {line.contracts && <Line name="contract" filled={filled} longest={300} />}
      </div>
      {line.files && (
        <fieldset class="choices">
          <legend>{word("files")}</legend>
          <FileList files={now.files} />
        </fieldset>
      )}
      <p class="saving" id="request-saving" data-saving={saving}>
        <span>{SAVING[saving] && word(SAVING[saving])}</span>
      </p>
      <div class="row">
        <button class="go" id="request-submit">
          {word("request_submit")} <kbd>Ctrl+Enter</kbd>
        </button>
        <button type="button" id="request-aside" onClick={close}>
          {word("request_aside")}
        </button>
      </div>
    </form>
  );
}

/** What may be promised: to this customer's level, and about this subject; what was chosen before stays visible. */
function possible({ contract, urgency }: Form, line: LineOptions, subject: string): string[] {
  const own = line.own_urgencies[subject] ?? line.urgencies;
  return line.urgencies.filter(
    (one) => one === urgency || (own.includes(one) && (contract?.urgencies ?? line.urgencies).includes(one)),
  );
}

interface LeftOf {
  form: Form;
  subject: string;
  why: string;
  write: (why: string) => void;
}

/** What the customer's plan leaves to the customer: the operator tells where the instructions are (TBS 5). */
function Left({ form, subject, why, write }: LeftOf) {
  const service = form.contract?.services[subject];
  if (service !== "user" && service !== "nobody") return null;
  return (
    <div class="say" id="left-to-user">
      <p role="status">
        ▲ {word("plan")} «{seen(form.contract?.plan ?? "")}»: {word(`service_${service}`)}. {word("service_tell")}
      </p>
      <label>
        <span class="legend">{word("service_why")}</span>
        <input
          id="request-why"
          maxLength={2000}
          autocomplete="off"
          value={why}
          onInput={(event) => write(event.currentTarget.value)}
        />
      </label>
    </div>
  );
}

function Subject({ line, filled }: { line: LineOptions; filled: Filled }) {
  if (!line.subjects.length) return <Line name="subject" filled={filled} longest={200} />;
  return (
    <label>
      <span class="legend">{word("subject")}</span>
      <select
        id="request-subject"
        value={filled.subject}
        onChange={(event) => fill({ subject: event.currentTarget.value })}
      >
        <option value="">—</option>
        {line.subjects.map(([id, title]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

interface LineOf {
  name: keyof Filled;
  filled: Filled;
  longest: number;
}

function Line({ name, filled, longest }: LineOf) {
  return (
    <label>
      <span class="legend">{word(["subject", "inn", "contract"].includes(name) ? name : `request_${name}`)}</span>
      <input
        id={`request-${name}`}
        maxLength={longest}
        autocomplete="off"
        value={filled[name]}
        onInput={(event) => {
          const text = event.currentTarget.value;
          fill({ [name]: name === "inn" ? text.replace(/\D/g, "") : text });
        }}
      />
    </label>
  );
}

interface MomentOf {
  name: "convenient_from" | "convenient_until";
  filled: Filled;
  /** Whether it ends before it begins: it is not kept so. */
  wrong: boolean;
}

/** Date and time by the line's clock. */
function Moment({ name, filled, wrong }: MomentOf) {
  return (
    <label>
      <span class="legend">
        {word("request_convenient")}, {word(`request_${name}`)}
      </span>
      <input
        id={`request-${name}`}
        type="datetime-local"
        aria-invalid={wrong}
        value={filled[name]}
        onInput={(event) => fill({ [name]: event.currentTarget.value })}
      />
    </label>
  );
}

interface ChoiceOf {
  name: string;
  title: string;
  chosen: boolean;
  choose: () => void;
}

function Choice({ name, title, chosen, choose }: ChoiceOf) {
  return (
    <label class="choice" data-chosen={chosen}>
      <input type="radio" name={`request-${name}`} value={title} checked={chosen} onChange={choose} />
      <span>{title}</span>
    </label>
  );
}

/** How long until the form has to be with the head (ESTP 5.5.3). */
export function FormTime({ due }: { due: string | null }) {
  use(clock);
  if (!due) return null;
  const left = until(due);
  return (
    <small class="form-time" data-over={left <= 0}>
      {left > 0 ? `${word("request_form_within")} ${duration(left)}` : `▲ ${word("request_form_late")}`}
    </small>
  );
}
