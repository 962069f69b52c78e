// The drop zone: takes files, sends them with a progress bar, goes to the job.

import { chosenFiles, droppedFiles } from "./files.js";
import { bytes, count, duration } from "./format.js";

const $ = (id) => document.getElementById(id);
const zone = $("drop");
const limits = { bytes: Number(zone.dataset.mostBytes), images: Number(zone.dataset.mostImages) };
let request = null;
let files = [];
let spoken = "";

export function startUploads() {
  $("choose-files").addEventListener("click", () => $("files").click());
  $("choose-folder").addEventListener("click", () => $("folder").click());
  for (const input of [$("files"), $("folder")]) {
    input.addEventListener("change", () => {
      send(chosenFiles(input));
      input.value = "";
    });
  }
  // On the whole page: a file that misses the zone would otherwise replace the page.
  addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.toggle("over", !request);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (request) return;
    try {
      send(await droppedFiles(event.dataTransfer));
    } catch {
      fail("The dropped files cannot be read. Choose them with the button instead.");
    }
  });
  $("abort").addEventListener("click", () => request?.abort());
  $("retry").addEventListener("click", () => send(files));
  $("dismiss").addEventListener("click", () => show("ready"));
  addEventListener("beforeunload", (event) => {
    if (request) event.preventDefault();
  });
}

function send(chosen) {
  files = chosen;
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  if (files.length === 0) return fail("There are no files in what you chose.");
  if (files.length > limits.images) {
    return fail(`At most ${count(limits.images)} files go in one job; these are ${count(files.length)}.`);
  }
  if (size > limits.bytes) {
    return fail(`At most ${bytes(limits.bytes)} go in one job; these are ${bytes(size)}.`);
  }
  const form = new FormData();
  if ($("name").value.trim()) form.append("name", $("name").value.trim());
  form.append("urgent", $("urgent").checked);
  for (const { file, path } of files) form.append("files", file, path);
  post(form, size);
}

function post(form, size) {
  const what = files.length === 1 ? "1 file" : `${count(files.length)} files`;
  $("sending-what").textContent = `Uploading ${what}, ${bytes(size)}`;
  $("sent").value = 0;
  $("sent-text").textContent = "";
  show("sending");
  const began = performance.now();
  request = new XMLHttpRequest();
  request.open("POST", "/api/v1/jobs");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    const share = event.total ? event.loaded / event.total : 0;
    const seconds = ((performance.now() - began) / 1000) * (1 / share - 1);
    $("sent").value = share;
    $("sent-text").textContent =
      share < 1 ? `${Math.floor(share * 100)} % · ${duration(seconds)} left` : "Storing the files…";
    say(share < 1 ? `${Math.floor(share * 10)}0 % uploaded` : "Storing the files");
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => finish(null, "The server cannot be reached."));
  request.addEventListener("abort", () => {
    request = null;
    show("ready");
  });
  request.send(form);
}

function finish(answered, reason) {
  request = null;
  if (answered?.status === 202) location.assign(`/jobs/${answered.response.id}`);
  else if (answered?.status === 401) location.assign("/sign-in");
  else fail(answered?.response?.detail ?? reason ?? "The server did not accept the upload.");
}

/** For those who listen: every tenth of the way, not every event. */
function say(text) {
  if (text !== spoken) $("sent-spoken").textContent = text;
  spoken = text;
}

function fail(reason) {
  show("ready");
  $("upload-error-text").textContent = reason;
  $("retry").hidden = files.length === 0;
  $("upload-error").hidden = false;
}

function show(part) {
  const hadFocus = zone.contains(document.activeElement);
  $("ready").hidden = part !== "ready";
  $("sending").hidden = part !== "sending";
  $("upload-error").hidden = true;
  // What had it is hidden now.
  if (hadFocus) $(part === "ready" ? "choose-files" : "abort").focus({ preventScroll: true });
}
