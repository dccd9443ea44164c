/** The phone in the page: registers at Asterisk itself, so that conversations go on when the controller is away. */

import { UA } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import { choice, close, microphone, open, playThrough, speakers, trackOf } from "./devices";
import { Store } from "./store";
import { request, told } from "./server";
import { Wire } from "./wire";

export type Readiness =
  | "off"
  | "starting"
  | "no_microphone"
  | "no_asterisk"
  | "elsewhere"
  | "ready";

export interface Phone {
  readiness: Readiness;
  /** What the phone does: nothing, ringing, or in a call. */
  call: "none" | "ringing" | "talking";
  muted: boolean;
  held: boolean;
}

const OFF: Phone = { readiness: "off", call: "none", muted: false, held: false };
const REGISTER_SECONDS = 60;


export const phone = new Store<Phone>(OFF);

let agent: UA | null = null;
let wire: Wire | null = null;
let session: RTCSession | null = null;
/** The name of our opening: another one in the state means that another page has taken the phone. */
let opening = "";
/** STUN and TURN servers, for networks that let no audio through. */
let iceServers: RTCIceServer[] = [];
/** What this phone dials to hear itself. */
let echo = "";
/** The phone was in use when this page came: if that conversation breaks off, its page is gone, and the phone is ours. */
let inherits = false;

const speaker = new Audio();
speaker.autoplay = true;

function show(change: Partial<Phone>): void {
  phone.set({ ...phone.value, ...change });
}

/** Take the phone into this page: from a log-in, a reload, or «take the phone here». */
export async function start(): Promise<void> {
  stop();
  show({ ...OFF, readiness: "starting" });
  try {
    await open();
  } catch {
    return show({ readiness: "no_microphone" });
  }
  try {
    const { status, data } = await request("/api/phone");
    if (status !== 200) return show({ readiness: "no_asterisk" });
    opening = data["opening"] as string;
    iceServers = (data as unknown as Access).ice_servers;
    claim();
    echo = `sip:${data["echo"]}@${data["realm"]}`;
    register(data as unknown as Access);
  } catch {
    show({ readiness: "no_asterisk" });
  }
}

let release = (): void => undefined;

/** Within one browser the other tabs learn at once that the phone is here now, without the controller too. */
function claim(): void {
  const mine = opening;
  navigator.locks
    ?.request("phone", { steal: true }, () => new Promise<void>((done) => (release = done)))
    .catch(() => mine === opening && phone.value.call === "none" && phone.value.readiness !== "off" && giveWay());
}

/** Another page has the phone. */
function giveWay(): void {
  const ended = agent;
  agent = null;
  ended?.stop();
  show({ readiness: "elsewhere" });
}

interface Access {
  name: string;
  password: string;
  realm: string;
  url: string;
  ice_servers: RTCIceServer[];
}

function register({ name, password, realm, url }: Access): void {
  wire = new Wire(url);
  const made = new UA({
    sockets: [wire],
    uri: `sip:${name}@${realm}`,
    authorization_user: name,
    password,
    realm,
    register_expires: REGISTER_SECONDS,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 5,
    user_agent: "callcenter page",
  });
  agent = made;
  made.on("registered", () => made === agent && show({ readiness: "ready" }));
  made.on("registrationFailed", ({ response }) => {
    if (made !== agent) return;
    show({ readiness: response?.status_code === 401 || response?.status_code === 403 ? "elsewhere" : "no_asterisk" });
  });
  made.on("disconnected", () => made === agent && show({ readiness: "no_asterisk" }));
  made.on("newRTCSession", ({ session: rung, originator }: { session: RTCSession; originator: string }) => {
    if (originator === "remote") incoming(rung);
  });
  made.start();
}

/** Whether nothing comes from Asterisk in the conversation any more. */
let silent = false;

export function fellSilent(now: boolean): void {
  silent = now;
}

