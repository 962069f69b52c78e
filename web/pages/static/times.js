// Times that the server wrote: local, as everywhere on the pages, with UTC in the title. Those of today are
// written without their date, so a page that is open at midnight writes them anew.

import { showLocally } from "./format.js";

function show() {
  showLocally(document.querySelector("main"));
  const midnight = new Date();
  midnight.setHours(24, 0, 1, 0);
  setTimeout(show, midnight - Date.now());
}

show();
