/** Keys, by their place on the keyboard and not by its layout. While somebody types, they are letters. */

import { useEffect, useState } from "preact/hooks";
import { say } from "./server";
import { Store, use } from "./store";
import { word } from "./texts";

interface Key {
  /** What is printed on it. */
  label: string;
  /** The key of the word that says what it does. */
  does: string;
  act: () => void;
}

const keys = new Store<Record<string, Key>>({});
/** Those that the phone, the note and the card listen for themselves. No key here may be one of them. */
const OTHERS: [string, string][] = [
  ["F2", "answer_hang_up"],
  ["F7", "mute"],
  ["F8", "hold"],
  ["F9", "keypad"],
  ["1–9", "subject"],
  ["⇧1–5", "result"],
  ["N", "essentials"],
  ["Ctrl+Enter", "register"],
  ["H", "refuse"],
  ["W", "prolong"],
  ["F", "find_customer"],
  ["O", "crm"],
];
const LETTERS = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

/** Whether letters go into what has the focus. */
export const typing = (): boolean => document.activeElement?.matches(LETTERS) ?? false;

/** Let a key act while a component is shown; null: it does nothing now. `code`: as `KeyboardEvent.code`. */
export function useKey(code: string, label: string, does: string, act: (() => void) | null): void {
  const acts = act !== null;
  useEffect(() => {
    if (act) keys.value[code] = { label, does, act }; // told to nobody: only what it does may be another
  });
  useEffect(() => {
    if (!acts) return;
    keys.set({ ...keys.value });
    return () => {
      const { [code]: _, ...rest } = keys.value;
      keys.set(rest);
    };
  }, [code, acts]);
}

/** What the next digit chooses from, while a key has asked for that; null: digits are what they always are. */
interface Choice {
  of: "transfer" | "pause";
  /** With Shift, something else is done with the same one. */
  pick: (digit: number, shift: boolean) => void;
}

export const choice = new Store<Choice | null>(null);

export function choose(asked: Choice): void {
  choice.set(asked);
  say(word(`choose_${asked.of}`));
}

/** Before everything else that listens: a digit is one of the choice now, and any other key ends it. */
addEventListener(
  "keydown",
  (event) => {
    const asked = choice.value;
    if (!asked || ["ShiftLeft", "ShiftRight"].includes(event.code)) return;
    choice.set(null);
    say("");
    const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1];
    if (event.code !== "Escape" && (!digit || event.altKey || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    if (digit) asked.pick(Number(digit), event.shiftKey);
  },
  { capture: true },
);

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
  if (typing() && !/^F\d/.test(event.code)) return;
  const key = keys.value[event.shiftKey ? `Shift+${event.code}` : event.code];
  if (!key) return;
  event.preventDefault();
  key.act();
});

/** The list of all keys, which «?» shows and hides. */
export function Keys() {
  const [shown, show] = useState(false);
  const all = use(keys);
  useKey("Shift+Slash", "?", "keys", () => show(!shown));
  if (!shown) return null;
  return (
    <aside id="keys" class="card" aria-label={word("keys")}>
      <h2>{word("keys")}</h2>
      <dl>
        {[...OTHERS, ...Object.values(all).map(({ label, does }) => [label, does] as const)].map(([label, does]) => (
          <div key={label}>
            <dt>
              <kbd>{label}</kbd>
            </dt>
            <dd>{word(does)}</dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}