function incoming(rung: RTCSession): void {
  // A network that was away: Asterisk has ended the call, and could not say so. Now it rings to have it taken back.
  if (session && phone.value.call === "talking" && silent) session.terminate();
  if (session) {
    rung.terminate({ status_code: 486 });
    return;
  }
  session = rung;
  show({ call: "ringing", muted: false, held: false });
  rung.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", ({ streams, track }: RTCTrackEvent) => {
      speaker.srcObject = streams[0] ?? new MediaStream([track]);
    });
  });
  rung.on("accepted", () => show({ call: "talking" }));
  rung.on("muted", () => show({ muted: true }));
  rung.on("unmuted", () => show({ muted: false }));
  rung.on("hold", ({ originator }: { originator: string }) => originator === "local" && show({ held: true }));
  rung.on("unhold", ({ originator }: { originator: string }) => originator === "local" && show({ held: false }));
  const over = (): void => {
    if (session !== rung) return;
    session = null;
    speaker.srcObject = null;
    const track = trackOf(microphone.value);
    if (track) track.enabled = true; // it may have been muted, and the next call uses it, too
    show({ call: "none", muted: false, held: false });
    if (told.value === null) stop(); // nobody is logged in any more
  };
  rung.on("ended", over);
  rung.on("failed", over);
}

export function answer(): void {
  if (phone.value.call === "ringing" && microphone.value) {
    session?.answer({ mediaStream: microphone.value, pcConfig: { iceServers } });
  }
}

/** Call the echo: what is said into the microphone comes back from Asterisk. null: the phone is not ready. */
export function callEcho(): RTCSession | null {
  if (!agent || !microphone.value || phone.value.readiness !== "ready" || session) return null;
  return agent.call(echo, { mediaStream: microphone.value, pcConfig: { iceServers } });
}

/** The conversation, for those who watch over its sound; null: there is none. */
export const conversation = (): RTCSession | null => (phone.value.call === "talking" ? session : null);
/** The name of this page's opening of the phone; '': it has none. */
export const openedAs = (): string => opening;

/** Speak with Asterisk over a new connection: the network is another. `done`: when there is one. */
export function reconnect(done: () => void): void {
  const ours = agent;
  wire?.replace(() => {
    if (ours !== agent) return;
    ours?.register(); // from the new address
    done();
  });
}

export function hangUp(): void {
  if (session) session.terminate(phone.value.call === "ringing" ? { status_code: 486 } : {});
}

export function toggleMute(): void {
  if (phone.value.call !== "talking") return;
  if (phone.value.muted) session?.unmute({ audio: true });
  else session?.mute({ audio: true });
}

export function toggleHold(): void {
  if (phone.value.call !== "talking") return;
  if (phone.value.held) session?.unhold();
  else session?.hold();
}

export function press(key: string): void {
  if (phone.value.call === "talking") session?.sendDTMF(key, { transportType: "RFC2833" as never });
}

export function stop(): void {
  const ended = agent;
  agent = null;
  session = null;
  ended?.stop();
  release();
  phone.set(OFF);
  close();
}

/** Another microphone, in the middle of a call too: the caller hears nothing but the change. */
microphone.subscribe(() => {
  const track = trackOf(microphone.value);
  if (!track) return;
  for (const sender of session?.connection?.getSenders() ?? []) void sender.replaceTrack(track);
});

function hear(): void {
  speaker.volume = choice.value.volume;
  void playThrough(speaker, choice.value.speaker);
}

choice.subscribe(hear);
speakers.subscribe(hear);

/**
 * The page goes away in a conversation (a reload, a closed tab): a browser says nothing to Asterisk then, and the caller
 * would hear nothing for seconds. So the controller is asked to let the caller wait for the page to come back.
 */
addEventListener("pagehide", () => {
  if (phone.value.call !== "talking") return;
  const body = new Blob([JSON.stringify({ caller: "keep" })], { type: "application/json" });
  navigator.sendBeacon("/api/end", body);
});

/** Follow the state: start with the shift, end with it, and give way to another page. */
told.subscribe(() => {
  const me = told.value?.state.me;
  const { readiness, call } = phone.value;
  // A session that ends takes no caller away: the conversation goes on to its end, and then the phone stops.
  if (told.value === null && call === "talking") return;
  if (me?.page_phone == null) {
    if (readiness !== "off") stop();
  } else if (readiness === "off") {
    // Another page may be in a conversation with this phone: it is not taken away without asking.
    const inUse = ["talking", "consulting", "advising", "calling_out"].includes(me.activity) && me.page_phone !== "";
    inherits = inUse;
    if (inUse) show({ readiness: "elsewhere" });
    else void start();
  } else if (readiness === "elsewhere" && inherits && me.kept) {
    inherits = false;
    void start();
  } else if (readiness === "ready" && ![opening, ""].includes(me.page_phone) && call === "none") {
    giveWay();
  }
});
