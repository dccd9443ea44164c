/** Chats beside the call: what is offered, those that are open, and the one that is being answered. */

import type { TargetedEvent, TargetedKeyboardEvent, TargetedSubmitEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  accept,
  act,
  type Chat,
  type Colleague,
  colleagues,
  current,
  insert,
  keepDraft,
  type Message,
  seen,
  send,
  show,
  talkOf,
  talks,
  typing,
} from "./chats";
import { useKey } from "./keys";
import { ring } from "./ringing";
import { say, type State } from "./server";
import { use } from "./store";
import { language, word } from "./texts";

const LONGEST = 4000;
const RINGS_EVERY_MS = 3000;

const stateWord = (chat: Chat): string =>
  chat.state === "wrapping_up" ? word("chat_over") : chat.here ? word("chat_here") : word("chat_away");

/** All chats of this person; what is offered stands first, sounds, and is taken by a key. */
export function Chats({ chats }: { chats: Chat[] }) {
  const shown = use(current);
  const known = use(talks);
  const offered = chats.find((one) => one.state === "offered");
  useEffect(() => {
    if (!offered) return;
    ring();
    const again = setInterval(ring, RINGS_EVERY_MS);
    return () => clearInterval(again);
  }, [offered?.chat]);
  useKey("F4", "F4", "chat_accept", offered ? () => void accept(offered.chat) : null);
  const open = chats.filter((one) => one.state !== "offered");
  useKey("KeyI", "I", "chat_next", open.length ? () => next(open, shown) : null);
  if (!chats.length) return null;
  return (
    <section id="chats" class="card" aria-label={word("chats")}>
      <h2>{word("chats")}</h2>
      {offered && (
        <div class="offered" role="alert">
          <p>
            <b>{word("chat_offered")}</b> {offered.name}
          </p>
          <div class="row">
            <button type="button" class="go" onClick={() => void accept(offered.chat)}>
              {word("chat_accept")} <kbd>F4</kbd>
            </button>
            <button type="button" onClick={() => void act(offered.chat, "/decline")}>
              {word("chat_decline")}
            </button>
          </div>
        </div>
      )}
      <ul>
        {open.map((one) => {
          const unread = one.last - (known[one.chat]?.seen ?? 0);
          return (
            <li key={one.chat}>
              <button type="button" class="plain" aria-current={one.chat === shown} onClick={() => show(one.chat)}>
                <b dir="auto">{one.name}</b> <small>{one.number}</small> <small>{stateWord(one)}</small>
                {one.chat !== shown && unread > 0 && (
                  <span class="chip" aria-label={`${word("chat_unread")}: ${unread}`}>
                    {unread}
                  </span>
                )}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function next(open: Chat[], shown: string): void {
  const at = open.findIndex((one) => one.chat === shown);
  show(open[(at + 1) % open.length]!.chat);
  requestAnimationFrame(() => document.querySelector<HTMLElement>("#chat-text, #chat-note")?.focus());
}

/** The chat that is shown. */
export function OpenChat({ state }: { state: State }) {
  const shown = use(current);
  const chat = state.chats.find((one) => one.chat === shown && one.state !== "offered");
  if (!chat) return null;
  return <Conversation key={chat.chat} chat={chat} state={state} />;
}

function Conversation({ chat, state }: { chat: Chat; state: State }) {
  use(talks);
  const talk = talkOf(chat.chat);
  const list = useRef<HTMLDivElement>(null);
  const count = talk.messages.length + talk.sending.length;
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
    seen(chat.chat);
  }, [count]);
  const makeRequest = async (): Promise<void> => {
    const made = await act(chat.chat, "/request");
    if (made) say(`${word("chat_request_made")} ${String(made["request"])}`);
  };
  useKey("KeyZ", "Z", "chat_request", talk.request ? null : () => void makeRequest());
  return (
    <section id="chat" class="card" aria-label={`${word("chat_with")} ${chat.name}`}>
      <div class="row head">
        <h2 dir="auto">{chat.name}</h2>
        <small>{chat.number}</small>
        <small class="who">{chat.contact}</small>
        <span class="chip soft">{stateWord(chat)}</span>
      </div>
      <div ref={list} class="log" role="log" aria-live="polite" tabIndex={0} aria-label={word("chat_messages")}>
        <ol>
        {talk.messages.map((one) => (
          <Said key={one.number} message={one} name={chat.name} />
        ))}
        {talk.sending.map((one) => (
          <li key={one.key} class="operator sending">
            <p dir="auto">{one.text}</p>
            <small>{word("chat_sending")}</small>
          </li>
        ))}
        </ol>
      </div>
      <p class="typing" aria-hidden="true">
        {chat.typing ? word("chat_typing") : ""}
      </p>
      {chat.state === "open" ? <Answer chat={chat.chat} draft={talk.draft} /> : <Note chat={chat.chat} />}
      <div class="row">
        {!talk.request && (
          <button type="button" onClick={() => void makeRequest()}>
            {word("chat_request")} <kbd>Z</kbd>
          </button>
        )}
        {talk.request && <span class="chip">{talk.request}</span>}
        {chat.state === "open" && <HandOver chat={chat.chat} state={state} />}
        <button type="button" class="end-quiet" onClick={() => void act(chat.chat, "/close")}>
          {chat.state === "open" ? word("chat_close") : word("chat_done")}
        </button>
      </div>
    </section>
  );
}

function Said({ message, name }: { message: Message; name: string }) {
  const at = new Date(message.at).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  if (message.side === "line") {
    const { number } = JSON.parse(message.text) as { number: string };
    return <li class="line">{`${word("chat_request_made")} ${number}`}</li>;
  }
  const who = message.side === "customer" ? name : word("chat_us");
  return (
    <li class={message.side}>
      <small>
        <span dir="auto">{who}</span> <time dateTime={message.at}>{at}</time>
      </small>
      <p dir="auto">{message.text}</p>
    </li>
  );
}

function Answer({ chat, draft }: { chat: string; draft: string | null }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const untouched = useRef(true);
  useEffect(() => {
    if (draft && untouched.current && field.current && !field.current.value) field.current.value = draft;
  }, [draft]);
  useEffect(() => {
    insert.set((text) => {
      const box = field.current;
      if (!box) return;
      box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
      box.focus();
      changed();
    });
    return () => insert.set(null);
  }, [chat]);

  function changed(): void {
    untouched.current = false;
    keepDraft(chat, field.current?.value ?? "");
    typing(chat);
  }

  function answer(): void {
    const box = field.current;
    const text = box?.value.trim() ?? "";
    if (!box || !text) return;
    box.value = "";
    keepDraft(chat, "");
    void send(chat, text);
  }

  return (
    <form
      onSubmit={(event: TargetedSubmitEvent<HTMLFormElement>) => {
        event.preventDefault();
        answer();
      }}
    >
      <label for="chat-text">{word("chat_answer")}</label>
      <textarea
        id="chat-text"
        ref={field}
        rows={3}
        dir="auto"
        maxLength={LONGEST}
        onInput={changed}
        onKeyDown={(event: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
          if (event.code !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          event.stopPropagation(); // Ctrl+Enter belongs to what is registered of a call
          answer();
        }}
      />
      <div class="row">
        <button class="go">
          {word("chat_send")} <kbd>Enter</kbd>
        </button>
      </div>
    </form>
  );
}

/** What came of it, when it becomes no request. */
function Note({ chat }: { chat: string }) {
  use(talks);
  const { note, subject, subjects, draft } = talkOf(chat);
  const [chosen, choose] = useState<string | null>(null);
  if (draft === null) return null;
  async function keep(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    if (await act(chat, "/note", { subject: chosen ?? subject, text })) await act(chat, "/close");
  }
  return (
    <form onSubmit={keep}>
      {subjects.length > 0 && (
        <label>
          {word("chat_subject")}
          <select
            value={chosen ?? subject}
            onChange={(event: TargetedEvent<HTMLSelectElement>) => choose(event.currentTarget.value)}
          >
            <option value="">—</option>
            {subjects.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      <label for="chat-note">{word("chat_note")}</label>
      <textarea id="chat-note" name="text" rows={3} maxLength={LONGEST} defaultValue={note} />
      <div class="row">
        <button class="go">{word("chat_keep_note")}</button>
      </div>
    </form>
  );
}

function HandOver({ chat, state }: { chat: string; state: State }) {
  const [people, look] = useState<Colleague[]>([]);
  const refresh = () => void colleagues(chat).then(look);
  useEffect(refresh, [chat]);
  return (
    <label class="hand-over">
      <span class="quiet">{word("chat_hand_over")}</span>
      <select
        value=""
        onFocus={refresh}
        onPointerEnter={refresh}
        onChange={(event: TargetedEvent<HTMLSelectElement>) => {
          const [kind, id] = event.currentTarget.value.split(":", 2);
          event.currentTarget.value = "";
          if (kind) void act(chat, "/hand-over", kind === "any" ? {} : { [kind]: id });
        }}
      >
        <option value="">{word("chat_hand_over")}…</option>
        <option value="any:">{word("chat_anybody")}</option>
        <optgroup label={word("chat_groups")}>
          {state.colleagues.map(({ group, title }) => (
            <option key={group} value={`group:${group}`}>
              {title}
            </option>
          ))}
        </optgroup>
        {people.length > 0 && (
          <optgroup label={word("chat_colleagues")}>
            {people.map(({ id, name, why_not }) => (
              <option key={id} value={`to:${id}`}>
                {why_not ? `${name} (${word(`chat_not_${why_not}`)})` : name}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  );
}
