/** How a conversation sounds: measured every five seconds, told to the controller, and shown if it stays bad. */

import { conversation, phone } from "./phone";
import { request, told } from "./server";
import { Store } from "./store";

interface Sample {
  /** `performance.now()` at the end of the five seconds. */
  at: number;
  loss: number;
  sent_loss: number | null;
  jitter: number;
  round_trip: number | null;
}

/** What getStats has counted since the conversation began. */
interface Counted {
  received: number;
  lost: number;
  sent: number;
  /** Asterisk tells it in RTCP; null: it has not yet. */
  lost_there: number | null;
  jitter: number;
  round_trip: number | null;
}

const EVERY_MS = 5_000;
const BAD_LOSS = 0.05;
/** So many measurements in a row: ten seconds. */
const BAD_FOR = 2;
/** As many as one request may bring. */
const MOST_KEPT = 120;

/** Whether the sound has been bad for ten seconds. */
export const poor = new Store(false);

let timer = 0;
let before: Counted | null = null;
let bad = 0;
let call = "";
let unsent: Sample[] = [];

async function counted(connection: RTCPeerConnection): Promise<Counted> {
  const found: Counted = { received: 0, lost: 0, sent: 0, lost_there: null, jitter: 0, round_trip: null };
  (await connection.getStats()).forEach((entry) => {
    if (entry.type === "inbound-rtp") {
      found.received = entry.packetsReceived ?? 0;
      found.lost = entry.packetsLost ?? 0;
      found.jitter = 1000 * (entry.jitter ?? 0);
    } else if (entry.type === "outbound-rtp") found.sent = entry.packetsSent ?? 0;
    else if (entry.type === "remote-inbound-rtp") {
      found.lost_there = entry.packetsLost ?? null;
      if (entry.roundTripTime !== undefined) found.round_trip = 1000 * entry.roundTripTime;
    }
  });
  return found;
}

/** The share of `lost` in all; a new stream counts anew, so it may seem to be less than none. */
function share(lost: number, all: number): number {
  return all > 0 ? Math.min(1, Math.max(0, lost) / all) : 0;
}

function between(from: Counted, to: Counted): Sample {
  const [lost, received] = [to.lost - from.lost, to.received - from.received];
  const known = from.lost_there !== null && to.lost_there !== null;
  const sent_loss = known ? share(to.lost_there! - from.lost_there!, to.sent - from.sent) : null;
  const sample = { at: performance.now(), loss: share(lost, lost + received), sent_loss };
  return { ...sample, jitter: Math.min(60_000, to.jitter), round_trip: to.round_trip };
}

async function measure(): Promise<void> {
  const connection = conversation()?.connection;
  if (!connection) return;
  const now = await counted(connection);
  if (before) take(between(before, now));
  before = now;
}

function take(sample: Sample): void {
  bad = Math.max(sample.loss, sample.sent_loss ?? 0) > BAD_LOSS ? bad + 1 : 0;
  poor.set(bad >= BAD_FOR);
  call ||= told.value?.state.me.call?.call ?? "";
  unsent = [...unsent, sample].slice(-MOST_KEPT);
  void send();
}

let sending = false;

/** Tell the controller; what it cannot be told now is told with the next measurement. */
async function send(): Promise<void> {
  if (sending || !call || !unsent.length) return;
  sending = true;
  const samples = unsent;
  try {
    const now = performance.now();
    const body = samples.map(({ at, ...rest }) => ({ ago: Math.min(3600, (now - at) / 1000), ...rest }));
    await request("/api/quality", { call, samples: body });
    unsent = unsent.filter((one) => !samples.includes(one)); // refused or kept: not again
  } catch {
    // No connection: they are kept for the next time.
  } finally {
    sending = false;
  }
}

phone.subscribe(() => {
  const talks = phone.value.call === "talking";
  if (talks && !timer) {
    [before, bad, call, unsent] = [null, 0, "", []];
    void measure();
    timer = setInterval(() => void measure(), EVERY_MS);
  } else if (!talks && timer) {
    clearInterval(timer);
    timer = 0;
    poor.set(false);
    void send();
  }
});
