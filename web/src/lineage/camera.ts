// Where in the world one looks: pan and zoom, by mouse, touch and keys.

import type { Point } from "./layout";

const LEAST = 0.15;
const MOST = 2;
/** A pointer that moved less was meant to press. */
const STILL = 4;
/** Between what is shown and the border. */
const MARGIN = 24;

export interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

type Span = [number, number];

export class Camera {
  private x = 0;
  private y = 0;
  private scale = 1;
  private pointers = new Map<number, Point>();
  private moved = 0;
  /** How much of it something else covers, from below. */
  covered = 0;

  constructor(private readonly frame: HTMLElement, private readonly world: HTMLElement) {
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"] as const) frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // What was a drag is no click.
    frame.addEventListener("click", (event) => this.moved > STILL && (event.stopPropagation(), event.preventDefault()), true);
    // The browser brings what has the focus into view by scrolling: here the camera does that.
    frame.addEventListener("scroll", () => frame.scrollTo(0, 0));
  }

  zoom(factor: number, at?: Point): void {
    const { width, height } = this.frame.getBoundingClientRect();
    const center = at ?? { x: width / 2, y: height / 2 };
    const scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    this.x = center.x - ((center.x - this.x) * scale) / this.scale;
    this.y = center.y - ((center.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.apply();
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  /** Shows all if it can still be read; else `first` as far as that leaves `main` in view, with `main` in the middle of what is left. */
  fit(all: Area, first: Area, main: Area, readable: number): void {
    const { width: w, height: h } = this.seen();
    // What brings more in stands beside the boxes, or above and below them.
    const [besides, above] = w < 600 ? [12, 44] : [44, 24];
    const whole = Math.min((w - 2 * besides) / (all.right - all.left), (h - 2 * above) / (all.bottom - all.top), 1);
    this.scale = Math.max(whole, readable, LEAST);
    const start = (size: number, margin: number, [from, to]: Span, [begin]: Span, [near, far]: Span) => {
      if ((to - from) * this.scale <= size - 2 * margin + 1) return (size - (from + to) * this.scale) / 2;
      const centered = (size - (near + far) * this.scale) / 2;
      const wanted = Math.min(Math.max(centered, margin - begin * this.scale), size - margin - far * this.scale);
      return Math.min(Math.max(wanted, size - margin - to * this.scale), margin - from * this.scale);
    };
    this.x = start(w, besides, [all.left, all.right], [first.left, first.right], [main.left, main.right]);
    this.y = start(h, above, [all.top, all.bottom], [first.top, first.bottom], [main.top, main.bottom]);
    this.apply();
  }

  /** Moves as little as needed to have a rectangle of the world in view. */
  reach(place: Point, width: number, height: number): void {
    const { width: w, height: h } = this.seen();
    const left = place.x * this.scale + this.x;
    const top = place.y * this.scale + this.y;
    const dx = left < MARGIN ? MARGIN - left : Math.min(0, w - MARGIN - (left + width * this.scale));
    const dy = top < MARGIN ? MARGIN - top : Math.min(0, h - MARGIN - (top + height * this.scale));
    if (dx !== 0 || dy !== 0) this.pan(dx, dy);
  }

  /** Has what was at one place in the world stay where it is seen, now that it is at another. */
  keep(was: Point, now: Point): void {
    this.pan((was.x - now.x) * this.scale, (was.y - now.y) * this.scale);
  }

  private seen(): { width: number; height: number } {
    const { width, height } = this.frame.getBoundingClientRect();
    return { width, height: height - this.covered };
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.pointers.size === 0) this.moved = 0;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  private move(event: PointerEvent): void {
    const was = this.pointers.get(event.pointerId);
    if (!was) return;
    const now = { x: event.clientX, y: event.clientY };
    this.moved += Math.hypot(now.x - was.x, now.y - was.y);
    if (this.moved > STILL && !this.frame.hasPointerCapture(event.pointerId)) this.frame.setPointerCapture(event.pointerId);
    const other = [...this.pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (!other) return void (this.moved > STILL && this.pan(now.x - was.x, now.y - was.y));
    const box = this.frame.getBoundingClientRect();
    const middle = { x: (now.x + other.x) / 2 - box.left, y: (now.y + other.y) / 2 - box.top };
    this.zoom(Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(was.x - other.x, was.y - other.y)), middle);
    this.pan((now.x - was.x) / 2, (now.y - was.y) / 2);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (!event.ctrlKey && (event.shiftKey || event.deltaX !== 0)) return this.pan(-event.deltaX * unit, -event.deltaY * unit);
    const box = this.frame.getBoundingClientRect();
    const factor = Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0015));
    this.zoom(factor, { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  private apply(): void {
    this.world.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.scale})`;
    this.frame.classList.toggle("far", this.scale < 0.5);
  }
}
