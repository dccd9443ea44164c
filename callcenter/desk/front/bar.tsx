/** The bar on top: what the system believes of this person, in one word, one shape and one colour, and for how long. */

import { stateOf as dialled } from "./dial";
import { answer, hangUp, phone, press, toggleHold, toggleMute } from "./phone";
import { connected, told } from "./server";
import { SoundButton } from "./sound";
import type { Me, Told } from "./server";
import { Shape } from "./shapes";
import { clock, Store, use } from "./store";
import { duration, language, reasons, word } from "./texts";

export function stateOf(me: Me): string {
  if (me.kept && ["idle", "wrapping_up"].includes(me.activity)) return "kept";
  if (me.activity !== "idle") return me.activity;
  if (me.presence === "available" && me.kept_from_calls) return "chatting";
  return me.presence === "available" && me.phone_trouble ? "no_calls" : me.presence;
}

export function titleOf(me: Me): string {
  const state = stateOf(me);
  if (state === "paused") {
    const reason = reasons.find(([id]) => id === me.reason)?.[1];
    return reason ? `${word("paused")}: ${reason}` : word("paused");
  }
  if (state === "calling_out") return word(dialled(me));
  return me.activity !== "idle" && me.presence === "paused" ? `${word(state)}, ${word("paused_after")}` : word(state);
}

/** Seconds that have passed by now for a duration that came with a part of the state. */
export const grown = (seconds: number, at: number, now: number): number => seconds + Math.max(0, now - at);

export function Bar({ state, at }: Told) {
  const now = use(clock);
  const { me } = state;
  return (
    <header class="bar" data-state={stateOf(me)}>
      <Shape state={stateOf(me)} />
      <div class="state">
        <h1 id="state" tabIndex={-1} aria-live="polite">
          {titleOf(me)}
        </h1>
        <p title={me.group_title}>
          {me.name} · {me.page_phone === null ? me.phone : word("page_phone")}
        </p>
      </div>
      <time>{duration(grown(me.outgoing?.since ?? me.since, at.me, now))}</time>
      <PhoneKeys />
      <SoundButton />
      <Warned {...state.warned} />
      <Facts state={state} at={at} />
      <Links />
    </header>
  );
}

/** Whether the keys of the phone are shown. */
export const keypad = new Store(false);

phone.subscribe(() => {
  if (phone.value.call === "none") keypad.set(false);
});

/** Another language loads the page anew, so it is not offered during a call in it. The account has a page of its own. */
function Links() {
  const { call } = use(phone);
  if (call !== "none") return null;
  return (
    <nav>
      <a href={`/account?lang=${language}`} target="_blank" rel="noopener">
        {word("account")}
      </a>
      <a href={language === "ru" ? "/?lang=en" : "/?lang=ru"} lang={language === "ru" ? "en" : "ru"}>
        {language === "ru" ? "English" : "Русский"}
      </a>
    </nav>
  );
}

/** What the phone in the page can do now. */
function PhoneKeys() {
  const { call, muted, held } = use(phone);
  const kept = use(told)?.state.me.kept;
  const keysShown = use(keypad);
  // The keys make groups that are not turned into each other: the focus on «Answer» must not become one on «Mute».
  if (call === "none") return <div class="keys" key="none" />;
  if (call === "ringing") {
    return (
      <div class="keys" key="ringing">
        <button type="button" class="go" id="answer" onClick={answer}>
          {word(kept ? "take_call_back" : "answer")} <kbd>F2</kbd>
        </button>
        <button type="button" id="decline" onClick={hangUp}>
          {word("decline")}
        </button>
      </div>
    );
  }
  return (
    <div class="keys" key="talking">
      <button type="button" id="mute" aria-pressed={muted} onClick={toggleMute}>
        {word("mute")} <kbd>F7</kbd>
      </button>
      <button type="button" id="hold" aria-pressed={held} onClick={toggleHold}>
        {word("hold")} <kbd>F8</kbd>
      </button>
      <button type="button" aria-expanded={keysShown} onClick={() => keypad.set(!keysShown)}>
        {word("keypad")} <kbd>F9</kbd>
      </button>
      <button type="button" class="end" id="hangup" onClick={hangUp}>
        {word("hang_up")} <kbd>F2</kbd>
      </button>
      {keysShown && (
        <div class="keypad" role="group" aria-label={word("keypad")}>
          {[..."123456789*0#"].map((key) => (
            <button type="button" onClick={() => press(key)}>
              {key}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Of how many requests the person is warned; calm, and gone when it is done. */
function Warned({ near, missed }: { near: number; missed: number }) {
  if (!near && !missed) return null;
  return (
    <a class="warned" href="/requests/mine" target="_blank" rel="noopener" title={word("warned")}>
      <span class="quiet">{word("warned")}: </span>
      {missed > 0 && (
        <strong class="missed">
          ▲ {missed} <small>{word("warned_missed")}</small>
        </strong>
      )}
      {near > 0 && (
        <strong class="near">
          ◆ {near} <small>{word("warned_near")}</small>
        </strong>
      )}
    </a>
  );
}

/** How the lines are: who waits, and for how long. */
function Facts({ state, at }: Told) {
  const now = use(clock);
  return (
    <dl class="facts">
      {state.lines.map((line) => (
        <div key={line.id}>
          <dt>{state.lines.length > 1 ? `${line.id}: ${word("waiting")}` : word("waiting")}</dt>
          <dd>
            {line.open
              ? Object.entries(line.waiting).map(([urgency, n]) => (
                  <span class="waiting" data-urgency={urgency} title={word(urgency)}>
                    {n} <small>{word(urgency)}</small>
                  </span>
                ))
              : word("closed")}
          </dd>
          {line.longest_wait > 0 && (
            <>
              <dt>{word("longest")}</dt>
              <dd>{duration(grown(line.longest_wait, at.lines, now))}</dd>
            </>
          )}
        </div>
      ))}
    </dl>
  );
}

/** What needs to be done at once; read out by screen readers. */
export function Banner() {
  const online = use(connected);
  const { readiness } = use(phone);
  const shown = use(told);
  const me = shown?.state.me;
  const sentences: string[] = [];
  if (!online) sentences.push(word("no_connection"));
  if (me) {
    const byController = ["missed", "declined", "do_not_disturb", "forwarded"].includes(me.reason);
    if (me.presence === "paused" && byController) sentences.push(word(me.reason), word("press_return"));
    if (["no_microphone", "no_asterisk", "elsewhere"].includes(readiness)) sentences.push(word(`page_${readiness}`));
    else if (me.phone_trouble && readiness !== "starting" && !me.kept) sentences.push(word(`phone_${me.phone_trouble}`));
    if (me.kept) sentences.push(word("call_broke_off"));
    if (!shown.state.recording) sentences.push(word("not_recording"));
  }
  return (
    <div id="banner" class="banner" role="alert" hidden={!sentences.length}>
      {sentences.join(" ")}
    </div>
  );
}
