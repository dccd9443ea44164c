/** The wall screen: read from five metres, by anybody who passes; it has a token of its own and names nobody. */

import { render } from "preact";
import { LineFacts } from "./line_facts";
import { Shape } from "./shapes";
import { clock, use } from "./store";
import { duration, language, word } from "./texts";
import { Watch } from "./watch";
import type { CountRow, LineRow, WaitingRow } from "./watch";

/** Behind the #: no server is sent that, so no log has it. */
const watch = new Watch<CountRow>("/api/wall/live", location.hash.slice(1) || "none");
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const precise = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let heard = new Date();
watch.shown.subscribe(() => {
  heard = new Date();
});

function Wall() {
  const shown = use(watch.shown);
  const trouble = use(watch.trouble);
  const now = use(clock) + (shown?.clock ?? 0);
  if (!shown) {
    return (
      <p class="wall-notice" role="alert">
        {trouble && word(trouble === "refused" ? "no_token" : trouble)}
      </p>
    );
  }
  const { connected, recording } = shown.rows.floor.floor;
  const sentences = [
    trouble === "refused" && word("no_token"),
    trouble === "no_connection" && `${word("no_connection_since")} ${precise.format(heard)}`,
    !connected && word("not_connected"),
    !recording && word("not_recording"),
  ].filter(Boolean);
  const waiting = Object.values(shown.rows.waiting);
  return (
    <>
      <div class="banner" role="alert" hidden={!sentences.length}>
        {sentences.join(" ")}
      </div>
      <div class={trouble ? "stale" : ""}>
        {Object.values(shown.rows.lines).map((line) => (
          <Line key={line.id} line={line} waiting={waiting.filter((one) => one.line === line.id)} now={now} />
        ))}
        <People counts={Object.values(shown.rows.people)} />
      </div>
      <p class="wall-clock">{time.format(new Date())}</p>
    </>
  );
}

function Line({ line, waiting, now }: { line: LineRow; waiting: WaitingRow[]; now: number }) {
  const rows = [...waiting].sort((one, other) => one.place - other.place);
  return (
    <section class="line" aria-labelledby={`line-${line.id}`} data-line={line.id}>
      <header>
        <h1 id={`line-${line.id}`}>{line.title}</h1>
        <span class="chip" data-open={line.open}>
          {line.open ? `● ${word("line_open")}` : `■ ${word("closed")}`}
        </span>
      </header>
      <LineFacts line={line} now={now} />
      <ol class="wall-queue" aria-label={word("queue")}>
        {rows.map((row) => (
          <li key={row.place} data-urgency={row.urgency}>
            <span>{row.place}</span>
            <span class="class" data-urgency={row.urgency}>
              {word(row.urgency)}
            </span>
            <span>{row.by === "ringing" ? word("rings") : row.call_back ? word("call_back_due") : row.number}</span>
            <time>{duration(now - row.since)}</time>
          </li>
        ))}
      </ol>
      {line.queue > rows.length && (
        <p class="wall-more">
          {word("more")} {line.queue - rows.length}
        </p>
      )}
    </section>
  );
}

function People({ counts }: { counts: CountRow[] }) {
  const states = new Map<string, number>();
  for (const { state, count } of counts) states.set(state, (states.get(state) ?? 0) + count);
  return (
    <ul class="wall-people" aria-label={word("people")}>
      {[...states].map(([state, count]) => (
        <li key={state} class="person" data-state={state}>
          <Shape state={state} />
          <strong>{count}</strong> {word(state)}
        </li>
      ))}
    </ul>
  );
}

render(<Wall />, document.getElementById("wall")!);
watch.open();
