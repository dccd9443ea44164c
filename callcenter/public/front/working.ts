/** Has a worker do what is asked of an address that has sent much. */

export interface Work {
  task: string;
  id: string;
  bits: number;
  script: string;
}

export const HEADER = "X-Work";
const WITHIN_MS = 120_000;

/** What goes into the header; "" if it cannot be done here: then its sender waits. */
export function solved(work: Work | undefined): Promise<string> {
  return new Promise((tell) => {
    if (!work?.script.startsWith("/static/") || !("Worker" in window)) {
      tell("");
      return;
    }
    const worker = new Worker(work.script);
    const end = (text: string): void => {
      worker.terminate();
      tell(text);
    };
    setTimeout(end, WITHIN_MS, "");
    worker.addEventListener("error", () => end(""));
    worker.addEventListener("message", ({ data }: MessageEvent<string>) => end(`${work.task}/${data}`));
    worker.postMessage({ id: work.id, bits: work.bits });
  });
}
