/** A form with its progress. Without this script the browser sends it by itself, and everything works. */

import { HEADER, solved, type Work } from "./working";

const CREATED = 201;
const MOST_TASKS = 2;

interface Told {
  address?: string;
  message?: string;
  wrong?: Record<string, string>;
  work?: Work;
}

function parsed(text: string): Told {
  try {
    return JSON.parse(text) as Told;
  } catch {
    return {};
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-form]")) attend(form);

function attend(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>("button[type=submit]");
  const place = form.querySelector<HTMLElement>(".progress");
  const bar = place?.querySelector("progress");
  const said = place?.querySelector<HTMLElement>("[role=status]");
  const problem = form.querySelector<HTMLElement>("[data-problem]");
  const files = form.querySelector<HTMLInputElement>("input[type=file]");
  if (!button || !place || !bar || !said || !problem) return;

  const tell = (text: string): void => {
    problem.textContent = text;
    problem.hidden = !text;
    if (text) problem.scrollIntoView({ block: "nearest" });
  };

  const mark = (wrong: Record<string, string>): void => {
    let first: HTMLElement | null = null;
    for (const text of form.querySelectorAll<HTMLElement>(".wrong")) {
      const name = text.id.replace(/-wrong$/, "");
      const field = form.querySelector<HTMLElement>(`#${name}`);
      text.textContent = wrong[name] ?? "";
      text.hidden = !wrong[name];
      if (wrong[name]) {
        field?.setAttribute("aria-invalid", "true");
        first ??= field;
      } else {
        field?.removeAttribute("aria-invalid");
      }
    }
    first?.focus();
  };

  /** What is wrong with the chosen files; told before anything is sent. */
  const tooMuch = (): string => {
    const chosen = [...(files?.files ?? [])];
    const together = chosen.reduce((sum, file) => sum + file.size, 0);
    if (together > Number(files?.dataset["together"])) return files?.dataset["large"] ?? "";
    return chosen.length > Number(files?.dataset["most"]) ? (files?.dataset["many"] ?? "") : "";
  };

  files?.addEventListener("change", () => {
    const text = tooMuch();
    mark(text ? { files: text } : {});
  });

  const settle = async (sent: XMLHttpRequest, tasks: number): Promise<void> => {
    const { address, message, wrong, work } = parsed(sent.responseText);
    if (work && tasks < MOST_TASKS) {
      said.textContent = said.dataset["works"] ?? "";
      bar.removeAttribute("value");
      const proof = await solved(work);
      if (proof) {
        send(proof, tasks + 1);
        return;
      }
    }
    button.disabled = false;
    place.hidden = true;
    if (sent.status === CREATED && address?.startsWith("/")) {
      location.assign(address);
      return;
    }
    tell(message ?? said.dataset["lost"] ?? "");
    mark(wrong ?? {});
  };

  const send = (proof: string, tasks: number): void => {
    bar.value = 0;
    said.textContent = said.dataset["sending"] ?? "";
    const sent = new XMLHttpRequest();
    sent.open("POST", location.pathname + location.search);
    sent.setRequestHeader("Accept", "application/json");
    sent.setRequestHeader("Accept-Language", document.documentElement.lang);
    if (proof) sent.setRequestHeader(HEADER, proof);
    sent.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total ? loaded / total : 0;
    });
    sent.addEventListener("loadend", () => void settle(sent, tasks));
    sent.send(new FormData(form));
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const text = tooMuch();
    if (text) {
      mark({ files: text });
      return;
    }
    tell("");
    button.disabled = true;
    place.hidden = false;
    send("", 0);
  });
}
