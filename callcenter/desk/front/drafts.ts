/** What somebody types into the form of news or an article survives a reload, in this tab, until it is saved. */

type Entries = [string, string][];

/** The form that was sent. */
const SENT = "draft sent";
/** Where the browser is sent on to when it has been saved; if the session had ended, it is somewhere else. */
const SAVED = /^\/(news|articles)(\/|$)/;

/** Keep the form of this page, if it has one, and bring back what was typed before. */
export function keepDrafts(): void {
  const form = document.querySelector<HTMLFormElement>("form.writing");
  const key = form ? `draft of ${form.dataset["by"]} ${location.pathname} ${version(form)}` : "";
  try {
    const sent = sessionStorage.getItem(SENT);
    if (sent !== null && sent !== key && sentOn() && SAVED.test(location.pathname)) sessionStorage.removeItem(sent);
    sessionStorage.removeItem(SENT);
    if (form) keep(form, key);
  } catch {
    // A browser that keeps nothing: the form works without.
  }
}

/** Whether the browser is here because the page that it asked for was not the one to show. */
const sentOn = (): boolean =>
  (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined)?.redirectCount !== 0;

const version = (form: HTMLFormElement): string => new FormData(form).get("version")?.toString() ?? "";
const typed = (form: HTMLFormElement): Entries =>
  [...new FormData(form)].map(([name, value]): [string, string] => [name, value.toString()]);

function keep(form: HTMLFormElement, key: string): void {
  const given = JSON.stringify(typed(form));
  const kept = sessionStorage.getItem(key);
  if (kept !== null && kept !== given) {
    restore(form, JSON.parse(kept) as Entries);
    tellOf(key);
  }
  form.addEventListener("input", () => {
    try {
      sessionStorage.setItem(key, JSON.stringify(typed(form)));
    } catch {
      // No more room in this browser.
    }
  });
  form.addEventListener("submit", () => sessionStorage.setItem(SENT, key));
}

function restore(form: HTMLFormElement, kept: Entries): void {
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement && field.type === "checkbox") {
      field.checked = kept.some(([name, value]) => name === field.name && value === field.value);
    } else if (field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type !== "hidden")) {
      field.value = kept.find(([name]) => name === field.name)?.[1] ?? field.value;
    }
  }
}

/** Say so, with a way back to what is on the server. */
function tellOf(key: string): void {
  const place = document.getElementById("restored");
  if (!place) return;
  place.hidden = false;
  place.querySelector("button")?.addEventListener("click", () => {
    sessionStorage.removeItem(key);
    location.replace(location.href);
  });
}
