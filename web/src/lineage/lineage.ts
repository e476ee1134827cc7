// The component: a graph in, elements out. It knows neither where the graph came from nor the page that it stands on.

import type { LineageGraph } from "./answer";
import { Canvas } from "./canvas";
import { h, icon } from "./dom";
import { drawer } from "./drawer";
import { Scene, type Box, type Way } from "./scene";
import { SearchBox } from "./search";
import { counted, escaped } from "./text";
import "./lineage.css";

export interface LineageOptions {
  /** What is selected first; else what was asked for. */
  address?: string | null;
  /** Something was selected, or nothing. */
  selected?(address: string | null): void;
}

export interface LineageView {
  /** Shows a node and selects it; whether there is one of that address. */
  go(address: string): boolean;
}

export function mountLineage(host: HTMLElement, graph: LineageGraph, options: LineageOptions = {}): LineageView {
  const view = new Lineage(host, graph, options);
  view.begin(options.address ?? null);
  return view;
}

class Lineage implements LineageView {
  private readonly scene: Scene;
  private readonly canvas: Canvas;
  private readonly search: SearchBox;
  private readonly drawer = h("aside", { class: "drawer", "aria-label": "Details", hidden: true });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly help = helpDialog();
  private selected: string | null = null;

  constructor(private readonly host: HTMLElement, graph: LineageGraph, private readonly options: LineageOptions) {
    this.scene = new Scene(graph);
    this.canvas = new Canvas(this.scene, {
      chosen: (box) => this.select(box.id, { open: true }),
      more: (box, way) => this.more(box, way),
      unfold: (box) => this.unfold(box),
    });
    this.search = new SearchBox(this.scene, (node) => this.show(node));
    host.classList.add("lineage");
    const notes = notesOf(graph);
    host.replaceChildren(
      this.tools(),
      h("div", { class: "stage" }, this.canvas.element, this.drawer),
      ...(notes.length > 0 ? [h("p", { class: "notes" }, notes.join(" "))] : []),
      this.said,
      this.help,
    );
    document.addEventListener("keydown", (event) => this.key(event));
    this.redrawWhenTurned();
  }

  begin(address: string | null): void {
    this.canvas.draw(null);
    const node = address === null ? undefined : this.scene.byAddress(address);
    if (node !== undefined) return this.show(node);
    const asked = this.scene.graph.asked[0];
    const box = asked === undefined ? null : this.scene.boxOf(asked);
    // There is room for both, the picture and what is known of it.
    if (box !== null && this.host.clientWidth > 1000) this.select(box, { open: true, silent: true });
    else this.select(box, { silent: true });
    this.canvas.fit(box);
  }

  go(address: string): boolean {
    const node = this.scene.byAddress(address);
    if (node === undefined) return false;
    if (this.selected === null || this.selected !== this.scene.boxOf(node) || !this.scene.isShown(node)) this.show(node);
    return true;
  }

  private tools(): HTMLElement {
    const tool = (name: Parameters<typeof icon>[0], label: string, keys: string, run: () => void) =>
      h("button", { type: "button", "aria-label": label, title: `${label} (${keys})`, onclick: run }, icon(name));
    return h(
      "div",
      { class: "tools", role: "toolbar", "aria-label": "Lineage" },
      this.search.element,
      h("span", { class: "group" },
        tool("minus", "Zoom out", "-", () => this.canvas.camera.zoom(0.8)),
        tool("plus", "Zoom in", "+", () => this.canvas.camera.zoom(1.25)),
        tool("fit", "Show the whole picture", "0", () => this.canvas.fit(null, 0)),
      ),
      h("span", { class: "group" },
        h("button", { type: "button", class: "worded", title: "Show everything (a)", onclick: () => this.everything() }, "All"),
        tool("back", "Back to the start", "s", () => this.restart()),
        tool("help", "Keys", "?", () => this.help.showModal()),
      ),
    );
  }

  private more(box: Box, way: Way): void {
    const before = this.count();
    this.scene.more(box.members, way);
    this.canvas.draw(box.id);
    this.say(`${counted(this.count() - before, "more box").replace("boxs", "boxes")} shown.`);
  }

  private unfold(box: Box): void {
    const { alike } = this.scene.nodes[box.members[0]!]!;
    const keep = box.members[0]!;
    if (box.isMany) this.scene.expand(alike);
    else if (this.scene.isExpanded(alike)) this.scene.fold(alike);
    else return;
    this.canvas.draw(box.id);
    const now = this.scene.boxOf(keep);
    this.select(now, { open: !this.drawer.hidden });
    this.canvas.focus(now);
    this.say(box.isMany ? "Shown one by one." : "Shown as one box.");
  }

  /** Shows one node, wherever it is in the graph. */
  private show(node: number): void {
    this.scene.reveal(node);
    this.arrive(this.scene.boxOf(node));
  }

