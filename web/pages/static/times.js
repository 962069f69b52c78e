// Times that the server wrote: local, as everywhere on the pages, with UTC in the title.

import { showLocally } from "./format.js";

showLocally(document.querySelector("main"));
