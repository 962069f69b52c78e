// Uploads that were begun in this browser and have not arrived whole: what it takes to go on with one after
// its page was closed. Files are known by a fingerprint; their names, which can be a patient's, are not kept.

const PLACE = "unfinished-uploads";
const KEPT_MS = 7 * 86_400_000;
const NOTED_MS = 5000;
const ALIVE_MS = 90_000; // a page in the background says so once a minute

/** Every upload that has not arrived, newest first. Each is {fingerprint, key, boundary, number, size,
 * isFolder, begunAt, sentAt, received, addresses}: the places of the packs that the server has, and where
 * those on their way go, by their place. */
export function unfinishedUploads() {
  const newest = (one, other) => other.begunAt - one.begunAt;
  return Object.values(kept()).filter(({ begunAt }) => Date.now() - begunAt < KEPT_MS).sort(newest);
}

/** The one of these files, or null. */
export function unfinishedUpload(fingerprint) {
  return unfinishedUploads().find((one) => one.fingerprint === fingerprint) ?? null;
}

/** Whether a page is sending it now: another one, or this one. */
export const isBeingSent = ({ sentAt }) => Date.now() - sentAt < ALIVE_MS;

export function keepUpload(upload) {
  write({ ...kept(), [upload.key]: upload });
}

export function forgetUpload(key) {
  const { [key]: _, ...others } = kept();
  write(others);
}

/** Says now and then that `current()`, an upload or null, is being sent: no other page then takes it for
 * unfinished. */
export function noteSending(current) {
  const note = (sentAt) => {
    const upload = current();
    if (upload) keepUpload(Object.assign(upload, { sentAt }));
  };
  setInterval(() => note(Date.now()), NOTED_MS);
  addEventListener("pagehide", () => note(0));
}

/** files: [{file, path}], in order. Returns: the same text for the same files; no file's name can be read
 * from it. Not `crypto.subtle`: it is for HTTPS only, and many clinics have none in their own network. */
export function fingerprintOf(files) {
  const [one, other] = [new Hash(0x811c9dc5), new Hash(0x9e3779b1)];
  for (const { file, path } of files) {
    const text = `${path}\n${file.size}\n${file.lastModified}\n`;
    for (let at = 0; at < text.length; at++) {
      one.add(text.charCodeAt(at));
      other.add(text.charCodeAt(text.length - 1 - at));
    }
  }
  return `${files.length}-${one.text}-${other.text}`;
}

/** FNV-1a, 32 bits, of 16-bit values. */
class Hash {
  #state;

  constructor(start) {
    this.#state = start;
  }

  add(value) {
    this.#state = Math.imul(this.#state ^ value, 0x01000193);
  }

  get text() {
    return (this.#state >>> 0).toString(36);
  }
}

/** By key; those that are too old are gone with the next one that is written. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "{}");
  } catch {
    return {}; // no storage in this browser, or something else's
  }
}

function write(uploads) {
  const young = Object.entries(uploads).filter(([, one]) => Date.now() - one.begunAt < KEPT_MS);
  try {
    if (young.length) localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(young)));
    else localStorage.removeItem(PLACE);
  } catch {
    // Full or forbidden: an upload then lasts as long as its page.
  }
}
