/** On the pages that the server renders. */

import { render } from "preact";
import { keepDrafts } from "./drafts";
import { SessionEnds, watchSession } from "./session";

render(<SessionEnds />, document.getElementById("session")!);
watchSession();
keepDrafts();
