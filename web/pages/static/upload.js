// The drop zone: takes files, sends them with a progress bar, goes to the job. Files can be dropped
// anywhere on a page; where the zone is not always there, it comes with them.
//
// Each choice of files is one upload with a key of its own. What is tried again is that same upload,
// its name and urgency included, so that it becomes one job however many tries arrived.

import { chosenFiles, droppedFiles } from "./files.js";
import { bytes, count, duration, percent } from "./format.js";
import { signInHere } from "./signin.js";
import { problemText, t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
const zone = $("drop");
const limits = { bytes: Number(zone?.dataset.maxBytes), images: Number(zone?.dataset.maxImages) };
let request = null;
let upload = null;
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
    zone.classList.toggle("over", !request);
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget) return;
    zone.classList.remove("over");
    if (upload === null) rest();
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (request) return;
    try {
      begin(await droppedFiles(event.dataTransfer));
    } catch {
      upload = null;
      fail(t("The dropped files cannot be read. Choose them with the button instead."));
    }
  });
  $("abort").addEventListener("click", () => request?.abort());
  $("retry-upload").addEventListener("click", sendAgain);
  $("dismiss").addEventListener("click", () => {
    show("ready");
    rest();
  });
  addEventListener("beforeunload", (event) => {
    if (request) event.preventDefault();
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
  upload = { files, size, key: newKey(), name: $("name").value.trim(), urgent: $("urgent").checked };
  send();
}

/** Not `crypto.randomUUID`: it is for HTTPS only, and many clinics have none in their own network. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

function send() {
  const form = new FormData();
  if (upload.name) form.append("name", upload.name);
  form.append("urgent", upload.urgent);
  for (const { file, path } of upload.files) form.append("files", file, path);
  const began = performance.now();
  post(form, finish, (event) => {
    const share = event.total ? event.loaded / event.total : 0;
    const seconds = ((performance.now() - began) / 1000) * (1 / share - 1);
    $("sent").value = share;
    $("sent-text").textContent =
      share < 1 ? `${percent(share)} · ${t("%(time)s left", { time: duration(seconds) })}` : t("Storing the files…");
    say(share < 1 ? t("%(share)s uploaded", { share: `${Math.floor(share * 10)}0 %` }) : t("Storing the files…"));
  });
}

/** Perhaps only the answer was lost: asked by the key, the server tells without gigabytes. */
function sendAgain() {
  request = open("GET", `/api/v1/jobs?idempotency_key=${encodeURIComponent(upload.key)}`, (answered) => {
    const [job] = answered.status === 200 ? answered.response.items : [];
    if (job) goTo(job);
    else if (answered.status === 200) send();
    else finish(answered);
  });
  request.send();
}

function post(body, onAnswer, onProgress) {
  request = open("POST", "/api/v1/jobs", onAnswer);
  request.setRequestHeader("Idempotency-Key", upload.key);
  request.upload.addEventListener("progress", onProgress);
  request.send(body);
}

/** A request of the upload, shown as one that runs until it is answered or aborted. */
function open(method, address, onAnswer) {
  const { files, size } = upload;
  const what = { size: bytes(size) };
  $("sending-what").textContent = tn(
    "Uploading %(num)s file, %(size)s",
    "Uploading %(num)s files, %(size)s",
    files.length,
    what,
  );
  $("sent").value = 0;
  $("sent-text").textContent = "";
  show("sending");
  const opened = new XMLHttpRequest();
  opened.open(method, address);
  opened.responseType = "json";
  opened.addEventListener("load", () => onAnswer(opened));
  opened.addEventListener("error", lost);
  opened.addEventListener("abort", () => {
    request = null;
    show("ready");
    rest();
  });
  return opened;
}

/** A server that refuses a long upload may hang up before its answer is read: it is asked why. */
async function lost() {
  const answer = await fetch("/api/v1/jobs?limit=1", { cache: "no-store" }).catch(() => null);
  finish(answer?.status === 401 ? answer : null);
}

function finish(answered) {
  request = null;
  if (answered?.status === 202) goTo(answered.response);
  else if (answered?.status === 401) wait();
  else if (answered) fail(problemText(answered.response) ?? t("The server did not accept the upload."));
  else fail(t("The server cannot be reached."));
}

/** The session ended on the way: the upload waits for somebody to sign in, and goes on. */
async function wait() {
  $("sent-text").textContent = t("Waiting for you to sign in…");
  say(t("The session ended. Sign in to go on with the upload."));
  await signInHere();
  sendAgain();
}

function goTo(job) {
  request = null;
  location.assign(`/jobs/${job.id}`);
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
