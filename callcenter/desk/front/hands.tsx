/** What a supervisor does on the floor: each press opens a small form that asks for the reason, and then for the server. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { act, message } from "./server";
import { Store, use } from "./store";
import { word } from "./texts";

const page = document.getElementById("floor");
/** Heads look, and do nothing. */
export const steers = page ? "steers" in page.dataset : false;
const pauseReasons: [string, string][] = JSON.parse(page?.dataset["reasons"] ?? "[]");

interface Wish {
  /** What it is about: a name or a title. */
  about: string;
  question: string;
  path: string;
  body: Record<string, unknown>;
  /** What is asked for: a reason in words, one of the reasons for a pause, or nothing but a yes. */
  asks: "text" | "pause" | "nothing";
}

const wish = new Store<Wish | null>(null);
/** Where the focus goes back to. */
let pressed: HTMLElement | null = null;

export function ask(wanted: Wish): void {
  pressed = document.activeElement as HTMLElement | null;
  wish.set(wanted);
}

function done(): void {
  wish.set(null);
  pressed?.focus();
}

export function Hands() {
  const wanted = use(wish);
  const text = use(message);
  return (
    <>
      <p id="message" role="status">
        {text}
      </p>
      {wanted && <Form key={`${wanted.path} ${JSON.stringify(wanted.body)}`} {...wanted} />}
    </>
  );
}

function Form({ about, question, path, body, asks }: Wish) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the next key: whoever presses Enter and types at once loses no letter.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const reason = new FormData(event.currentTarget as HTMLFormElement).get("reason");
    const answer = await act(path, asks === "nothing" ? body : { ...body, reason });
    if (answer) done();
  };
  return (
    <dialog ref={dialog} onClose={done} aria-labelledby="wish">
      <form onSubmit={send} class="fields">
        <h2 id="wish">{about}</h2>
        <label>
          {question}
          {asks === "text" && <input name="reason" required maxLength={300} autocomplete="off" autofocus />}
          {asks === "pause" && (
            <select name="reason">
              {pauseReasons.map(([id, title]) => (
                <option key={id} value={id}>
                  {title}
                </option>
              ))}
            </select>
          )}
        </label>
        <div class="row">
          <button class="go">{word("do_it")}</button>
          <button type="button" onClick={done}>
            {word("cancel")}
          </button>
        </div>
      </form>
    </dialog>
  );
}
