// The drop zone: takes files, sends them with progress, pause and resume, goes to the job. Files can be
// dropped anywhere on a page; where the zone is not always there, it comes with them.
//
// Each choice of files is one upload with a key of its own: an open job that is closed when all have
// arrived. What is tried again is that same upload, its name and urgency included, so that it becomes one
// job however many tries arrived. A broken connection costs nothing that had come: it goes on by itself; and
// after a reload, once the same files are chosen again.

import { Problem, get, post, remove, send } from "./api.js";
import { chosenFiles, droppedFiles } from "./files.js";
import { bytes, count, duration, moment, percent } from "./format.js";
import { packed } from "./packs.js";
import { ResumableUpload } from "./resumable.js";
import { fingerprintOf, forgetUpload, isBeingSent, keepUpload, noteSending, unfinishedUpload, unfinishedUploads } from "./unfinished.js";
import { t, tn } from "./words.js";

const AT_ONCE = 2; // packs: while one is stored, the other one is on its way
const MAX_SHOWN = 6; // files on their way
const $ = (id) => document.getElementById(id);
const zone = $("drop");
const limits = { bytes: Number(zone?.dataset.maxBytes), images: Number(zone?.dataset.maxImages) };
let upload = null; // the one that is sent, or can be tried again
let isSending = false;
let isReading = false; // what was dropped
let isOwnDrag = false;
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
  addEventListener("dragstart", () => (isOwnDrag = true)); // a picture or a link of the page itself
  addEventListener("dragend", () => (isOwnDrag = false));
  const hasFiles = ({ dataTransfer }) => !isOwnDrag && dataTransfer.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return; // text may be dropped into a field
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
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    if (isSending || isReading) return;
    isReading = true;
    zone.ariaBusy = true; // a large folder takes a while
    try {
      begin(await droppedFiles(event.dataTransfer));
    } catch {
      upload = null;
      fail(t("The dropped files cannot be read. Choose them with the button instead."));
    } finally {
      isReading = false;
      zone.ariaBusy = false;
    }
  });
  $("abort").addEventListener("click", stop);
  $("pause").addEventListener("click", () => pause(!upload.isPaused));
  $("retry-upload").addEventListener("click", sendAll);
  $("dismiss").addEventListener("click", () => {
    show("ready");
    rest();
    showUnfinished();
  });
  addEventListener("beforeunload", (event) => {
    if (isSending) event.preventDefault();
  });
  noteSending(() => (isSending ? upload.record : null));
  showUnfinished();
}

/** A compact zone goes when there is nothing to say. */
function rest() {
  zone.hidden = "compact" in zone.dataset && $("unfinished").hidden;
}

/** chosen: in any order; the same files always become the same packs. */
function begin(chosen) {
  upload = null;
  const files = chosen.sort((one, other) => (one.path < other.path ? -1 : 1));
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
  const fingerprint = fingerprintOf(files);
  const known = unfinishedUpload(fingerprint);
  if (known && isBeingSent(known)) {
    return fail(t("These files are being uploaded by another page of this browser. If it is closed, try again in two minutes."));
  }
  const record = known ?? {
    fingerprint,
    key: newKey(),
    boundary: `cxr-${newKey()}`,
    number: files.length,
    size,
    isFolder: files.some(({ path }) => path.includes("/")),
    begunAt: Date.now(),
    received: [],
    addresses: {},
  };
  upload = {
    record,
    isBegun: known !== null,
    name: $("name").value.trim(),
    urgent: $("urgent").checked,
    packs: packed(files, record.boundary),
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
    mine.record.number,
    { size: bytes(mine.record.size) },
  );
  $("sent").value = 0;
  $("sent-text").textContent = "";
  show("sending");
  showPaused();
  try {
    const job = await jobOf(mine);
    // Stopped before there was a job to give up.
    if (mine.isStopped) return await giveUp(mine.record);
    if (job.open) await sendPacks(mine, job);
    if (mine.isStopped) return;
    isSending = false;
    forgetUpload(mine.record.key);
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    if (mine.isStopped) return;
    isSending = false;
    keepUpload(Object.assign(mine.record, { sentAt: 0 }));
    for (const one of mine.sending) one.stop();
    mine.sending = [];
    fail(error instanceof Problem ? error.message : t("The server cannot be reached."));
  }
}

/** The job of this upload. Perhaps only the answer was lost that told of it: its key tells. */
async function jobOf(mine) {
  const { record, packs } = mine;
  const known = mine.isBegun ? await jobOfKey(record.key) : null;
  mine.isBegun = true;
  if (known) await askReceived(record);
  else Object.assign(record, { received: [], addresses: {} }); // deleted, or another clinic's
  for (const [place, pack] of packs.entries()) pack.isReceived = record.received.includes(place);
  const isWhole = packs.every((pack) => pack.isReceived);
  if (known && (known.open || isWhole)) return known;
  if (!known) {
    keepUpload(Object.assign(record, { sentAt: Date.now() }));
    return openJob(mine, record.key);
  }
  // It was closed because nothing came for long: what is missing becomes a job of its own.
  for (const pack of packs) pack.sending = null;
  const key = newKey();
  const job = await openJob({ ...mine, name: known.name, urgent: known.urgent }, key);
  forgetUpload(record.key);
  keepUpload(Object.assign(record, { key, addresses: {}, sentAt: Date.now() }));
  return job;
}

async function jobOfKey(key) {
  return (await get(`/api/v1/jobs?idempotency_key=${encodeURIComponent(key)}`)).items[0] ?? null;
}

