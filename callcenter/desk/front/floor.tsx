/** The floor, live, for supervisors and heads: lines, everybody who waits and why at that place, and people. */

import { render } from "preact";
import { ask, Hands, steers } from "./hands";
import { LineFacts } from "./line_facts";
import { act } from "./server";
import { SessionEnds, watchSession } from "./session";
import { Shape } from "./shapes";
import { promised, prospect, reasons } from "./standing";
import { clock, use } from "./store";
import { duration, language, seen, word } from "./texts";
import { Watch } from "./watch";
import type { LineRow, PersonRow, WaitingRow } from "./watch";

const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const watch = new Watch<PersonRow>("/api/floor/live");

/** A moment of the controller's clock, by the clock on this computer. */
const moment = (at: number, now: number): string => time.format(Date.now() + 1000 * (at - now));

function Floor() {
  const shown = use(watch.shown);
  const trouble = use(watch.trouble);
  const now = use(clock) + (shown?.clock ?? 0);
  const { connected, recording } = shown?.rows.floor.floor ?? { connected: true, recording: true };
  const sentences = [
    trouble && word(trouble === "refused" ? "logged_out" : trouble),
    !connected && word("not_connected"),
    !recording && word("not_recording"),
  ].filter(Boolean);
  const waiting = Object.values(shown?.rows.waiting ?? {});
  return (
    <>
      <div class="banner" role="alert" hidden={!sentences.length}>
        {sentences.join(" ")}
      </div>
      <h1 class="quiet">{word("floor")}</h1>
      <Hands />
      {shown &&
        Object.values(shown.rows.lines).map((line) => (
          <Line key={line.id} line={line} waiting={waiting.filter((one) => one.line === line.id)} now={now} />
        ))}
      {shown && <People people={Object.values(shown.rows.people)} lines={shown.rows.lines} now={now} />}
    </>
  );
}

function Line({ line, waiting, now }: { line: LineRow; waiting: WaitingRow[]; now: number }) {
  return (
    <section class="line" aria-labelledby={`line-${line.id}`} data-line={line.id}>
      <header>
        <h2 id={`line-${line.id}`}>{line.title}</h2>
        <span class="chip" data-open={line.open}>
          {line.open ? `● ${word("line_open")}` : `■ ${word("closed")}`}
        </span>
        {line.order && (
          <small>
            {word("by_order")} {line.order_by}: {seen(line.order)}
            {line.order_until !== null && ` (${word("until")} ${moment(line.order_until, now)})`}
          </small>
        )}
        {steers && (
          <button
            type="button"
            class={line.open ? "end-quiet" : ""}
            onClick={() =>
              ask({
                about: line.title,
                question: word(line.open ? "close_why" : "open_why"),
                path: "/api/floor/line",
                body: { line: line.id, open: !line.open },
                asks: "text",
              })
            }
          >
            {word(line.open ? "close_line" : "open_line")}
          </button>
        )}
      </header>
      <LineFacts line={line} now={now} />
      {waiting.length ? (
        <Queue line={line} waiting={waiting} now={now} />
      ) : (
        <p class="card nobody">{word("nobody_waits")}</p>
      )}
    </section>
  );
}

