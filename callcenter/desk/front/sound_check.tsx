/** The test before the shift: the person speaks, hears themselves from Asterisk a second later, and says so. */

import { begin, echo, end } from "./echo";
import { useKey } from "./keys";
import { Meter } from "./meter";
import { phone } from "./phone";
import { heard } from "./report";
import { ring } from "./ringing";
import { Store, use } from "./store";
import { word } from "./texts";

/** Whether the last test was one in which the person heard nothing. */
const silent = new Store(false);

function well(): void {
  silent.set(false);
  heard();
  end();
}

function badly(): void {
  silent.set(true);
  end();
}

function listen(): void {
  silent.set(false);
  ring(); // the first call of the day is to be audible
  begin();
}

/** `first`: no calls come until it is done. */
export function SoundCheck({ first }: { first: boolean }) {
  const { state, returned, stream } = use(echo);
  const { readiness } = use(phone);
  const failed = use(silent);
  const under_way = state === "calling" || state === "listening";
  useKey("KeyE", "E", "echo_test", under_way ? (returned ? well : null) : listen);
  return (
    <div id="sound-check" class="sound-check" role="group" aria-label={word("echo_test")}>
      <h2>{word("echo_test")}</h2>
      {first && <p>{word("echo_first")}</p>}
      <p role="status" id="echo-says">
        {word(sentence(state, returned, failed))}
      </p>
      {state === "listening" && <Meter stream={stream} label="echo_level" />}
      <div class="row">
        {under_way ? (
          <>
            <button type="button" id="heard" class="go" disabled={!returned} onClick={well}>
              {word("echo_heard")} <kbd>E</kbd>
            </button>
            <button type="button" id="not-heard" onClick={badly}>
              {word("echo_not_heard")}
            </button>
          </>
        ) : (
          <button type="button" id="echo" class={first ? "go" : ""} disabled={readiness !== "ready"} onClick={listen}>
            {word("echo_begin")} <kbd>E</kbd>
          </button>
        )}
      </div>
    </div>
  );
}

function sentence(state: string, returned: boolean, failed: boolean): string {
  if (state === "calling") return "echo_calling";
  if (state === "listening") return returned ? "echo_returned" : "echo_speak";
  if (state === "failed") return "echo_failed";
  return failed ? "echo_silent" : "echo_what";
}
