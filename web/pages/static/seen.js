// Which images this browser has opened: a mark in the lists, kept on this machine only.

const KEY = "seen-images";
const MAX_KEPT = 20000;

function read() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
  } catch {
    return new Set();
  }
}

let seen = read();
addEventListener("storage", (event) => event.key === KEY && (seen = read()));
addEventListener("pageshow", () => (seen = read()));

export const isSeen = (id) => seen.has(id);

export function markSeen(id) {
  seen = read();
  seen.delete(id); // anew at the end: the oldest are forgotten first
  seen.add(id);
  localStorage.setItem(KEY, JSON.stringify([...seen].slice(-MAX_KEPT)));
}

const opened = document.getElementById("image")?.dataset.image;
if (opened) markSeen(Number(opened));
