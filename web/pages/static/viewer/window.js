// Which grey values are shown from black to white: the window, drawn on a canvas.

const ROWS_AT_ONCE = 128; // copies of a large film stay small
const MIN_WIDTH = 0.002;

/** Windows by name: the part of the range (0 to 1) from black to white. Radiographs have no units as
 * CT does, so these go by shares of the film's own pixels. */
export const PRESETS = {
  default: (film) => film.window,
  whole: () => ({ low: 0, high: 1 }),
  lungs: (film) => between(film, 0.02, 0.6),
  dense: (film) => between(film, 0.4, 0.995),
  soft: (film) => {
    const { low, high } = film.window;
    return { low: low - (high - low) * 0.25, high: high + (high - low) * 0.25 };
  },
};

function between({ quantiles }, low, high) {
  const at = (share) => quantiles[Math.round(share * (quantiles.length - 1))];
  return { low: at(low), high: Math.max(at(high), at(low) + MIN_WIDTH) };
}

export class Windowed {
  #canvas;
  #film;
  #frame = null;
  low = 0;
  high = 1;
  inverted = false;

  constructor(canvas, film, inverted) {
    [this.#canvas, this.#film, this.inverted] = [canvas, film, inverted];
    canvas.width = film.width;
    canvas.height = film.height;
    this.choose("default");
    this.#draw();
  }

  choose(preset) {
    Object.assign(this, PRESETS[preset](this.#film));
    this.#drawSoon();
  }

  invert() {
    this.inverted = !this.inverted;
    this.#drawSoon();
  }

  /** brighter: share of the window's width by which everything becomes brighter; wider: factor. */
  change(brighter, wider) {
    const width = Math.max(MIN_WIDTH, (this.high - this.low) * wider);
    const middle = (this.high + this.low) / 2 - brighter * (this.high - this.low);
    [this.low, this.high] = [middle - width / 2, middle + width / 2];
    this.#drawSoon();
  }

  get width() {
    return this.high - this.low;
  }

  get level() {
    return (this.high + this.low) / 2;
  }

  #drawSoon() {
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = null;
    const { width, height, values } = this.#film;
    const colours = this.#table(values.BYTES_PER_ELEMENT === 2 ? 65536 : 256);
    const context = this.#canvas.getContext("2d", { alpha: false });
    for (let top = 0; top < height; top += ROWS_AT_ONCE) {
      const rows = Math.min(ROWS_AT_ONCE, height - top);
      const band = new ImageData(width, rows);
      const shown = new Uint32Array(band.data.buffer);
      const from = top * width;
      for (let at = 0; at < shown.length; at++) shown[at] = colours[values[from + at]];
      context.putImageData(band, 0, top);
    }
  }

  #table(levels) {
    const colours = new Uint32Array(levels);
    const [black, width] = [this.low * (levels - 1), (this.high - this.low) * (levels - 1)];
    for (let value = 0; value < levels; value++) {
      let grey = Math.round(255 * Math.max(0, Math.min(1, (value - black) / width)));
      if (this.inverted) grey = 255 - grey;
      colours[value] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
    }
    return colours;
  }
}
