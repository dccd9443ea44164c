/** What the operator hears and speaks with: devices, their volume, and what to do when one is unplugged. */

import { useState } from "preact/hooks";
import { choice, choose, microphone, microphones, speakers, trackOf, unplugged } from "./devices";
import type { Choice, Device } from "./devices";
import { Headset } from "./headset";
import { useKey } from "./keys";
import { LineQuality } from "./line_quality";
import { Meter } from "./meter";
import { phone, start } from "./phone";
import { ring, unlocked } from "./ringing";
import { told } from "./server";
import { SoundCheck } from "./sound_check";
import { Store, use } from "./store";
import { pagePhones, word } from "./texts";

const panel = new Store(false);

/** Whether the phone in this page is the person's phone now. */
const useOurs = (): boolean => {
  const me = use(told)?.state.me;
  const { readiness } = use(phone);
  return pagePhones && me != null && me.page_phone !== null && readiness !== "elsewhere";
};

/** What the bar has of it. */
export function SoundButton() {
  const shown = use(panel);
  const ours = useOurs();
  useKey("KeyV", "V", "sound", ours ? () => panel.set(!panel.value) : null);
  if (!ours) return null;
  return (
    <>
      <button type="button" id="sound-button" aria-expanded={shown} onClick={() => panel.set(!shown)}>
        {word("sound")} <kbd>V</kbd>
      </button>
      <LineQuality />
    </>
  );
}

/** The devices, if they are wanted, and the test before the shift, until it was heard. */
export function Sound() {
  const shown = use(panel);
  const ours = useOurs();
  const untested = use(told)?.state.me.phone_trouble === "untested";
  const { call } = use(phone);
  if (!ours || !(shown || (untested && call === "none"))) return null;
  return (
    <section id="sound" class="card sound" aria-label={word("sound")}>
      {call === "none" && <SoundCheck first={untested} />}
      <Devices />
      <div class="row">
        <Notifications />
        <Headset />
      </div>
    </section>
  );
}

function Devices() {
  const now = use(choice);
  const [inputs, outputs] = [use(microphones), use(speakers)];
  return (
    <div class="devices" role="group" aria-label={word("devices")}>
      <h2>{word("devices")}</h2>
      <div class="device">
        <Choose name="microphone" devices={inputs} usual="device_usual" />
        <Meter stream={use(microphone)} label="level" />
      </div>
      <div class="device">
        <Choose name="speaker" devices={outputs} usual="device_usual" />
        <Volume name="volume" />
      </div>
      <div class="device">
        <Choose name="ringer" devices={outputs.filter(({ id }) => id !== now.speaker)} usual="ringer_none" />
        <Volume name="ringing" />
        <button type="button" id="try-ring" onClick={ring}>
          {word("try_ring")}
        </button>
      </div>
    </div>
  );
}

interface ChooseOptions {
  name: "microphone" | "speaker" | "ringer";
  devices: Device[];
  usual: string;
}

/** A chosen device that is not there now stays chosen, for when it is back. */
function Choose({ name, devices, usual }: ChooseOptions) {
  const chosen = use(choice)[name];
  return (
    <label>
      {word(`device_${name}`)}
      <select name={name} value={chosen} onChange={(event) => choose({ [name]: event.currentTarget.value })}>
        <option value="">{word(usual)}</option>
        {devices.map(({ id, label }) => (
          <option value={id}>{label}</option>
        ))}
        {chosen && !devices.some(({ id }) => id === chosen) && <option value={chosen}>{word("device_absent")}</option>}
      </select>
    </label>
  );
}

function Volume({ name }: { name: keyof Choice & ("volume" | "ringing") }) {
  return (
    <label>
      {word(`volume_${name}`)}
      <input
        type="range"
        name={name}
        min="0"
        max="1"
        step="0.05"
        value={use(choice)[name]}
        onInput={(event) => choose({ [name]: Number(event.currentTarget.value) })}
      />
    </label>
  );
}

function Notifications() {
  const [state, show] = useState("Notification" in window ? Notification.permission : "denied");
  if (state !== "default") return null;
  return (
    <button type="button" id="notify" onClick={() => void Notification.requestPermission().then(show)}>
      {word("notify")}
    </button>
  );
}

/** What must be known at once: which device is gone, and whether the browser keeps the page silent. */
export function SoundNotice() {
  const gone = use(unplugged);
  const audible = use(unlocked);
  const has = trackOf(use(microphone)) !== undefined;
  const ours = useOurs();
  if (!ours || (!gone && audible)) return null;
  if (!gone) {
    return (
      <div class="banner" id="sound-locked" role="alert">
        {word("sound_locked")}
      </div>
    );
  }
  const instead = gone.instead ? `${word("goes_on_with")} ${gone.instead}.` : word("no_other_device");
  return (
    <div class="banner" id="unplugged" role="alert">
      {word(`unplugged_${gone.kind}`)} {instead}{" "}
      {gone.kind === "microphone" && !has && phone.value.call === "none" ? (
        <button type="button" onClick={() => void start()}>
          {word("try_again")}
        </button>
      ) : (
        <button type="button" id="seen" onClick={() => unplugged.set(null)}>
          {word("understood")}
        </button>
      )}
    </div>
  );
}
