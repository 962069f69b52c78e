// Views that the reader saved: ordinary links, kept in this browser.

import { t } from "./words.js";

const KEY = "saved-views";
const $ = (id) => document.getElementById(id);

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

export function startViews() {
  $("save-view").addEventListener("click", () => {
    const name = prompt(t("Name of this view"))?.trim();
    if (!name) return;
    const others = read().filter((view) => view.name !== name);
    write([...others, { name, query: location.search }]);
  });
  show();
}

function write(views) {
  localStorage.setItem(KEY, JSON.stringify(views));
  show();
}

function show() {
  $("own-views").replaceChildren(
    ...read().map(({ name, query }) => {
      const place = document.createElement("span");
      place.className = "own-view";
      const link = document.createElement("a");
      link.href = `/images${query}`;
      link.textContent = name;
      const forget = document.createElement("button");
      forget.type = "button";
      forget.className = "quiet";
      forget.ariaLabel = t("Remove the view %(name)s", { name });
      forget.textContent = "×";
      forget.addEventListener("click", () => write(read().filter((view) => view.name !== name)));
      place.append(link, forget);
      return place;
    }),
  );
}
