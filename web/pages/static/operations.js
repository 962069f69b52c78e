// The state of the system: the server's own page, fetched again while somebody looks at it.

import { showMoment } from "./format.js";

const EVERY_MS = 5000;
const LIMIT_MS = 20_000;
let isAsking = false;
const $ = (id) => document.getElementById(id);

setInterval(async () => {
  if (document.hidden || !$("refresh").checked || isAsking || isInUse()) return;
  isAsking = true;
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) });
    if (answer.status >= 500 || answer.status === 429) throw new Error(`The server answered ${answer.status}.`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const numbers = page.getElementById("operations");
    if (!numbers) return location.reload(); // the session ended, or its rights have
    const places = scrolled().map((table) => table.scrollLeft);
    $("operations").replaceChildren(...numbers.children);
    scrolled().forEach((table, at) => (table.scrollLeft = places[at] ?? 0));
    const { dateTime } = page.querySelector("main time");
    for (const time of document.querySelectorAll("main time")) showMoment(time, time.dateTime);
    showMoment(document.querySelector("main time"), dateTime);
    $("stale").hidden = true;
  } catch {
    $("stale").hidden = false;
  } finally {
    isAsking = false;
  }
}, EVERY_MS);

const scrolled = () => [...$("operations").querySelectorAll(".scroll")];

/** A table that is scrolled by keyboard, or text that is being selected, stays as it is. */
function isInUse() {
  return $("operations").contains(document.activeElement) || String(getSelection()) !== "";
}
