/** Calling out: a field for a number, and what has become of the call. The own phone rings first. */

import { useState } from "preact/hooks";
import { useKey } from "./keys";
import { answer, phone } from "./phone";
import { act, say, told } from "./server";
import type { Me } from "./server";
import { seen, word } from "./texts";

const ASKED_FOR_MS = 20_000;

/** Until when the phone in the page is answered by itself: this page has asked for the call. */
let asked = 0;

/** Call a number on behalf of a line; without one, of the first that may. Returns whether the own phone rings now. */
export async function callOut(number: string, line = ""): Promise<boolean> {
  asked = performance.now() + ASKED_FOR_MS;
  const told = await act("/api/call", { number, ...(line ? { line } : {}) });
  if (told?.status !== 200) asked = 0;
  return told?.status === 200;
}

/** Whoever has asked for a call has the headset on: only the phone in the page can answer by itself, and only for it. */
function answerOwnCall(): void {
  if (phone.value.call !== "ringing" || performance.now() > asked) return;
  if (!told.value?.state.me.outgoing) return;
  asked = 0;
  say(""); // nobody has to answer anything
  answer();
}

phone.subscribe(answerOwnCall);
told.subscribe(answerOwnCall);

const AT_REST = ["idle", "wrapping_up"];

export const mayDial = (me: Me): boolean => me.call_ranges.length > 0 && AT_REST.includes(me.activity) && !me.kept;

export function Dial({ me }: { me: Me }) {
  const [number, setNumber] = useState("");
  useKey("KeyD", "D", "dial_number", mayDial(me) ? () => document.getElementById("dial-number")?.focus() : null);
  if (me.outgoing) {
    return (
      <div id="outgoing" role="group" aria-label={word("outgoing_call")}>
        <h2>{word("outgoing_call")}</h2>
        <p>
          <strong>{seen(me.outgoing.customer) || me.outgoing.number}</strong> · {word(stateOf(me))}
        </p>
        <div class="row">
          <button type="button" class="end" id="end-outgoing" onClick={() => void act("/api/end")}>
            {word("hang_up")}
          </button>
        </div>
      </div>
    );
  }
  if (!mayDial(me)) return null;
  return (
    <form
      id="dial"
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = number.trim();
        if (wanted) void callOut(wanted).then((rings) => rings && setNumber(""));
      }}
    >
      <label>
        <span class="legend">
          {word("dial_number")} <kbd>D</kbd>
        </span>
        <input
          id="dial-number"
          type="tel"
          maxLength={40}
          autocomplete="off"
          value={number}
          onInput={(event) => setNumber(event.currentTarget.value)}
        />
      </label>
      <button>{word("dial")}</button>
    </form>
  );
}

/** The key of the word for the state of an outgoing call: its result, when that is known already. */
export function stateOf({ outgoing }: Me): string {
  if (!outgoing) return "outgoing_call";
  return outgoing.result ? `outcome_${outgoing.result}` : `outgoing_${outgoing.state}`;
}
