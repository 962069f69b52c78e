// The state of the system: the server's own page, fetched again while somebody looks at it.

import { showMoment } from "./format.js";

const EVERY_MS = 5000;
const $ = (id) => document.getElementById(id);

setInterval(async () => {
  if (document.hidden || !$("refresh").checked || isInUse()) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const numbers = page.getElementById("operations");
    if (!numbers) return location.reload(); // the session ended, or there is an error to be read
    const places = scrolled().map((table) => table.scrollLeft);
    $("operations").replaceChildren(...numbers.children);
    scrolled().forEach((table, at) => (table.scrollLeft = places[at] ?? 0));
    const { dateTime } = page.querySelector("main time");
    for (const time of document.querySelectorAll("main time")) showMoment(time, time.dateTime);
    showMoment(document.querySelector("main time"), dateTime);
    $("stale").hidden = true;
  } catch {
    $("stale").hidden = false;
  }
}, EVERY_MS);

const scrolled = () => [...$("operations").querySelectorAll(".scroll")];

/** A table that is scrolled by keyboard, or text that is being selected, stays as it is. */
function isInUse() {
  return $("operations").contains(document.activeElement) || String(getSelection()) !== "";
}
