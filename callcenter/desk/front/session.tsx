/** Warns a minute before the session ends, on every page, and lets it begin anew: what is typed there stays. */

import { useState } from "preact/hooks";
import { look, request } from "./server";
import { clock, Store, use } from "./store";
import { duration, word } from "./texts";

const WARN_SECONDS = 60;
/** A computer that slept has a clock that stood still. */
const ASK_AGAIN_MS = 300_000;

/** When it ends, by the page's own clock in seconds: a wrong clock of the computer does not matter. */
const endsAt = new Store(Infinity);

function ends({ ends_in }: Record<string, unknown>): void {
  if (typeof ends_in === "number") endsAt.set(performance.now() / 1000 + ends_in);
}

async function ask(): Promise<void> {
  if (document.hidden) return;
  try {
    const { status, data } = await look("/api/account/session");
    if (status === 200) ends(data);
    else endsAt.set(Infinity); // nobody is logged in
  } catch {
    // The next look will tell.
  }
}

/** Begin to watch; also when somebody has just logged in. */
export function watchSession(): void {
  void ask();
}

export function SessionEnds() {
  const left = use(endsAt) - use(clock);
  return left < WARN_SECONDS && left > 0 ? <Stay left={left} /> : null;
}

function Stay({ left }: { left: number }) {
  const [problem, setProblem] = useState("");
  const stay = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const password = new FormData(form).get("password");
    try {
      const { status, data } = await request("/api/account/session/prolong", { password });
      if (status === 200) ends(data);
      else setProblem(data.message ?? "");
    } catch {
      setProblem(word("no_connection"));
    }
  };
  return (
    <form class="session-ends" aria-labelledby="session-ends" onSubmit={stay}>
      <p role="alert" id="session-ends">
        {word("session_ends")}
      </p>
      <time aria-hidden="true">{duration(left)}</time>
      <label>
        {word("password")}
        <input name="password" type="password" required maxLength={256} autocomplete="current-password" />
      </label>
      <button class="go">{word("session_stay")}</button>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

setInterval(() => void ask(), ASK_AGAIN_MS);
document.addEventListener("visibilitychange", () => void ask());
