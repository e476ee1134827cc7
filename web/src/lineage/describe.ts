// What a box says of what it stands for, in two short lines.

import type { GraphCall, GraphFile, GraphNode, Param } from "./answer";
import type { Box, Scene } from "./scene";
import { bytes, counted, day, duration, escaped, grouped, minute, shortAddress, shortened, valueText } from "./text";

export type BoxKind = "file" | "tree" | "gone" | "call" | "creator" | "folder";

export interface Description {
  kind: BoxKind;
  /** Short enough for a box. */
  title: string;
  line: string;
  /** How many it stands for, where that is more than one. */
  times: string;
  /** What the shape, the border and what stands beside the box say, for who does not see them. */
  unseen: { before: string; after: string };
}

const TITLE = 60;

export function describe(scene: Scene, box: Box): Description {
  const nodes = box.members.map((at) => scene.nodes[at]!);
  const first = nodes[0]!;
  const kind = kindOf(first);
  const name = box.isMany ? commonName(nodes) : nameOf(first);
  const line = box.isMany ? lineOfMany(nodes) : lineOf(first);
  const times = box.isMany ? `× ${grouped(box.members.length)}` : "";
  const what = { file: "file", tree: "tree", gone: "file that is gone", call: "call", creator: "creator", folder: "folder" }[kind];
  const after = [
    box.isAsked ? "asked for" : "",
    box.hidden.up > 0 ? `${counted(box.hidden.up, "source")} not shown` : "",
    box.hidden.down > 0 ? `${counted(box.hidden.down, "use")} not shown` : "",
  ];
  const unseen = { before: what, after: after.filter((part) => part !== "").join(", ") };
  return { kind, title: shortened(name, TITLE), line, times, unseen };
}

export function kindOf({ item }: GraphNode): BoxKind {
  if (item.kind !== "file") return item.kind;
  if (item.state !== "present" && item.version === null) return "gone";
  return item.tree ? "tree" : "file";
}

/** What people call a node: of a file with a chosen name the whole name. */
export function nameOf({ item, name }: GraphNode): string {
  if (item.kind === "file") {
    if (item.version !== null) return escaped(item.version);
    if (item.uid !== null && !item.uid.startsWith("@")) return escaped(item.uid);
    return escaped(name);
  }
  return escaped(name);
}

function lineOf({ item }: GraphNode): string {
  switch (item.kind) {
    case "file":
      return fileLine(item);
    case "call":
      return callLine(item);
    case "creator":
      return `${counted(item.calls, "call")} · ${duration(item.spent_ms)}`;
    case "folder":
      return `${counted(item.files, "file")} · ${bytes(item.bytes)}`;
  }
}

function fileLine(file: GraphFile): string {
  if (file.state !== "present" && file.version === null) {
    return { replaced: "replaced since", removed: "removed since", unnamed: "an intermediate without a name" }[file.state as "removed"];
  }
  const size = file.tree ? "tree" : bytes(file.size);
  return file.created_at === null ? size : `${size} · ${day(file.created_at)}`;
}

function callLine({ details, state }: GraphCall): string {
  if (!details) return state === "replaced" ? "has returned another value since" : "removed since";
  const given = paramsText(details.params);
  return `${duration(details.duration_ms)} · ${given === "" ? day(details.started_at) : given}`;
}

/** Arguments that are words or numbers, on one line. */
export function paramsText(params: Param[]): string {
  const plain = params.filter((param) => !param.secret && ["string", "number", "boolean"].includes(typeof param.value));
  return plain.map(({ name, value }) => `${escaped(name)} ${shortened(valueText(value), 24)}`).join(", ");
}

function lineOfMany(nodes: GraphNode[]): string {
  const sum = (of: (node: GraphNode) => number) => nodes.reduce((all, node) => all + of(node), 0);
  if (nodes[0]!.item.kind === "file") return bytes(sum(({ item }) => (item.kind === "file" ? item.size : 0)));
  const spent = sum(({ item }) => (item.kind === "call" ? (item.details?.duration_ms ?? 0) : 0));
  return `${duration(spent)} in all`;
}

/** The one name of several, or a pattern of what their names begin and end with. */
export function commonName(nodes: GraphNode[]): string {
  const names = nodes.map(nameOf);
  const first = names[0]!;
  if (names.every((name) => name === first)) return first;
  let start = first.length;
  for (const name of names) while (!name.startsWith(first.slice(0, start))) start--;
  const ending = /\.[a-z0-9]{1,8}$/i.exec(first)?.[0] ?? "";
  return `${first.slice(0, start)}*${names.every((name) => name.endsWith(ending)) ? ending : ""}`;
}

/** One sentence on where what was asked for comes from. */
export function origin(scene: Scene): string {
  const { asked } = scene.graph;
  const node = scene.nodes[asked[0] ?? -1];
  if (!node) return `${counted(scene.nodes.filter(({ item }) => item.kind === "creator").length, "creator")}, from the records of their calls`;
  if (asked.length > 1) return `${counted(asked.length, "call")} of ${escaped(node.name)}`;
  const maker = scene.neighbours(asked[0]!, "up").find((at) => scene.nodes[at]!.item.kind === "call");
  const at = node.item.kind === "call" ? asked[0] : maker;
  if (at === undefined) return added(node);
  const call = scene.nodes[at]!;
  const details = call.item.kind === "call" ? call.item.details : null;
  const given = scene.neighbours(at, "up").map((one) => nameOf(scene.nodes[one]!));
  const how = details ? ` on ${minute(details.started_at)} UTC by ${escaped(details.originator)}` : "";
  const verb = node.item.kind === "call" ? "Returned" : "Made";
  return `${verb} by ${escaped(call.name)}${how}${from(given)}`;
}

function added({ item }: GraphNode): string {
  if (item.kind !== "file" || item.created_at === null) return "";
  return `Added on ${minute(item.created_at)} UTC by ${escaped(item.originator ?? "somebody")}: no call made it`;
}

function from(names: string[]): string {
  const shown = [...new Set(names)].map((name) => shortened(shortAddress(name), 40));
  if (shown.length === 0) return ", from no file";
  if (shown.length <= 2) return `, from ${shown.join(" and ")}`;
  return `, from ${shown[0]} and ${shown.length - 1} others`;
}
