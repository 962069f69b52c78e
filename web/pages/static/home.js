// The first page: uploads, and the list of jobs kept up to date.

import { CHANGED, Poller, Resource, SAME, get } from "./api.js";
import { count, jobStatus, moment, percent, showStatus } from "./format.js";
import { startUploads } from "./upload.js";

const $ = (id) => document.getElementById(id);
const rows = new Map();
const newest = new Resource("/api/v1/jobs");
let olderCursor = null;
let showsOlder = false;

startUploads();

new Poller(async () => {
  const page = await newest.get();
  if (page === null) return SAME;
  if (!showsOlder) setOlder(page.next_cursor);
  removeDeleted(page);
  place(page.items, true);
  $("no-jobs").hidden = rows.size > 0;
  $("jobs-table").hidden = rows.size === 0;
  return page.items.some((job) => job.status === "running") ? CHANGED : SAME;
}).wake();

$("more-jobs").addEventListener("click", async () => {
  const page = await get(`/api/v1/jobs?cursor=${encodeURIComponent(olderCursor)}`);
  showsOlder = true;
  place(page.items, false);
  setOlder(page.next_cursor);
});

function setOlder(cursor) {
  olderCursor = cursor;
  $("more-jobs").hidden = cursor === null;
}

/** Rows of jobs that would be on the first page, and are not. */
function removeDeleted(page) {
  const oldest = page.next_cursor === null ? 0 : page.items.at(-1).id;
  const present = new Set(page.items.map((job) => job.id));
  for (const [id, row] of rows) {
    if (id < oldest || present.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
}

/** Update the rows that exist; new ones go to the top (newest first) or to the end. */
function place(jobs, atTop) {
  let before = atTop ? $("jobs").firstElementChild : null;
  for (const job of jobs) {
    let row = rows.get(job.id);
    if (!row) {
      row = $("job-row").content.firstElementChild.cloneNode(true);
      rows.set(job.id, row);
      $("jobs").insertBefore(row, before);
    } else if (row === before) {
      before = row.nextElementSibling;
    }
    fill(row, job);
  }
}

function fill(row, job) {
  const link = row.querySelector("a");
  link.href = `/jobs/${job.id}`;
  link.textContent = job.name;
  link.title = job.name;
  row.querySelector(".badge").hidden = !job.urgent;
  showStatus(row.querySelector(".state"), jobStatus(job));
  const bar = row.querySelector("progress");
  bar.value = job.progress;
  bar.className = job.status;
  bar.ariaLabel = `Progress of ${job.name}`;
  row.querySelector(".percent").textContent = percent(job.progress);
  const total = row.querySelector(".total");
  total.textContent = count(job.counts.total);
  total.dataset.name = job.counts.total === 1 ? "image" : "images";
  row.querySelector(".rejected-count").textContent = count(job.counts.rejected);
  row.querySelector(".failed-count").textContent = count(job.counts.failed);
  const time = row.querySelector("time");
  time.dateTime = job.created_at;
  time.textContent = moment(job.created_at);
}