  private showAll(nodes: number[]): void {
    if (nodes.length === 1) return this.show(nodes[0]!);
    this.scene.approach(nodes);
    this.arrive(this.scene.boxOf(nodes[0]!));
  }

  private arrive(id: string): void {
    this.canvas.draw(this.selected);
    this.select(id, { open: true });
    this.canvas.fit(id);
    this.canvas.focus(id);
  }

  private everything(): void {
    this.scene.everything();
    this.canvas.draw(this.selected);
    this.canvas.fit(this.selected, 0);
    const hidden = this.scene.nodes.length - this.scene.boxes().reduce((all, box) => all + box.members.length, 0);
    this.say(hidden > 0 ? `${counted(hidden, "node")} more than one picture shows: go on from what is there, or search.` : "Everything is shown.");
  }

  private restart(): void {
    this.scene.start();
    this.canvas.draw(null);
    this.begin(null);
  }

  private select(id: string | null, how: { open?: boolean; silent?: boolean }): void {
    this.selected = id;
    const box = this.scene.boxes().find((one) => one.id === id);
    if (box && how.open) this.open(box);
    else if (!box) this.hide();
    this.canvas.select(box ? box.id : null);
    if (!how.silent) this.options.selected?.(box ? this.scene.nodes[box.members[0]!]!.address : null);
  }

  private open(box: Box): void {
    const events = { go: (nodes: number[]) => this.showAll(nodes), unfold: (box: Box) => this.unfold(box), close: () => this.close() };
    this.drawer.replaceChildren(...drawer(this.scene, box, events));
    this.drawer.hidden = false;
    this.drawer.scrollTop = 0;
    // Where there is little width it lies over the picture.
    this.canvas.camera.covered = getComputedStyle(this.drawer).position === "absolute" ? this.drawer.offsetHeight : 0;
  }

  private hide(): void {
    this.drawer.hidden = true;
    this.canvas.camera.covered = 0;
  }

  private close(): void {
    this.hide();
    if (this.selected !== null) this.canvas.focus(this.selected);
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const isOurs = target === document.body || this.host.contains(target);
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey || target instanceof HTMLInputElement || this.help.open) return;
    const run: Record<string, () => void> = {
      "/": () => this.search.focus(),
      "+": () => this.canvas.camera.zoom(1.25),
      "=": () => this.canvas.camera.zoom(1.25),
      "-": () => this.canvas.camera.zoom(0.8),
      "0": () => this.canvas.fit(null, 0),
      a: () => this.everything(),
      s: () => this.restart(),
      d: () => this.toDetails(),
      "?": () => this.help.showModal(),
      Escape: () => this.close(),
    };
    const action = run[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  private toDetails(): void {
    const box = this.scene.boxes().find((one) => one.id === this.selected);
    if (box && this.drawer.hidden) this.open(box);
    this.drawer.querySelector<HTMLElement>("h2")?.focus();
  }

  private count(): number {
    return this.scene.boxes().length;
  }

  private say(text: string): void {
    this.said.textContent = text;
  }

  /** Between a tall and a wide window the layers turn. */
  private redrawWhenTurned(): void {
    let was: boolean | null = null;
    new ResizeObserver(() => {
      const now = this.canvas.isNarrow;
      if (was !== null && was !== now) {
        this.canvas.draw(this.selected);
        this.canvas.fit(this.selected);
      }
      was = now;
    }).observe(this.host);
  }
}

function notesOf(graph: LineageGraph): string[] {
  const notes = [];
  if (graph.more_above) notes.push("There is more above: --depth says how many calls to go up.");
  if (graph.left_out > 0) notes.push(`${counted(graph.left_out, "call")} below not looked at: --depth and --limit say how far to go.`);
  if (graph.damaged.length > 0) notes.push(`${counted(graph.damaged.length, "call")} cannot be read: ${graph.damaged.slice(0, 3).map(({ what }) => escaped(what)).join(", ")}.`);
  return notes;
}

const KEYS: [string, string][] = [
  ["← →", "to what it comes from, to what was made from it; what is hidden is brought in (↑ ↓ where sources stand above)"],
  ["↑ ↓", "to the next one beside it"],
  ["Enter", "what is known of it"],
  ["d", "into the details; Escape leaves and closes them"],
  ["e", "a fan-out one by one, or as one box again"],
  ["/", "search"],
  ["+ − 0", "larger, smaller, the whole picture"],
  ["a", "everything"],
  ["s", "back to the start"],
];

function helpDialog(): HTMLDialogElement {
  const close = () => dialog.close();
  const dialog = h(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", {}, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])),
    h("p", {}, "Drag to move, turn the wheel or pinch to zoom. + beside a box brings in what is hidden."),
    h("button", { type: "button", class: "wide", onclick: close }, "Close"),
  );
  return dialog;
}
