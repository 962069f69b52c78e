// A job as it runs: progress, what can be done with it, counts that filter, the table of its images.

import { CHANGED, FINISHED, Poller, Problem, Resource, SAME, post, remove } from "./api.js";
import { count, duration, jobStatus, moment, percent, rate, showStatus } from "./format.js";
import { ImageTable } from "./images.js";
import { useLabels } from "./rows.js";

const $ = (id) => document.getElementById(id);
const jobId = $("job").dataset.job;
const url = `/api/v1/jobs/${jobId}`;
const filter = chosenFilter();
const pageTitle = document.title;
const UNREACHABLE = "The server cannot be reached. Try again in a moment.";
let isFirst = true;
let isStale = true; // the table, until it shows what the last poll told
let isOver = false;
let spokenAt = -1;
let shownLabels = -1;

const table = new ImageTable(jobId, $("chunks"), ({ shown, more }) => {
  $("no-images").hidden = shown > 0 || more;
  $("more").hidden = !more;
});
const resource = new Resource(url);

const poller = new Poller(async () => {
  try {
    const job = await resource.get();
    if (job === null && !isStale) return isOver ? FINISHED : SAME;
    isStale = true;
    if (job !== null) show(job);
    if (isFirst) await table.show(filter);
    else await table.refresh();
    isFirst = isStale = false;
    return isOver ? FINISHED : CHANGED;
  } catch (error) {
    if (!isGone(error)) throw error;
    showGone();
    return FINISHED;
  }
});
showFilter();
poller.wake();

const nearEnd = new IntersectionObserver(
  (entries) => entries.some((entry) => entry.isIntersecting) && more(),
  { rootMargin: "800px 0px" },
);
nearEnd.observe($("more"));
$("more").addEventListener("click", more);

for (const chip of document.querySelectorAll(".chip")) {
  chip.addEventListener("click", () => {
    filter.status = chip.dataset.status;
    applyFilter();
  });
}
$("label-filter").addEventListener("change", (event) => {
  filter.label = event.target.value;
  applyFilter();
});
$("close").addEventListener("click", () => change("close"));
$("cancel").addEventListener("click", () => {
  if (confirm("Cancel this job? Images not yet classified will be skipped.")) change("cancel");
});
$("resume").addEventListener("click", () => change("resume"));
$("retry").addEventListener("click", () => change("retry"));
$("delete").addEventListener("click", async () => {
  const total = Number($("job").dataset.total);
  const images = total === 1 ? "its image" : `its ${count(total)} images`;
  if (!confirm(`Delete this job with ${images} and all results? This cannot be undone.`)) return;
  // Not "assign": the way back would lead to a page that no longer exists.
  if (await withoutActions(() => remove(url))) location.replace("/");
});

/** Do what the button of this name says; the job in the answer is shown at once. */
async function change(name) {
  await withoutActions(async () => show(await post(`${url}/${name}`)));
  poller.wake();
}

/** The buttons rest while `action` runs. Returns: whether there was no problem. */
async function withoutActions(action) {
  const buttons = [...$("actions").querySelectorAll("button")];
  const focused = buttons.find((button) => button === document.activeElement);
  for (const button of buttons) button.disabled = true;
  const isDone = await tell(action());
  for (const button of buttons) button.disabled = false;
  // A button loses the focus while it rests, and may have nothing to do any more.
  if (focused) (focused.hidden ? buttons.find((button) => !button.hidden) : focused).focus();
  return isDone;
}

async function more() {
  if (!(await tell(table.more()))) return;
  // Observed anew, it tells again when the end is still near: a fast scroll was there already.
  nearEnd.unobserve($("more"));
  nearEnd.observe($("more"));
}

/** The filter lives in the address, also in that of an image opened from here: it outlasts a look at
 * one, and can be sent on. */
function chosenFilter() {
  const asked = new URLSearchParams(location.search);
  return { status: asked.get("status") ?? "", label: asked.get("label") ?? "" };
}

