// Signing in without leaving the page: what is open, chosen or being uploaded stays.
//
// The form is that of the sign-in page itself, so whatever that asks for is asked for here too.

import { t } from "./words.js";

let asking = null;

/** Ask to sign in. Resolves once somebody has; several callers wait for one answer. */
export function signInHere() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask() {
  const dialog = document.createElement("dialog");
  dialog.className = "card sign-in-here";
  dialog.setAttribute("aria-labelledby", "sign-in-here-title");
  const title = document.createElement("h2");
  title.id = "sign-in-here-title";
  title.textContent = t("Your session ended");
  const text = document.createElement("p");
  text.textContent = t("Sign in to go on. Nothing on this page is lost.");
  const place = document.createElement("div");
  dialog.append(title, text, place);
  document.body.append(dialog);
  // Without a session nothing on the page works: it stays until somebody signed in.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  try {
    let page = await fetch("/sign-in", { cache: "no-store" });
    while (!(await isSignedIn(page))) page = await send(await shown(page, place));
  } finally {
    dialog.remove();
  }
}

const isSignedIn = async (page) =>
  !new URL(page.url).pathname.startsWith("/sign-in") ||
  (await fetch("/api/v1/jobs?limit=1", { cache: "no-store" })).ok;

/** Shows the form of a page. Resolves with it once it is sent. */
async function shown(page, place) {
  const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
  const form = parsed.querySelector("main form");
  if (form === null) throw new Error("The sign-in page has no form.");
  const messages = [...parsed.querySelectorAll("main .error")].filter((one) => !form.contains(one));
  place.replaceChildren(...messages, form);
  form.querySelector("input:not([type=hidden])")?.focus();
  return new Promise((resolve) =>
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve(form);
    }),
  );
}

async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  const action = form.getAttribute("action") || "/sign-in";
  return fetch(action, { method: "POST", body, cache: "no-store" });
}
