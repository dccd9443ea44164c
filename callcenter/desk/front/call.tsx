/** Who calls: what is known of the caller. All of it comes from outside, and is shown as text only. */

import type { Call, Outgoing } from "./server";
import { duration, seen, word } from "./texts";

export function Caller({ call, outgoing }: { call: Call | null; outgoing: Outgoing | null }) {
  if (outgoing) {
    return (
      <section id="call" class="card caller" aria-label={word("outgoing_call")}>
        <h2>{word("outgoing_call")}</h2>
        <p class="who" id="customer">
          {seen(outgoing.customer || outgoing.number)}
        </p>
        {outgoing.customer && (
          <p class="number" id="number">
            {outgoing.number}
          </p>
        )}
        <dl>
          <dt>{word("inn")}</dt>
          <dd id="inn">{outgoing.inn || "—"}</dd>
          <dt>{word("line")}</dt>
          <dd>{outgoing.line}</dd>
        </dl>
      </section>
    );
  }
  if (!call) {
    return (
      <section class="card caller" aria-label={word("call")}>
        <h2>{word("call")}</h2>
        <p class="nobody">{word("nobody")}</p>
      </section>
    );
  }
  const called = call.direction === "outgoing";
  const title = word(called ? "outgoing_call" : "call");
  return (
    <section id="call" class="card caller" aria-label={title}>
      <h2>{title}</h2>
      <p class="who" id="customer">
        {seen(call.customer || call.name || call.number) || word("anonymous")}
      </p>
      <p class="number" id="number">
        {seen(call.number) || word("anonymous")}
      </p>
      <p class="chips">
        {call.urgency && (
          <span class="chip" id="urgency" data-urgency={call.urgency}>
            {word(call.urgency)}
          </span>
        )}
        {call.language && (
          <span class="chip" id="language">
            {word(`speaks_${call.language}`)}
          </span>
        )}
        {call.role && (
          <span class="chip" id="role">
            {call.role}
          </span>
        )}
        <span class="chip soft" id="identification">
          {word(call.identification)}
        </span>
      </p>
      {call.handed_by && (
        <p class="handed" id="handed">
          {word("handed_by")} <strong>{seen(call.handed_by)}</strong>
          {call.handed_why && `: «${seen(call.handed_why)}»`}
        </p>
      )}
      <dl>
        <dt>{word("inn")}</dt>
        <dd id="inn">{call.inn || "—"}</dd>
        {!called && <dt>{word("waited")}</dt>}
        {!called && <dd id="waited">{duration(call.waited)}</dd>}
        <dt>{word("line")}</dt>
        <dd>{call.line}</dd>
      </dl>
    </section>
  );
}
