// What of a graph is shown: the nodes that somebody asked for, and equal fan-outs as one box. Decides; draws nothing.

import type { GraphNode, LineageGraph } from "./answer";
import { escaped } from "./text";

export type Way = "up" | "down";

export interface Box {
  /** The same for as long as the box stands for the same. */
  id: string;
  /** Positions of the nodes that it stands for. */
  members: number[];
  isMany: boolean;
  isAsked: boolean;
  /** How many neighbours are not shown. */
  hidden: Record<Way, number>;
}

export interface Arrow {
  from: string;
  to: string;
  label: string;
}

/** Nodes that are alike are one box from so many on. */
export const FEW = 4;
/** What one step brings in, fan-outs counted as one. */
export const STEP = 60;
/** What is shown at once of a graph as a whole. */
export const WHOLE = 300;
/** Members of a fan-out that one step shows one by one. */
export const MEMBERS = 40;

export class Scene {
  readonly nodes: GraphNode[];
  private readonly near: Record<Way, number[][]>;
  private readonly edgeAt = new Map<string, number>();
  private readonly alike = new Map<number, number[]>();
  private shown = new Set<number>();
  /** Members of fan-outs that are shown one by one. */
  private out = new Set<number>();
  /** How many of those that are alike are shown and not one by one: counted once, until that changes. */
  private folded = new Map<number, number>();
  private searched: string[] | null = null;

  constructor(readonly graph: LineageGraph) {
    this.nodes = graph.nodes;
    const none = () => graph.nodes.map(() => [] as number[]);
    this.near = { up: none(), down: none() };
    graph.edges.forEach((edge, at) => {
      this.near.down[edge.from]!.push(edge.to);
      this.near.up[edge.to]!.push(edge.from);
      this.edgeAt.set(`${edge.from} ${edge.to}`, at);
    });
    graph.nodes.forEach((node, at) => {
      const others = this.alike.get(node.alike);
      if (others) others.push(at);
      else this.alike.set(node.alike, [at]);
    });
    this.start();
  }

  /** What was asked for, and one call each way; a pipeline as a whole. */
  start(): void {
    this.shown = new Set();
    this.out = new Set();
    this.folded.clear();
    if (this.graph.asked.length === 0) return this.everything();
    this.bring(this.graph.asked, STEP);
    for (const way of ["up", "down"] as const) this.more(this.graph.asked, way);
  }

  /** As much as can be shown, the nearest first. */
  everything(): void {
    const first = this.graph.asked.length > 0 ? this.graph.asked : this.nodes.map((_, at) => at);
    const seen = new Set(first);
    // A set that grows while it is walked through.
    for (const at of seen) for (const way of ["up", "down"] as const) this.near[way][at]!.forEach((one) => seen.add(one));
    this.bring(seen, WHOLE);
  }

  /** One call further from these nodes. */
  more(from: Iterable<number>, way: Way): void {
    const found = new Set<number>();
    for (const at of from) {
      for (const one of this.near[way][at]!) {
        found.add(one);
        if (!this.isCall(one)) continue;
        // Of a call what it was given, or the files that it made.
        if (way === "up" && !this.isCall(at)) this.near.up[one]!.forEach((given) => found.add(given));
        if (way === "down") this.near.down[one]!.forEach((made) => this.isCall(made) || found.add(made));
      }
    }
    this.bring(found, STEP);
  }

  /** Shows members of a fan-out one by one, with what each made or was made by. */
  expand(alike: number): void {
    const folded = this.members(alike).filter((at) => this.shown.has(at) && !this.out.has(at));
    for (const at of folded.slice(0, MEMBERS)) this.takeOut(at);
  }

  /** Shows a fan-out as one box again. */
  fold(alike: number): void {
    for (const at of this.members(alike)) {
      this.out.delete(at);
      this.companions(at).forEach((one) => this.out.delete(one));
    }
    this.folded.clear();
  }

  isExpanded(alike: number): boolean {
    return this.members(alike).some((at) => this.out.has(at)) && this.members(alike).length >= FEW;
  }

  /** Shows one node, by itself, with what leads to it from what is shown already. */
  reveal(node: number): void {
    this.approach([node]);
    this.takeOut(node);
  }

  /** Shows nodes that are alike, with what leads to the first from what is shown already. */
  approach(nodes: number[]): void {
    if (!this.shown.has(nodes[0]!)) this.pathTo(nodes[0]!).forEach((at) => this.shown.add(at));
    nodes.forEach((at) => this.shown.add(at));
    this.folded.clear();
  }

  boxes(): Box[] {
    const boxes = new Map<string, Box>();
    for (const at of this.shown) {
      const id = this.boxOf(at);
      const box = boxes.get(id);
      if (box) box.members.push(at);
      else boxes.set(id, { id, members: [at], isMany: false, isAsked: false, hidden: { up: 0, down: 0 } });
    }
    const asked = new Set(this.graph.asked);
    for (const box of boxes.values()) {
      box.isMany = box.members.length > 1;
      box.isAsked = box.members.some((at) => asked.has(at));
      for (const way of ["up", "down"] as const) box.hidden[way] = this.hiddenNear(box.members, way);
    }
    return [...boxes.values()];
  }

