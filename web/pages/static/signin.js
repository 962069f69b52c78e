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
    while (!(await isSignedIn(page))) page = await answered(await shown(page, place));
    await stayOnlyIfSame(page);
  } finally {
    dialog.remove();
  }
}

const isSignedIn = async (page) => !new URL(page.url).pathname.startsWith("/sign-in") || isKnown();

const isKnown = async () => (await fetch("/api/v1/jobs?limit=1", { cache: "no-store" })).status !== 401;

/** Shows what a page asks for. Resolves with its form once it is sent, or with null once somebody comes back
 * to this page, who may have signed in beside it. */
async function shown(page, place) {
  const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
  const form = parsed.querySelector("main form");
  if (form) place.replaceChildren(...messagesOf(parsed, form), ...otherWays(parsed), form);
  else sayWhyNot(parsed, place);
  place.querySelector("form input:not([type=hidden])")?.focus();
  const over = new AbortController();
  return new Promise((resolve) => {
    const end = (answer) => {
      over.abort();
      resolve(answer);
    };
    const { signal } = over;
    place.addEventListener("submit", (event) => {
      event.preventDefault();
      end(event.target);
    }, { signal });
    addEventListener("focus", async () => (await isKnown().catch(() => false)) && end(null), { signal });
  });
}

const messagesOf = (parsed, form) => [...parsed.querySelectorAll("main .error")].filter((one) => !form.contains(one));

/** To the organisation's own sign-in, which does not come into a dialog: in a tab beside this page. */
function otherWays(parsed) {
  const links = [...parsed.querySelectorAll("main a.button")];
  for (const link of links) link.target = "_blank";
  return links;
}

/** An answer without a form, such as that of too many tries: what was asked stays. */
function sayWhyNot(parsed, place) {
  const said = document.createElement("p");
  said.className = "error";
  said.setAttribute("role", "alert");
  said.textContent = parsed.querySelector("main h1 + p")?.textContent ?? t("The server cannot be reached. Try again in a moment.");
  place.querySelector(".error")?.remove();
  place.prepend(said);
}

/** form: null to look whether somebody has signed in meanwhile. */
function answered(form) {
  if (form === null) return fetch("/sign-in", { cache: "no-store" });
  const body = new URLSearchParams(new FormData(form));
  const action = form.getAttribute("action") || "/sign-in";
  return fetch(action, { method: "POST", body, cache: "no-store" });
}

/** What is on this page is of whoever opened it; somebody else, who may have other rights, gets it anew.
 * page: one that whoever has signed in was answered with. */
async function stayOnlyIfSame(page) {
  const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
  if (parsed.body.dataset.who === document.body.dataset.who) return;
  location.reload();
  await new Promise(() => {}); // nothing of this page is sent for somebody else
}
