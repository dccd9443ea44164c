/** The page's words in its language; they come with the page, from the gettext catalogue. */

const page = document.documentElement;
const texts: Record<string, string> = JSON.parse(page.dataset["texts"] ?? "{}");

/** The reasons for a pause, in the order of the configuration: id and title. */
export const reasons: [string, string][] = JSON.parse(page.dataset["reasons"] ?? "[]");
export const language = page.lang;
/** Whether this installation has phones in the page. */
export const pagePhones = "pagePhones" in page.dataset;

/** The word for a key; the key itself if there is none. */
export const word = (key: string): string => texts[key] ?? key;

/** Seconds as minutes:seconds, from an hour on as hours:minutes:seconds. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Without the characters that are not seen but turn what follows around, or hide it. */
export const seen = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, (letter) => (letter === "\n" ? " " : ""));

const DAY = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const TIME = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });

/** A moment of the past: today the time alone, else the day as well. */
export function moment(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const today = at.toDateString() === new Date().toDateString();
  return today ? TIME.format(at) : `${DAY.format(at)}, ${TIME.format(at)}`;
}