function Queue({ line, waiting, now }: { line: LineRow; waiting: WaitingRow[]; now: number }) {
  const rows = [...waiting].sort((one, other) => one.place - other.place);
  return (
    <div class="card scrolls" tabIndex={0} role="group" aria-label={`${word("queue")}: ${line.title}`}>
      <table class="queue">
        <caption class="quiet">
          {word("queue")}: {line.title}
        </caption>
        <thead>
          <tr>
            <th scope="col">{word("place")}</th>
            <th scope="col">{word("who")}</th>
            <th scope="col">{word("class")}</th>
            <th scope="col">{word("waits")}</th>
            <th scope="col">{word("promised")}</th>
            <th scope="col">{word("will_hold")}</th>
            <th scope="col">{word("why_here")}</th>
            {steers && (
              <th scope="col">
                <span class="quiet">{word("take_out")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Waiting key={row.call} row={row} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Waiting({ row, now }: { row: WaitingRow; now: number }) {
  const [state, share] = prospect(row, now);
  const why = reasons(row, now);
  return (
    <tr data-call={row.call} data-by={row.by}>
      <th scope="row">{row.place}</th>
      <td class="who-waits">
        {row.customer && <span>{seen(row.customer)}</span>}
        <small>{seen(row.number) || word("anonymous")}</small>
        {row.call_back && <span class="chip soft">{word(`call_back_${row.call_back}`)}</span>}
      </td>
      <td>
        <span class="chip" data-urgency={row.urgency}>
          {word(row.urgency)}
        </span>
      </td>
      <td class="number">
        <time>{duration(now - row.since)}</time>
      </td>
      <td>
        {row.call_back ? "" : promised(row)}
        {row.until !== null && row.until > now && (
          <small>
            {" "}
            ({word("until")} {moment(row.until, now)})
          </small>
        )}
      </td>
      <td class="prospect" data-state={state}>
        {share}
      </td>
      <td>
        {row.place === 1 && <strong>{word("first_of_line")}: </strong>}
        {why.join("; ")}
      </td>
      {steers && (
        <td>
          {!row.call_back && !["ringing", "out_of_turn"].includes(row.by) && (
            <button
              type="button"
              class="small"
              onClick={() =>
                ask({
                  about: seen(row.customer || row.number) || word("anonymous"),
                  question: word("take_out_why"),
                  path: "/api/floor/out-of-turn",
                  body: { call: row.call },
                  asks: "text",
                })
              }
            >
              {word("take_out")}
            </button>
          )}
        </td>
      )}
    </tr>
  );
}

/** Who needs to be looked at comes first. */
const ORDER = [
  "no_calls", "available", "offered", "talking", "consulting", "advising", "internal", "calling_out", "chatting",
  "wrapping_up", "paused", "off",
];

function People({ people, lines, now }: { people: PersonRow[]; lines: Record<string, LineRow>; now: number }) {
  const rows = [...people].sort(
    (one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || one.name.localeCompare(other.name),
  );
  return (
    <section class="card" aria-labelledby="people">
      <h2 id="people">
        {word("people")}: {people.length}
      </h2>
      {rows.length ? (
        <ul class="people">
          {rows.map((person) => (
            <Person key={person.id} person={person} lines={lines} now={now} />
          ))}
        </ul>
      ) : (
        <p class="nobody">{word("nobody_on_shift")}</p>
      )}
    </section>
  );
}

function Person({ person, lines, now }: { person: PersonRow; lines: Record<string, LineRow>; now: number }) {
  const what = [
    person.customer ? seen(person.customer) : person.number,
    person.line && Object.keys(lines).length > 1 ? (lines[person.line]?.title ?? person.line) : "",
  ].filter(Boolean);
  return (
    <li class="person" data-state={person.state} data-person={person.id}>
      <Shape state={person.state} />
      <div>
        <span class="name">{seen(person.name)}</span>
        <small>
          <b>{stateWord(person)}</b> · {person.group}
        </small>
        {what.length > 0 && <small>{what.join(" · ")}</small>}
      </div>
      <time>{duration(now - person.since)}</time>
      {steers && <PersonHands {...person} />}
    </li>
  );
}

const TALKS = ["talking", "consulting", "advising"];

function PersonHands({ id, name, state, presence }: PersonRow) {
  if (presence === "off") return null;
  const about = seen(name);
  const paused = presence === "paused";
  return (
    <div class="row">
      <button
        type="button"
        class="small"
        aria-label={`${word(paused ? "return" : "pause")}: ${about}`}
        onClick={() =>
          paused
            ? void act("/api/floor/return", { person: id })
            : ask({ about, question: word("pause_whom"), path: "/api/floor/pause", body: { person: id }, asks: "pause" })
        }
      >
        {word(paused ? "return" : "pause")}
      </button>
      {!TALKS.includes(state) && (
        <button
          type="button"
          class="small"
          aria-label={`${word("end_shift")}: ${about}`}
          onClick={() =>
            ask({ about, question: word("end_shift_sure"), path: "/api/floor/log-out", body: { person: id }, asks: "nothing" })
          }
        >
          {word("end_shift")}
        </button>
      )}
    </div>
  );
}

function stateWord(person: PersonRow): string {
  const state = word(person.state);
  if (person.state === "no_calls") return `${state}: ${word(`phone_${person.trouble}`)}`;
  if (person.state === "paused" && person.reason) return `${state}: ${reasonWord(person.reason)}`;
  return person.presence === "paused" && person.state !== "paused" ? `${state}, ${word("paused").toLowerCase()}` : state;
}

/** The reason of a pause: a configured one, or one that the controller gave. */
function reasonWord(reason: string): string {
  const known = word(`reason_${reason}`);
  return known === `reason_${reason}` ? word(reason) : known;
}

render(<SessionEnds />, document.getElementById("session")!);
watchSession();
render(<Floor />, document.getElementById("floor")!);
watch.open();
