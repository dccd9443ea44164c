/** «Bad connection», while the sound of the conversation is bad. */

import { poor } from "./quality";
import { use } from "./store";
import { word } from "./texts";

export function LineQuality() {
  const bad = use(poor);
  return (
    <span role="status" id="line-quality" class="poor">
      {bad && (
        <>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M2 20h4v-6H2zm7 0h4V10H9zm9-14v6l4-3z" />
          </svg>{" "}
          {word("bad_line")}
        </>
      )}
    </span>
  );
}
