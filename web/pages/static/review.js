// What the reader says about a result: label, comment, boxes on the film.

import { Problem, put, remove, whyNot } from "./api.js";
import { showMoment } from "./format.js";
import { t } from "./words.js";

export class Review {
  #form;
  #id;
  #viewer;
  #boxes;
  #others;
  #onSaved;
  #onLost;
  #saving = Promise.resolve(); // one after the other: the last answer is the one that stays
  #unsaved = false;
  #given; // the answer that was saved last, or is on its way
  #leaving = false; // for another image, whose page may take a moment

  /** onLost(why) is called when a review could not be saved whose image is no longer on the page.
   * onSaved({showsMore, thenNext}) is called when a review was saved; showsMore: the page shows
   * more after it, the model's answer or the other reader's. */
  constructor(page, viewer, onSaved, onLost) {
    this.#form = page.querySelector("#review");
    this.#id = page.dataset.image;
    [this.#viewer, this.#onSaved, this.#onLost] = [viewer, onSaved, onLost];
    this.#boxes = JSON.parse(this.#form.dataset.boxes);
    this.#others = JSON.parse(this.#form.dataset.others);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save(event.submitter?.value === "next");
    });
    this.#form.addEventListener("input", () => this.#change());
    this.#$("#take-back")?.addEventListener("click", ({ currentTarget }) => {
      currentTarget.disabled = true; // once is enough
      this.#saving = this.#saving.then(() => this.#takeBack());
    });
    this.#showBoxes();
    this.#given = JSON.stringify(this.#answer);
  }

  #$(selector) {
    return this.#form.querySelector(selector);
  }

  /** A box that was drawn on the film. */
  addBox(box) {
    this.#boxes.push({ ...box, finding: "" });
    this.#showBoxes();
    this.#change();
  }

  /** Choose an answer by its value, such as `agree`. Returns: whether there is such an answer. */
  choose(value) {
    const choice = [...this.#form.elements.verdict].find((one) => one.value === value);
    if (!choice || choice.disabled) return false;
    choice.checked = true;
    this.save(false);
    return true;
  }

  /** Which: from 0, of the labels. */
  chooseLabel(which) {
    const choice = this.#form.querySelectorAll("[data-label]")[which];
    return choice ? this.choose(choice.value) : false;
  }

  comment() {
    this.#$("#comment")?.focus();
  }

  get unsaved() {
    return this.#unsaved;
  }

  /** The reader goes on: an answer is saved with what belongs to it. Returns: whether nothing is
   * lost; a comment or a box without an answer cannot be saved. */
  leave() {
    if (this.#unsaved && !this.#answer) return false;
    this.#leaving = true;
    if (this.#unsaved) this.save(false);
    return true;
  }

  /** The reader could not go on: the other image cannot be had now. */
  stay() {
    this.#leaving = false;
  }

  save(thenNext) {
    const answer = this.#answer;
    if (!answer) return this.#say(t("Choose an answer first."));
    this.#unsaved = false;
    // The key that chose an answer has saved it: the one that goes on need not.
    const isGiven = JSON.stringify(answer) === this.#given;
    this.#given = JSON.stringify(answer);
    this.#saving = this.#saving.then(() => (isGiven && !this.#unsaved ? this.#goOn(thenNext) : this.#send(answer, thenNext)));
  }

  /** What the form says, as the API takes it; null when no answer is chosen. */
  get #answer() {
    const chosen = this.#form.elements.verdict?.value;
    if (!chosen) return null;
    const isLabel = chosen !== "agree" && chosen !== "unusable";
    return {
      verdict: isLabel ? "other_label" : chosen,
      label: isLabel ? chosen : null,
      comment: this.#$("#comment").value,
      boxes: this.#boxes.map((box) => ({ ...box })),
    };
  }

  async #send(answer, thenNext) {
    try {
      const saved = await put(`/api/v1/images/${this.#id}/review`, answer);
      if (this.#leaving || this.#unsaved || !this.#form.isConnected) return;
      const time = document.createElement("time");
      showMoment(time, saved.changed_at);
      this.#$("#review-said").replaceChildren(t("Saved"), " ", time, ".");
      this.#onSaved({ showsMore: saved.blind || "shared" in this.#form.dataset, thenNext });
    } catch (error) {
      this.#unsaved = true;
      const why = error instanceof Problem ? error.message : t("The server cannot be reached. Not saved.");
      if (this.#form.isConnected) this.#say(why);
      else this.#onLost(why);
    }
  }

  #goOn(thenNext) {
    if (thenNext && !this.#leaving && this.#form.isConnected) this.#onSaved({ showsMore: false, thenNext });
  }

  async #takeBack() {
    try {
      await remove(`/api/v1/images/${this.#id}/review`);
      this.#onSaved({ showsMore: true, thenNext: false });
    } catch (error) {
      this.#$("#take-back").disabled = false;
      this.#say(whyNot(error));
    }
  }

  #showBoxes() {
    this.#viewer?.showBoxes([
      ...this.#others.map((box) => ({ ...box, kind: "other" })),
      ...this.#boxes.map((box) => ({ ...box, kind: "own" })),
    ]);
    const list = this.#$("#boxes");
    list.replaceChildren(
      ...this.#boxes.map((box, place) => {
        const item = this.#$("#box-item").content.firstElementChild.cloneNode(true);
        item.querySelector("b").textContent = place + 1;
        const finding = item.querySelector("input");
        finding.value = box.finding;
        finding.ariaLabel = t("What box %(number)s shows", { number: place + 1 });
        finding.addEventListener("input", () => (box.finding = finding.value));
        const drop = item.querySelector("button");
        drop.ariaLabel = t("Remove box %(number)s", { number: place + 1 });
        drop.addEventListener("click", () => {
          this.#boxes.splice(place, 1);
          this.#showBoxes();
          this.#change();
        });
        return item;
      }),
    );
  }

  #change() {
    this.#unsaved = true;
    this.#say(t("Not saved yet."));
  }

  #say(words) {
    this.#$("#review-said").textContent = words;
  }
}
