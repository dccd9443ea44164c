/** News: what has to be read before the shift begins, and what comes while it lasts. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "./keys";
import { act, look, say } from "./server";
import type { Told } from "./server";
import { word } from "./texts";
import { Written } from "./written";

export interface News {
  id: number;
  version: number;
  title: string;
  urgent: boolean;
  html: string;
}

interface NewsOptions {
  items: News[];
  /** The person has read all of it. */
  onRead: () => void;
}

export function NewsFirst({ items, onRead }: NewsOptions) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [items]);
  return (
    <section id="news" class="card" aria-label={word("news_first")}>
      <h1 tabIndex={-1} ref={heading}>
        {word("news_first")}
      </h1>
      {items.map(({ id, title, urgent, html }) => (
        <article key={id}>
          <h2>
            {urgent && <span class="chip urgent">{word("news_urgent")}</span>} {title}
          </h2>
          <Written html={html} />
        </article>
      ))}
      <button type="button" class="go" onClick={onRead}>
        {word("news_read")}
      </button>
    </section>
  );
}

/** Milliseconds for which the end of a text has to be in sight: what was meant for something else confirms nothing. */
const SEEN_MS = 1000;

/**
 * Whether `what` was really seen: what the ref is on, which stands at its end, was in sight for a while, and the page in
 * front. null: nothing is shown.
 */
function useSeen(what: string | null) {
  const end = useRef<HTMLButtonElement>(null);
  const [seen, see] = useState<string | null>(null);
  useEffect(() => {
    see(null);
    if (what === null || !end.current) return;
    let [inSight, timer] = [false, 0];
    const look = (): void => {
      clearTimeout(timer);
      if (inSight && !document.hidden) timer = setTimeout(() => see(what), SEEN_MS);
    };
    const watch = new IntersectionObserver((changes) => {
      inSight = changes.at(-1)!.isIntersecting;
      look();
    });
    watch.observe(end.current);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      watch.disconnect();
      document.removeEventListener("visibilitychange", look);
    };
  }, [what]);
  return [end, what !== null && seen === what] as const;
}

/** Unread news in the shift: urgent news appears by itself, in its own place; nothing moves, and the focus stays. */
export function NewsInShift({ state, at }: Told) {
  const [unread, setUnread] = useState<News[]>([]);
  const [opened, setOpened] = useState(false);
  const valid = JSON.stringify(state.news);

  async function find(over?: AbortSignal): Promise<void> {
    try {
      const { status, data } = await look("/api/news", over);
      if (status === 200) setUnread((data["news"] as (News & { read: boolean })[]).filter(({ read }) => !read));
    } catch {
      // The connection is gone: all parts of the state come again with the next one, and this with them.
    }
  }
  useEffect(() => {
    const over = new AbortController();
    if (state.news.length) void find(over.signal);
    else setUnread([]);
    return () => over.abort();
  }, [valid, at.news]);

  const news = unread[0];
  const shown = news !== undefined && (news.urgent || opened);
  const [end, seen] = useSeen(shown ? `${news.id} ${news.version}` : null);

  async function confirm({ id, version }: News): Promise<void> {
    if (!seen) return say(word("news_to_the_end"));
    const answer = await act("/api/news/confirm", { news: id, version });
    if (answer?.status === 200) {
      setUnread((before) => before.filter((one) => one.id !== id));
      say(word("news_confirmed"));
    } else if (answer) await find();
  }
  function press(): void {
    if (!shown) setOpened(true);
    else void confirm(news);
  }
  useKey("KeyM", "M", shown ? "news_confirm" : "news_open", news ? press : null);

  return (
    <>
      <p class="quiet" role="status">
        {news?.urgent && `${word("news_urgent_now")}: ${news.title}`}
      </p>
      {shown && (
        <section id="shift-news" class="card" data-urgent={news.urgent} aria-label={word("news")} tabIndex={0}>
          <h2>
            {news.urgent && <span class="chip urgent">▲ {word("news_urgent")}</span>} {news.title}
          </h2>
          <Written html={news.html} />
          <button
            type="button"
            class="go"
            ref={end}
            aria-disabled={!seen}
            onKeyDown={(event) => event.repeat && event.preventDefault()}
            onClick={() => void confirm(news)}
          >
            {word("news_confirm")} <kbd>M</kbd>
          </button>
          {unread.length > 1 && <p>{`${word("news_left")}: ${unread.length - 1}`}</p>}
        </section>
      )}
      {news && !shown && (
        <button type="button" id="news-waiting" onClick={press}>
          {`${word("news_unread")}: ${unread.length}`} <kbd>M</kbd>
        </button>
      )}
    </>
  );
}
