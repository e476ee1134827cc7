// The picture: boxes that can have the focus, lines between them, and the way from one to the next by arrow keys.

import { Camera } from "./camera";
import { describe, type Description } from "./describe";
import { h, icon, own, svg } from "./dom";
import { HEIGHT, WIDTH, line, placed, type Layout, type Point } from "./layout";
import type { Box, Scene, Way } from "./scene";
import { grouped } from "./text";

/** Below this scale nobody reads what is in a box. */
const READABLE = 0.75;

export interface CanvasEvents {
  /** A box was chosen; whether to go on to what is known of it. */
  chosen(box: Box, open: boolean): void;
  /** What is hidden beside a box is wanted. */
  more(box: Box, way: Way): void;
  /** A fan-out is to be shown one by one, or as one box. */
  unfold(box: Box): void;
}

interface Drawn {
  box: Box;
  element: HTMLElement;
  button: HTMLButtonElement;
}

export class Canvas {
  readonly element: HTMLElement;
  readonly camera: Camera;
  private readonly world = h("div", { class: "world" });
  private readonly lines = svg("svg", { class: "lines", "aria-hidden": "true" });
  private readonly boxes = h("div", { class: "boxes", role: "group", "aria-label": "Lineage: sources first" });
  private drawn = new Map<string, Drawn>();
  private layout: Layout = { places: new Map(), paths: [], width: 0, height: 0 };
  private selected: string | null = null;

  constructor(private readonly scene: Scene, private readonly events: CanvasEvents) {
    this.world.append(this.lines, this.boxes);
    this.element = h("div", { class: "canvas" }, this.world);
    this.camera = new Camera(this.element, this.world);
    this.boxes.addEventListener("keydown", (event) => this.key(event));
  }

  get isNarrow(): boolean {
    return this.element.clientWidth < 600;
  }

  /** Draws what the scene shows now; the box `anchor` stays where it is seen. */
  draw(anchor: string | null): void {
    const was = anchor === null ? undefined : this.layout.places.get(anchor);
    const boxes = this.scene.boxes();
    const arrows = this.scene.arrows();
    this.element.classList.toggle("narrow", this.isNarrow);
    this.layout = placed(boxes, arrows, this.isNarrow);
    this.drawBoxes(boxes);
    this.drawLines();
    const now = anchor === null ? undefined : this.layout.places.get(anchor);
    if (was && now) this.camera.keep(was, now);
    this.mark();
  }

  /** Shows all of it, or what is around a box, what that comes from before what was made from it. */
  fit(around: string | null, readable = READABLE): void {
    const { width, height, places } = this.layout;
    const at = (place: Point) => ({ left: place.x, top: place.y, right: place.x + WIDTH, bottom: place.y + HEIGHT });
    const box = places.get(around ?? "");
    const middle = this.isNarrow ? { left: width / 2, top: 0, right: width / 2, bottom: 0 } : { left: 0, top: height / 2, right: 0, bottom: height / 2 };
    const from = { ...(box ? at(box) : middle) };
    for (const id of box ? this.sources(around!) : []) {
      const { left, top } = at(places.get(id)!);
      if (this.isNarrow) from.top = Math.min(from.top, top);
      else from.left = Math.min(from.left, left);
    }
    this.camera.fit({ left: 0, top: 0, right: width, bottom: height }, from, box ? at(box) : middle, readable);
  }

  /** Marks a box, and what it comes from. */
  select(id: string | null): void {
    this.selected = id;
    this.mark();
    const place = this.layout.places.get(id ?? "");
    if (place) this.camera.reach(place, WIDTH, HEIGHT);
  }

  focus(id: string): void {
    this.drawn.get(id)?.button.focus({ preventScroll: true });
  }

