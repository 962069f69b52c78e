// The drop zone: takes files, sends them with progress, pause and resume, goes to the job. Files can be
// dropped anywhere on a page; where the zone is not always there, it comes with them.
//
// Each choice of files is one upload with a key of its own: an open job that is closed when all have
// arrived. What is tried again is that same upload, its name and urgency included, so that it becomes one
// job however many tries arrived. A broken connection costs nothing that had come: it goes on by itself.

import { Problem, get, post, remove, send } from "./api.js";
import { chosenFiles, droppedFiles } from "./files.js";
import { bytes, count, duration, percent } from "./format.js";
import { packed } from "./packs.js";
import { ResumableUpload } from "./resumable.js";
import { t, tn } from "./words.js";

const AT_ONCE = 2; // packs: while one is stored, the other one is on its way
const MAX_SHOWN = 6; // files on their way
const $ = (id) => document.getElementById(id);
const zone = $("drop");
const limits = { bytes: Number(zone?.dataset.maxBytes), images: Number(zone?.dataset.maxImages) };
let upload = null; // the one that is sent, or can be tried again
let isSending = false;
let spoken = "";

/** Where there is no zone, whoever is signed in may not upload. */
export function startUploads() {
  if (!zone) return;
  $("choose-files").addEventListener("click", () => $("files").click());
  $("choose-folder").addEventListener("click", () => $("folder").click());
  for (const input of [$("files"), $("folder")]) {
    input.addEventListener("change", () => {
      begin(chosenFiles(input));
      input.value = "";
    });
  }
  // On the whole page: a file that misses the zone would otherwise replace the page.
  addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.hidden = false;
    zone.classList.toggle("over", !isSending);
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget) return;
    zone.classList.remove("over");
    if (upload === null) rest();
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (isSending) return;
    try {
      begin(await droppedFiles(event.dataTransfer));
    } catch {
      upload = null;
      fail(t("The dropped files cannot be read. Choose them with the button instead."));
    }
  });
  $("abort").addEventListener("click", stop);
  $("pause").addEventListener("click", () => pause(!upload.isPaused));
  $("retry-upload").addEventListener("click", sendAll);
  $("dismiss").addEventListener("click", () => {
    show("ready");
    rest();
  });
  addEventListener("beforeunload", (event) => {
    if (isSending) event.preventDefault();
  });
}

/** A compact zone goes when there is nothing to say. */
function rest() {
  zone.hidden = "compact" in zone.dataset;
}

function begin(files) {
  upload = null;
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  if (files.length === 0) return fail(t("Your selection contains no files."));
  if (files.length > limits.images) {
    return fail(
      t("At most %(most)s files are allowed per job. You selected %(selected)s.", {
        most: count(limits.images),
        selected: count(files.length),
      }),
    );
  }
  if (size > limits.bytes) {
    return fail(
      t("At most %(most)s are allowed per job. You selected %(selected)s.", {
        most: bytes(limits.bytes),
        selected: bytes(size),
      }),
    );
  }
  upload = {
    size,
    key: newKey(),
    number: files.length,
    name: $("name").value.trim(),
    urgent: $("urgent").checked,
    packs: packed(files),
    sending: [],
    isPaused: false,
    isStopped: false,
  };
  sendAll();
}

/** Not `crypto.randomUUID`: it is for HTTPS only, and many clinics have none in their own network. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** All that the server does not have yet. */
async function sendAll() {
  const mine = upload;
  isSending = true;
  $("sending-what").textContent = tn(
    "Uploading %(num)s file, %(size)s",
    "Uploading %(num)s files, %(size)s",
    mine.number,
    { size: bytes(mine.size) },
  );
  $("sent").value = 0;
  $("sent-text").textContent = "";
  show("sending");
  showPaused();
  try {
    const job = await jobOf(mine);
    if (job.open) await sendPacks(mine, job);
    if (mine.isStopped) return;
    isSending = false;
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    if (mine.isStopped) return;
    isSending = false;
    for (const one of mine.sending) one.stop();
    mine.sending = [];
    fail(error instanceof Problem ? error.message : t("The server cannot be reached."));
  }
}

/** The open job of this upload. Perhaps only the answer was lost that told of it: its key tells. */
async function jobOf(mine) {
  const asked = `/api/v1/jobs?idempotency_key=${encodeURIComponent(mine.key)}`;
  const [known] = mine.isBegun ? (await get(asked)).items : [];
  if (known) return known;
  mine.isBegun = true;
  const { name, urgent, key } = mine;
  return send("POST", "/api/v1/jobs", { name, urgent, open: true }, { "Idempotency-Key": key });
}

