// The worklist: every job of the clinic, kept up to date, found, filtered, and changed many at a time.

import { CHANGED, Poller, Resource, SAME, get, post, remove, whyFailed, whyNot } from "./api.js";
import { JOB_STATUS_NAMES, count, jobStatus, percent, showMoment, showStatus } from "./format.js";
import { startUploads } from "./upload.js";
import { listenToKeys } from "./walking.js";
import { t, tn, tnp } from "./words.js";

const $ = (id) => document.getElementById(id);
const HUES = 8; // in base.css
const MANY_MS = 250; // between two letters of a search
const PER_PAGE = 50;
const MOST_ASKED = 500; // the API gives no more at once
// What images are that have no result, in a form for one and one for many.
const OTHERS = {
  rejected: (number) => tnp("of images", "rejected", "rejected", number),
  failed: (number) => tnp("of images", "failed", "failed", number),
  cancelled: (number) => tnp("of images", "cancelled", "cancelled", number),
};
// What can be done with a job.
const CAN = {
  retry: (job) => job.counts.failed > 0,
  cancel: (job) => job.status === "running",
  resume: (job) => job.counts.cancelled > 0,
};
const rows = new Map(); // id → {row, job}
const selected = new Set();
const asked = new URLSearchParams(location.search);
const filter = { search: asked.get("search") ?? "", status: asked.get("status") ?? "" };
let newest = null;
let olderCursor = null;
let showsOlder = false;
let isLoaded = false; // the rows are those of the filter
let isChanging = false; // jobs are being changed, one after the other
let typing = null;

const poller = new Poller(async () => {
  const mine = newest;
  const page = await mine.get().catch((error) => {
    const isShown = !isLoaded && mine === newest;
    $("jobs-error").hidden = !isShown;
    if (isShown) $("jobs-loading").hidden = true;
    if (isShown) $("jobs-error").textContent = t("The jobs could not be loaded. %(why)s", { why: whyFailed(error) });
    throw error;
  });
  // Somebody chose another filter while this was on its way.
  if (mine !== newest) return CHANGED;
  $("jobs-error").hidden = true;
  if (page === null) return SAME;
  if (!isLoaded) clear();
  isLoaded = true;
  if (!showsOlder) setOlder(page.next_cursor);
  removeDeleted(page);
  place(page.items, true);
  showEmpty();
  return page.items.some((job) => job.status === "running") ? CHANGED : SAME;
});
startUploads();
ask();

$("more-jobs").addEventListener("click", async () => {
  const mine = newest;
  if ($("more-jobs").ariaBusy === "true") return; // pressed twice
  $("more-jobs").ariaBusy = true;
  try {
    const page = await get(`${address()}&cursor=${encodeURIComponent(olderCursor)}`);
    // Somebody chose another filter while this was on its way.
    if (mine !== newest) return;
    showsOlder = true;
    place(page.items, false);
    newest = new Resource(address(Math.min(MOST_ASKED, rows.size))); // what is shown is kept up to date
    setOlder(page.next_cursor);
    showSelected();
  } catch (error) {
    if (mine === newest) showProblems([whyNot(error)]);
  } finally {
    $("more-jobs").ariaBusy = false;
  }
});
$("job-search").value = filter.search;
$("job-status").value = filter.status;
$("job-search").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => change({ search: event.target.value.trim() }), MANY_MS);
});
$("job-status").addEventListener("change", (event) => change({ status: event.target.value }));
$("select-all").addEventListener("change", (event) => {
  for (const [id, { row }] of rows) choose(id, row, event.target.checked);
});
for (const name of ["retry", "cancel", "resume"]) {
  $(`many-${name}`).addEventListener("click", () => changeMany(name));
}
$("many-delete").addEventListener("click", deleteMany);
$("many-none").addEventListener("click", chooseNone);
listenToKeys({
  place: $("jobs"),
  search: "job-search",
  toggle: (row) => choose(Number(row.dataset.job), row, !selected.has(Number(row.dataset.job))),
  none: () => selected.size > 0 && (chooseNone(), true),
});

function address(limit = PER_PAGE) {
  const query = new URLSearchParams({ limit });
  for (const [name, wanted] of Object.entries(filter)) if (wanted) query.set(name, wanted);
  return `/api/v1/jobs?${query}`;
}

/** Rows that the filter does not name are gone at once; those that it names come when they can. */
function ask() {
  isLoaded = showsOlder = false;
  newest = new Resource(address());
  clear();
  $("no-jobs").hidden = $("jobs-table").hidden = true;
  $("jobs-loading").hidden = false;
  setOlder(null);
  poller.wake();
}

