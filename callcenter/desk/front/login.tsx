/** The form that opens the shift. */

import { useEffect, useRef, useState } from "preact/hooks";
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
  /** Whether somebody with a second factor logs in: the server says so once the password is right. */
  const [withCode, askCode] = useState(false);
  const code = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (withCode) code.current?.focus();
  }, [withCode]);
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
    if (field("code")) body["code"] = field("code");
    const password = form.querySelector<HTMLInputElement>("[name=password]")!;
    const answer = await logIn(body);
    if (answer === "code_needed") return askCode(true); // and the password stays, for the code goes with it
    password.value = "";
    if (code.current) code.current.value = "";
    if (!answer) password.focus();
  }

  /** Returns what is to be done first, or "done" when the person is in; null: the log-in was refused. */
  async function logIn(body: Record<string, unknown>): Promise<"news_first" | "code_needed" | "done" | null> {
    const answer = await act("/api/login", body);
    if (answer?.data["answer"] === "news_first") {
      setFirst({ body, news: answer.data["news"] as News[] });
      return "news_first";
    }
    setFirst(null);
    if (answer?.data["answer"] === "code_needed") return "code_needed";
    if (answer?.status !== 200) return null;
    try {
      localStorage.setItem(REMEMBERED, seat);
    } catch {
      // Not remembered in a browser that keeps nothing.
    }
    live();
    return "done";
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
      {withCode && (
        <label>
          {word("code")}
          <input name="code" ref={code} maxLength={64} autocomplete="one-time-code" inputMode="text" />
        </label>
      )}
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
