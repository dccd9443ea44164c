/** Answering by itself, where the line wants it: after a tone, and never while the person types. */

import { typing } from "./keys";
import { answer, phone } from "./phone";
import { announce } from "./ringing";
import { told } from "./server";

const AFTER_MS = 1_000;
/** So long after the last key somebody in a field counts as typing. */
const TYPES_MS = 3_000;

let typedAt = -TYPES_MS;
let timer = 0;

/** Whether this call is to be answered by itself. A call that is taken back is not: the person may have gone. */
function wanted(): boolean {
  const state = told.value?.state;
  const call = state?.me.call;
  if (phone.value.call !== "ringing" || !call || state.me.kept) return false;
  return state.lines.some(({ id, auto_answer }) => id === call.line && auto_answer);
}

function consider(): void {
  if (!wanted()) {
    clearTimeout(timer);
    timer = 0;
  } else if (!timer) {
    announce();
    timer = setTimeout(take, AFTER_MS);
  }
}

function take(): void {
  timer = 0;
  if (!wanted()) return;
  const rest = typedAt + TYPES_MS - performance.now();
  if (typing() && rest > 0) timer = setTimeout(take, rest);
  else answer();
}

addEventListener("keydown", () => (typedAt = performance.now()), { capture: true });
phone.subscribe(consider);
told.subscribe(consider);