async function sendPacks(mine, job) {
  const began = performance.now();
  const left = mine.packs.filter((pack) => !pack.isReceived);
  const sendNext = async () => {
    for (let pack = left.shift(); pack && !mine.isStopped; pack = left.shift()) {
      await sendPack(mine, job, pack, () => showProgress(mine, began));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  if (!mine.isStopped) await post(`/api/v1/jobs/${job.id}/close`);
}

async function sendPack(mine, job, pack, onProgress) {
  const onWaiting = (isWaiting) => {
    mine.isWaiting = isWaiting;
    onProgress();
  };
  const place = `/api/v1/jobs/${job.id}/uploads`;
  const metadata = { body_type: pack.type };
  const sending = (pack.sending ??= new ResumableUpload(place, pack.content, metadata, { onProgress, onWaiting }));
  mine.sending.push(sending);
  if (mine.isPaused) sending.pause();
  await sending.send();
  pack.isReceived = sending.isReceived;
  mine.sending = mine.sending.filter((one) => one !== sending);
}

function showProgress(mine, began) {
  if (mine.isStopped) return;
  const whole = mine.packs.reduce((sum, { content }) => sum + content.size, 0);
  const sent = mine.packs.reduce((sum, { sending }) => sum + (sending?.sent ?? 0), 0);
  const share = whole ? sent / whole : 0;
  const seconds = ((performance.now() - began) / 1000) * (1 / share - 1);
  $("sent").value = share;
  showFiles(mine);
  if (mine.isPaused) {
    $("sent-text").textContent = `${percent(share)} · ${t("Paused")}`;
  } else if (mine.isWaiting) {
    $("sent-text").textContent = t("The connection is lost. The upload goes on when it is back…");
    say(t("The connection is lost. The upload goes on when it is back…"));
  } else if (share < 1) {
    $("sent-text").textContent = `${percent(share)} · ${t("%(time)s left", { time: duration(seconds) })}`;
    say(t("%(share)s uploaded", { share: `${Math.floor(share * 10)}0 %` }));
  } else {
    $("sent-text").textContent = t("Storing the files…");
    say(t("Storing the files…"));
  }
}

/** The files that are on their way now, each with its own progress. */
function showFiles(mine) {
  const shown = [];
  for (const { files, sending, isReceived } of mine.packs) {
    if (!sending || isReceived) continue;
    for (const file of files) {
      if (shown.length < MAX_SHOWN && file.end > sending.sent) shown.push([file, sending.sent]);
    }
  }
  const list = $("sending-files");
  while (list.children.length > shown.length) list.lastElementChild.remove();
  while (list.children.length < shown.length) {
    list.append($("sending-file").content.firstElementChild.cloneNode(true));
  }
  for (const [place, [{ path, start, end }, sent]] of shown.entries()) {
    const item = list.children[place];
    const share = end > start ? Math.max(0, sent - start) / (end - start) : 0;
    item.querySelector(".name").textContent = path;
    item.querySelector("progress").value = share;
    item.querySelector(".numbers").textContent = percent(share);
  }
}

function pause(isPaused) {
  upload.isPaused = isPaused;
  for (const one of upload.sending) isPaused ? one.pause() : one.resume();
  if (isPaused) $("sent-text").textContent = t("Paused");
  showPaused();
}

function showPaused() {
  $("pause").textContent = upload.isPaused ? t("Resume upload") : t("Pause");
}

/** Nothing of it stays, for those who may delete; for others, the job with what had arrived. */
async function stop() {
  const { isBegun, key, sending } = Object.assign(upload, { isStopped: true });
  for (const one of sending) one.stop();
  isSending = false;
  upload = null;
  show("ready");
  rest();
  if (!isBegun) return;
  try {
    const [job] = (await get(`/api/v1/jobs?idempotency_key=${encodeURIComponent(key)}`)).items;
    if (!job) return;
    if (document.body.dataset.may.split(" ").includes("delete")) await remove(`/api/v1/jobs/${job.id}`);
    else await post(`/api/v1/jobs/${job.id}/close`);
  } catch {
    // It closes by itself.
  }
}

/** For those who listen: every tenth of the way, not every event. */
function say(text) {
  if (text !== spoken) $("sent-spoken").textContent = text;
  spoken = text;
}

function fail(reason) {
  show("ready");
  $("upload-error-text").textContent = reason;
  $("retry-upload").hidden = upload === null;
  $("upload-error").hidden = false;
  // It is tried again as it is; dismissed, it can be changed and chosen anew.
  setFixed(upload !== null);
  if (upload && zone.contains(document.activeElement)) $("retry-upload").focus({ preventScroll: true });
}

function setFixed(isFixed) {
  $("name").disabled = isFixed;
  $("urgent").disabled = isFixed;
}

function show(part) {
  const hadFocus = zone.contains(document.activeElement);
  $("ready").hidden = part !== "ready";
  $("sending").hidden = part !== "sending";
  $("upload-error").hidden = true;
  setFixed(false);
  // What had it is hidden now.
  if (hadFocus) $(part === "ready" ? "choose-files" : "abort").focus({ preventScroll: true });
}