function change(wanted) {
  Object.assign(filter, wanted);
  const said = Object.entries(filter).filter(([, one]) => one);
  history.replaceState(null, "", said.length ? `?${new URLSearchParams(said)}` : location.pathname);
  ask();
}

function clear() {
  for (const { row } of rows.values()) row.remove();
  rows.clear();
  selected.clear();
  showSelected();
}

function showEmpty() {
  $("jobs-loading").hidden = true;
  $("no-jobs").hidden = rows.size > 0;
  $("no-jobs").textContent =
    filter.search || filter.status
      ? t("No jobs match this filter.")
      : t("No jobs yet. Your uploads appear here, newest first.");
  $("jobs-table").hidden = rows.size === 0;
}

function setOlder(cursor) {
  olderCursor = cursor;
  $("more-jobs").hidden = cursor === null;
}

/** Rows of jobs that would be on the first page, and are not. */
function removeDeleted(page) {
  const oldest = page.next_cursor === null ? 0 : page.items.at(-1).id;
  const present = new Set(page.items.map((job) => job.id));
  for (const [id, { row }] of rows) {
    if (id < oldest || present.has(id)) continue;
    forget(id);
  }
  showSelected();
}

function forget(id) {
  rows.get(id)?.row.remove();
  rows.delete(id);
  selected.delete(id);
}

/** What was done to a job, also to one that is on no first page and is not asked about again. */
function showChanged(job) {
  const row = rows.get(job.id)?.row;
  if (!row) return;
  rows.set(job.id, { row, job });
  fill(row, job);
}

/** Update the rows that exist; new ones go to the top (newest first) or to the end. */
function place(jobs, atTop) {
  let before = atTop ? $("jobs").firstElementChild : null;
  for (const job of jobs) {
    let row = rows.get(job.id)?.row;
    if (!row) {
      row = newRow(job);
      $("jobs").insertBefore(row, before);
    } else if (row === before) {
      before = row.nextElementSibling;
    }
    rows.set(job.id, { row, job });
    fill(row, job);
  }
}

function newRow(job) {
  const row = $("job-row").content.firstElementChild.cloneNode(true);
  row.dataset.job = job.id;
  const box = row.querySelector("input");
  box.addEventListener("change", () => choose(job.id, row, box.checked));
  return row;
}

function fill(row, job) {
  const link = row.querySelector("a");
  link.href = `/jobs/${job.id}`;
  link.textContent = job.name;
  link.title = job.name;
  row.querySelector("input").ariaLabel = t("Select %(name)s", { name: job.name });
  row.querySelector(".badge").hidden = !job.urgent;
  showStatus(row.querySelector(".state"), jobStatus(job), JOB_STATUS_NAMES);
  const processed = job.counts.done + job.counts.rejected + job.counts.failed;
  const share = job.counts.total ? processed / job.counts.total : 0;
  const bar = row.querySelector(".mix");
  bar.replaceChildren(...mixOf(job));
  bar.ariaLabel = t("Progress of %(name)s", { name: job.name });
  bar.ariaValueNow = Math.floor(100 * share);
  row.querySelector(".percent").textContent = percent(share);
  const total = row.querySelector(".total");
  total.textContent = count(job.counts.total);
  total.dataset.name = tn("image", "images", job.counts.total);
  row.querySelector(".results").replaceChildren(...resultParts(job));
  showMoment(row.querySelector("time"), job.created_at);
}

/** The bar of a job: a piece for each result and state, as long as its share; the rest waits. */
function mixOf(job) {
  const pieces = job.labels.map(({ count: number }, place) => [number, `hue-${place % HUES}`]);
  for (const status of ["rejected", "failed", "cancelled"]) pieces.push([job.counts[status], status]);
  return pieces
    .filter(([number]) => number > 0)
    .map(([number, className]) => {
      const piece = document.createElement("span");
      piece.className = className;
      piece.style.width = `${(100 * number) / job.counts.total}%`;
      return piece;
    });
}

/** How many of each result, each a colour, a number and a word; what is none of them after that. */
function resultParts(job) {
  const parts = [];
  for (const [place, { label, name, count: number }] of job.labels.entries()) {
    if (number) parts.push(part(`hue-${place % HUES}`, number, t(name), `/jobs/${job.id}?label=${label}`));
  }
  if (job.uncertain) parts.push(part("doubted", job.uncertain, tnp("of images", "uncertain", "uncertain", job.uncertain), `/jobs/${job.id}?uncertain=true`));
  for (const [status, named] of Object.entries(OTHERS)) {
    const number = job.counts[status];
    if (number) parts.push(part(status, number, named(number), `/jobs/${job.id}?status=${status}`));
  }
  if (job.read_by_you) parts.push(readPart(job));
  if (job.waiting_for !== null) parts.push(lacking(job));
  return parts;
}

