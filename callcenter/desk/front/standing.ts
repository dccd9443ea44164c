/** Why somebody stands where they stand in a queue, and what they were promised, in words. */

import { duration, word } from "./texts";
import type { WaitingRow } from "./watch";

const filled = (key: string, name: string, value: string | number): string => word(key).replace(`{${name}}`, String(value));

/** The reasons, the strongest first. `now`: of the controller's clock. */
export function reasons(row: WaitingRow, now: number): string[] {
  const found = [filled(`by_${row.by}`, "n", row.overtakes)];
  if (row.kept) found.push(word("kept_place"));
  if (row.overtaken > 0) found.push(filled("overtaken", "n", row.overtaken));
  if (row.safe_at !== null && row.safe_at > now && !["ringing", "out_of_turn"].includes(row.by)) {
    found.push(filled("safe_in", "time", duration(row.safe_at - now)));
  }
  if (row.elsewhere > 0) found.push(filled("elsewhere", "n", row.elsewhere));
  return found;
}

/** What was announced last. */
export function promised(row: WaitingRow): string {
  if (row.longer) return word("over");
  if (row.minutes === null) return word("nothing_promised");
  return `${word("up_to")} ${row.minutes} ${word("min")}`;
}

export type Prospect = "" | "good" | "doubtful" | "bad";
const GOOD = 0.8;
const DOUBTFUL = 0.5;

/** Whether what was promised will hold: one word for the colour, one for people. */
export function prospect(row: WaitingRow, now: number): [Prospect, string] {
  if (row.until === null || row.holds === null) return ["", ""];
  if (now > row.until) return ["bad", word("broken")];
  const share = `${Math.round(100 * row.holds)} %`;
  if (row.holds >= GOOD) return ["good", `✓ ${share}`];
  return row.holds >= DOUBTFUL ? ["doubtful", `! ${share}`] : ["bad", `✗ ${share}`];
}