  private drawBoxes(boxes: Box[]): void {
    const old = this.drawn;
    this.drawn = new Map();
    const focused = document.activeElement;
    const ordered = [...boxes].sort((a, b) => this.order(a.id) - this.order(b.id));
    for (const box of ordered) {
      const drawn = this.drawBox(box, old.get(box.id));
      this.drawn.set(box.id, drawn);
      old.delete(box.id);
      const { x, y } = this.layout.places.get(box.id)!;
      drawn.element.style.transform = `translate(${x}px,${y}px)`;
    }
    for (const { element } of old.values()) element.remove();
    this.boxes.append(...[...this.drawn.values()].map(({ element }) => element));
    if (focused instanceof HTMLElement && this.boxes.contains(focused)) focused.focus({ preventScroll: true });
  }

  /** In reading order: by layer, then from the top. */
  private order(id: string): number {
    const { x, y } = this.layout.places.get(id)!;
    return this.isNarrow ? y * 1e6 + x : x * 1e6 + y;
  }

  private drawBox(box: Box, old: Drawn | undefined): Drawn {
    const about = describe(this.scene, box);
    const button = old?.button ?? h("button", { type: "button", class: "name", tabindex: -1, "data-box": box.id });
    button.replaceChildren(...inside(about));
    const element = old?.element ?? h("div");
    const drawn = { box, element, button };
    element.className = `box ${about.kind}${box.isMany ? " many" : ""}${box.isAsked ? " asked" : ""}${this.isExpanded(box) ? " one-of-many" : ""}`;
    element.replaceChildren(button, ...this.handles(box));
    if (!old) {
      button.addEventListener("click", () => this.events.chosen(this.drawn.get(box.id)!.box, true));
      button.addEventListener("dblclick", () => this.events.unfold(this.drawn.get(box.id)!.box));
      button.addEventListener("focus", () => this.camera.reach(this.layout.places.get(box.id)!, WIDTH, HEIGHT));
    }
    return drawn;
  }

  private isExpanded(box: Box): boolean {
    return !box.isMany && this.scene.isExpanded(this.scene.nodes[box.members[0]!]!.alike);
  }

  /** What brings hidden neighbours in. Arrow keys do the same, so these are no stops of the tabulator. */
  private handles(box: Box): HTMLElement[] {
    const handle = (way: Way, words: string) =>
      box.hidden[way] > 0 &&
      h(
        "button",
        { type: "button", class: `more ${way}${this.isFree(box, way) ? " free" : ""}`, tabindex: -1, "aria-label": `Show ${words}: ${box.hidden[way]}`, title: `Show ${words}`, onclick: () => this.events.more(box, way) },
        `+${grouped(box.hidden[way])}`,
      );
    const fold = box.isMany || this.isExpanded(box);
    const unfold =
      fold &&
      h(
        "button",
        { type: "button", class: "unfold", tabindex: -1, title: box.isMany ? "Show one by one" : "Show as one box", "aria-label": box.isMany ? "Show one by one" : "Show as one box", onclick: () => this.events.unfold(box) },
        icon(box.isMany ? "plus" : "minus"),
      );
    return [handle("up", "what it comes from"), handle("down", "what was made from it"), unfold].filter((one): one is HTMLButtonElement => one !== false);
  }

  /** Whether no line starts or ends on that side. */
  private isFree(box: Box, way: Way): boolean {
    return !this.layout.paths.some(({ arrow }) => (way === "up" ? arrow.to : arrow.from) === box.id);
  }

  private drawLines(): void {
    const { paths, width, height } = this.layout;
    this.lines.setAttribute("width", String(Math.max(1, width)));
    this.lines.setAttribute("height", String(Math.max(1, height)));
    const narrow = this.isNarrow;
    this.lines.replaceChildren(
      svg("defs", {}, marker("head"), marker("head-from")),
      ...paths.map(({ arrow, points, label }) =>
        svg(
          "g",
          { class: "arrow", "data-from": arrow.from, "data-to": arrow.to },
          svg("path", { d: line(points, narrow) }),
          label && labelled(arrow.label, label),
        ),
      ),
    );
  }

  /** A box, and everything that it comes from, as far as that is shown. */
  private sources(of: string): Set<string> {
    const sources = new Set([of]);
    const into = new Map<string, string[]>();
    for (const { arrow } of this.layout.paths) {
      const others = into.get(arrow.to);
      if (others) others.push(arrow.from);
      else into.set(arrow.to, [arrow.from]);
    }
    for (const id of sources) into.get(id)?.forEach((one) => sources.add(one));
    return sources;
  }

