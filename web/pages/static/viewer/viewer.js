// The viewer of one film: stage, window, map, marks and the tools that act on them.

import { get } from "../api.js";
import { count } from "../format.js";
import { t } from "../words.js";
import { loadFilm } from "./films.js";
import { Hands } from "./hands.js";
import { contours, paintMap, prepareMap } from "./maps.js";
import { Marks } from "./marks.js";
import { Stage } from "./stage.js";
import { PRESETS, Windowed } from "./window.js";

const ZOOM = 1.25;
const STEP = 60; // pixels that a key moves the film by
const BRIGHTER = 0.05;
const WIDER = 1.1;
const OPACITY_STEP = 10;
const [AGAIN_MS, LONGEST_MS] = [3000, 15_000]; // until what could not be loaded is asked for again
const LOADING = t("Loading…");
const SAME = 1.01; // enlarged by less is not enlarged
const WHOLE_FILM = 0.995;
const EVIDENCE = "evidence_";

// One setting for all films: a reader goes through a job with one view.
const view = { map: "", opacity: 60, lines: true, tool: "pan", inverted: false };
Object.assign(view, JSON.parse(sessionStorage.getItem("viewer") ?? "{}"));

function keep(changes) {
  Object.assign(view, changes);
  sessionStorage.setItem("viewer", JSON.stringify(view));
}

export class Viewer {
  #page;
  #id;
  #stage;
  #marks;
  #windowed = null;
  #map = null; // {box, signed, paths} of the map on the screen
  #mapAsked = 0;
  #ruler = null;
  #spacing;
  #boxTool;
  #boxes = [];
  #draft = null;
  #lacksFilm = false; // it could not be loaded
  #wasThere = false; // the small picture, though it could not be shown

  /** page: the element with everything about one image. onBox(box): one was drawn on the film. */
  constructor(page, onBox = () => {}) {
    this.#page = page;
    this.#id = page.dataset.image;
    this.#boxTool = onBox;
    this.#spacing = page.dataset.spacing ? JSON.parse(page.dataset.spacing) : null;
    const room = this.#$("#stage");
    this.#stage = new Stage(room, this.#$("#film"), () => this.#moved());
    this.#marks = new Marks(this.#$("#marks"), this.#$("#ruler-label"), this.#stage, this.#spacing);
    this.#marks.showRuler(null);
    new Hands(room, this.#stage, () => view.tool, (tool, event, moved) => this.#use(tool, event, moved));
    this.#listen();
    this.#open();
  }

  close() {
    this.#stage.close();
  }

  #$(selector) {
    return this.#page.querySelector(selector);
  }

  get #maps() {
    return [...this.#page.querySelectorAll("input[name=map]")];
  }

