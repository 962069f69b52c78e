// A job as it runs: progress, counts that filter, and the table of its images.

import { CHANGED, FINISHED, Poller, Resource, SAME, post } from "./api.js";
import { count, duration, moment, percent, rate, showStatus } from "./format.js";
import { ImageTable } from "./images.js";

const $ = (id) => document.getElementById(id);
const jobId = $("job").dataset.job;
const filter = chosenFilter();
const pageTitle = document.title;
let isFirst = true;
let spokenAt = -1;

const table = new ImageTable(jobId, $("chunks"), ({ shown, more }) => {
  $("no-images").hidden = shown > 0 || more;
  $("more").hidden = !more;
});
const resource = new Resource(`/api/v1/jobs/${jobId}`);

const poller = new Poller(async () => {
  const job = await resource.get();
  if (job === null) return SAME;
  show(job);
  if (isFirst) await table.show(filter);
  else await table.refresh();
  isFirst = false;
  return job.counts.waiting + job.counts.running > 0 ? CHANGED : FINISHED;
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
$("cancel").addEventListener("click", async () => {
  if (!confirm("Cancel this job? What is not classified yet will not be.")) return;
  $("cancel").disabled = true;
  await tell(post(`/api/v1/jobs/${jobId}/cancel`));
  $("cancel").disabled = false;
  poller.wake();
});

async function more() {
  if (!(await tell(table.more()))) return;
  // Observed anew, it tells again when the end is still near: a fast scroll was there already.
  nearEnd.unobserve($("more"));
  nearEnd.observe($("more"));
}

/** The filter lives in the address: it outlasts a look at one image, and can be sent on. */
function chosenFilter() {
  const asked = new URLSearchParams(location.search);
  return { status: asked.get("status") ?? "", label: asked.get("label") ?? "" };
}

function showFilter() {
  for (const chip of document.querySelectorAll(".chip")) {
    chip.ariaPressed = chip.dataset.status === filter.status;
  }
  $("label-filter").value = filter.label;
  // The way back from an image leads to the same view.
  sessionStorage.setItem(`view of job ${jobId}`, location.search);
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
    $("job-error").textContent = error.message;
    $("job-error").hidden = false;
    return false;
  }
}

function show(job) {
  const { counts } = job;
  const finished = counts.total - counts.waiting - counts.running;
  document.title = (finished < counts.total ? `${percent(job.progress)} · ` : "") + pageTitle;
  showStatus($("state"), job.status);
  $("progress").value = job.progress;
  $("progress").className = job.status;
  $("finished").textContent = `${count(finished)} of ${count(counts.total)} (${percent(job.progress)})`;
  $("speed").textContent = job.images_per_second === null ? "–" : `${rate(job.images_per_second)} images/s`;
  showTime(job);
  $("created").textContent = moment(job.created_at);
  $("cancel").hidden = job.status !== "running";
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

function showTime(job) {
  const isOver = job.finished_at !== null;
  $("left-name").textContent = isOver ? "Took" : "Time left";
  if (isOver) {
    $("left").textContent = duration((new Date(job.finished_at) - new Date(job.created_at)) / 1000);
  } else {
    $("left").textContent = job.seconds_left === null ? "–" : `about ${duration(job.seconds_left)}`;
  }
}
