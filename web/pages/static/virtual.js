// A list of any length of which only what is near the screen is in the page, and in memory.
//
// Every item has the same height, so the scroll bar is true from the start, and one can jump anywhere.
// Items come in blocks by their place in the list; blocks far from the screen are forgotten.

import { t } from "./words.js";

const PER_BLOCK = 60;
const SPARE_PX = 600; // drawn above and below the screen
const KEPT_BLOCKS = 3; // on each side of the screen

export class VirtualList {
  #place;
  #load; // async (offset, limit) → items
  #newItem; // (item, index) → element
  #fillItem; // (element, item, index)
  #onError;
  #total = 0;
  #columns = 1;
  #itemHeight = 44;
  #blocks = new Map(); // number → {items, stale}
  #loading = new Map(); // number of a block → what its answer must still be
  #shown = new Map(); // index → {element, id}
  #drawing = false;
  #pending; // in the place of items that are on their way
  #ended = new AbortController();

  constructor(place, { load, newItem, fillItem, onError }) {
    this.#place = place;
    this.#load = load;
    this.#newItem = newItem;
    this.#fillItem = fillItem;
    this.#onError = onError;
    this.#pending = document.createElement("div");
    this.#pending.className = "pending";
    this.#pending.ariaHidden = true; // no row, and gone before it is read out
    this.#pending.textContent = t("Loading…");
    const { signal } = this.#ended;
    addEventListener("scroll", () => this.#drawSoon(), { passive: true, signal });
    addEventListener("resize", () => this.#drawSoon(), { signal }); // a window that grows shows more of the list
    const observer = new ResizeObserver(() => this.#drawSoon());
    observer.observe(place);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** Leave the place to another list: this one would go on to draw nothing there. */
  end() {
    this.clear();
    this.#ended.abort();
  }

  /** Nothing is shown any more, and answers on their way are dropped. */
  clear() {
    this.#blocks.clear();
    this.#loading.clear();
    this.setTotal(0);
  }

  setTotal(total) {
    this.#total = total;
    this.draw();
  }

  /** Bring what is on the screen up to date; the rest follows when it comes near. */
  async refresh() {
    // What was asked before may be answered with how it was before.
    this.#loading.clear();
    const [first, last] = this.#visible();
    for (const [number, block] of this.#blocks) {
      const isNear = (number + 1) * PER_BLOCK > first && number * PER_BLOCK <= last;
      if (isNear) block.stale = true;
      else this.#blocks.delete(number);
    }
    await this.#loadBlocks(first, last);
  }

  /** Loads the first block, and throws when it cannot. */
  async start() {
    await this.#loadBlocks(...this.#visible());
  }

  scrollTo(index) {
    this.#measure();
    const top = this.#place.getBoundingClientRect().top + scrollY;
    const line = Math.floor(index / this.#columns);
    window.scrollTo(0, top + line * this.#itemHeight - innerHeight / 3);
    this.draw();
  }

  #measure() {
    const style = getComputedStyle(this.#place);
    this.#itemHeight = parseFloat(style.getPropertyValue("--item-height")) || 44;
    const width = parseFloat(style.getPropertyValue("--item-width")) || 0;
    this.#columns = width ? Math.max(1, Math.floor(this.#place.clientWidth / width)) : 1;
  }

  #visible() {
    const top = -this.#place.getBoundingClientRect().top;
    const first = Math.floor((top - SPARE_PX) / this.#itemHeight) * this.#columns;
    const last = Math.ceil((top + innerHeight + SPARE_PX) / this.#itemHeight) * this.#columns;
    return [Math.max(0, first), Math.min(Math.max(this.#total, 1), Math.max(0, last)) - 1];
  }

  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (!this.#ended.signal.aborted) this.draw();
    });
  }

  /** What is near the screen, as it is known by now. */
  draw() {
    this.#measure();
    const lines = Math.ceil(this.#total / this.#columns);
    this.#place.style.height = `${lines * this.#itemHeight}px`;
    const [first, last] = this.#visible();
    this.#forget(first, last);
    for (let index = first; index <= last && index < this.#total; index++) this.#drawItem(index);
    if (this.#total === 0) return; // `start` loads what comes first
    this.#loadBlocks(first, last).catch((error) => this.#onError(error));
    this.#showPending();
  }

  /** That items on the screen are still to come, where they will be. */
  #showPending() {
    const [first, last] = this.#visible();
    const lacks = [];
    for (let index = first; index <= last && index < this.#total; index++) {
      if (!this.#shown.has(index)) lacks.push(Math.floor(index / this.#columns));
    }
    if (lacks.length === 0) return this.#pending.remove();
    const [from, to] = [lacks[0], lacks.at(-1) + 1];
    this.#pending.style.top = `${from * this.#itemHeight}px`;
    this.#pending.style.height = `${(to - from) * this.#itemHeight}px`;
    if (!this.#pending.isConnected) this.#place.append(this.#pending);
  }

  #forget(first, last) {
    for (const [index, { element }] of this.#shown) {
      if (index >= first && index <= last && index < this.#total) continue;
      // What has the focus stays, so that the keyboard does not lose its place.
      if (index < this.#total && element.contains(document.activeElement)) continue;
      element.remove();
      this.#shown.delete(index);
    }
    const margin = KEPT_BLOCKS * PER_BLOCK;
    for (const number of this.#blocks.keys()) {
      const start = number * PER_BLOCK;
      if (start > last + margin || start + PER_BLOCK < first - margin) this.#blocks.delete(number);
    }
  }

  #drawItem(index) {
    const item = this.#blocks.get(Math.floor(index / PER_BLOCK))?.items[index % PER_BLOCK];
    const shown = this.#shown.get(index);
    if (item === undefined) return;
    if (shown && shown.id === item.id) {
      this.#fillItem(shown.element, item, index);
      this.#position(shown.element, index);
      return;
    }
    const element = this.#newItem(item, index);
    this.#position(element, index);
    if (shown) shown.element.replaceWith(element);
    else this.#insert(element, index);
    this.#shown.set(index, { element, id: item.id });
  }

  /** In the order of the list, which is also that of the keyboard and of screen readers. */
  #insert(element, index) {
    element.dataset.index = index;
    let before = null;
    for (const child of this.#place.children) {
      if (Number(child.dataset.index) > index) {
        before = child;
        break;
      }
    }
    this.#place.insertBefore(element, before);
  }

  #position(element, index) {
    element.dataset.index = index;
    const column = index % this.#columns;
    const line = Math.floor(index / this.#columns);
    element.style.width = this.#columns > 1 ? `${100 / this.#columns}%` : "100%";
    element.style.transform = `translate(${column * 100}%, ${line * this.#itemHeight}px)`;
    element.ariaRowIndex = this.#columns > 1 ? null : index + 2;
  }

  async #loadBlocks(first, last) {
    const wanted = [];
    for (let number = Math.floor(first / PER_BLOCK); number * PER_BLOCK <= last; number++) {
      const block = this.#blocks.get(number);
      if ((!block || block.stale) && !this.#loading.has(number)) wanted.push(number);
    }
    await Promise.all(wanted.map((number) => this.#loadBlock(number)));
  }

  async #loadBlock(number) {
    const asked = {};
    this.#loading.set(number, asked);
    const isWanted = () => this.#loading.get(number) === asked;
    try {
      const items = await this.#load(number * PER_BLOCK, PER_BLOCK);
      if (!isWanted()) return; // asked for again meanwhile, or for another list
      this.#blocks.set(number, { items, stale: false });
      this.#drawBlock(number * PER_BLOCK, items.length);
    } catch (error) {
      if (isWanted()) throw error;
    } finally {
      if (isWanted()) this.#loading.delete(number);
    }
  }

  #drawBlock(start, length) {
    const focused = this.#focused();
    const [first, last] = this.#visible();
    for (let index = start; index < start + length; index++) {
      if ((index >= first && index <= last) || this.#shown.has(index)) this.#drawItem(index);
    }
    this.#showPending();
    this.#keepFocus(focused);
  }

  /** Returns: what has the focus in the list: {id, index, kind}; null when nothing has. */
  #focused() {
    const { activeElement } = document;
    for (const [index, { element, id }] of this.#shown) {
      if (element.contains(activeElement)) return { id, index, kind: activeElement.localName };
    }
    return null;
  }

  /** The focus goes with the item that had it, which another one may have moved; or stays at its place. */
  #keepFocus(before) {
    if (before === null || this.#place.contains(document.activeElement)) return;
    const same = [...this.#shown.values()].find(({ id }) => id === before.id);
    const { element } = same ?? this.#shown.get(before.index) ?? {};
    element?.querySelector(before.kind)?.focus({ preventScroll: true });
  }
}
