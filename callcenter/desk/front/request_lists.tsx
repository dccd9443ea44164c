/** The caller's earlier requests, where one stands by its number, and the operator's forms that were not passed on. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "./keys";
import { FormTime } from "./request_form";
import { findStanding, forms, goOn, lines, ofCaller, open } from "./requests";
import type { Row, Standing } from "./requests";
import { use } from "./store";
import { dated, language, moment, seen, word } from "./texts";

function Due({ row }: { row: Row }) {
  if (!row.due) return null;
  const day = dated(row.due, row.line);
  const mark = row.overdue ? `▲ ${word("request_late")}` : row.due_today ? `◆ ${word("request_today")}` : "●";
  return (
    <small class="due-mark" data-late={row.overdue} data-today={row.due_today && !row.overdue}>
      {mark} {day}
    </small>
  );
}

function Rows({ rows }: { rows: Row[] }) {
  return (
    <ul class="earlier">
      {rows.map((row) => (
        <li key={row.id}>
          <p>
            <a href={`/requests/${row.number || row.id}`} target="_blank" rel="noopener">
              {row.number || word("request_form")}
            </a>{" "}
            <span class="chip" data-state={row.state}>
              {word(`request_state_${row.state}`)}
            </span>
          </p>
          <p>
            {row.in_full ? seen(row.subject) : <span class="nobody">{word("request_not_yours")}</span>} <Due row={row} />
          </p>
          {row.in_full && <p class="written">{seen(row.essentials)}</p>}
        </li>
      ))}
    </ul>
  );
}

/** On the card: what the caller has asked before, what is open on top. */
export function RequestsOfCaller() {
  const found = use(ofCaller);
  const known = use(lines);
  if (!Object.keys(known).length) return null;
  const rows = [...(found?.of_call.filter((one) => one.state !== "draft") ?? []), ...(found?.earlier ?? [])];
  return (
    <section id="requests" class="card history" aria-label={word("requests")}>
      <h2>{word("requests")}</h2>
      {rows.length > 0 && <Rows rows={rows} />}
      {found && !rows.length && <p class="nobody">{word("requests_none")}</p>}
      <Find />
    </section>
  );
}

/** Where a request stands, by its number, in a second (ESTP 5.7.1). */
function Find() {
  const [asked, ask] = useState("");
  const [found, setFound] = useState<Standing | Row[] | null>(null);
  const latest = useRef("");
  useKey("KeyS", "S", "request_find", () => document.getElementById("request-asked")?.focus());
  useEffect(() => {
    const wanted = asked.trim();
    latest.current = wanted;
    if (wanted.length < 2) return setFound(null);
    const timer = setTimeout(async () => {
      const answer = await findStanding(wanted);
      if (latest.current === wanted) setFound(answer);
    }, 300);
    return () => clearTimeout(timer);
  }, [asked]);
  return (
    <>
      <label class="find">
        <span class="legend">
          {word("request_find")} <kbd>S</kbd>
        </span>
        <input
          id="request-asked"
          type="search"
          maxLength={100}
          autocomplete="off"
          value={asked}
          onInput={(event) => ask(event.currentTarget.value)}
        />
      </label>
      <div aria-live="polite" id="request-found">
        {Array.isArray(found) && !found.length && <p class="nobody">{word("request_not_found")}</p>}
        {Array.isArray(found) && found.length > 0 && <Rows rows={found} />}
        {found && !Array.isArray(found) && <Stands found={found} />}
      </div>
    </>
  );
}

function Stands({ found }: { found: Standing }) {
  const words = found.words?.[language === "en" ? "en" : "ru"];
  return (
    <div class="say">
      <p>
        <a href={`/requests/${found.number}`} target="_blank" rel="noopener">
          {found.number}
        </a>{" "}
        <span class="chip" data-state={found.state}>
          {word(`request_state_${found.state}`)}
        </span>{" "}
        {found.overdue && <strong class="late">▲ {word("request_late")}</strong>}
      </p>
      <p>{seen(found.subject)}</p>
      {words && <p id="standing">«{words}»</p>}
    </div>
  );
}

/** Forms that were not passed on, with what is left of their hour: beside the calls that are not registered. */
export function OpenForms() {
  const rows = use(forms);
  const now = use(open);
  if (!rows.length) return null;
  return (
    <section id="forms" class="card" aria-label={word("request_forms")}>
      <h2>
        {word("request_forms")} · {rows.length}
      </h2>
      <ul class="earlier">
        {rows.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              class="plain"
              aria-current={now?.form.id === row.id}
              onClick={() => void goOn(row.id)}
            >
              <strong>{seen(row.requester) || word("anonymous")}</strong> <small>{moment(row.received_at, row.line)}</small>{" "}
              <FormTime due={row.due} />
              <small class="written">{seen(row.essentials.slice(0, 80))}</small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
