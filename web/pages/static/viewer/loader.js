// A worker beside the page: fetches and decodes films, so that the page never stands still.

import { decodeGreyPng } from "./png.js";

const TRIES = 20;
const SAMPLE = 65536;
const QUANTILES = 1000;

addEventListener("message", async ({ data: { id, url, headers } }) => {
  try {
    const film = await load(url, headers);
    postMessage({ id, film }, [film.values.buffer]);
  } catch (error) {
    postMessage({ id, error: error.message, mayPass: error.mayPass ?? error instanceof TypeError });
  }
});

async function load(url, headers) {
  const answer = await whenDrawn(url, headers);
  const { width, height, values, text } = await decodeGreyPng(await answer.arrayBuffer());
  const [low, high] = (text.window ?? "0 1").split(" ").map(Number);
  return { width, height, values, window: { low, high }, quantiles: quantiles(values) };
}

/** The server draws a film when it is first asked for, and says so until it has. Errors say whether they
 * `mayPass`; of those without it a TypeError is the network's, others are of a file that cannot be read. */
async function whenDrawn(url, headers) {
  for (let tried = 0; tried < TRIES; tried++) {
    const answer = await fetch(url, { headers });
    if (answer.ok) return answer;
    const mayPass = answer.status === 429 || answer.status >= 500;
    if (!mayPass) throw Object.assign(new Error(`The server answered ${answer.status}.`), { mayPass });
    const seconds = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
  throw Object.assign(new Error("The film is not drawn yet."), { mayPass: true });
}

/** Grey values (0 to 1) that 0, 1, … QUANTILES thousandths of the film lie below. */
function quantiles(values) {
  const step = Math.max(1, Math.floor(values.length / SAMPLE));
  const sample = values.filter((_, at) => at % step === 0).sort();
  const most = values.BYTES_PER_ELEMENT === 2 ? 65535 : 255;
  return Array.from(
    { length: QUANTILES + 1 },
    (_, share) => sample[Math.round((share / QUANTILES) * (sample.length - 1))] / most,
  );
}
