/** What a person can do: transfer, end, pause, return, log out; a supervisor also with colleagues' conversations. */

import { useState } from "preact/hooks";
import { act } from "./server";
import type { State, Told } from "./server";
import { Dial } from "./dial";
import { phone, start } from "./phone";
import { grown } from "./bar";
import { clock, use } from "./store";
import { duration, reasons, word } from "./texts";

const IN_CONVERSATION = ["talking", "consulting", "advising"];

export function Actions({ state }: { state: State }) {
  const { me } = state;
  const underWay = me.activity === "consulting" || ["ringing", "consulting"].includes(me.transfer);
  const ready = me.presence !== "paused" && me.activity !== "wrapping_up";
  return (
    <section class="card actions" aria-label={word("actions")}>
      {underWay && (
        <div id="on-transfer" role="group" aria-label={word("transfer_under_way")}>
          <h2>{word("transfer_under_way")}</h2>
          <div class="row">
            <Button post="/api/transfer/cancel" text={word("take_back")} />
            {me.activity === "consulting" && <Button post="/api/transfer/complete" text={word("complete")} />}
          </div>
        </div>
      )}
      {me.activity === "talking" && !underWay && <Transfer state={state} />}
      {IN_CONVERSATION.includes(me.activity) && (
        <div id="conversation" role="group" aria-label={word("conversation")}>
          <h2>{word("conversation")}</h2>
          <div class="row">
            <Button post="/api/end" text={word("end_conversation")} />
            <Button post="/api/end" body={{ caller: "queue" }} text={word("phone_failed")} />
          </div>
        </div>
      )}
      <Dial me={me} />
      <TakePhone />
      <div role="group" aria-label={word("shift")}>
        <h2>{word("shift")}</h2>
        <div class="row">
          {!ready && <Button post="/api/return" text={word("return")} id="return" kind="go" />}
          <Pause />
          <Button post="/api/logout" text={word("log_out")} id="logout" />
        </div>
      </div>
    </section>
  );
}

interface ButtonOptions {
  post: string;
  body?: object;
  text: string;
  label?: string;
  id?: string;
  kind?: string;
  ask?: string;
}

function Button({ post, body = {}, text, label, id, kind, ask }: ButtonOptions) {
  const press = (): void => void ((!ask || confirm(ask)) && act(post, body));
  return (
    <button type="button" {...(id ? { id } : {})} class={kind ?? ""} aria-label={label ?? text} onClick={press}>
      {text}
    </button>
  );
}

function Transfer({ state }: { state: State }) {
  const [why, setWhy] = useState("");
  const note = why.trim();
  return (
    <div id="transfer" role="group" aria-label={word("transfer")}>
      <h2>{word("transfer")}</h2>
      <label class="why">
        <span class="legend">{word("why_transfer")}</span>
        <input
          id="why"
          maxLength={300}
          autocomplete="off"
          value={why}
          onInput={(event) => setWhy(event.currentTarget.value)}
        />
      </label>
      <ul class="colleagues">
        {state.colleagues.map(({ group, title, free }) => (
          <li key={group}>
            <span>
              {title} <small>{`${word("free")}: ${free}`}</small>
            </span>
            {([false, true] as const).map((consult) => {
              const text = word(consult ? "talk_first" : "directly");
              return (
                <Button
                  post="/api/transfer"
                  body={{ target: group, consult, note }}
                  text={text}
                  label={`${title}: ${text}`}
                />
              );
            })}
          </li>
        ))}
      </ul>
      <Button
        post="/api/transfer"
        body={{ target: "general", not_customer: true, note }}
        text={word("not_customer")}
        id="not-customer"
      />
    </div>
  );
}

function Pause() {
  return (
    <form
      id="pause"
      onSubmit={(event) => {
        event.preventDefault();
        void act("/api/pause", { reason: String(new FormData(event.currentTarget).get("reason")) });
      }}
    >
      <label>
        <span class="quiet">{word("reason")}</span>
        <select name="reason">
          {reasons.map(([id, title]) => (
            <option value={id}>{title}</option>
          ))}
        </select>
      </label>
      <button>{word("pause")}</button>
    </form>
  );
}

/** Another page has the phone, or it could not be started: get it back. */
function TakePhone() {
  const { readiness, call } = use(phone);
  // Starting it anew would end a conversation; its voice goes on without the connection.
  if (call !== "none" || !["elsewhere", "no_microphone", "no_asterisk"].includes(readiness)) return null;
  const text = word(readiness === "elsewhere" ? "take_phone" : "try_again");
  return (
    <div class="row">
      <button type="button" id="take-phone" class="go" onClick={() => void start()}>
        {text}
      </button>
    </div>
  );
}

export function Conversations({ state, at }: Told) {
  const now = use(clock);
  if (!state.conversations.length) return null;
  return (
    <section id="supervision" class="card" aria-label={word("conversations")}>
      <h2>{word("conversations")}</h2>
      <ul class="colleagues" id="conversations">
        {state.conversations.map(({ id, name, activity, since }) => (
          <li key={id}>
            <span>
              {name}{" "}
              <small>
                {word(activity)}, {duration(grown(since, at.conversations, now))}
              </small>
            </span>
            {(["goodbye", "queue"] as const).map((caller) => {
              const text = word(caller === "goodbye" ? "end_call" : "requeue_call");
              return (
                <Button
                  post="/api/end"
                  body={{ person: id, caller }}
                  text={text}
                  label={`${name}: ${text}`}
                  ask={`${name}: ${text}?`}
                />
              );
            })}
          </li>
        ))}
      </ul>
    </section>
  );
}
