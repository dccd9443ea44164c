/** Registering a call: its subject, its essentials, its result; and the calls that are not registered yet. */

import { grown } from "./bar";
import { act, callOf, told } from "./server";
import type { Told } from "./server";
import { clock, use } from "./store";
import { flush, LONGEST_TEXT, refuse, register, show, shown, typing, unregistered, write } from "./notes";
import type { Open, Saving } from "./notes";
import { duration, moment, seen, word } from "./texts";

const RESULTS = ["answered", "request", "call_back", "transferred", "refused"];
const SAVING: Record<Saving, string> = {
  nothing: "",
  typing: "draft_typing",
  saving: "draft_typing",
  saved: "draft_saved",
  failed: "draft_failed",
};

export function Registering({ state, at }: Told) {
  const open = use(shown);
  return (
    <section id="note" class="card note" aria-label={word("registering")}>
      <h2>{word("registering")}</h2>
      <WrapUp state={state} at={at} />
      {open ? <Form key={open.card.call} open={open} present={callOf(state.me)} /> : <Nothing />}
    </section>
  );
}

const Nothing = () => <p class="nobody">{word("nothing_to_register")}</p>;

function Form({ open, present }: { open: Open; present: string }) {
  const { card, written, saving, registered } = open;
  const who = seen(card.customer || card.name || card.number) || word("anonymous");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void register();
      }}
    >
      <p class="whose">
        <strong>{who}</strong> <small>{moment(card.at, card.line)}</small>
        {registered && <span class="chip done">{word("registered")}</span>}
      </p>
      {present && present !== card.call && (
        <p class="other">
          {word("other_call")}{" "}
          <button type="button" id="to-present" onClick={() => void show(present)}>
            {word("to_present")}
          </button>
        </p>
      )}
      {card.subjects.length > 0 && (
        <fieldset class="choices subjects">
          <legend>{word("subject")}</legend>
          {card.subjects.map(([id, title], place) => (
            <Choice
              key={id}
              name="subject"
              value={id}
              title={title}
              chosen={written.subject}
              shortcut={place < 9 ? String(place + 1) : ""}
            />
          ))}
        </fieldset>
      )}
      <label>
        <span class="legend">
          {word("essentials")} <kbd>N</kbd>
        </span>
        <textarea
          id="essentials"
          rows={5}
          maxLength={LONGEST_TEXT}
          value={written.text}
          onInput={(event) => write({ text: event.currentTarget.value })}
          onBlur={flush}
        />
      </label>
      <p class="saving" id="saving" data-saving={saving}>
        <span>{SAVING[saving] && word(SAVING[saving])}</span>
        <span>{`${written.text.length} / ${LONGEST_TEXT}`}</span>
      </p>
      <fieldset class="choices results">
        <legend>{word("result")}</legend>
        {RESULTS.map((id, place) => (
          <Choice
            key={id}
            name="result"
            value={id}
            title={word(`result_${id}`)}
            chosen={written.result}
            shortcut={`⇧${place + 1}`}
          />
        ))}
      </fieldset>
      <div class="row">
        <button class="go" id="register">
          {word(registered ? "register_again" : "register")} <kbd>Ctrl+Enter</kbd>
        </button>
        <button
          type="button"
          class="end-quiet"
          id="refuse"
          onClick={refuseIfSure}
        >
          {word("refuse")} <kbd>H</kbd>
        </button>
      </div>
    </form>
  );
}

const refuseIfSure = (): void => void (confirm(word("refuse_sure")) && refuse());

interface ChoiceOptions {
  name: "subject" | "result";
  value: string;
  title: string;
  chosen: string;
  shortcut: string;
}

function Choice({ name, value, title, chosen, shortcut }: ChoiceOptions) {
  return (
    <label class="choice" data-chosen={chosen === value}>
      <input
        type="radio"
        name={name}
        value={value}
        checked={chosen === value}
        onChange={() => write({ [name]: value })}
      />
      <span>{title}</span>
      {shortcut && <kbd>{shortcut}</kbd>}
    </label>
  );
}

/** How long until the next call may come, and a minute more. */
function WrapUp({ state, at }: Told) {
  const now = use(clock);
  const { me } = state;
  if (me.activity !== "wrapping_up" || me.wrap_up === null) return null;
  const left = Math.max(0, me.wrap_up - grown(me.since, at.me, now));
  return (
    <p class="wrap-up">
      <span>
        {word("next_call_in")} <time>{duration(left)}</time>
      </span>
      {me.may_prolong && (
        <button type="button" id="prolong" onClick={() => void act("/api/wrap-up")}>
          {word("prolong")} <kbd>W</kbd>
        </button>
      )}
    </p>
  );
}

export function NotRegistered() {
  const calls = use(unregistered);
  const open = use(shown);
  if (!calls.length) return null;
  return (
    <section id="unregistered" class="card" aria-label={word("unregistered")}>
      <h2>
        {word("unregistered")} · {calls.length}
      </h2>
      <ul class="earlier">
        {calls.map((one) => (
          <li key={one.call}>
            <button
              type="button"
              class="plain"
              aria-current={open?.card.call === one.call}
              onClick={() => void show(one.call)}
            >
              <strong>{seen(one.customer || one.name || one.number) || word("anonymous")}</strong>{" "}
              <small>
                {moment(one.began_at, one.line)}
                {one.draft?.text ? ` · ${word("draft")}: ${seen(one.draft.text.slice(0, 60))}` : ""}
              </small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Keys by their place on the keyboard. While somebody types, only Ctrl+Enter is one. */
addEventListener("keydown", (event) => {
  if (!told.value || event.altKey || event.metaKey || event.repeat) return;
  if (event.ctrlKey) {
    const inNote = document.activeElement?.closest("#note") || !typing();
    if (["Enter", "NumpadEnter"].includes(event.code) && shown.value && inNote) {
      event.preventDefault();
      void register();
    }
    return;
  }
  if (typing()) return;
  const essentials = document.getElementById("essentials");
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  const subject = digit && shown.value?.card.subjects[Number(digit) - 1];
  if (event.shiftKey) {
    const result = digit && shown.value && RESULTS[Number(digit) - 1];
    if (!result) return;
    write({ result });
  } else if (event.code === "KeyN" && essentials) essentials.focus();
  else if (event.code === "KeyH" && shown.value) refuseIfSure();
  else if (event.code === "KeyW" && told.value.state.me.may_prolong) void act("/api/wrap-up");
  else if (subject) write({ subject: subject[0] });
  else return;
  event.preventDefault();
});
