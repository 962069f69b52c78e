// How far a job is, for those who may not see its images: the server's own page, fetched again when the job
// has changed.

import { CHANGED, FINISHED, Poller, Resource, SAME } from "./api.js";

const LIMIT_MS = 20_000;
const resource = new Resource(`/api/v1/jobs/${document.getElementById("job").dataset.job}`);

new Poller(async () => {
  const job = await resource.get();
  if (job === null) return SAME;
  const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("job");
  if (answer.ok && fresh) document.getElementById("job").replaceChildren(...fresh.children);
  return job.status === "running" ? CHANGED : FINISHED;
}).wake();
