/** How loud a stream is, for the eye. */

import { useEffect, useState } from "preact/hooks";
import { levelOf } from "./level";
import { word } from "./texts";

export function Meter({ stream, label }: { stream: MediaStream | null; label: string }) {
  const [level, show] = useState(0);
  useEffect(() => (stream ? levelOf(stream, show) : show(0)), [stream]);
  return (
    <label>
      {word(label)}
      <meter class="level" min={0} max={1} value={level} />
    </label>
  );
}
