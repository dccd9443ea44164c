/** Files of a request: the list, and what is being sent, one after the other, each with its progress. */

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { use, Store } from "./store";
import { language, seen, word } from "./texts";

export interface Kept {
  sha256: string;
  name: string;
  size: number;
  /** Why it is not handed out: "unchecked", "infected"; "": it is. */
  held: string;
  /** What the virus scanner has found. */
  infected: string;
}

/** What may be attached: bytes, and endings of names. */
export interface Limits {
  longest: number;
  types: string[];
}

interface Sending {
  key: number;
  file: File;
  sent: number;
  state: "waiting" | "sending" | "failed";
  problem: string;
  /** Whether it may go better the next time: it was the connection or the server, not the file. */
  passing: boolean;
}

const MB = 1_000_000;
const CREATED = 201;
const SERVER = 500;
/** Too slow, changed meanwhile, too many at once. */
const BUSY = [408, 409, 429];
const SIZE = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

const size = (bytes: number): string =>
  bytes < MB ? `${SIZE.format(Math.ceil(bytes / 1000))} ${word("kb")}` : `${SIZE.format(bytes / MB)} ${word("mb")}`;

/** The files of one request, and those on their way; what is on its way goes on while the form is not shown. */
export class Files {
  readonly kept: Store<Kept[]>;
  readonly sending = new Store<Sending[]>([]);
  /** What is told to who does not see: only the last thing that happened. */
  readonly news = new Store("");
  private running: XMLHttpRequest | null = null;
  private count = 0;

  /** `changed`: told the version that the request has after a file was added. */
  constructor(
    readonly request: string,
    kept: Kept[],
    readonly limits: Limits | null,
    private readonly changed: (version: number) => void,
  ) {
    this.kept = new Store(kept);
  }

  /** Send these, too. What cannot be taken is told at once, and not sent. */
  add(files: Iterable<File>): void {
    const limits = this.limits;
    if (!limits) return;
    const more = [...files].map((file): Sending => {
      const ending = file.name.includes(".") ? (file.name.split(".").pop() ?? "").toLowerCase() : "";
      const problem = !limits.types.includes(ending)
        ? word("file_wrong_type")
        : file.size > limits.longest
          ? word("file_too_large")
          : "";
      return { key: ++this.count, file, sent: 0, state: problem ? "failed" : "waiting", problem, passing: false };
    });
    const wrong = more.find((one) => one.problem);
    if (wrong) this.news.set(`${seen(wrong.file.name)}: ${wrong.problem}`);
    this.sending.set([...this.sending.value, ...more]);
    this.next();
  }

  again(key: number): void {
    this.change(key, { state: "waiting", sent: 0, problem: "" });
    this.next();
  }

  /** Put one away: a file that is being sent is not sent any further. */
  forget(key: number): void {
    const one = this.sending.value.find((other) => other.key === key);
    this.sending.set(this.sending.value.filter((other) => other.key !== key));
    if (one?.state === "sending") this.running?.abort();
  }

  private change(key: number, change: Partial<Sending>): void {
    this.sending.set(this.sending.value.map((one) => (one.key === key ? { ...one, ...change } : one)));
  }

  private next(): void {
    const one = this.sending.value.find((other) => other.state === "waiting");
    if (this.running || !one) return;
    const { key, file } = one;
    const sent = new XMLHttpRequest();
    this.running = sent;
    this.change(key, { state: "sending" });
    this.news.set(`${seen(file.name)}: ${word("file_sends")}`);
    sent.open("POST", `/api/requests/${this.request}/files?name=${encodeURIComponent(file.name)}`);
    sent.setRequestHeader("Content-Type", "application/octet-stream");
    sent.setRequestHeader("Accept-Language", language);
    sent.upload.addEventListener("progress", ({ loaded }) => this.change(key, { sent: loaded }));
    sent.addEventListener("loadend", () => {
      this.running = null;
      this.settle(key, file, sent);
      this.next();
    });
    sent.send(file);
  }

