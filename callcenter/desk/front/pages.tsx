/** On the pages that the server renders. */

import { render } from "preact";
import { SessionEnds, watchSession } from "./session";

render(<SessionEnds />, document.getElementById("session")!);
watchSession();
