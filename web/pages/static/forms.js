// Forms that the browser sends itself: each once, and back to where the reader is by now.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return; // a script sends it, or it changes nothing
  if (form.ariaBusy === "true") return event.preventDefault(); // pressed twice
  form.ariaBusy = true;
  // Filters and the next image change the address without a new page.
  if (form.matches("#language-form")) form.elements.next.value = location.pathname + location.search;
});
// The way back may lead to this page as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.ariaBusy = null;
});
