// The page of one image: its viewer, and the keys to work with it and to go through a job.

import { CHANGED, FINISHED, Poller, Problem, Resource, SAME, mayPass, post, remove, whyNot } from "./api.js";
import { showLocally } from "./format.js";
import { Review } from "./review.js";
import { AHEAD_HEADERS, keepFilms, loadFilm } from "./viewer/films.js";
import { Priors } from "./viewer/priors.js";
import { Viewer } from "./viewer/viewer.js";
import { t } from "./words.js";

const KEYS = {
  "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "fit", 1: "real",
  r: "rotate", i: "invert", f: "full-screen",
  ArrowUp: "brighter", ArrowDown: "darker", ".": "more-contrast", ",": "less-contrast", d: "default",
  p: "tool-pan", w: "tool-window", u: "tool-ruler",
  b: "tool-box",
  m: "next-map", n: "no-map", o: "lines", "[": "less-opacity", "]": "more-opacity",
};
const SHIFT_KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const LINKS = { ArrowLeft: "previous", ArrowRight: "next" };
const AHEAD = 2;
const PAGE_LIMIT_MS = 30_000;

const $ = (id) => document.getElementById(id);
let viewer = null;
let review = null;
let priors = null;
let waiting = null; // asks whether the image has a result by now
let shown = 0; // grows with every image that is opened
let asked = 0; // grows with every image that is asked for
let address = listedIn(location); // of the image on the page
let step = history.state?.step ?? 0; // how many images after the first one of this page
let furthest = step; // where the browser's way forward ends

open();
addEventListener("popstate", ({ state }) => {
  if (listedIn(location) === address) return; // to another place of this page, or not gone on
  const wanted = state?.step ?? 0;
  if (!mayGoOn()) return history.go(step - wanted);
  step = wanted;
  follow(location.href, false);
});
addEventListener("beforeunload", (event) => {
  if (review?.unsaved) event.preventDefault(); // the browser asks
});
addEventListener("keydown", press);
document.addEventListener("click", (event) => {
  const link = event.target.closest("#previous, #next");
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  if (!link || !isPlain) return;
  event.preventDefault();
  if (!link.href) return history.go(link.id === "previous" ? -1 : 1);
  if (mayGoOn()) follow(link.href, true);
});

/** Which image an address is of, and in which list. */
function listedIn({ pathname, search }) {
  return pathname + search;
}

/** The image that the page holds. */
function open() {
  const page = $("image");
  shown += 1;
  address = listedIn(location);
  waiting?.end();
  waiting = null;
  showLocally(page);
  // An image that was read has left the list of those to read, and is still where the reader was.
  if (!$("previous").href) $("previous").disabled = step === 0;
  if (!$("next").href) $("next").disabled = step === furthest;
  $("toolbar").hidden = $("xray") === null;
  $("toolbar").querySelector("[data-open=keys]").addEventListener("click", () => $("keys").showModal());
  viewer?.close();
  viewer = $("xray") ? new Viewer(page, (box) => review?.addBox(box)) : null;
  priors = new Priors(page);
  review = $("review") ? new Review(page, viewer, reviewed, (why) => tellLost(page, why)) : null;
  $("anyway")?.addEventListener("click", () => classifyAnyway(page.dataset.image));
  $("delete-image").addEventListener("click", () => deleteImage(page.dataset.image));
  if (page.dataset.final === "false") wait(page.dataset.image, shown);
  else loadAhead(shown);
}

function wait(id, which) {
  const resource = new Resource(`/api/v1/images/${id}`);
  let isFinal = false;
  waiting = new Poller(async () => {
    const image = isFinal ? null : await resource.get();
    if (which !== shown) return FINISHED;
    isFinal ||= image !== null && image.status !== "waiting" && image.status !== "running";
    if (!isFinal) return SAME;
    return (await follow(location.href, false)) ? FINISHED : CHANGED;
  });
  waiting.wake();
}

async function classifyAnyway(id) {
  $("anyway").disabled = true;
  try {
    await post(`/api/v1/images/${id}/classify-anyway`);
    follow(location.href, false);
  } catch (error) {
    $("anyway").disabled = false;
    $("said").textContent = whyNot(error);
  }
}

/** The next image takes its place; after the last one, the list. */
async function deleteImage(id) {
  if (!confirm(t("Delete this image with its result and reviews? This cannot be undone."))) return;
  $("delete-image").disabled = true;
  try {
    await remove(`/api/v1/images/${id}`);
    // Not "assign": the way back would lead to a page that no longer exists.
    const list = $("up").href.split("#")[0]; // without the row of the image
    location.replace($("next").href || $("previous").href || list);
  } catch (error) {
    $("delete-image").disabled = false;
    $("delete-error").textContent = whyNot(error);
    $("delete-error").hidden = false;
  }
}