  #listen() {
    for (const button of this.#page.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => this.act(button.dataset.do));
    }
    for (const choice of this.#maps) {
      choice.addEventListener("change", () => this.#chooseMap(choice.value));
    }
    this.#$("#opacity")?.addEventListener("input", (event) => {
      keep({ opacity: Number(event.target.value) });
      this.#showMap();
    });
    this.#$("#lines")?.addEventListener("change", (event) => {
      keep({ lines: event.target.checked });
      this.#showMap();
    });
  }

  async #open() {
    const img = this.#$("#xray");
    this.#$("#film").classList.add("live");
    const { width, height } = this.#page.dataset;
    if (width) this.#resize(Number(width), Number(height));
    img.addEventListener("error", () => this.#tryPicture());
    const known = () => {
      this.#showNoPicture("");
      this.#sayWhichPicture();
      if (!width && !this.#windowed) this.#resize(img.naturalWidth, img.naturalHeight);
    };
    img.addEventListener("load", known);
    if (img.complete && img.naturalWidth) known();
    else if (img.complete) this.#tryPicture();
    else this.#showNoPicture(LOADING);
    this.#stage.fit(false);
    this.#showTool();
    this.#chooseMap(view.map, true);
    await this.#loadFilm();
  }

  /** All grey values; asked for again while the server is unreachable or busy. */
  async #loadFilm() {
    for (let tries = 1; this.#page.isConnected && this.#windowed === null; tries++) {
      try {
        return this.#show(await loadFilm(this.#id));
      } catch (error) {
        this.#lacksFilm = true;
        this.#sayWhichPicture();
        if (!error.mayPass) return;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(AGAIN_MS * tries, LONGEST_MS)));
    }
  }

  #sayWhichPicture() {
    const isSmaller = this.#lacksFilm && this.#$("#xray").naturalWidth > 0;
    this.#say(isSmaller ? t("The full resolution cannot be loaded. This is a smaller picture.") : "");
  }

  #show(film) {
    if (!this.#page.isConnected) return;
    if (!this.#page.dataset.width) this.#resize(film.width, film.height);
    this.#windowed = new Windowed(this.#$("#pixels"), film, view.inverted);
    this.#$("#pixels").hidden = false;
    this.#showNoPicture("");
    this.#lacksFilm = false;
    this.#sayWhichPicture();
    this.#page.dataset.loaded = "true";
    this.#showWindow();
  }

  #resize(width, height) {
    this.#stage.resize(width, height);
    this.#marks.resize();
    this.showBoxes(this.#boxes);
    this.#showMap();
  }

  /** There is no picture, or the server is unreachable: then it is asked for again, and the film too. */
  async #tryPicture() {
    const img = this.#$("#xray");
    const answer = await fetch(img.src, { cache: "no-store" }).catch(() => null);
    if (!this.#page.isConnected) return;
    const isUnreachable = answer === null || answer.status >= 500;
    if (!isUnreachable && (!answer.ok || this.#wasThere)) return this.#showNoPicture(t("This file cannot be shown as a picture."));
    this.#wasThere = !isUnreachable;
    this.#showNoPicture(t("The X-ray cannot be loaded. Trying again…"));
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    if (!this.#page.isConnected) return;
    img.src = img.src;
  }

  /** why: in the place of the picture; empty when it is there. */
  #showNoPicture(why) {
    this.#$("#stage").classList.toggle("without", why !== "" && why !== LOADING);
    this.#$("#no-picture").textContent = why;
    this.#$("#no-picture").hidden = why === "";
  }

  /** Boxes of reviews, as shares of the film. */
  showBoxes(boxes) {
    this.#boxes = boxes;
    this.#marks.showBoxes(this.#draft ? [...boxes, { ...this.#draft, kind: "draft" }] : boxes);
  }

  /** Do what a button or a key says. Returns: whether it is known. */
  act(name) {
    const actions = {
      "zoom-in": () => this.#stage.zoom(ZOOM),
      "zoom-out": () => this.#stage.zoom(1 / ZOOM),
      fit: () => this.#stage.fit(),
      real: () => this.#stage.showReal(),
      rotate: () => this.#stage.turn(),
      left: () => this.#stage.pan(STEP, 0),
      right: () => this.#stage.pan(-STEP, 0),
      up: () => this.#stage.pan(0, STEP),
      down: () => this.#stage.pan(0, -STEP),
      invert: () => this.#change(() => this.#windowed.invert()),
      brighter: () => this.#change(() => this.#windowed.change(BRIGHTER, 1)),
      darker: () => this.#change(() => this.#windowed.change(-BRIGHTER, 1)),
      "more-contrast": () => this.#change(() => this.#windowed.change(0, 1 / WIDER)),
      "less-contrast": () => this.#change(() => this.#windowed.change(0, WIDER)),
      "next-map": () => this.#nextMap(1),
      "no-map": () => this.#chooseMap(""),
      lines: () => this.#$("#lines")?.click(),
      "more-opacity": () => this.#changeOpacity(OPACITY_STEP),
      "less-opacity": () => this.#changeOpacity(-OPACITY_STEP),
      "full-screen": () => this.#toggleFullScreen(),
      clear: () => this.#setRuler(null),
    };
    if (name in PRESETS) this.#change(() => this.#windowed.choose(name));
    else if (name.startsWith("tool-")) this.#chooseTool(name.slice(5));
    else if (name in actions) actions[name]();
    else return false;
    return true;
  }

  #change(how) {
    if (this.#windowed === null) return this.#say(t("The film is still loading."));
    how();
    keep({ inverted: this.#windowed.inverted });
    this.#showWindow();
  }

  #showWindow() {
    const { level, width, inverted } = this.#windowed;
    const part = (share) => `${Math.round(100 * share)} %`;
    this.#$("#window-note").textContent = t("Window %(width)s, level %(level)s", {
      width: part(width),
      level: part(level),
    });
    this.#$("[data-do=invert]").ariaPressed = inverted;
  }

  #chooseTool(name) {
    if (name === "ruler" && this.#spacing === null) {
      return this.#say(t("There is no ruler: this file does not say how large its pixels are."));
    }
    keep({ tool: name });
    this.#showTool();
  }

  #showTool() {
    if (view.tool === "ruler" && this.#spacing === null) view.tool = "pan";
    if (view.tool === "box" && !this.#$("[data-do=tool-box]")) view.tool = "pan";
    for (const button of this.#page.querySelectorAll("[data-do^=tool-]")) {
      button.ariaPressed = button.dataset.do === `tool-${view.tool}`;
    }
    this.#$("#stage").dataset.tool = view.tool;
  }

  #use(tool, event, { phase, dx, dy }) {
    if (tool === "pan") this.#stage.pan(dx, dy);
    else if (tool === "window") this.#dragWindow(dx, dy);
    else if (tool === "ruler") this.#dragRuler(event, phase);
    else if (tool === "box") this.#dragBox(event, phase);
  }

  #dragWindow(dx, dy) {
    if (this.#windowed === null || (!dx && !dy)) return;
    this.#windowed.change(-dy / 400, Math.exp(dx / 300));
    this.#showWindow();
  }

  #dragRuler(event, phase) {
    const at = this.#onFilm(event);
    if (phase === "start") this.#setRuler([at, at]);
    else if (phase === "cancel") this.#setRuler(null);
    else if (this.#ruler) this.#setRuler([this.#ruler[0], at]);
  }

  #setRuler(ruler) {
    this.#ruler = ruler;
    this.#marks.showRuler(ruler);
  }

  #dragBox(event, phase) {
    const [x, y] = this.#onFilm(event);
    const at = [x / this.#stage.width, y / this.#stage.height];
    if (phase === "start") this.#draft = { from: at };
    if (!this.#draft) return;
    const { from } = this.#draft;
    const [left, right] = [from[0], at[0]].sort((one, other) => one - other);
    const [top, bottom] = [from[1], at[1]].sort((one, other) => one - other);
    this.#draft = { from, left, top, right, bottom };
    if (phase === "end" || phase === "cancel") {
      this.#draft = null;
      const isLarge = Math.min(right - left, bottom - top) > 0.005;
      if (phase === "end" && isLarge) this.#boxTool({ left, top, right, bottom });
    }
    this.showBoxes(this.#boxes);
  }

  /** The place on the film under a pointer, kept within the film. */
  #onFilm(event) {
    const [x, y] = this.#stage.toFilm(event.clientX, event.clientY);
    const within = (value, most) => Math.max(0, Math.min(most, value));
    return [within(x, this.#stage.width), within(y, this.#stage.height)];
  }

  #nextMap(step) {
    const names = this.#maps.map((choice) => choice.value);
    if (names.length) this.#chooseMap(names[(names.indexOf(view.map) + step) % names.length]);
  }

  /** name: "" for none. A film without that map shows none, and the choice stays for the next. */
  async #chooseMap(name, isFirst = false) {
    if (!isFirst) keep({ map: name });
    const choice = this.#maps.find((one) => one.value === name) ?? this.#maps[0];
    if (!choice) return;
    choice.checked = true;
    const asked = ++this.#mapAsked;
    this.#map = null;
    if (choice.dataset.src) {
      try {
        const [found, strongest] = await Promise.all([get(choice.dataset.src), this.#strongest(name)]);
        if (asked !== this.#mapAsked) return;
        const prepared = prepareMap(found.grid, strongest);
        paintMap(this.#$("#map"), prepared);
        this.#map = { box: found.box, signed: prepared.signed, paths: contours(prepared) };
      } catch {
        this.#say(t("The map cannot be loaded."));
      }
    }
    this.#showMap();
  }

  /** Maps of evidence have one scale for all labels, so that they can be compared; null: no such map. */
  async #strongest(name) {
    if (!name.startsWith(EVIDENCE)) return null;
    const all = this.#maps.filter((choice) => choice.value.startsWith(EVIDENCE));
    const found = await Promise.all(all.map((choice) => get(choice.dataset.src)));
    return Math.max(...found.flatMap(({ grid }) => grid.flat()).map(Math.abs));
  }

  #showMap() {
    const canvas = this.#$("#map");
    canvas.hidden = this.#map === null;
    const controls = this.#$("#map-controls");
    if (!controls) return;
    controls.hidden = this.#map === null;
    this.#$("#opacity").value = view.opacity;
    this.#$("#opacity-value").textContent = `${view.opacity} %`;
    this.#$("#lines").checked = view.lines;
    if (this.#map === null) {
      this.#marks.showFrame(null);
      this.#marks.showLines(null);
      return;
    }
    const { box, signed, paths } = this.#map;
    canvas.style.left = `${100 * box.left}%`;
    canvas.style.top = `${100 * box.top}%`;
    canvas.style.width = `${100 * (box.right - box.left)}%`;
    canvas.style.height = `${100 * (box.bottom - box.top)}%`;
    canvas.style.opacity = view.opacity / 100;
    const seen = (box.right - box.left) * (box.bottom - box.top);
    this.#marks.showFrame(seen < WHOLE_FILM ? box : null);
    this.#marks.showLines(view.lines ? box : null, paths);
    this.#$("#legend-rising").hidden = signed;
    this.#$("#legend-signed").hidden = !signed;
    this.#$("#unseen-part").hidden = seen >= WHOLE_FILM;
    this.#$("#unseen-share").textContent = `${Math.round(100 * (1 - seen))} %`;
  }

  #changeOpacity(by) {
    keep({ opacity: Math.max(0, Math.min(100, view.opacity + by)) });
    this.#showMap();
  }

  #moved() {
    const { magnification, width, height } = this.#stage;
    this.#$("#zoom").textContent = `${Math.round(100 * magnification)} %`;
    const isEnlarged = magnification > SAME && width > 1;
    this.#$("#enlarged").hidden = !isEnlarged;
    this.#$("#enlarged").textContent = t(
      "Enlarged: the film has %(width)s × %(height)s pixels, no more detail.",
      { width: count(width), height: count(height) },
    );
    this.#marks?.placeLabel();
    this.#showScale();
  }

  /** A bar of a round length, where the size of a pixel is known. */
  #showScale() {
    if (!this.#spacing) return;
    const column = this.#spacing[this.#stage.turns % 2 ? 0 : 1];
    const mm = [1, 2, 5, 10, 20, 50, 100, 200].findLast(
      (length) => (length / column) * this.#stage.scale <= 160,
    );
    const bar = this.#$("#scale-bar");
    bar.hidden = mm === undefined;
    if (mm === undefined) return;
    bar.firstElementChild.style.width = `${(mm / column) * this.#stage.scale}px`;
    bar.lastElementChild.textContent = mm >= 10 ? `${mm / 10} cm` : `${mm} mm`;
  }

  #toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#$("#room").requestFullscreen?.();
  }

  #say(words) {
    this.#$("#said").textContent = words;
  }
}