  private settle(key: number, file: File, sent: XMLHttpRequest): void {
    const name = seen(file.name);
    const answer = told(sent);
    if (sent.status === CREATED) {
      this.sending.set(this.sending.value.filter((one) => one.key !== key));
      this.kept.set((answer["attachments"] as Kept[] | undefined) ?? this.kept.value);
      this.news.set(`${word("file_added")} ${name}`);
      this.changed(Number(answer["version"]));
    } else if (this.sending.value.some((one) => one.key === key)) {
      const problem = String(answer["message"] ?? "") || word("file_not_sent");
      const passing = !sent.status || sent.status >= SERVER || BUSY.includes(sent.status);
      this.change(key, { state: "failed", problem, passing });
      this.news.set(`${name}: ${problem}`);
    }
  }
}

function told(sent: XMLHttpRequest): Record<string, unknown> {
  try {
    return JSON.parse(sent.responseText) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The list, a button that opens the browser's choice of files, and a place to drop them. */
export function FileList({ files }: { files: Files }) {
  const kept = use(files.kept);
  const sending = use(files.sending);
  const news = use(files.news);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const { limits } = files;
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent): void => event.preventDefault();
    if (sending.some((one) => one.state !== "failed")) addEventListener("beforeunload", leaving);
    return () => removeEventListener("beforeunload", leaving);
  }, [sending]);
  return (
    <div
      class="files"
      data-over={over}
      onDragOver={(event) => {
        if (!limits || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (!limits || !event.dataTransfer?.files.length) return;
        event.preventDefault();
        files.add(event.dataTransfer.files);
      }}
    >
      <ul class="targets">
        {kept.map((one) => (
          <li key={one.sha256 + one.name}>
            {one.held ? (
              <>
                <bdi>{seen(one.name)}</bdi>{" "}
                <strong class="held">
                  {word(`file_${one.held}`)} {seen(one.infected)}
                </strong>
              </>
            ) : (
              <a href={`/requests/${files.request}/files/${one.sha256}`}>
                <bdi>{seen(one.name)}</bdi>
              </a>
            )}{" "}
            <small>{size(one.size)}</small>
          </li>
        ))}
        {sending.map((one) => (
          <OnItsWay key={one.key} one={one} files={files} />
        ))}
        {!kept.length && !sending.length && <li class="soft">{word("files_none")}</li>}
      </ul>
      {limits && (
        <div class="add-files">
          <input
            ref={input}
            type="file"
            multiple
            hidden
            accept={limits.types.map((one) => `.${one}`).join(",")}
            onChange={(event) => {
              files.add(event.currentTarget.files ?? []);
              event.currentTarget.value = "";
            }}
          />
          <button type="button" onClick={() => input.current?.click()}>
            {word("file_add")}
          </button>{" "}
          <span class="soft">{word("file_drop")}</span>
          <small class="soft">
            {word("file_limits").replace("{megabytes}", SIZE.format(limits.longest / MB))} {limits.types.join(", ")}
          </small>
        </div>
      )}
      <p class="quiet" role="status">
        {news}
      </p>
    </div>
  );
}

function OnItsWay({ one, files }: { one: Sending; files: Files }) {
  const name = seen(one.file.name);
  const failed = one.state === "failed";
  const cancel = failed ? word("file_forget") : word("file_cancel");
  return (
    <li class="sending" data-state={one.state}>
      <bdi>{name}</bdi> <small>{size(one.file.size)}</small>
      {one.state === "waiting" && <small> {word("file_waits")}</small>}
      {one.state === "sending" && <progress value={one.sent} max={one.file.size || 1} aria-label={name} />}
      {failed && <strong class="missed">▲ {one.problem}</strong>}
      <span class="row">
        {failed && one.passing && (
          <button type="button" aria-label={`${word("file_again")}: ${name}`} onClick={() => files.again(one.key)}>
            {word("file_again")}
          </button>
        )}
        <button type="button" aria-label={`${cancel}: ${name}`} onClick={() => files.forget(one.key)}>
          {cancel}
        </button>
      </span>
    </li>
  );
}

/** On the page of a request: in the place of the form that works without a script. */
export function showFiles(place: HTMLElement, request: string, changed: (version: number) => void): void {
  const kept = JSON.parse(place.dataset["files"] ?? "[]") as Kept[];
  const limits = JSON.parse(place.dataset["limits"] ?? "null") as Limits | null;
  place.replaceChildren();
  render(<FileList files={new Files(request, kept, limits, changed)} />, place);
}
