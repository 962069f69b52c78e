// The stage: where the film lies, how large, and which way up. Everything on the film is a child of
// `film`, in pixels of the film, and is moved as one.

const MAX_SCALE = 32;
const PIXELS_SHOW = 4; // from this scale on, pixels are shown as squares
const KEPT_IN_SIGHT = 48;

export class Stage {
  #room;
  #film;
  #onChange;
  #fitted = "whole"; // or "real" or null, when the reader has chosen
  #resized;
  width = 1;
  height = 1;
  scale = 1;
  turns = 0;
  x = 0;
  y = 0;

  /** `onChange()` is called after every move. */
  constructor(room, film, onChange) {
    [this.#room, this.#film, this.#onChange] = [room, film, onChange];
    this.#resized = new ResizeObserver(() => this.#fitAgain());
    this.#resized.observe(room);
  }

  close() {
    this.#resized.disconnect();
  }

  /** The film's size in its own pixels. */
  resize(width, height) {
    if (width === this.width && height === this.height) return;
    const grown = width / this.width;
    [this.width, this.height] = [width, height];
    this.#film.style.width = `${width}px`;
    this.#film.style.height = `${height}px`;
    if (this.#fitted) this.#fitAgain();
    else this.scale /= grown;
    this.#place();
  }

  /** One pixel of the film on one of the screen. */
  get real() {
    return 1 / devicePixelRatio;
  }

  /** Pixels of the screen per pixel of the film. */
  get magnification() {
    return this.scale / this.real;
  }

  get #whole() {
    const [width, height] = this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
    return Math.min(this.#room.clientWidth / width, this.#room.clientHeight / height);
  }

  /** The whole film, enlarged only if `enlarge`. */
  fit(enlarge = true) {
    this.#fitted = enlarge ? "whole" : "modest";
    this.#fitAgain();
  }

  showReal() {
    const { left, top, width, height } = this.#room.getBoundingClientRect();
    this.#fitted = null;
    this.zoomTo(this.real, left + width / 2, top + height / 2);
  }

  turn() {
    this.turns = (this.turns + 1) % 4;
    if (this.#fitted) this.#fitAgain();
    else this.#place();
  }

  pan(dx, dy) {
    this.#fitted = null;
    this.x += dx;
    this.y += dy;
    this.#place();
  }

  /** Around a point of the window, or the middle. */
  zoom(factor, clientX, clientY) {
    this.#fitted = null;
    this.zoomTo(this.scale * factor, clientX, clientY);
  }

  zoomTo(scale, clientX, clientY) {
    const { left, top, width, height } = this.#room.getBoundingClientRect();
    const least = Math.min(this.#whole, this.real) / 4;
    const wanted = Math.min(MAX_SCALE, Math.max(least, scale));
    const px = (clientX ?? left + width / 2) - left - width / 2;
    const py = (clientY ?? top + height / 2) - top - height / 2;
    const grown = wanted / this.scale;
    this.x = px - (px - this.x) * grown;
    this.y = py - (py - this.y) * grown;
    this.scale = wanted;
    this.#place();
  }

  /** Returns: the place on the film, in its pixels, at a point of the window. */
  toFilm(clientX, clientY) {
    const { left, top, width, height } = this.#room.getBoundingClientRect();
    const dx = (clientX - left - width / 2 - this.x) / this.scale;
    const dy = (clientY - top - height / 2 - this.y) / this.scale;
    const [x, y] = turned(dx, dy, (4 - this.turns) % 4);
    return [x + this.width / 2, y + this.height / 2];
  }

  /** Returns: the point of the room, in its pixels, at a place on the film. */
  toRoom(x, y) {
    const [dx, dy] = turned(x - this.width / 2, y - this.height / 2, this.turns);
    const { clientWidth, clientHeight } = this.#room;
    return [clientWidth / 2 + this.x + dx * this.scale, clientHeight / 2 + this.y + dy * this.scale];
  }

  #fitAgain() {
    if (this.#fitted === null) return this.#place();
    this.scale = this.#fitted === "modest" ? Math.min(this.#whole, this.real) : this.#whole;
    this.x = this.y = 0;
    this.#place();
  }

  #place() {
    const { clientWidth, clientHeight } = this.#room;
    const [width, height] = this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
    const mostX = (width * this.scale + clientWidth) / 2 - KEPT_IN_SIGHT;
    const mostY = (height * this.scale + clientHeight) / 2 - KEPT_IN_SIGHT;
    this.x = Math.max(-mostX, Math.min(mostX, this.x));
    this.y = Math.max(-mostY, Math.min(mostY, this.y));
    const at = `${clientWidth / 2 + this.x}px, ${clientHeight / 2 + this.y}px`;
    const middle = `${-this.width / 2}px, ${-this.height / 2}px`;
    this.#film.style.transform =
      `translate(${at}) rotate(${90 * this.turns}deg) scale(${this.scale}) translate(${middle})`;
    this.#film.style.setProperty("--pixel", `${1 / this.scale}px`);
    this.#film.classList.toggle("squares", this.magnification >= PIXELS_SHOW);
    this.#onChange();
  }
}

/** A vector after so many quarter turns to the right. */
function turned(x, y, turns) {
  if (turns === 1) return [-y, x];
  if (turns === 2) return [-x, -y];
  if (turns === 3) return [y, -x];
  return [x, y];
}
