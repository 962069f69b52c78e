// Other films of the same patient, one at a time beside the film.

import { t } from "../words.js";

const TRIES = 5;
const AGAIN_MS = 1000;

export class Priors {
  #page;

  constructor(page) {
    this.#page = page;
    for (const button of this.#buttons) button.addEventListener("click", () => this.#show(button));
  }

  /** Show the newest one, or hide the one that is shown. Returns: whether there is any. */
  toggle() {
    const [first] = this.#buttons;
    if (!first) return false;
    this.#show(this.#buttons.find((button) => button.ariaPressed === "true") ?? first);
    return true;
  }

  get #buttons() {
    return [...this.#page.querySelectorAll("[data-prior]")];
  }

  /** Pressed again, it goes. */
  #show(button) {
    const isShown = button.ariaPressed === "true";
    for (const other of this.#buttons) other.ariaPressed = other === button && !isShown;
    const { prior, text } = button.dataset;
    this.#page.querySelector("#prior").hidden = isShown;
    if (isShown) return;
    const film = this.#page.querySelector("#prior-film");
    film.src = `/api/v1/images/${prior}/preview.jpg`; // small, and there at once
    film.alt = t("X-ray of %(date)s", { date: text });
    this.#page.querySelector("#prior-text").textContent = text;
    this.#enlarge(film, `/api/v1/images/${prior}/preview.png?max_side=2048`, TRIES);
  }

  /** The server draws a large picture when it is first asked for, and refuses until it has. */
  #enlarge(film, url, tries) {
    const small = film.src;
    const large = new Image();
    large.addEventListener("load", () => film.src === small && (film.src = url));
    large.addEventListener("error", () => {
      if (tries > 1 && film.src === small) setTimeout(() => this.#enlarge(film, url, tries - 1), AGAIN_MS);
    });
    large.src = url;
  }
}
