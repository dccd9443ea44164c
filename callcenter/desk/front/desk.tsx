/** The operators' page: shows what the controller tells over the live connection, and is the operator's phone. */

import { render } from "preact";
import { useEffect } from "preact/hooks";
import "./auto_answer";
import "./network";
import { Actions, Conversations } from "./actions";
import { Banner, Bar, keypad, titleOf } from "./bar";
import { Caller } from "./call";
import { CallBackFor } from "./call_back";
import { CallerCard } from "./card";
import { Chats, OpenChat } from "./chat";
import { current as chat, chats } from "./chats";
import { Keys } from "./keys";
import { Knowledge } from "./knowledge";
import { Login } from "./login";
import { NewsInShift } from "./news";
import { shown as note } from "./notes";
import { answer, hangUp, phone, toggleHold, toggleMute } from "./phone";
import { NotRegistered, Registering } from "./registering";
import { Request } from "./request_form";
import { OpenForms, RequestsOfCaller } from "./request_lists";
import { Sound, SoundNotice } from "./sound";
import { message, open, say, told } from "./server";
import { SessionEnds, watchSession } from "./session";
import { use } from "./store";
import { word } from "./texts";

function Desk() {
  const shown = use(told);
  const text = use(message);
  const rings = use(phone).call === "ringing";
  const title = rings ? `☎ ${word("offered")}` : shown ? titleOf(shown.state.me) : word("title");
  useEffect(() => {
    document.title = title;
  }, [title]);
  if (shown === undefined) return <Banner />;
  if (shown === null) {
    return (
      <main class="narrow">
        <Banner />
        <StillTalking />
        <Login />
      </main>
    );
  }
  return (
    <>
      <Bar {...shown} />
      <Banner />
      <SessionEnds />
      <SoundNotice />
      <p id="message" role="status">
        {text}
      </p>
      <main id="desk">
        <Sound />
        <div class="side">
          <Chats chats={shown.state.chats} />
          <Caller call={shown.state.me.call ?? shown.state.me.kept} outgoing={shown.state.me.outgoing} />
          <Actions state={shown.state} />
        </div>
        <div class="side">
          <OpenChat state={shown.state} />
          <CallBackFor me={shown.state.me} />
          <Request {...shown} />
          <Registering {...shown} />
        </div>
        <div class="side">
          <RequestsOfCaller />
          <CallerCard />
          <KnowledgeOfCall present={shown.state.me.call?.line ?? shown.state.me.outgoing?.line} />
          <OpenForms />
          <NotRegistered />
        </div>
        <Conversations {...shown} />
        <Keys />
      </main>
      <NewsInShift {...shown} />
    </>
  );
}

/** The session has ended in the middle of a conversation. */
function StillTalking() {
  if (use(phone).call !== "talking") return null;
  return (
    <section class="card" id="still-talking">
      <p role="alert">{word("still_talking")}</p>
      <button type="button" class="end" onClick={hangUp}>
        {word("hang_up")} <kbd>F2</kbd>
      </button>
    </section>
  );
}

/** What is registered decides which articles come first; before anything is, the line that calls. */
function KnowledgeOfCall({ present }: { present: string | undefined }) {
  const open = use(note);
  const written = use(chat);
  const chatLine = chats().find((one) => one.chat === written)?.line;
  const subject = open?.card.subjects.find(([id]) => id === open.written.subject)?.[1];
  return <Knowledge line={present ?? chatLine ?? open?.card.line} subject={subject} />;
}

/** Keys of the phone, by their place on the keyboard; ringing never takes Enter or Escape. */
const KEYS: Record<string, () => void> = {
  F2: () => (phone.value.call === "ringing" ? answer() : hangUp()),
  F7: toggleMute,
  F8: toggleHold,
  F9: () => keypad.set(!keypad.value),
};

addEventListener("keydown", (event) => {
  const key = KEYS[event.code];
  if (!key || event.altKey || event.ctrlKey || event.metaKey || phone.value.call === "none") return;
  event.preventDefault();
  if (!event.repeat) key(); // a key that is held must not hang up what it has just answered
});

let transfer = "";

/** The result of a transfer is told when it changes. */
told.subscribe(() => {
  const now = told.value?.state.me.transfer ?? "";
  if (now !== transfer && ["ringing", "missed"].includes(now)) say(word(`transfer_${now}`));
  transfer = now;
});

/** Whose session it is may have changed: somebody has logged in. */
let somebody = false;
told.subscribe(() => {
  if (!somebody && told.value) watchSession();
  somebody = Boolean(told.value);
});

render(<Desk />, document.getElementById("page")!);
void open();
