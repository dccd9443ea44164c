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

interface Clock {
  date: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
  time: Intl.DateTimeFormat;
  named: Intl.DateTimeFormat;
  compared: Intl.DateTimeFormat;
}

/** The zone of each line, by its id. */
const zones: Record<string, string> = JSON.parse(page.dataset["zones"] ?? "{}");
const clocks = new Map<string, Clock>();
const HOUR = { hour: "2-digit", minute: "2-digit" } as const;
const own = new Intl.DateTimeFormat(language, { ...HOUR, day: "numeric" });

/** The clock on the wall of the people who answer a line; of a line that is no more, this browser's. */
function clockOf(line: string): Clock {
  let found = clocks.get(line);
  if (!found) {
    const zone = Object.hasOwn(zones, line) ? { timeZone: zones[line] } : {};
    found = {
      date: new Intl.DateTimeFormat("sv", zone),
      day: new Intl.DateTimeFormat(language, { day: "numeric", month: "short", ...zone }),
      time: new Intl.DateTimeFormat(language, { ...HOUR, ...zone }),
      named: new Intl.DateTimeFormat(language, { ...HOUR, timeZoneName: "short", ...zone }),
      compared: new Intl.DateTimeFormat(language, { ...HOUR, day: "numeric", ...zone }),
    };
    clocks.set(line, found);
  }
  return found;
}

/** The time by the line's clock; with its zone if this browser's clock shows another one. */
function hour(at: Date, line: string): string {
  const { time, named, compared } = clockOf(line);
  return (compared.format(at) === own.format(at) ? time : named).format(at);
}

/** A date, by the line's clock: the day, and the time. */
export function dated(iso: string, line: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : `${clockOf(line).day.format(at)}, ${hour(at, line)}`;
}

/** A moment of the past: today the time alone, else the day as well. */
export function moment(iso: string, line: string): string {
  const at = new Date(iso);
  const { date } = clockOf(line);
  const today = !Number.isNaN(at.getTime()) && date.format(at) === date.format(new Date());
  return today ? hour(at, line) : dated(iso, line);
}
