// A job as it runs: progress, what can be done with it, and its images.

import { CHANGED, FINISHED, Poller, Problem, Resource, SAME, patch, post, remove, whyNot } from "./api.js";
import { JOB_STATUS_NAMES, count, duration, jobStatus, percent, rate, showMoment, showStatus } from "./format.js";
import { apiQuery } from "./filter.js";
import { ImageList, firstOnPage } from "./images.js";
import { startUploads } from "./upload.js";
import { t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
const jobId = $("job").dataset.job;
const url = `/api/v1/jobs/${jobId}`;
const CHART_MS = 3000; // between two drawings of the distribution
let total = Number($("job").dataset.total);
let jobName = $("job-name").textContent;
let isFirst = true;
let isStale = true; // the list, until it shows what the last poll told
let isOver = $("job").dataset.over === "true";
let wasRunning = false;
let spokenAt = -1;
let chartTimer = null;
let chartQuery = null;

const first = firstOnPage();
const list = new ImageList({
  first,
  onCounts: drawChart,
  onFailed: () => {
    isStale = true;
    poller.wake();
  },
});
const resource = new Resource(url);

const poller = new Poller(async () => {
  try {
    const job = isFirst && first ? first.job : await resource.get();
    if (job === null && !isStale && list.isLoaded) return isOver ? FINISHED : SAME;
    isStale = true;
    if (job !== null) show(job);
    if (document.hidden && !isFirst) return isOver ? FINISHED : CHANGED; // the list waits until somebody looks
    await list.refresh();
    isStale = false;
    if (isFirst) await list.showAddressed();
    isFirst = false;
    return isOver ? FINISHED : CHANGED;
  } catch (error) {
    if (!isGone(error)) throw error;
    showGone();
    return FINISHED;
  }
}, { inBackground: () => !isOver }); // for the title and the notification
startUploads();
poller.wake();

$("close").addEventListener("click", () => change("close"));
$("cancel").addEventListener("click", () => {
  if (confirm(t("Cancel this job? Images not yet classified will be skipped."))) change("cancel");
});
$("resume").addEventListener("click", () => change("resume"));
$("retry").addEventListener("click", () => change("retry"));
$("delete").addEventListener("click", async () => {
  const question = tn(
    "Delete this job with its image and all results? This cannot be undone.",
    "Delete this job with its %(num)s images and all results? This cannot be undone.",
    total,
  );
  if (!confirm(question)) return;
  // Not "assign": the way back would lead to a page that no longer exists.
  if (await withoutActions(() => remove(url))) location.replace("/");
});
$("rename").addEventListener("click", () => showRename(true));
$("keep-name").addEventListener("click", () => showRename(false));
$("rename-form").addEventListener("keydown", (event) => event.key === "Escape" && showRename(false));
$("rename-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("new-name").value.trim();
  if (name && (await tell(patch(url, { name }).then(show)))) showRename(false);
});
$("notify").addEventListener("click", async () => {
  if ((await Notification.requestPermission()) === "granted") $("notify").dataset.wanted = "true";
  $("notify").hidden = true;
});

function showRename(isShown) {
  $("rename-form").hidden = !isShown;
  $("job-name").hidden = $("rename").hidden = isShown;
  $("new-name").value = jobName;
  if (isShown) $("new-name").select();
  else $("rename").focus();
}