function mayGoOn() {
  const question = t("Without an answer, your comment and boxes cannot be saved. Go on without them?");
  return !review || review.leave() || confirm(question);
}

/** After a review: on to the next image, or what is shown from now on. */
function reviewed({ showsMore, thenNext }) {
  const next = $("next");
  if (thenNext && next.href) follow(next.href, true);
  else if (thenNext && !next.disabled) history.forward();
  else if (showsMore) follow(location.href, false);
}

/** Not beside another image, where it would be taken for that one's: in the way, until it is read. */
function tellLost(page, why) {
  const image = page.querySelector("h1").textContent;
  alert(t("The review of %(image)s was not saved. %(why)s", { image, why }));
}

/** Put another image in the place of this one: quicker than a new page, and its film may be here.
 * Returns: whether the page is that of `url`, or will be. */
async function follow(url, isNew) {
  const which = ++asked;
  try {
    const other = await fetched(url);
    if (which !== asked) return true;
    if (isNew) history.pushState({ step: (furthest = ++step) }, "", url);
    document.title = other.title;
    const focused = document.activeElement?.id;
    $("main").replaceChildren(...other.getElementById("main").children);
    open();
    if (focused) $(focused)?.focus();
    tellOpened();
  } catch (error) {
    if (which !== asked) return true;
    const isOnPage = isNew || listedIn(new URL(url, location)) === address;
    if (mayPass(error) && isOnPage) {
      review?.stay();
      $("said").textContent = t("The image cannot be loaded. Try again in a moment.");
      return false;
    }
    location.assign(url); // the browser shows what is wrong
  }
  return true;
}

/** For those who listen: the page is another one, though none was loaded. */
function tellOpened() {
  const place = $("position")?.textContent ?? "";
  $("opened").textContent = [$("image").querySelector("h1").textContent, place].filter(Boolean).join(", ");
}

/** Throws Problem for an answer that is not the page of an image. */
async function fetched(url, headers = {}) {
  const signal = AbortSignal.timeout(PAGE_LIMIT_MS);
  const answer = await fetch(url, { headers: { Accept: "text/html", ...headers }, signal });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) throw new Problem(answer.status, answer.statusText);
  if (!page.getElementById("image")) throw new Problem(404, "");
  return page;
}

/** Films of the next images, once this one is there. */
async function loadAhead(which) {
  const ids = [$("image").dataset.image];
  try {
    if ($("xray")) await loadFilm(ids[0]);
    let link = $("next");
    for (let ahead = 0; ahead < AHEAD && link?.href && which === shown; ahead++) {
      const page = await fetched(link.href, AHEAD_HEADERS);
      const { image } = page.getElementById("image").dataset;
      ids.push(image);
      link = page.getElementById("next");
      if (page.getElementById("xray")) await loadFilm(image, AHEAD_HEADERS).catch(() => {});
    }
  } catch {
    // Nothing to say: what is not here yet is fetched when it is opened.
  }
  if (which === shown) keepFilms(ids);
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog:modal:not(#keys)")) return; // the keys are for it
  if ($("keys").open) {
    if (event.key === "?") $("keys").close();
    return;
  }
  const isText = event.target.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=range])");
  if (isText) return;
  const inChoice = event.target.matches("input");
  if (event.key === "?") {
    $("keys").showModal();
    return;
  }
  if (event.key === "Escape" && !document.fullscreenElement) {
    event.preventDefault(); // while a picture loads, the browser would stop our navigation too
    $("up").click();
    return;
  }
  if (inChoice && event.key.startsWith("Arrow")) return;
  if (review && !event.shiftKey && reviewKey(event)) {
    event.preventDefault();
    return;
  }
  if (event.key === "v" && priors.toggle()) return;
  const link = !event.shiftKey && LINKS[event.key];
  if (link) {
    $(link).click();
    return;
  }
  const action = event.shiftKey && event.key in SHIFT_KEYS ? SHIFT_KEYS[event.key] : KEYS[event.key.toLowerCase()] ?? KEYS[event.key];
  if (action && viewer?.act(action)) event.preventDefault();
}

/** Returns: whether the key says something about the review. */
function reviewKey({ key, target }) {
  if (/^[2-9]$/.test(key)) return review.chooseLabel(Number(key) - 2);
  if (key === "a") return review.choose("agree");
  if (key === "x") return review.choose("unusable");
  if (key === "c") return review.comment() ?? true;
  if (key !== "Enter" || target.closest("button, a, summary")) return false;
  review.save(true);
  return true;
}
