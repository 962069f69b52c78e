// Films by the number of their image: the one on the screen, and those that come next.

const worker = new Worker(new URL("./loader.js", import.meta.url), { type: "module" });
const asked = new Map(); // number → {promise, resolve, reject}

worker.addEventListener("message", ({ data: { id, film, error, mayPass } }) => {
  const waiting = asked.get(id);
  if (film) waiting?.resolve(film);
  else waiting?.reject(Object.assign(new Error(error), { mayPass }));
});

/** What is not looked at yet is marked in the audit trail. */
export const AHEAD_HEADERS = { Purpose: "prefetch" };

/** Rejects with an error that says whether it `mayPass`. Returns: a promise of {width, height, values, window: {low, high}, quantiles}. */
export function loadFilm(id, headers = {}) {
  if (!asked.has(id)) {
    const waiting = Promise.withResolvers ? Promise.withResolvers() : withResolvers();
    waiting.promise.catch(() => asked.delete(id)); // to be tried again
    asked.set(id, waiting);
    worker.postMessage({ id, url: `/api/v1/images/${id}/film.png`, headers });
  }
  return asked.get(id).promise;
}

/** Forget all others: a film takes some 7 MB. */
export function keepFilms(ids) {
  for (const id of asked.keys()) if (!ids.includes(id)) asked.delete(id);
}

function withResolvers() {
  const waiting = {};
  waiting.promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
  return waiting;
}
