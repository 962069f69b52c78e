// Images that are selected in a list, by mouse or keys, and what can be done with all of them.

import { post, whyNot } from "./api.js";
import { listenToKeys } from "./walking.js";
import { t, tn } from "./words.js";

const MOST = 500; // the API takes no more at once
const $ = (id) => document.getElementById(id);

export class Picking {
  #picked = new Map(); // number → status
  #anchor = null; // place in the list where a range begins
  #isChanging = false; // an action is on its way
  #generation = 0; // grows when the selection is cleared
  #between;
  #onChanged;

  /** between(first, last): a promise of the images at these places of the list. onChanged() is
   * called when what was selected has been changed. */
  constructor({ between, onChanged }) {
    [this.#between, this.#onChanged] = [between, onChanged];
    $("image-list").addEventListener("click", (event) => {
      if (!event.target.matches(".pick")) return;
      this.#toggle(event.target.closest(".item"), event.shiftKey, event.target.checked);
    });
    listenToKeys({
      place: $("image-list"),
      search: "search",
      toggle: (item, isRange) => this.#toggle(item, isRange),
      none: () => this.#picked.size > 0 && (this.clear(), true),
    });
    $("picked-none").addEventListener("click", () => this.clear());
    $("picked-retry").addEventListener("click", () => this.#change("retry", this.#with("failed")));
    $("picked-cancel").addEventListener("click", () => this.#change("cancel", this.#with("waiting")));
    $("picked-delete").addEventListener("click", () => {
      const all = [...this.#picked.keys()];
      const question = tn(
        "Delete this image with its result? This cannot be undone.",
        "Delete these %(num)s images with their results? This cannot be undone.",
        all.length,
      );
      if (confirm(question)) this.#change("delete", all);
    });
  }

  clear() {
    this.#generation += 1;
    this.#picked.clear();
    this.#anchor = null;
    this.#show();
  }

  /** An item was built, or its image changed. */
  fill(element, image) {
    element.dataset.status = image.status;
    const box = element.querySelector(".pick");
    box.ariaLabel = t("Select %(name)s", { name: image.filename });
    if (this.#picked.has(image.id)) this.#picked.set(image.id, image.status);
    this.#mark(element);
  }

  async #toggle(item, isRange, isPicked = !this.#picked.has(idOf(item))) {
    const at = Number(item.dataset.index);
    if (isRange && this.#anchor !== null) {
      const [first, last] = [this.#anchor, at].sort((one, other) => one - other);
      const generation = this.#generation;
      const images = await this.#between(first, Math.min(last, first + MOST - 1)).catch(() => []);
      if (generation !== this.#generation) return; // they are of a list that is no longer shown
      for (const image of images) this.#set(image.id, image.status, true);
    } else {
      this.#set(idOf(item), item.dataset.status, isPicked);
      this.#anchor = at;
    }
    this.#show();
  }

  #set(id, status, isPicked) {
    if (!isPicked) this.#picked.delete(id);
    else if (this.#picked.size < MOST) this.#picked.set(id, status);
  }

  #mark(item) {
    const isPicked = this.#picked.has(idOf(item));
    item.querySelector(".pick").checked = isPicked;
    item.classList.toggle("picked", isPicked);
  }

  #with(status) {
    return [...this.#picked].filter(([, one]) => one === status).map(([id]) => id);
  }

  #show() {
    for (const item of $("image-list").querySelectorAll(".item")) this.#mark(item);
    const number = this.#picked.size;
    const hadFocus = $("picked").contains(document.activeElement);
    $("picked").hidden = number === 0;
    if (hadFocus && number === 0) $("image-list").querySelector(".item a")?.focus({ preventScroll: true });
    $("picked-error").hidden = true;
    $("picked-count").textContent =
      tn("%(num)s image selected", "%(num)s images selected", number) +
      (number === MOST ? ` ${t("(the most at once)")}` : "");
    $("picked-retry").disabled = this.#with("failed").length === 0;
    $("picked-cancel").disabled = this.#with("waiting").length === 0;
    $("picked-export").href = `/api/v1/results.csv?images=${[...this.#picked.keys()].join(",")}`;
  }

  async #change(action, images) {
    if (this.#isChanging) return; // pressed twice
    this.#isChanging = true;
    try {
      await post(`/api/v1/images/${action}`, { images });
      this.clear();
      this.#onChanged();
    } catch (error) {
      $("picked-error").textContent = whyNot(error);
      $("picked-error").hidden = false;
    } finally {
      this.#isChanging = false;
    }
  }
}

const idOf = (item) => Number(item.id.slice("image-".length));
