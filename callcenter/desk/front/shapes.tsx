/** Each state of a person has a shape, beside its word and its colour. */

const TALKS = "M3 4h18v12h-9l-5 5v-5H3z";

export const SHAPES: Record<string, string> = {
  available: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  no_calls: "M12 2.5 22 20.5H2z",
  paused: "M5 4h5v16H5zM14 4h5v16h-5z",
  offered: "M12 2 22 12 12 22 2 12z",
  talking: TALKS,
  chatting: "M2 4h20v13H12l-5 4v-4H2z",
  consulting: TALKS,
  advising: TALKS,
  internal: TALKS,
  calling_out: "M8 4h12v12h-4v-5.2L6.8 20 4 17.2 13.2 8H8z",
  wrapping_up: "M4 20v-5L15 4l5 5L9 20z",
  kept: "M12 2 22 12 12 22 2 12z",
  off: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM5 12a7 7 0 0 1 11.2-5.6L6.4 16.2A7 7 0 0 1 5 12z",
};

export function Shape({ state }: { state: string }) {
  return (
    <svg class="shape" viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[state] ?? SHAPES["available"]} />
    </svg>
  );
}