  private mark(): void {
    const sources = this.selected === null ? new Set<string>() : this.sources(this.selected);
    const first = this.drawn.has(this.selected ?? "") ? this.selected : (this.askedBox() ?? this.drawn.keys().next().value);
    for (const [id, { element, button }] of this.drawn) {
      element.classList.toggle("selected", id === this.selected);
      element.classList.toggle("source", id !== this.selected && sources.has(id));
      button.setAttribute("aria-pressed", String(id === this.selected));
      button.tabIndex = id === first ? 0 : -1;
    }
    for (const arrow of this.lines.querySelectorAll<SVGGElement>(".arrow")) {
      arrow.classList.toggle("source", sources.has(arrow.dataset.to!) && sources.has(arrow.dataset.from!));
    }
  }

  private askedBox(): string | undefined {
    return [...this.drawn.values()].find(({ box }) => box.isAsked)?.box.id;
  }

  private key(event: KeyboardEvent): void {
    const id = (event.target as HTMLElement).closest<HTMLElement>("[data-box]")?.dataset.box;
    const at = id === undefined ? undefined : this.drawn.get(id);
    if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
    const [back, on, before, after] = this.isNarrow
      ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]
      : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
    if (event.key === back) this.along(at.box, "up");
    else if (event.key === on) this.along(at.box, "down");
    else if (event.key === before) this.beside(id!, -1);
    else if (event.key === after) this.beside(id!, 1);
    else if (event.key === "e") this.events.unfold(at.box);
    else return;
    event.preventDefault();
  }

  /** To the nearest neighbour that way, which is brought in where it is hidden. */
  private along(box: Box, way: Way): void {
    const next = () => {
      const [from, to] = way === "up" ? (["to", "from"] as const) : (["from", "to"] as const);
      const ids = this.layout.paths.filter(({ arrow }) => arrow[from] === box.id).map(({ arrow }) => arrow[to]);
      return this.nearest(ids, this.layout.places.get(box.id)!);
    };
    let id = next();
    if (id === undefined && box.hidden[way] > 0) {
      this.events.more(box, way);
      id = next();
    }
    if (id !== undefined) this.focus(id);
  }

  /** To the next box of the same layer. */
  private beside(id: string, step: number): void {
    const along = (point: Point) => (this.isNarrow ? point.x : point.y);
    const across = (point: Point) => (this.isNarrow ? point.y : point.x);
    const here = this.layout.places.get(id)!;
    const layer = [...this.layout.places].filter(([, place]) => Math.abs(across(place) - across(here)) < WIDTH / 2);
    layer.sort((a, b) => along(a[1]) - along(b[1]));
    const next = layer[layer.findIndex(([one]) => one === id) + step];
    if (next) this.focus(next[0]);
  }

  private nearest(ids: string[], to: Point): string | undefined {
    const far = (id: string) => {
      const { x, y } = this.layout.places.get(id)!;
      return Math.hypot(x - to.x, y - to.y);
    };
    return ids.sort((a, b) => far(a) - far(b))[0];
  }
}

function inside({ kind, title, times, line, unseen }: Description): Node[] {
  const only = (text: string) => h("span", { class: "unseen" }, text);
  return [
    icon(kind),
    only(`${unseen.before} `),
    h(
      "span",
      { class: "texts" },
      h("span", { class: "title" }, h("span", { class: "cut" }, own(title)), times !== "" && " ", times !== "" && h("span", { class: "times" }, times)),
      " ",
      h("span", { class: "line" }, own(line)),
    ),
    ...(unseen.after === "" ? [] : [only(`, ${unseen.after}`)]),
  ];
}

function marker(id: string): SVGElement {
  return svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 0.500L8 4L0 7.500z" }));
}

function labelled(text: string, at: Point): SVGElement {
  const shown = text.length > 20 ? `${text.slice(0, 19)}…` : text;
  return svg("text", { x: at.x, y: at.y + 3.5 }, shown);
}