function showFilter() {
  for (const chip of document.querySelectorAll(".chip")) {
    chip.ariaPressed = chip.dataset.status === filter.status;
  }
  $("label-filter").value = filter.label;
}

function applyFilter() {
  const asked = Object.entries(filter).filter(([, wanted]) => wanted);
  history.replaceState(null, "", asked.length ? `?${new URLSearchParams(asked)}` : location.pathname);
  showFilter();
  return tell(table.show(filter));
}

/** Show a problem of `action` in words. Returns: whether there was none. */
async function tell(action) {
  try {
    await action;
    $("job-error").hidden = true;
    return true;
  } catch (error) {
    if (isGone(error)) showGone();
    $("job-error").textContent = error instanceof Problem ? error.message : UNREACHABLE;
    $("job-error").hidden = false;
    return false;
  }
}

function isGone(error) {
  return error instanceof Problem && error.status === 404;
}

/** Somebody deleted the job: nothing of it stays on the screen. */
function showGone() {
  document.title = "Deleted job · cxr-batch";
  $("gone").hidden = false;
  $("main").classList.add("gone");
}

function show(job) {
  const { counts } = job;
  const finished = counts.total - counts.waiting - counts.running;
  isOver = finished === counts.total && !job.open;
  document.title = (isOver ? "" : `${percent(job.progress)} · `) + pageTitle;
  showStatus($("state"), jobStatus(job));
  $("progress").value = job.progress;
  $("progress").className = job.status;
  $("finished").textContent = `${count(finished)} of ${count(counts.total)} (${percent(job.progress)})`;
  $("speed").textContent = job.images_per_second === null ? "–" : `${rate(job.images_per_second)} images/s`;
  $("no-workers").hidden = job.waiting_for !== "workers";
  $("no-model").hidden = job.waiting_for !== "model";
  $("model").textContent = job.model ?? "";
  showTime(job);
  showLabels(job.labels);
  $("created").textContent = moment(job.created_at);
  $("close").hidden = !job.open;
  $("cancel").hidden = job.status !== "running";
  $("resume").hidden = counts.cancelled === 0 && job.waiting_for !== "model";
  $("retry").hidden = counts.failed === 0;
  for (const [name, number] of Object.entries(counts)) {
    const place = document.querySelector(`[data-count=${name}]`);
    place.textContent = count(number);
    const isIdle = number === 0 && name !== "total" && filter.status !== name;
    place.closest(".chip").classList.toggle("idle", isIdle);
  }
  // Read out every tenth of the way, not every second.
  const tenth = Math.floor(job.progress * 10);
  if (tenth !== spokenAt) $("spoken").textContent = `${percent(job.progress)} finished`;
  spokenAt = tenth;
}

/** A column and a choice of the filter for each label. */
function showLabels(labels) {
  if (labels.length === shownLabels) return;
  shownLabels = labels.length;
  useLabels(labels);
  const [any] = $("label-filter").options;
  $("label-filter").replaceChildren(any, ...labels.map(({ label, name }) => new Option(name, label)));
  $("label-filter").value = filter.label;
  const head = document.querySelector(".images .head");
  for (const old of head.querySelectorAll(".share-head")) old.remove();
  for (const { name } of labels) {
    const cell = document.createElement("span");
    cell.role = "columnheader";
    cell.className = "share-head";
    cell.textContent = name;
    head.append(cell);
  }
  const columns = labels.length ? `repeat(${labels.length}, var(--share-width))` : "";
  head.closest(".images").style.setProperty("--share-columns", columns);
}

function showTime(job) {
  const hasEnded = job.finished_at !== null;
  $("left-name").textContent = hasEnded ? "Took" : "Time left";
  if (hasEnded) {
    $("left").textContent = duration((new Date(job.finished_at) - new Date(job.created_at)) / 1000);
  } else {
    const isKnown = job.seconds_left !== null && job.waiting_for === null;
    $("left").textContent = isKnown ? `about ${duration(job.seconds_left)}` : "–";
  }
}
