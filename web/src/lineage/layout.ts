// Places for boxes in layers, by dagre.

import { Graph, layout } from "@dagrejs/dagre";
import type { Arrow, Box } from "./scene";

export const WIDTH = 216;
export const HEIGHT = 58;
/** From so many boxes on the layers are found faster, and are a little wider. */
const MANY = 200;

export interface Point {
  x: number;
  y: number;
}

export interface Layout {
  /** Top left corners. */
  places: Map<string, Point>;
  paths: { arrow: Arrow; points: Point[]; label: Point | null }[];
  width: number;
  height: number;
}

export function placed(boxes: Box[], arrows: Arrow[], isNarrow: boolean): Layout {
  const graph = new Graph({ directed: true });
  graph.setGraph({
    rankdir: isNarrow ? "TB" : "LR",
    nodesep: isNarrow ? 16 : 18,
    ranksep: isNarrow ? 36 : 40,
    edgesep: 10,
    ranker: boxes.length > MANY ? "longest-path" : "network-simplex",
  });
  for (const box of boxes) graph.setNode(box.id, { width: WIDTH, height: HEIGHT });
  for (const { from, to, label } of arrows) {
    const size = label === "" ? {} : { width: isNarrow ? 8 : 6.2 * Math.min(label.length, 20) + 12, height: 16, labelpos: "c" as const };
    graph.setEdge(from, to, size);
  }
  layout(graph);
  const places = new Map<string, Point>();
  for (const id of graph.nodes()) {
    const { x, y } = graph.node(id) as Point;
    places.set(id, { x: x - WIDTH / 2, y: y - HEIGHT / 2 });
  }
  const paths = arrows.map((arrow) => {
    const edge = graph.edge(arrow.from, arrow.to) as { points: Point[]; x?: number; y?: number };
    const label = arrow.label !== "" && edge.x !== undefined ? { x: edge.x, y: edge.y! } : null;
    return { arrow, points: docked(edge.points, places.get(arrow.from)!, places.get(arrow.to)!, isNarrow), label };
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { places, paths, width, height };
}

/** Lines leave a box at the middle of one side, and enter the next at the middle of the other; those that go back do as they can. */
function docked(points: Point[], from: Point, to: Point, isNarrow: boolean): Point[] {
  const start = isNarrow ? { x: from.x + WIDTH / 2, y: from.y + HEIGHT } : { x: from.x + WIDTH, y: from.y + HEIGHT / 2 };
  const end = isNarrow ? { x: to.x + WIDTH / 2, y: to.y } : { x: to.x, y: to.y + HEIGHT / 2 };
  const isForward = isNarrow ? start.y < end.y : start.x < end.x;
  return isForward ? [start, ...points.slice(1, -1), end] : points;
}

/** A smooth line through points, as the path of an SVG. */
export function line(points: Point[], isNarrow: boolean): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of rest) {
    const [a, b] = isNarrow
      ? [{ x: last.x, y: (last.y + point.y) / 2 }, { x: point.x, y: (last.y + point.y) / 2 }]
      : [{ x: (last.x + point.x) / 2, y: last.y }, { x: (last.x + point.x) / 2, y: point.y }];
    path += `C${round(a.x)} ${round(a.y)} ${round(b.x)} ${round(b.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