/** How far a reader is who has begun; leads to what is left. */
function readPart(job) {
  const link = document.createElement("a");
  const isAll = job.read_by_you >= job.counts.done;
  link.className = `part read${isAll ? " all" : ""}`;
  link.href = `/jobs/${job.id}${isAll ? "" : "?review=unread"}`;
  const numbers = { place: count(job.read_by_you), total: count(job.counts.done) };
  link.textContent = t("%(place)s of %(total)s read", numbers);
  return link;
}

/** What a job waits for that does not go on. */
function lacking(job) {
  const words = document.createElement("span");
  words.className = "lacking";
  words.textContent =
    job.waiting_for === "workers"
      ? t("No worker is running.")
      : t("No worker with model %(model)s is running.", { model: job.model });
  return words;
}

function part(className, number, name, href) {
  const link = document.createElement("a");
  link.className = `part ${className}`;
  link.href = href;
  const strong = document.createElement("b");
  strong.textContent = count(number);
  link.append(strong, ` ${name}`);
  return link;
}

function choose(id, row, isChosen) {
  if (isChosen) selected.add(id);
  else selected.delete(id);
  if (row) {
    row.querySelector("input").checked = isChosen;
    row.classList.toggle("chosen", isChosen);
  }
  showSelected();
}

function chooseNone() {
  for (const id of [...selected]) choose(id, rows.get(id)?.row, false);
}

function showSelected() {
  const jobs = [...selected].map((id) => rows.get(id)?.job).filter(Boolean);
  const hadFocus = $("many").contains(document.activeElement);
  $("many").hidden = jobs.length === 0;
  if (hadFocus && jobs.length === 0) $("job-search").focus({ preventScroll: true });
  const said = tn("%(num)s job selected", "%(num)s jobs selected", jobs.length);
  if ($("many-count").textContent !== said) $("many-count").textContent = said; // read out when it changes
  for (const [name, can] of Object.entries(CAN)) $(`many-${name}`).disabled = isChanging || !jobs.some(can);
  $("many-delete").disabled = isChanging;
  $("many-export").href = `/api/v1/results.csv?jobs=${[...selected].sort((one, other) => one - other).join(",")}`;
  $("select-all").checked = rows.size > 0 && selected.size === rows.size;
  $("select-all").indeterminate = selected.size > 0 && selected.size < rows.size;
}

async function changeMany(name) {
  const jobs = [...selected].map((id) => rows.get(id)?.job).filter((job) => job && CAN[name](job));
  if (name === "cancel" && !confirm(t("Cancel %(jobs)s? Images not yet classified will be skipped.", { jobs: named(jobs) }))) return;
  await each(jobs, async (job) => showChanged(await post(`/api/v1/jobs/${job.id}/${name}`)));
}

async function deleteMany() {
  const jobs = [...selected].map((id) => rows.get(id)?.job).filter(Boolean);
  const images = jobs.reduce((sum, job) => sum + job.counts.total, 0);
  const what = { jobs: named(jobs), images: tn("%(num)s image", "%(num)s images", images) };
  if (!confirm(t("Delete %(jobs)s with %(images)s and all results? This cannot be undone.", what))) return;
  await each(jobs, async (job) => {
    await remove(`/api/v1/jobs/${job.id}`);
    forget(job.id);
  });
}

const named = (jobs) => (jobs.length === 1 ? `“${jobs[0].name}”` : t("%(number)s jobs", { number: count(jobs.length) }));

/** One after the other; what could not be done is said, and the others are done. */
async function each(jobs, action) {
  const problems = [];
  const focused = document.activeElement;
  isChanging = true;
  showSelected();
  for (const job of jobs) {
    try {
      await action(job);
    } catch (error) {
      problems.push(`${job.name}: ${whyNot(error)}`);
    }
  }
  showProblems(problems);
  isChanging = false;
  showSelected();
  // A button loses the focus while it rests.
  if (document.activeElement === document.body) ($("many").hidden ? $("job-search") : focused).focus({ preventScroll: true });
  poller.wake();
}

function showProblems(problems) {
  $("many-error").textContent = problems.join(" ");
  $("many-error").hidden = problems.length === 0;
}
