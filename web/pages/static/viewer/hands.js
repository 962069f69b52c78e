// Mouse, pen and fingers on the stage. One finger uses the tool; two move and zoom; the right button
// changes the window and the middle one moves the film, whatever the tool.

const WHEEL = 0.0015; // zoom per unit of a wheel
const DOUBLE_MS = 350;
const STILL = 5; // pixels

/** `tool()` tells the tool's name; `drag(name, event, moved)` is called with {phase, dx, dy}. */
export class Hands {
  #room;
  #stage;
  #tool;
  #drag;
  #down = new Map();
  #using = null;
  #tapped = 0;

  constructor(room, stage, tool, drag) {
    [this.#room, this.#stage, this.#tool, this.#drag] = [room, stage, tool, drag];
    room.addEventListener("pointerdown", (event) => this.#press(event));
    room.addEventListener("pointermove", (event) => this.#move(event));
    room.addEventListener("pointerup", (event) => this.#release(event));
    room.addEventListener("pointercancel", (event) => this.#release(event));
    room.addEventListener("contextmenu", (event) => event.preventDefault());
    room.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #press(event) {
    if (event.target.closest("a, button, input")) return;
    this.#room.setPointerCapture(event.pointerId);
    const at = { x: event.clientX, y: event.clientY };
    this.#down.set(event.pointerId, { ...at, from: at });
    if (this.#down.size === 2 && this.#using) {
      this.#drag(this.#using, event, { phase: "cancel", dx: 0, dy: 0 });
      this.#using = null;
    } else if (this.#down.size === 1) {
      this.#using = event.button === 2 ? "window" : event.button === 1 ? "pan" : this.#tool();
      if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
      this.#drag(this.#using, event, { phase: "start", dx: 0, dy: 0 });
    }
  }

  #move(event) {
    const held = this.#down.get(event.pointerId);
    if (!held) return;
    const before = { x: held.x, y: held.y };
    [held.x, held.y] = [event.clientX, event.clientY];
    if (this.#down.size === 2) this.#pinch(event.pointerId, before, held);
    else if (this.#using) {
      const moved = { phase: "move", dx: held.x - before.x, dy: held.y - before.y };
      this.#drag(this.#using, event, moved);
    }
  }

  #pinch(id, before, now) {
    const [other] = [...this.#down].filter(([each]) => each !== id).map(([, held]) => held);
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.#stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.#stage.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  #release(event) {
    const held = this.#down.get(event.pointerId);
    this.#down.delete(event.pointerId);
    if (!held) return;
    if (this.#using) this.#drag(this.#using, event, { phase: "end", dx: 0, dy: 0 });
    this.#using = null;
    const moved = Math.hypot(held.x - held.from.x, held.y - held.from.y);
    if (event.type !== "pointerup" || event.button !== 0 || moved > STILL) return;
    if (event.timeStamp - this.#tapped < DOUBLE_MS && this.#tool() !== "box") this.#toggle(event);
    this.#tapped = event.timeStamp;
  }

  #toggle(event) {
    const isReal = Math.abs(this.#stage.magnification - 1) < 0.01;
    if (isReal) this.#stage.fit();
    else this.#stage.zoomTo(this.#stage.real, event.clientX, event.clientY);
  }

  #wheel(event) {
    event.preventDefault();
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
    // A pinch on a trackpad comes as a wheel with Ctrl, in smaller steps.
    const speed = event.ctrlKey ? 6 * WHEEL : WHEEL;
    this.#stage.zoom(Math.exp(-event.deltaY * step * speed), event.clientX, event.clientY);
  }
}
