// Talking to the REST API: conditional GETs, changes, and polling that takes its time. When the
// session ended, the reader is asked to sign in, and what was asked for goes on. Who has to set up a
// second factor first is led there.

import { signInHere } from "./signin.js";
import { problemText, t } from "./words.js";

const QUICK_MS = 1000;
const SLOW_MS = 10000;
const RETRY_MS = 2000;
const LONGEST_RETRY_MS = 300_000;
const READ_LIMIT_MS = 30_000;
// Besides the server's own errors, what a later try can mend.
const TRY_LATER = [408, 425, 429];

/** An answer of the API that is an error; its message is the problem's detail. retryAfter: seconds that the
 * server asks to wait before the next try; 0 when it does not say. */
export class Problem extends Error {
  constructor(status, detail, retryAfter = 0) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Throws Problem for an error answer, TypeError when the server cannot be reached, and DOMException when
 * nothing has come for `limit` milliseconds; null: however long it takes. */
async function call(url, options, limit = null) {
  const signal = limit === null ? null : AbortSignal.timeout(limit);
  const answer = await fetch(url, { cache: "no-store", signal, ...options });
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 401) {
    await signInHere();
    return call(url, options, limit);
  }
  const problem = await answer.json().catch(() => ({}));
  if (problem.code === "second_factor_required") {
    const here = encodeURIComponent(location.pathname + location.search);
    location.assign(`/account/second-factor?next=${here}`);
  }
  const said = problemText(problem) ?? t("The server answered %(status)s.", { status: answer.status });
  throw new Problem(answer.status, said, Number(answer.headers.get("Retry-After")) || 0);
}

export async function get(url) {
  return (await call(url, {}, READ_LIMIT_MS)).json();
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
    const answer = await call(this.#url, { headers }, READ_LIMIT_MS);
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
  #inBackground;
  #timer = null;
  #delay = QUICK_MS;
  #notBefore = 0; // the server asked not to be asked earlier
  #busy = false;
  #again = false;
  #finished = false;
  #ended = new AbortController();

  /** inBackground(): whether it goes on, slowly, while the page is hidden. */
  constructor(step, { inBackground = () => false } = {}) {
    [this.#step, this.#inBackground] = [step, inBackground];
    const { signal } = this.#ended;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#hide() : this.wake()), { signal });
    addEventListener("online", () => this.wake(), { signal });
  }

  /** Ask now; what is being asked already may not know yet what has changed. */
  wake() {
    clearTimeout(this.#timer);
    if (this.#ended.signal.aborted) return;
    const early = this.#notBefore - Date.now();
    if (this.#busy) this.#again = true;
    else if (early > 0) this.#timer = setTimeout(() => this.#run(), early);
    else this.#run();
  }

  /** Never ask again: what it was for is no longer on the page. */
  end() {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  #hide() {
    if (!this.#inBackground()) clearTimeout(this.#timer);
  }

  async #run() {
    this.#busy = true;
    try {
      const outcome = await this.#step();
      showOffline(null);
      this.#finished = outcome === FINISHED;
      this.#notBefore = 0;
      this.#delay = outcome === CHANGED ? QUICK_MS : Math.min(this.#delay * 1.5, SLOW_MS);
    } catch (error) {
      showOffline(whyFailed(error), mayPass(error));
      // Also after FINISHED: what it was woken for is not known yet.
      this.#finished = !mayPass(error);
      const asked = Math.min(1000 * (error.retryAfter ?? 0), LONGEST_RETRY_MS);
      this.#delay = Math.max(RETRY_MS, asked);
      this.#notBefore = asked ? Date.now() + asked : 0;
    } finally {
      this.#busy = false;
    }
    if (this.#ended.signal.aborted) return;
    if (this.#again) {
      this.#again = false;
      this.wake();
    } else if (!this.#finished && !document.hidden) {
      this.#timer = setTimeout(() => this.#run(), this.#delay);
    } else if (!this.#finished && this.#inBackground()) {
      this.#timer = setTimeout(() => this.#run(), Math.max(this.#delay, SLOW_MS));
    }
  }
}

const UNREACHABLE = t("The server cannot be reached. Trying again…");

/** Whether another try may succeed: the server is unreachable, busy, or has something wrong with it. */
export const mayPass = (error) =>
  !(error instanceof Problem) || error.status >= 500 || TRY_LATER.includes(error.status);

/** In words: the server is unreachable, or what it answered, and whether it is tried again. */
export function whyFailed(error) {
  if (!(error instanceof Problem)) return UNREACHABLE;
  return mayPass(error) ? t("%(problem)s Trying again…", { problem: error.message }) : error.message;
}

/** In words, of what somebody has asked for themselves, and is not tried again. */
export const whyNot = (error) =>
  error instanceof Problem ? error.message : t("The server cannot be reached. Try again in a moment.");

/** why: null when all is well again. Said once, however often it is tried. */
function showOffline(why, isTriedAgain = false) {
  const notice = document.getElementById("offline");
  const said = notice.firstElementChild;
  if (why !== null && said.textContent !== why) said.textContent = why;
  notice.classList.toggle("final", !isTriedAgain);
  notice.hidden = why === null;
}
