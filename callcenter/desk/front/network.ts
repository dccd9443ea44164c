/**
 * A network that changes in a conversation: as soon as nothing comes from Asterisk any more, new addresses are agreed on
 * with it (an ICE restart), and again until something comes. Asterisk ends a page's call that is silent for some seconds.
 */

import { conversation, fellSilent, phone, reconnect } from "./phone";
import { renew } from "./server";

const LOOK_MS = 250;
/** Asterisk sends a report (RTCP) every second, also to somebody on hold. */
const SILENT_MS = 1_500;
const AGAIN_MS = 2_000;

let timer = 0;
let bytes = 0;
let heardAt = 0;
let restartedAt = 0;

async function look(): Promise<void> {
  const connection = conversation()?.connection;
  if (!connection) return;
  let received = 0;
  (await connection.getStats()).forEach((entry) => {
    if (entry.type === "transport") received += entry.bytesReceived ?? 0;
  });
  const now = performance.now();
  if (received !== bytes || !heardAt) [bytes, heardAt] = [received, now];
  fellSilent(now - heardAt > SILENT_MS);
  const lost = ["disconnected", "failed"].includes(connection.iceConnectionState);
  if (lost || now - heardAt > SILENT_MS) restart();
}

/** The old connections stay open for minutes after the network has changed, and nothing comes through them. */
function restart(): void {
  const session = conversation();
  if (!session || performance.now() - restartedAt < AGAIN_MS) return;
  restartedAt = performance.now();
  renew();
  reconnect(() => session === conversation() && session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }));
}

phone.subscribe(() => {
  const talks = phone.value.call === "talking";
  if (talks && !timer) {
    [heardAt, restartedAt] = [0, 0];
    timer = setInterval(() => void look(), LOOK_MS);
  } else if (!talks && timer) {
    clearInterval(timer);
    timer = 0;
    fellSilent(false);
  }
});
addEventListener("online", restart);
