// Talking to the REST API: conditional GETs, changes, and polling that takes its time. When the
// session ended, the reader is asked to sign in, and what was asked for goes on. Who has to set up a
// second factor first is led there.

import { signInHere } from "./signin.js";
import { problemText, t } from "./words.js";

const QUICK_MS = 1000;
const SLOW_MS = 10000;
const RETRY_MS = 2000;

/** An answer of the API that is an error; its message is the problem's detail. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Throws Problem for an error answer, TypeError when the server cannot be reached. */
async function call(url, options) {
  const answer = await fetch(url, { cache: "no-store", ...options });
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 401) {
    await signInHere();
    return call(url, options);
  }
  const problem = await answer.json().catch(() => ({}));
  if (problem.code === "second_factor_required") {
    const here = encodeURIComponent(location.pathname + location.search);
    location.assign(`/account/second-factor?next=${here}`);
  }
  const said = problemText(problem) ?? t("The server answered %(status)s.", { status: answer.status });
  throw new Problem(answer.status, said);
}

export async function get(url) {
  return (await call(url)).json();
}

export const post = (url, content) => send("POST", url, content);
export const patch = (url, content) => send("PATCH", url, content);
export const put = (url, content) => send("PUT", url, content);

export async function send(method, url, content, more = {}) {
  const headers = { "Content-Type": "application/json", ...more };
  const body = content === undefined ? {} : { headers, body: JSON.stringify(content) };
  return (await call(url, { method, ...body })).json();
}

export async function remove(url) {
  await call(url, { method: "DELETE" });
}

/** One address that is asked again and again. */
export class Resource {
  #url;
  #etag = null;

  constructor(url) {
    this.#url = url;
  }

  /** Returns: the newest version, or null when it is the one of last time. */
  async get() {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const answer = await call(this.#url, { headers });
    if (answer.status === 304) return null;
    const body = await answer.json();
    this.#etag = answer.headers.get("ETag");
    return body;
  }
}

export const CHANGED = "changed";
export const SAME = "same";
export const FINISHED = "finished";

/**
 * Calls `step` every second while it says CHANGED, ever more slowly (up to 10 s) while it says SAME,
 * after FINISHED only when it is woken. Rests while the page is hidden, and says so when the server is unreachable.
 */
export class Poller {
  #step;
  #timer = null;
  #delay = QUICK_MS;
  #busy = false;
  #again = false;
  #finished = false;

  constructor(step) {
    this.#step = step;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.#timer);
      else this.wake();
    });
    addEventListener("online", () => this.wake());
  }

  /** Ask now; what is being asked already may not know yet what has changed. */
  wake() {
    clearTimeout(this.#timer);
    if (this.#busy) this.#again = true;
    else this.#run();
  }

  async #run() {
    this.#busy = true;
    try {
      const outcome = await this.#step();
      showOffline(false);
      this.#finished = outcome === FINISHED;
      this.#delay = outcome === CHANGED ? QUICK_MS : Math.min(this.#delay * 1.5, SLOW_MS);
    } catch (error) {
      if (error instanceof Problem && error.status < 500) {
        showOffline(true, error.message);
        this.#finished = true;
      } else {
        showOffline(true, whyTryingAgain(error));
        // Also after FINISHED: what it was woken for is not known yet.
        this.#finished = false;
        this.#delay = RETRY_MS;
      }
    } finally {
      this.#busy = false;
    }
    if (this.#again) {
      this.#again = false;
      this.wake();
    } else if (!this.#finished && !document.hidden) {
      this.#timer = setTimeout(() => this.#run(), this.#delay);
    }
  }
}

const AWAY = t("The server cannot be reached. Trying again…");

/** In words: the server is away, or it answered that something is wrong with it. */
export const whyTryingAgain = (error) =>
  error instanceof Problem ? t("%(problem)s Trying again…", { problem: error.message }) : AWAY;

function showOffline(shown, text = AWAY) {
  const notice = document.getElementById("offline");
  if (shown) notice.firstElementChild.textContent = text;
  notice.hidden = !shown;
}