const openJob = ({ name, urgent }, key) =>
  send("POST", "/api/v1/jobs", { name, urgent, open: true }, { "Idempotency-Key": key });

/** Packs that had arrived when the answer that told so was lost. */
async function askReceived(record) {
  for (const [place, address] of Object.entries(record.addresses)) {
    if (await jobOfKey(`resumable-${address.split("/").at(-1)}`)) noteReceived(record, Number(place));
  }
}

function noteReceived(record, place) {
  delete record.addresses[place];
  record.received.push(place);
  keepUpload(record);
}

async function sendPacks(mine, job) {
  const began = { at: performance.now(), sent: sentOf(mine) };
  const left = mine.packs.filter((pack) => !pack.isReceived);
  const sendNext = async () => {
    for (let pack = left.shift(); pack && !mine.isStopped; pack = left.shift()) {
      await sendPack(mine, job, pack, () => showProgress(mine, began));
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  } catch (error) {
    left.length = 0; // nobody waits for the others any more
    throw error;
  }
  if (!mine.isStopped) await post(`/api/v1/jobs/${job.id}/close`);
}

async function sendPack(mine, job, pack, onProgress) {
  const { record } = mine;
  const place = mine.packs.indexOf(pack);
  const onWaiting = (isWaiting) => {
    mine.isWaiting = isWaiting;
    onProgress();
  };
  const onBegun = (address) => {
    record.addresses[place] = address;
    keepUpload(record);
  };
  const address = record.addresses[place] ?? null;
  const listeners = { onBegun, onProgress, onWaiting };
  const sending = (pack.sending ??= new ResumableUpload(
    `/api/v1/jobs/${job.id}/uploads`, pack.content, { body_type: pack.type }, address, listeners,
  ));
  mine.sending.push(sending);
  if (mine.isPaused) sending.pause();
  await sending.send();
  pack.isReceived = sending.isReceived;
  if (pack.isReceived) noteReceived(record, place);
  mine.sending = mine.sending.filter((one) => one !== sending);
}

/** Bytes, those on their way included. */
const sentOf = ({ packs }) =>
  packs.reduce((sum, { content, sending, isReceived }) => sum + (isReceived ? content.size : (sending?.sent ?? 0)), 0);

/** began: when this page began to send, and what had been sent by then. */
function showProgress(mine, began) {
  if (mine.isStopped) return;
  const whole = mine.packs.reduce((sum, { content }) => sum + content.size, 0);
  const sent = sentOf(mine);
  const share = whole ? sent / whole : 0;
  const seconds = ((performance.now() - began.at) / 1000) * ((whole - sent) / (sent - began.sent));
  $("sent").value = share;
  showFiles(mine);
  if (mine.isPaused) {
    $("sent-text").textContent = `${percent(share)} · ${t("Paused")}`;
  } else if (mine.isWaiting) {
    $("sent-text").textContent = t("The connection is lost. The upload goes on when it is back…");
    say(t("The connection is lost. The upload goes on when it is back…"));
  } else if (share < 1) {
    const left = Number.isFinite(seconds) ? ` · ${t("%(time)s left", { time: duration(seconds) })}` : "";
    $("sent-text").textContent = `${percent(share)}${left}`;
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

async function stop() {
  const { isBegun, record, sending } = Object.assign(upload, { isStopped: true });
  for (const one of sending) one.stop();
  isSending = false;
  upload = null;
  show("ready");
  rest();
  if (isBegun) await giveUp(record);
}

const mayDelete = () => document.body.dataset.may.split(" ").includes("delete");

/** Nothing of it stays, for those who may delete; for others, the job with what had arrived. */
async function giveUp({ key }) {
  forgetUpload(key);
  try {
    const job = await jobOfKey(key);
    if (!job?.open) return;
    if (mayDelete()) await remove(`/api/v1/jobs/${job.id}`);
    else await post(`/api/v1/jobs/${job.id}/close`);
  } catch {
    // It closes by itself.
  }
}

/** Uploads that were begun in this browser, whose page was closed before they had arrived. */
async function showUnfinished() {
  const shown = [];
  for (const record of unfinishedUploads().filter((one) => !isBeingSent(one))) {
    // Of another clinic, or deleted: nothing to go on with.
    const job = await jobOfKey(record.key).catch(() => null);
    if (job) shown.push(unfinishedItem(record, job));
  }
  $("unfinished").replaceChildren(...shown);
  $("unfinished").hidden = shown.length === 0;
  if (upload === null) rest();
}

function unfinishedItem(record, job) {
  const item = $("unfinished-upload").content.firstElementChild.cloneNode(true);
  const [what, choose, forget] = item.children;
  what.textContent = [
    tn("An upload of %(num)s file (%(size)s) into “%(job)s”, begun %(when)s, is unfinished.",
      "An upload of %(num)s files (%(size)s) into “%(job)s”, begun %(when)s, is unfinished.",
      record.number,
      { size: bytes(record.size), job: job.name, when: moment(new Date(record.begunAt).toISOString()) }),
    job.open
      ? t("Choose the same files to continue; what has arrived is not sent again.")
      : t("Its job was closed meanwhile. Choose the same files, and the missing ones become another job."),
  ].join(" ");
  choose.textContent = record.isFolder ? t("Choose the folder again") : t("Choose the files again");
  choose.addEventListener("click", () => $(record.isFolder ? "folder" : "files").click());
  forget.addEventListener("click", async () => {
    if (job.open && mayDelete() && !confirm(t("Discard this upload? The files that have arrived are deleted."))) return;
    await giveUp(record);
    await showUnfinished();
  });
  return item;
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
