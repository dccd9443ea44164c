/** The form that opens the shift. */

import { useState } from "preact/hooks";
import type { TargetedSubmitEvent } from "preact";
import { NewsFirst } from "./news";
import type { News } from "./news";
import { act, live, message } from "./server";
import { use } from "./store";
import { pagePhones, word } from "./texts";

const REMEMBERED = "phone";
/** Where this browser's last person sat: at the phone in the page, or at a desk phone. */
type Seat = "page" | "desk";

function remembered(): Seat {
  try {
    return localStorage.getItem(REMEMBERED) === "desk" ? "desk" : "page";
  } catch {
    return "page";
  }
}

export function Login() {
  const [seat, setSeat] = useState<Seat>(pagePhones ? remembered() : "desk");
  const text = use(message);
  /** What is to be read first, and the log-in that is then repeated; it is forgotten with the page. */
  const [first, setFirst] = useState<{ body: Record<string, unknown>; news: News[] } | null>(null);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    const field = (name: string): string => String(fields.get(name) ?? "").trim();
    const body: Record<string, unknown> = { id: field("id"), password: String(fields.get("password")) };
    if (seat === "page") body["browser"] = true;
    else if (field("phone")) body["phone"] = field("phone");
    const password = form.querySelector<HTMLInputElement>("[name=password]")!;
    password.value = "";
    if (!(await logIn(body))) password.focus();
  }

  /** Returns whether the person is in, or has something to read first. */
  async function logIn(body: Record<string, unknown>): Promise<boolean> {
    const answer = await act("/api/login", body);
    if (answer?.data["answer"] === "news_first") {
      setFirst({ body, news: answer.data["news"] as News[] });
      return true;
    }
    setFirst(null);
    if (answer?.status !== 200) return false;
    try {
      localStorage.setItem(REMEMBERED, seat);
    } catch {
      // Not remembered in a browser that keeps nothing.
    }
    live();
    return true;
  }

  if (first) {
    const read = first.news.map(({ id, version }) => ({ news: id, version }));
    return <NewsFirst items={first.news} onRead={() => void logIn({ ...first.body, read })} />;
  }

  return (
    <form id="login" class="card" autocomplete="on" onSubmit={submit}>
      <h1>{word("log_in_title")}</h1>
      {text && (
        <p class="problem" role="alert">
          {text}
        </p>
      )}
      <label>
        {word("id")}
        <input name="id" required maxLength={32} autocomplete="username" autofocus />
      </label>
      <label>
        {word("password")}
        <input name="password" type="password" required maxLength={256} autocomplete="current-password" />
      </label>
      {pagePhones && (
        <fieldset class="seats">
          <legend>{word("seat")}</legend>
          {(["page", "desk"] as const).map((value) => (
            <label>
              <input
                type="radio"
                name="seat"
                value={value}
                checked={seat === value}
                onChange={() => setSeat(value)}
              />
              {word(`seat_${value}`)}
            </label>
          ))}
        </fieldset>
      )}
      {seat === "desk" && (
        <label>
          {word("other_phone")}
          <input name="phone" maxLength={32} autocomplete="off" />
        </label>
      )}
      <button class="go">{word("log_in")}</button>
    </form>
  );
}
