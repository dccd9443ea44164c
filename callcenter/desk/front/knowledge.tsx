/** The knowledge base beside the call: search as one types, read, copy for an answer, and say what did not help. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { TargetedEvent, TargetedKeyboardEvent, TargetedSubmitEvent } from "preact";
import { insert } from "./chats";
import { copy } from "./clipboard";
import { useKey } from "./keys";
import { act, look, say } from "./server";
import { use } from "./store";
import { language, word } from "./texts";
import { Written } from "./written";

interface Found {
  name: string;
  title: string;
  subject: string;
  snippet?: { text: string; found: boolean }[];
}

interface Article extends Found {
  version: number;
  html: string;
  /** The beginning without markup, to be pasted into an answer. */
  short: string;
}

interface KnowledgeOptions {
  /** Only articles for this line, or for all lines. */
  line?: string | undefined;
  /** What the caller is about, if that is known: articles about it are shown before anything is typed. */
  subject?: string | undefined;
}

const AFTER_TYPING_MS = 150;
const MOST = 20;
const LONGEST_QUESTION = 200;
const LONGEST_REMARK = 1000;

const addressOf = (name: string): string => `/articles/${encodeURIComponent(name)}`;

export function Knowledge({ line = "", subject = "" }: KnowledgeOptions) {
  const [asked, setAsked] = useState("");
  const [article, setArticle] = useState<Article | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const question = asked.trim() || subject;
  const { answered, found, problem } = useFound(question, line, asked !== "");
  /** Enter was pressed before the answer to the question came: the first article is opened when it is there. */
  const opensFirst = useRef(false);
  useEffect(() => {
    const first = found?.[0];
    if (answered !== question || !opensFirst.current) return;
    opensFirst.current = false;
    if (first) void read(first.name);
  }, [answered, question]);

  async function read(name: string): Promise<void> {
    try {
      const { status, data } = await look(`/api${addressOf(name)}`);
      if (status === 200) setArticle(data as unknown as Article);
      else say(data.message ?? "");
    } catch {
      say(word("no_connection"));
    }
  }

  useKey("Slash", "/", "search_articles", () => {
    setArticle(null);
    requestAnimationFrame(() => box.current?.focus());
  });

  if (article) {
    const back = (): void => {
      setArticle(null);
      requestAnimationFrame(() => box.current?.focus());
    };
    return <Reading key={article.name} article={article} onArticle={(name) => void read(name)} onBack={back} />;
  }

  function move(event: TargetedKeyboardEvent<HTMLElement>): void {
    const first = found?.[0];
    if (event.code === "Enter" && event.target === box.current) {
      event.preventDefault();
      if (answered !== question) opensFirst.current = true;
      else if (first) void read(first.name);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.code];
    if (!step) return;
    const stops = [...event.currentTarget.querySelectorAll<HTMLElement>("#articles-asked, #articles-found button")];
    const next = stops[stops.indexOf(document.activeElement as HTMLElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  return (
    <section id="knowledge" class="card" aria-label={word("knowledge")} onKeyDown={move}>
      <h2>
        <label for="articles-asked">{word("knowledge")}</label>
      </h2>
      <input
        id="articles-asked"
        ref={box}
        type="search"
        maxLength={LONGEST_QUESTION}
        autocomplete="off"
        placeholder={word("search_articles")}
        aria-keyshortcuts="/"
        value={asked}
        onInput={(event: TargetedEvent<HTMLInputElement>) => {
          opensFirst.current = false;
          setAsked(event.currentTarget.value);
        }}
      />
      {!asked && subject && <p class="about">{`${word("on_subject")}: ${subject}`}</p>}
      <p role="status" class={problem || found?.length === 0 ? "" : "quiet"}>
        {problem || (found && (found.length ? `${word("articles_found")}: ${found.length}` : word("articles_none")))}
      </p>
      <ul id="articles-found">
        {found?.map((one) => (
          <li key={one.name}>
            <button type="button" onClick={() => void read(one.name)}>
              <b>{one.title}</b> <small>{one.subject}</small>
              {one.snippet && (
                <span class="snippet">
                  {one.snippet.map(({ text, found: wanted }) => (wanted ? <mark>{text}</mark> : text))}
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      <p>
        <a href={`/articles?lang=${language}`} target="_blank" rel="noopener">
          {word("all_articles")}
        </a>
      </p>
    </section>
  );
}

interface Answered {
  /** The question that is answered; null: none yet. */
  answered: string | null;
  found: Found[] | null;
  problem: string;
}

/** What was found last. An answer that comes after the next question is not shown. */
function useFound(question: string, line: string, typed: boolean): Answered {
  const [answer, setAnswer] = useState<Answered>({ answered: null, found: null, problem: "" });
  useEffect(() => {
    const over = new AbortController();
    const fields = new URLSearchParams({ limit: String(MOST) });
    if (question) fields.set("q", question);
    if (line) fields.set("line", line);
    async function find(): Promise<void> {
      try {
        const { status, data } = await look(`/api/articles?${fields}`, over.signal);
        const found = status === 200 ? (data["articles"] as Found[]) : [];
        setAnswer({ answered: question, found, problem: status === 200 ? "" : (data.message ?? "") });
      } catch {
        if (!over.signal.aborted) setAnswer({ answered: question, found: null, problem: word("no_connection") });
      }
    }
    const begin = setTimeout(() => void find(), typed ? AFTER_TYPING_MS : 0);
    return () => {
      clearTimeout(begin);
      over.abort();
    };
  }, [question, line]);
  return answer;
}

interface ReadingOptions {
  article: Article;
  onArticle: (name: string) => void;
  onBack: () => void;
}

function Reading({ article, onArticle, onBack }: ReadingOptions) {
  const [complaining, complain] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []); // it was opened by a key or a click just now

  async function copied(text: string, what: string): Promise<void> {
    say(word((await copy(text)) ? what : "not_copied"));
  }
  const copyLink = (): void => void copied(location.origin + addressOf(article.name), "link_copied");
  const answering = use(insert);
  /** Into the chat that is being answered, if one is; else to be pasted somewhere. */
  const copyText = (): void => (answering ? answering(article.short) : void copied(article.short, "text_copied"));
  useKey("KeyL", "L", "copy_link", copyLink);
  useKey("KeyC", "C", "copy_text", copyText);
  useKey("KeyB", "B", "to_the_list", onBack);

  return (
    <section id="knowledge" class="card reading" aria-label={word("knowledge")} tabIndex={0}>
      <div class="row">
        <button type="button" onClick={onBack}>
          {word("to_the_list")} <kbd>B</kbd>
        </button>
        <button type="button" title={word("copy_text")} onClick={copyText}>
          <CopyIcon /> {word("short_text")} <kbd>C</kbd>
        </button>
        <button type="button" title={word("copy_link")} onClick={copyLink}>
          <CopyIcon /> {word("link")} <kbd>L</kbd>
        </button>
      </div>
      <h2 class="title" tabIndex={-1} ref={heading}>
        {article.title}
      </h2>
      <p class="about">{article.subject}</p>
      <Written html={article.html} onArticle={onArticle} />
      {complaining ? (
        <DidNotHelp article={article} onDone={() => complain(false)} />
      ) : (
        <button type="button" onClick={() => complain(true)}>
          {word("did_not_help")}
        </button>
      )}
    </section>
  );
}

function CopyIcon() {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M9 3h11v13h-4v5H4V8h5zM9 10H6v9h8v-3H9z" fill-rule="evenodd" />
    </svg>
  );
}

function DidNotHelp({ article, onDone }: { article: Article; onDone: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);

  async function send(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    const answer = await act(`/api${addressOf(article.name)}/feedback`, { version: article.version, text });
    if (answer?.status !== 200) return; // what was typed stays
    say(word("feedback_sent"));
    onDone();
  }

  return (
    <form class="remark" onSubmit={send}>
      <label>
        {word("what_was_missing")}
        <textarea name="text" required maxLength={LONGEST_REMARK} rows={3} ref={field} />
      </label>
      <div class="row">
        <button class="go">{word("tell_the_author")}</button>
        <button type="button" onClick={onDone}>
          {word("cancel")}
        </button>
      </div>
    </form>
  );
}