  arrows(): Arrow[] {
    const found = new Map<string, { from: string; to: string; count: number; names: Set<string> }>();
    for (const at of this.shown) {
      for (const next of this.near.down[at]!) {
        if (!this.shown.has(next)) continue;
        const [from, to] = [this.boxOf(at), this.boxOf(next)];
        if (from === to) continue;
        const edge = this.graph.edges[this.edgeAt.get(`${at} ${next}`)!]!;
        const id = `${from} ${to}`;
        const arrow = found.get(id) ?? { from, to, count: 0, names: new Set<string>() };
        arrow.count += edge.count;
        edge.arguments.forEach((name) => arrow.names.add(name));
        found.set(id, arrow);
      }
    }
    const isPipeline = this.graph.asked.length === 0;
    return [...found.values()].map(({ from, to, count, names }) => {
      const many = isPipeline && count > 1 ? `×${count}` : "";
      // Of many places in one argument the argument.
      const whole = names.size > 1 ? new Set([...names].map((name) => /^[^.[]+/.exec(name)?.[0] ?? name)) : names;
      const some = [...whole].slice(0, 3).map(escaped).join(", ") + (whole.size > 3 ? ", …" : "");
      return { from, to, label: isPipeline ? many : some };
    });
  }

  /** The box that a node is shown in; what it would be, where it is not shown. */
  boxOf(node: number): string {
    const { alike } = this.nodes[node]!;
    return this.out.has(node) || this.foldedCount(alike) < FEW ? `n${node}` : `g${alike}`;
  }

  isShown(node: number): boolean {
    return this.shown.has(node);
  }

  neighbours(node: number, way: Way): number[] {
    return this.near[way][node]!;
  }

  edge(from: number, to: number): LineageGraph["edges"][number] | undefined {
    const at = this.edgeAt.get(`${from} ${to}`);
    return at === undefined ? undefined : this.graph.edges[at];
  }

  /** Positions of all nodes that are like it, shown or not. */
  members(alike: number): number[] {
    return this.alike.get(alike) ?? [];
  }

  byAddress(address: string): number | undefined {
    const at = this.nodes.findIndex((node) => node.address === address);
    return at < 0 ? undefined : at;
  }

  /** Nodes with all words in their names, addresses, people or arguments; the best first. */
  search(query: string): number[] {
    const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
    if (words.length === 0) return [];
    this.searched ??= this.nodes.map(searchable);
    const word = words[0]!;
    const rank = (at: number) => {
      const [name, address] = [this.nodes[at]!.name.toLowerCase(), this.nodes[at]!.address.toLowerCase()];
      if (name === word || address === word) return 0;
      if (name.startsWith(word)) return 1;
      return name.includes(word) || address.includes(word) ? 2 : 3;
    };
    const found: [number, number][] = [];
    this.searched.forEach((text, at) => {
      if (words.every((word) => text.includes(word))) found.push([rank(at), at]);
    });
    return found.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, at]) => at);
  }

  private isCall(at: number): boolean {
    return this.nodes[at]!.item.kind === "call";
  }

  /** Shows nodes until there are `most` boxes more; what is left stays hidden, and its neighbours say how much that is. */
  private bring(nodes: Iterable<number>, most: number): void {
    const brought = new Set<string>();
    for (const at of nodes) {
      if (this.shown.has(at)) continue;
      const { alike } = this.nodes[at]!;
      const box = this.members(alike).length >= FEW ? `g${alike}` : `n${at}`;
      if (!brought.has(box) && brought.size >= most) continue;
      brought.add(box);
      this.shown.add(at);
    }
    this.folded.clear();
  }

  private takeOut(at: number): void {
    for (const one of [at, ...this.companions(at)]) {
      if (!this.shown.has(one)) continue;
      this.out.add(one);
    }
    this.folded.clear();
  }

  /** Of a call its few files, of a file of a call that made few, the call. */
  private companions(at: number): number[] {
    const made = (call: number) => this.near.down[call]!.filter((one) => this.nodes[one]!.item.kind === "file");
    if (this.isCall(at)) return made(at).length < FEW ? made(at) : [];
    return this.near.up[at]!.filter((call) => made(call).length < FEW);
  }

  private foldedCount(alike: number): number {
    let count = this.folded.get(alike);
    if (count === undefined) {
      count = this.members(alike).filter((at) => this.shown.has(at) && !this.out.has(at)).length;
      this.folded.set(alike, count);
    }
    return count;
  }

  private hiddenNear(nodes: number[], way: Way): number {
    const hidden = new Set<number>();
    for (const at of nodes) this.near[way][at]!.forEach((one) => this.shown.has(one) || hidden.add(one));
    return hidden.size;
  }

  /** The shortest way from what is shown, with the node at its end. */
  private pathTo(node: number): number[] {
    const cameFrom = new Map<number, number | null>([[node, null]]);
    for (const at of cameFrom.keys()) {
      if (this.shown.has(at)) {
        const path = [];
        for (let step: number | null = at; step !== null; step = cameFrom.get(step) ?? null) path.push(step);
        return path;
      }
      for (const way of ["up", "down"] as const) {
        for (const one of this.near[way][at]!) if (!cameFrom.has(one)) cameFrom.set(one, at);
      }
    }
    return [node];
  }
}

function searchable(node: GraphNode): string {
  const { item } = node;
  const more: string[] = [];
  if (item.kind === "file") more.push(item.originator ?? "", item.digest, item.created_at ?? "");
  if (item.kind === "call" && item.details) {
    const { originator, started_at, host, run, params } = item.details;
    more.push(originator, started_at, host, run);
    for (const { name, value, secret } of params) more.push(secret ? name : `${name}=${JSON.stringify(value)}`);
  }
  return [node.name, node.address, ...more].join("\n").toLowerCase();
}
