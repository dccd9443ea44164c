/** What a person can do: transfer, end, pause, return, log out; a supervisor also with colleagues' conversations. */

import { useState } from "preact/hooks";
import { act } from "./server";
import type { State, Told } from "./server";
import { Dial } from "./dial";
import { choice, choose, useKey } from "./keys";
import { phone, start } from "./phone";
import { grown } from "./bar";
import { clock, use } from "./store";
import { duration, reasons, word } from "./texts";

const IN_CONVERSATION = ["talking", "consulting", "advising"];

export function Actions({ state }: { state: State }) {
  const { me } = state;
  const underWay = me.activity === "consulting" || ["ringing", "consulting"].includes(me.transfer);
  const ready = me.presence !== "paused" && me.activity !== "wrapping_up";
  const consults = me.activity === "consulting";
  useKey("KeyJ", "J", "take_back", underWay ? () => void act("/api/transfer/cancel") : null);
  useKey("KeyK", "K", "complete", consults ? () => void act("/api/transfer/complete") : null);
  useKey("KeyG", "G", "return", ready ? null : () => void act("/api/return"));
  const atDeskPhone = use(phone).call === "none" && IN_CONVERSATION.includes(me.activity);
  useKey("F2", "F2", "end_conversation", atDeskPhone ? () => void act("/api/end") : null);
  useKey("Shift+KeyQ", "Shift+Q", "log_out", () => void act("/api/logout"));
  return (
    <section class="card actions" aria-label={word("actions")}>
      {underWay && (
        <div id="on-transfer" role="group" aria-label={word("transfer_under_way")}>
          <h2>{word("transfer_under_way")}</h2>
          <div class="row">
            <Button post="/api/transfer/cancel" text={word("take_back")} />
            {consults && <Button post="/api/transfer/complete" text={word("complete")} />}
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
  const choosing = use(choice)?.of === "transfer";
  const notCustomer = { target: "general", not_customer: true, note };
  const pick = (digit: number, consult: boolean): void => {
    const chosen = state.colleagues[digit - 1];
    if (chosen) void act("/api/transfer", { target: chosen.group, consult, note });
    else if (digit === 0) void act("/api/transfer", notCustomer);
  };
  useKey("KeyX", "X", "transfer_by_digit", () => choose({ of: "transfer", pick }));
  useKey("KeyY", "Y", "why_transfer", () => document.getElementById("why")?.focus());
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
          onKeyDown={(event) => {
            if (event.code === "Enter") choose({ of: "transfer", pick });
          }}
        />
      </label>
      <ul class="colleagues">
        {state.colleagues.map(({ group, title, free }, place) => (
          <li key={group}>
            <span>
              {choosing && place < 9 && <kbd>{place + 1}</kbd>} {title} <small>{`${word("free")}: ${free}`}</small>
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
        body={notCustomer}
        text={choosing ? `0: ${word("not_customer")}` : word("not_customer")}
        id="not-customer"
      />
    </div>
  );
}

function Pause() {
  const choosing = use(choice)?.of === "pause";
  const pick = (digit: number): void => {
    const reason = reasons[digit - 1]?.[0];
    if (reason) void act("/api/pause", { reason });
  };
  useKey("KeyP", "P", "pause_by_digit", () => choose({ of: "pause", pick }));
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
      {choosing && (
        <p class="quiet" id="pause-digits">
          {reasons.slice(0, 9).map(([id, title], place) => (
            <span key={id}>
              <kbd>{place + 1}</kbd> {title}{" "}
            </span>
          ))}
        </p>
      )}
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
