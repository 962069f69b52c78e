// Numbers and times as people read them.

import { locale, t, tp } from "./words.js";

export { count } from "./words.js";

export const IMAGE_STATUS_NAMES = {
  waiting: tp("image", "Waiting"),
  running: tp("image", "Running"),
  done: tp("image", "Done"),
  rejected: tp("image", "Rejected"),
  failed: tp("image", "Failed"),
  cancelled: tp("image", "Cancelled"),
};
export const JOB_STATUS_NAMES = {
  running: tp("job", "Running"),
  waiting: tp("job", "Waiting"),
  open: tp("job", "Open"),
  complete: tp("job", "Complete"),
  none: tp("job", "No results"),
  cancelled: tp("job", "Cancelled"),
};

// Times are local everywhere; their title says what that is in UTC.
const today = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const longAgo = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

// Not 100 % before the last one; 0.29 * 100 is a little less than 29.
export const percent = (share) => `${Math.floor(share * 100 + 1e-9)} %`;
export const decimal = (number, digits = 1) =>
  number.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
export const rate = (perSecond) => decimal(perSecond, perSecond < 10 ? 1 : 0);
export const probability = (share) => `${decimal(share * 100)} %`;

export function bytes(size) {
  if (size >= 1e9) return `${decimal(size / 1e9)} GB`;
  if (size >= 1e6) return `${decimal(size / 1e6, size >= 1e8 ? 0 : 1)} MB`;
  return `${Math.ceil(size / 1e3)} kB`;
}

export function duration(seconds) {
  if (seconds < 1) return t("under 1 s");
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${decimal(seconds / 3600)} h`;
}

/** A time in words, local as everywhere on the pages. */
export function moment(iso) {
  const time = new Date(iso);
  const isToday = time.toDateString() === new Date().toDateString();
  return (isToday ? today : longAgo).format(time);
}

/** A time in its element, and UTC for those who hover or listen. */
export function showMoment(element, iso) {
  const time = new Date(iso);
  element.dateTime = iso;
  element.textContent = moment(iso);
  element.title = `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Times that the server wrote become local, and reports are asked for with local times. */
export function showLocally(root) {
  for (const time of root.querySelectorAll("time[datetime]")) showMoment(time, time.dateTime);
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const link of root.querySelectorAll('a[href$="/report.pdf"]')) {
    link.href += `?${new URLSearchParams({ time_zone: zone })}`;
  }
}

/** Without a worker nothing runs. An open job runs until it is closed, whatever it has left to do; one that
 * ended without a single result is not called complete. */
export function jobStatus(job) {
  if (job.waiting_for !== null) return "waiting";
  if (job.open && job.status === "running") return "open";
  return job.status === "complete" && job.counts.done === 0 ? "none" : job.status;
}

/** Shows a status by a word and a sign, never by colour alone. names: one of the two above. */
export function showStatus(element, status, names) {
  element.className = `state ${status}`;
  element.textContent = names[status];
}
