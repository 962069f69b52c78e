// Saved views: forms and links, which belong to the reader. The filter changes without a new page, so what
// is saved is what the address says now.

import { pageQuery, readFilter } from "./filter.js";

const EARLIER_KEY = "saved-views"; // of versions that kept them in the browser

export function startViews() {
  localStorage.removeItem(EARLIER_KEY);
  showCurrent();
  for (const form of document.querySelectorAll(".of-view")) {
    form.addEventListener("submit", () => {
      form.elements.query.value = location.search;
    });
  }
}

/** The view that the list shows now is marked. Called again when the filter has changed. */
export function showCurrent() {
  const shown = pageQuery(readFilter());
  for (const link of document.querySelectorAll(".saved-views a")) {
    const isShown = pageQuery(readFilter(link.search)) === shown;
    if (isShown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
