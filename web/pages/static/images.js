// The table of a job's images. It grows while one scrolls, in chunks of a hundred rows; a chunk far
// from the screen keeps its height and gives its rows up, so ten thousand images stay quick.

import { get } from "./api.js";
import { fillRow, newRow } from "./rows.js";

const PER_CHUNK = 100;
const NEAR = "1200px 0px";
// What failed or was cancelled may be tried again.
const mayChange = (image) => image.status !== "done" && image.status !== "rejected";

export class ImageTable {
  #url;
  #place;
  #onChange;
  #query = "";
  #chunks = [];
  #loading = false;
  #generation = 0; // grows with every change of filter; answers to an older one are dropped
  #near;

  /** `onChange({shown, more})` is told how many images are listed, and whether there are more. */
  constructor(jobId, place, onChange) {
    this.#url = `/api/v1/jobs/${jobId}/images?limit=${PER_CHUNK}`;
    this.#place = place;
    this.#onChange = onChange;
    this.#near = new IntersectionObserver((entries) => this.#watch(entries), { rootMargin: NEAR });
  }

  async show({ status, label }) {
    this.#query = (status ? `&status=${status}` : "") + (label ? `&label=${label}` : "");
    this.#generation += 1;
    this.#loading = false;
    const page = await this.#page(null, this.#generation);
    if (page === null) return;
    this.#near.disconnect();
    this.#chunks = [];
    this.#place.replaceChildren();
    this.#append(null, page);
  }

  async more() {
    const last = this.#chunks.at(-1);
    if (this.#loading || !last?.next) return;
    this.#loading = true;
    try {
      const page = await this.#page(last.next, this.#generation);
      if (page !== null) this.#append(last.next, page);
    } finally {
      this.#loading = false;
    }
  }

  /** Bring what is on the screen up to date; the rest follows when it comes near. */
  async refresh() {
    const last = this.#chunks.at(-1);
    for (const chunk of this.#chunks) chunk.stale = this.#query !== "" || chunk.images.some(mayChange);
    if (last && this.#query !== "") last.stale = true;
    await Promise.all(
      this.#chunks.filter((chunk) => chunk.mounted || chunk === last).map((chunk) => this.#update(chunk)),
    );
  }

  async #page(cursor, generation) {
    const at = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await get(this.#url + this.#query + at);
    return generation === this.#generation ? page : null;
  }

  #append(cursor, page) {
    const element = document.createElement("div");
    element.role = "rowgroup";
    element.className = "chunk";
    const chunk = { element, cursor, images: page.items, next: page.next_cursor, rows: new Map() };
    element.chunk = chunk;
    this.#chunks.push(chunk);
    this.#mount(chunk);
    this.#place.append(element);
    this.#near.observe(element);
    this.#tell();
  }

  async #update(chunk) {
    if (!chunk.stale) return;
    chunk.stale = false;
    const generation = this.#generation;
    const isLast = chunk === this.#chunks.at(-1);
    // All but the last chunk end where the next begins, however many images match by now.
    const end = isLast ? Infinity : chunk.images.at(-1)?.id ?? 0;
    let page = await this.#page(chunk.cursor, generation);
    if (page === null) return;
    let images = page.items;
    while (!isLast && page.next_cursor && page.items.at(-1).id < end) {
      page = await this.#page(page.next_cursor, generation);
      if (page === null) return;
      images = images.concat(page.items);
    }
    chunk.images = images.filter((image) => image.id <= end);
    if (isLast) chunk.next = page.next_cursor;
    if (chunk.mounted) this.#mount(chunk);
    this.#tell();
  }

  #watch(entries) {
    for (const entry of entries) {
      const chunk = entry.target.chunk;
      if (entry.isIntersecting && !chunk.mounted) {
        this.#mount(chunk);
        this.#update(chunk).catch(() => (chunk.stale = true));
      } else if (!entry.isIntersecting && chunk.mounted && !chunk.element.contains(document.activeElement)) {
        this.#unmount(chunk);
      }
    }
  }

  #mount(chunk) {
    const wanted = new Set(chunk.images.map((image) => image.id));
    for (const [id, row] of chunk.rows) {
      if (!wanted.has(id)) {
        row.remove();
        chunk.rows.delete(id);
      }
    }
    let at = chunk.element.firstElementChild;
    for (const image of chunk.images) {
      let row = chunk.rows.get(image.id);
      if (row) {
        fillRow(row, image);
        at = row.nextElementSibling;
      } else {
        row = newRow(image);
        chunk.rows.set(image.id, row);
        chunk.element.insertBefore(row, at);
      }
    }
    chunk.element.style.removeProperty("height");
    chunk.mounted = true;
  }

  #unmount(chunk) {
    chunk.element.style.height = `${chunk.element.offsetHeight}px`;
    chunk.element.replaceChildren();
    chunk.rows.clear();
    chunk.mounted = false;
  }

  #tell() {
    const shown = this.#chunks.reduce((sum, chunk) => sum + chunk.images.length, 0);
    this.#onChange({ shown, more: Boolean(this.#chunks.at(-1)?.next) });
  }
}
