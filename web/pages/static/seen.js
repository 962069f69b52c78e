// Which images somebody has opened in this browser: a mark in their lists, kept on this machine only.

const KEY = `seen-images-${document.body.dataset.who}`; // others may use the same browser
const EARLIER_KEY = "seen-images"; // of versions that knew nobody
const MAX_KEPT = 20000;

function read() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

localStorage.removeItem(EARLIER_KEY);
let seen = read();
addEventListener("storage", (event) => event.key === KEY && (seen = read()));
addEventListener("pageshow", () => (seen = read()));

export const isSeen = (id) => seen.has(id);

function markSeen(id) {
  seen = read();
  seen.delete(id); // anew at the end: the oldest are forgotten first
  seen.add(id);
  localStorage.setItem(KEY, JSON.stringify([...seen].slice(-MAX_KEPT)));
}

// The page of an image puts the next one into its place, without being loaded anew.
if (document.getElementById("image")) {
  const mark = () => markSeen(Number(document.getElementById("image").dataset.image));
  new MutationObserver(mark).observe(document.getElementById("main"), { childList: true });
  mark();
}
