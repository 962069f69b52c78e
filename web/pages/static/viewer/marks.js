// What is drawn on the film: the part that the network saw, lines of a map, the ruler.

import { decimal } from "../format.js";

const SVG = "http://www.w3.org/2000/svg";

export class Marks {
  #svg;
  #stage;
  #spacing;
  #label;
  #ruler = null;

  /** spacing: millimetres between rows and between columns, of pixels of the film; or null. */
  constructor(svg, label, stage, spacing) {
    [this.#svg, this.#label, this.#stage, this.#spacing] = [svg, label, stage, spacing];
  }

  resize() {
    const { width, height } = this.#stage;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  /** box: of the film, its sides as shares; null: nothing is left out, nothing shown. */
  showFrame(box) {
    this.#clear("outside", "frame");
    if (box === null) return;
    const { width, height } = this.#stage;
    const [x, y] = [box.left * width, box.top * height];
    const [right, bottom] = [box.right * width, box.bottom * height];
    const inner = `M${x} ${y}V${bottom}H${right}V${y}Z`;
    this.#add("path", "outside", { d: `M0 0H${width}V${height}H0Z${inner}` });
    this.#add("path", "frame", { d: inner });
  }

  /** paths: of `contours`, over a square of 1 by 1, placed on `box`. */
  showLines(box, paths) {
    this.#clear("lines");
    if (box === null) return;
    const { width, height } = this.#stage;
    const place =
      `translate(${box.left * width} ${box.top * height}) ` +
      `scale(${(box.right - box.left) * width} ${(box.bottom - box.top) * height})`;
    for (const [side, d] of Object.entries(paths)) {
      if (!d) continue;
      this.#add("path", `lines ${side} halo`, { d, transform: place });
      this.#add("path", `lines ${side}`, { d, transform: place });
    }
  }

  /** Boxes as shares of the film: [{left, top, right, bottom, kind}]. */
  showBoxes(boxes) {
    this.#clear("box");
    const { width, height } = this.#stage;
    for (const { left, top, right, bottom, kind } of boxes) {
      const place = { x: left * width, y: top * height };
      const size = { width: (right - left) * width, height: (bottom - top) * height };
      this.#add("rect", `box ${kind} halo`, { ...place, ...size });
      this.#add("rect", `box ${kind}`, { ...place, ...size });
    }
  }

  /** Between two places on the film, in its pixels; null: none. */
  showRuler(ruler) {
    this.#clear("ruler");
    this.#ruler = ruler;
    this.#label.hidden = ruler === null;
    if (ruler === null) return;
    const [[x1, y1], [x2, y2]] = ruler;
    this.#add("line", "ruler halo", { x1, y1, x2, y2 });
    this.#add("line", "ruler", { x1, y1, x2, y2 });
    this.#label.textContent = `${decimal(this.#length(ruler))} mm`;
    this.placeLabel();
  }

  /** The ruler's label stays level, and as large as it is, whatever the film does. */
  placeLabel() {
    if (this.#ruler === null) return;
    const [[x1, y1], [x2, y2]] = this.#ruler;
    const [x, y] = this.#stage.toRoom((x1 + x2) / 2, (y1 + y2) / 2);
    this.#label.style.transform = `translate(${x}px, ${y}px)`;
  }

  #length([[x1, y1], [x2, y2]]) {
    const [row, column] = this.#spacing;
    return Math.hypot((x2 - x1) * column, (y2 - y1) * row);
  }

  #clear(...names) {
    for (const name of names) {
      for (const old of this.#svg.querySelectorAll(`.${name}`)) old.remove();
    }
  }

  #add(kind, className, attributes) {
    const mark = document.createElementNS(SVG, kind);
    mark.setAttribute("class", className);
    for (const [name, value] of Object.entries(attributes)) mark.setAttribute(name, value);
    this.#svg.append(mark);
  }
}
