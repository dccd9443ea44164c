/** On the page of a request: says again and again that it is open, and shows who else has it open, or that it has changed. */

import { showFiles } from "./files";

const EVERY_MS = 15_000;
const REQUEST_MS = 8_000;

const head = document.querySelector<HTMLElement>("[data-request]");
const others = document.getElementById("others");
const language = document.documentElement.lang;
/** The line's zone, in which the page shows all its dates. */
const timeZone = head?.dataset["zone"] ?? "UTC";
const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone });

interface Looked {
  viewers: { person: string; since: string }[];
  version: number;
}

async function look(): Promise<void> {
  if (!head || !others || document.hidden) return;
  try {
    const response = await fetch(`/api/requests/${head.dataset["request"]}/look`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept-Language": language },
      body: "{}",
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (response.status !== 200) return;
    show((await response.json()) as Looked, others, Number(head.dataset["version"]));
  } catch {
    // The next look will tell.
  }
}

function show({ viewers, version }: Looked, place: HTMLElement, seen: number): void {
  const people = viewers.map(({ person, since }) => `${person} (${time.format(new Date(since))})`).join(", ");
  const also = people ? `${place.dataset["also"]} ${people}. ` : "";
  const changed = version !== seen ? (place.dataset["changed"] ?? "") : "";
  const text = (also + changed).trim();
  if (place.textContent?.trim() !== text) place.textContent = text;
  place.hidden = !text;
}

/** A file that was added here makes a new version; if it is the next one, nothing else has changed on this page. */
function went(version: number): void {
  if (head && version === Number(head.dataset["version"]) + 1) {
    head.dataset["version"] = String(version);
    for (const field of document.querySelectorAll<HTMLInputElement>('input[name="version"]')) {
      field.value = String(version);
    }
  }
  void look();
}

const files = document.getElementById("files");
if (head && files) showFiles(files, head.dataset["request"] ?? "", went);

setInterval(() => void look(), EVERY_MS);
document.addEventListener("visibilitychange", () => void look());
void look();