/** Do what the button of this name says; the job in the answer is shown at once. */
async function change(name) {
  await withoutActions(async () => show(await post(`${url}/${name}`)));
  isStale = true;
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

/** Show a problem of `action` in words. Returns: whether there was none. */
async function tell(action) {
  try {
    await action;
    $("job-error").hidden = true;
    return true;
  } catch (error) {
    if (isGone(error)) showGone();
    $("job-error").textContent = whyNot(error);
    $("job-error").hidden = false;
    return false;
  }
}

function isGone(error) {
  return error instanceof Problem && error.status === 404;
}

/** Somebody deleted the job: nothing of it stays on the screen. */
function showGone() {
  document.title = `${t("Deleted job")} · cxr-batch`;
  $("gone").hidden = false;
  $("main").classList.add("gone");
}

function show(job) {
  const { counts } = job;
  const processed = counts.done + counts.rejected + counts.failed;
  const share = counts.total ? processed / counts.total : 0;
  isOver = counts.waiting + counts.running === 0 && !job.open;
  jobName = job.name;
  total = counts.total;
  $("job-name").textContent = $("job-name").title = job.name;
  document.title = `${isOver ? "" : `${percent(share)} · `}${job.name} · cxr-batch`;
  showStatus($("state"), jobStatus(job), JOB_STATUS_NAMES);
  $("progress").value = share;
  $("progress").className = jobStatus(job);
  $("finished").textContent = `${outOf(processed, counts.total)} (${percent(share)})`;
  $("cancelled-fact").hidden = counts.cancelled === 0;
  $("cancelled-count").textContent = count(counts.cancelled);
  $("speed").textContent = job.images_per_second === null ? "–" : t("%(rate)s images/s", { rate: rate(job.images_per_second) });
  $("reading").hidden = isOver && counts.done === 0;
  $("read-count").textContent = outOf(job.read_by_you, counts.done);
  $("no-workers").hidden = job.waiting_for !== "workers";
  $("no-model").hidden = job.waiting_for !== "model";
  $("model").textContent = job.model ?? "";
  showTime(job);
  list.setLabels(job.labels);
  showMoment($("created"), job.created_at);
  $("close").hidden = !job.open;
  $("cancel").hidden = job.status !== "running";
  $("resume").hidden = counts.cancelled === 0 && job.waiting_for !== "model";
  $("retry").hidden = counts.failed === 0;
  const mayAsk = "Notification" in window && Notification.permission !== "denied";
  $("notify").hidden = isOver || !mayAsk || $("notify").dataset.wanted === "true";
  if (isOver && wasRunning) tellDone(job);
  wasRunning = !isOver;
  // Read out every tenth of the way, not every second.
  const tenth = Math.floor(share * 10);
  if (tenth !== spokenAt && spokenAt >= 0) $("spoken").textContent = t("%(share)s processed", { share: percent(share) });
  spokenAt = tenth;
}

function outOf(place, total) {
  return t("%(place)s of %(total)s", { place: count(place), total: count(total) });
}

/** No name: a notification is shown to whoever sits before the screen. */
function tellDone(job) {
  if ($("notify").dataset.wanted !== "true") return;
  const numbers = { done: count(job.counts.done), total: count(job.counts.total) };
  new Notification(t("A job is done"), { body: t("%(done)s of %(total)s images classified", numbers) });
}

/** Time and speed are both since work on the job last began. */
function showTime(job) {
  const hasEnded = job.finished_at !== null;
  $("left-name").textContent = hasEnded ? t("Took") : t("Time left");
  if (hasEnded) {
    const seconds = (new Date(job.finished_at) - new Date(job.started_at)) / 1000;
    $("left").textContent = job.started_at === null ? "–" : duration(seconds);
  } else {
    const isKnown = job.seconds_left !== null && job.waiting_for === null;
    $("left").textContent = isKnown ? timeLeft(job.seconds_left) : "–";
  }
}

function timeLeft(seconds) {
  const time = duration(seconds);
  return seconds < 1 ? time : t("about %(time)s", { time }); // "under 1 s" is a guess as it stands
}

/** The server draws it, of what the filter shows: at once for another filter, else now and then. */
function drawChart(filter) {
  const query = apiQuery({ ...filter, sort: "file" });
  if (first && chartQuery === null) {
    chartQuery = query; // it came with the page
    return;
  }
  const isOther = query !== chartQuery;
  if (chartTimer !== null && !isOther) return;
  clearTimeout(chartTimer);
  chartQuery = query;
  if (isOther) $("distribution").ariaBusy = true; // it is of another filter, until its own comes
  chartTimer = setTimeout(async () => {
    chartTimer = null; // what is told from now on is not in this answer
    const answer = await fetch(`${$("distribution").dataset.url}?${query}`, { cache: "no-store" }).catch(() => null);
    const isChart = answer?.ok && !answer.redirected; // not the page to sign in on
    if (!isChart || query !== chartQuery) return;
    $("distribution").innerHTML = await answer.text();
    $("distribution").ariaBusy = false;
  }, isOther || isOver ? 0 : CHART_MS);
}
