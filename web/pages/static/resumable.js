// One upload that goes on where a broken connection left it: a small client of tus 1.0
// (https://tus.io/protocols/resumable-upload).

import { Problem } from "./api.js";
import { signInHere } from "./signin.js";
import { problemText, t } from "./words.js";

const VERSION = { "Tus-Resumable": "1.0.0" };
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;
// What a later try can mend: the line was too slow, the server is unreachable, at work, or has other bytes of this
// upload already.
const PASSING = [0, 408, 409, 423, 429, 460, 500, 502, 503, 504];

export class ResumableUpload {
  #place;
  #content;
  #metadata;
  #listeners;
  #address;
  #request = null;
  #isPaused = false;
  #isStopped = false;
  #wake = null;
  sent = 0; // bytes, those on their way included
  isReceived = false;

  /** place: the address at which uploads begin. content: a Blob. metadata: by name. address: where this one
   * was begun before, or null. onBegun(address) is called when it is begun; onProgress() when `sent` grew;
   * onWaiting(isWaiting), when the connection is lost, and when it is back. */
  constructor(place, content, metadata, address, { onBegun, onProgress, onWaiting }) {
    [this.#place, this.#content, this.#metadata, this.#address] = [place, content, metadata, address];
    this.#listeners = { onBegun, onProgress, onWaiting };
  }

  /** Resolves once the server has all of it, or when it is stopped; sent again, it goes on. Throws Problem when the server refuses it. */
  async send() {
    this.#isStopped = false;
    let wait = FIRST_WAIT_MS;
    while (!this.isReceived && !this.#isStopped) {
      if (this.#isPaused) {
        await this.#rest();
        continue;
      }
      const before = this.sent;
      try {
        if (this.#address === null) {
          this.#address = await this.#begin();
          this.#listeners.onBegun(this.#address);
        }
        const offset = await this.#ask();
        if (offset < this.#content.size) await this.#append(offset);
        this.isReceived = true;
        this.#listeners.onWaiting(false);
      } catch (error) {
        if (this.#isPaused || this.#isStopped) continue;
        if (error.status === 401) await signInHere();
        else if (error.status === 404 && this.#address !== null) this.#address = null; // it expired
        else if (PASSING.includes(error.status) && error.code !== "job_not_open") {
          this.#listeners.onWaiting(true);
          if (this.sent > before) wait = FIRST_WAIT_MS;
          await this.#rest(wait);
          wait = Math.min(wait * 2, LONGEST_WAIT_MS);
        } else throw error;
      }
    }
  }

  pause() {
    this.#isPaused = true;
    this.#request?.abort();
  }

  resume() {
    this.#isPaused = false;
    this.#wake?.();
  }

  stop() {
    this.#isStopped = true;
    this.#request?.abort();
    this.#wake?.();
  }

  async #begin() {
    const metadata = Object.entries(this.#metadata).map(([name, value]) => `${name} ${base64(value)}`);
    const headers = { "Upload-Length": this.#content.size, "Upload-Metadata": metadata.join(",") };
    const answer = await this.#call("POST", this.#place, headers);
    return answer.getResponseHeader("Location");
  }

  async #ask() {
    const answer = await this.#call("HEAD", this.#address);
    this.#progress(Number(answer.getResponseHeader("Upload-Offset")));
    return this.sent;
  }

  async #append(offset) {
    const headers = { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
    await this.#call("PATCH", this.#address, headers, this.#content.slice(offset), (loaded) => {
      this.#listeners.onWaiting(false);
      this.#progress(offset + loaded);
    });
    this.#progress(this.#content.size);
  }

  #progress(sent) {
    this.sent = Math.min(sent, this.#content.size);
    this.#listeners.onProgress();
  }

  /** Throws Problem for an error answer; its status is 0 when there was no answer. */
  #call(method, address, headers = {}, body = null, onProgress = () => {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open(method, address);
      for (const [name, value] of Object.entries({ ...VERSION, ...headers })) {
        request.setRequestHeader(name, value);
      }
      request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
      const broken = () => reject(new Problem(0, t("The server cannot be reached.")));
      request.addEventListener("error", broken);
      request.addEventListener("abort", broken);
      request.addEventListener("load", () => {
        if (request.status < 300) resolve(request);
        else reject(problemOf(request));
      });
      request.send(body);
    });
  }

  /** Until it is resumed or stopped, the connection is back, or `limit` is over. */
  async #rest(limit = null) {
    await new Promise((resolve) => {
      this.#wake = resolve;
      addEventListener("online", resolve, { once: true });
      if (limit !== null) setTimeout(resolve, limit);
    });
    this.#wake = null;
  }
}

function problemOf(request) {
  let said = null;
  try {
    said = JSON.parse(request.responseText);
  } catch {
    // Nothing that a person could read, such as the page of a proxy.
  }
  const text = problemText(said) ?? t("The server answered %(status)s.", { status: request.status });
  return Object.assign(new Problem(request.status, text), { code: said?.code });
}

/** Of text as UTF-8. */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
