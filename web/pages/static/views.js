// Saved views: forms and links, which belong to the reader. The filter changes without a new page, so what
// is saved is what the address says now.

const EARLIER_KEY = "saved-views"; // of versions that kept them in the browser

export function startViews() {
  localStorage.removeItem(EARLIER_KEY);
  for (const form of document.querySelectorAll(".of-view")) {
    form.addEventListener("submit", () => {
      form.elements.query.value = location.search;
    });
  }
}
