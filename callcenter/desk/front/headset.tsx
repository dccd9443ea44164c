/**
 * The buttons of a headset, where browser and headset speak WebHID: off the hook answers and hangs up, mute mutes, and the
 * headset's lamps follow. Whatever goes wrong here, the sound does not need it.
 */

import { answer, hangUp, phone, toggleMute } from "./phone";
import { Store, use } from "./store";
import { word } from "./texts";

/** Usages of HID's telephony page (0x0b) and its lamps (0x08). */
const TELEPHONY = 0x0b;
const HOOK = (TELEPHONY << 16) | 0x20;
const MUTE = (TELEPHONY << 16) | 0x2f;
const LAMP_OFF_HOOK = (0x08 << 16) | 0x17;
const LAMP_RING = (0x08 << 16) | 0x18;
const LAMP_MUTE = (0x08 << 16) | 0x09;

interface HidItem {
  usages?: number[];
  reportSize?: number;
  reportCount?: number;
}
interface HidReport {
  reportId?: number;
  items?: HidItem[];
}
interface HidDevice extends EventTarget {
  productName: string;
  opened: boolean;
  collections: { usagePage?: number; inputReports?: HidReport[]; outputReports?: HidReport[] }[];
  open(): Promise<void>;
  sendReport(id: number, data: Uint8Array<ArrayBuffer>): Promise<void>;
}
interface Hid extends EventTarget {
  getDevices(): Promise<HidDevice[]>;
  requestDevice(options: { filters: { usagePage: number }[] }): Promise<HidDevice[]>;
}

const hid = (navigator as { hid?: Hid }).hid;
/** The name of the headset whose buttons work. */
const ready = new Store("");

let device: HidDevice | null = null;
let pressed = new Set<number>();

/** Where each usage's bit is, by report. */
function places(reports: HidReport[]): Map<number, { report: number; bit: number }> {
  const found = new Map<number, { report: number; bit: number }>();
  for (const { reportId = 0, items = [] } of reports) {
    let bit = 0;
    for (const { usages = [], reportSize = 0, reportCount = 0 } of items) {
      usages.slice(0, reportCount).forEach((usage, n) => found.set(usage, { report: reportId, bit: bit + n * reportSize }));
      bit += reportSize * reportCount;
    }
  }
  return found;
}

/** How many bytes each report has. */
function lengthsOf(reports: HidReport[]): Map<number, number> {
  return new Map(
    reports.map(({ reportId = 0, items = [] }) => {
      const bits = items.reduce((sum, { reportSize = 0, reportCount = 0 }) => sum + reportSize * reportCount, 0);
      return [reportId, Math.max(1, Math.ceil(bits / 8))];
    }),
  );
}

const inputs = () => places((device?.collections ?? []).flatMap((one) => one.inputReports ?? []));
const outputs = () => places((device?.collections ?? []).flatMap((one) => one.outputReports ?? []));

function told(event: Event): void {
  const { reportId, data } = event as unknown as { reportId: number; data: DataView };
  const now = new Set<number>();
  for (const usage of [HOOK, MUTE]) {
    const place = inputs().get(usage);
    if (!place || place.report !== reportId) {
      if (pressed.has(usage)) now.add(usage); // this report does not tell
      continue;
    }
    const byte = place.bit >> 3;
    if (byte < data.byteLength && (data.getUint8(byte) >> (place.bit & 7)) & 1) now.add(usage);
  }
  const [hook, was] = [now.has(HOOK), pressed.has(HOOK)];
  const mute = now.has(MUTE) && !pressed.has(MUTE);
  pressed = now;
  const { call } = phone.value;
  if (hook && !was && call === "ringing") answer();
  else if (!hook && was && call === "talking") hangUp();
  if (mute) toggleMute();
}

/** Let the lamps show what the phone does: many headsets send nothing before they are told that there is a call. */
async function show(): Promise<void> {
  const { call, muted } = phone.value;
  const lit = new Map([
    [LAMP_OFF_HOOK, call === "talking"],
    [LAMP_RING, call === "ringing"],
    [LAMP_MUTE, call === "talking" && muted],
  ]);
  const bytes = new Map<number, Uint8Array<ArrayBuffer>>();
  const lengths = lengthsOf((device?.collections ?? []).flatMap((one) => one.outputReports ?? []));
  for (const [usage, { report, bit }] of outputs()) {
    const data = bytes.get(report) ?? new Uint8Array(lengths.get(report) ?? 1);
    if (lit.get(usage)) data[bit >> 3]! |= 1 << (bit & 7);
    bytes.set(report, data);
  }
  for (const [report, data] of bytes) await device?.sendReport(report, data);
}

async function take(found: HidDevice | undefined): Promise<void> {
  if (!found) return;
  if (!found.opened) await found.open();
  device = found;
  found.addEventListener("inputreport", (event) => safely(async () => told(event)));
  ready.set(found.productName || "HID");
  await show();
}

/** A headset that fails is one without buttons. */
function safely(work: () => Promise<void>): void {
  work().catch((problem: unknown) => {
    console.warn("the headset's buttons do not work", problem);
    device = null;
    ready.set("");
  });
}

const telephones = (found: HidDevice[]): HidDevice | undefined =>
  found.find(({ collections }) => collections.some(({ usagePage }) => usagePage === TELEPHONY));

export function Headset() {
  const name = use(ready);
  if (!hid) return null;
  if (name) {
    return (
      <p id="headset-ready">
        {word("headset_ready")} {name}
      </p>
    );
  }
  const ask = () => safely(async () => take(telephones(await hid.requestDevice({ filters: [{ usagePage: TELEPHONY }] }))));
  return (
    <button type="button" id="headset" onClick={ask}>
      {word("headset")}
    </button>
  );
}

if (hid) {
  safely(async () => take(telephones(await hid.getDevices()))); // allowed before, in this browser
  phone.subscribe(() => device && safely(show));
}
