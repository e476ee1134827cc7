// What is known of one box: facts, arguments, code, what it came from and what came of it, and what is in the file.

import type { CallDetails, GraphCall, GraphFile, GraphNode, Param, UpstreamState } from "./answer";
import { code } from "./code";
import { kindOf, commonName, nameOf, paramsText } from "./describe";
import { h, icon, own } from "./dom";
import { preview } from "./preview";
import { processFacts } from "./process";
import { FEW, type Box, type Scene } from "./scene";
import { bytes, counted, duration, escaped, escapedLines, grouped, isFileValue, second, shortAddress, shortKey, shortened, valueText } from "./text";

/** Neighbours and members that are listed. */
const LISTED = 100;
/** Characters of an argument that are shown. */
const VALUE = 4000;

export interface DrawerEvents {
  /** A node is to be shown; of several that are alike their box. */
  go(nodes: number[]): void;
  unfold(box: Box): void;
  close(): void;
}

/** The content of the drawer for a box. */
export function drawer(scene: Scene, box: Box, events: DrawerEvents): HTMLElement[] {
  const at = box.members[0]!;
  const node = scene.nodes[at]!;
  const close = h("button", { type: "button", class: "close", "aria-label": "Close the details", title: "Close (Escape)", onclick: () => events.close() }, icon("close"));
  return [close, ...(box.isMany ? ofMany(scene, box, events) : ofOne(scene, at, node, events))];
}

function heading(kind: string, name: string, address: string): HTMLElement {
  return h(
    "header",
    {},
    h("p", { class: "kind" }, kind),
    h("h2", { tabindex: -1, class: name.length > 60 ? "long" : null }, own(name)),
    address !== name && address !== "" && h("p", { class: "address" }, own(address)),
  );
}

function ofOne(scene: Scene, at: number, node: GraphNode, events: DrawerEvents): HTMLElement[] {
  const { item } = node;
  const address = shortAddress(node.address);
  switch (item.kind) {
    case "file":
      return [
        heading(item.tree ? "Tree" : "File", nameOf(node), address),
        facts(fileFacts(item)),
        maker(scene, at, events),
        preview(item.preview, item, node.name),
        section("Read by", neighbours(scene, at, "down", events)),
        section("BLAKE3", h("p", {}, h("code", {}, item.digest))),
        section("To do with it", commands(node, ["info", item.tree ? "ls" : "cat", "get"])),
      ].filter(isThere);
    case "call":
      return [
        heading("Call", `${escaped(node.name)}()`, address),
        facts(callFacts(item)),
        section("Made from", neighbours(scene, at, "up", events)),
        section("Made", neighbours(scene, at, "down", events)),
        parameters(item.details),
        code(scene.graph, item),
        section("To do with it", commands(node, ["info", "code", "explain"])),
      ].filter(isThere);
    case "creator":
      return [
        heading("Creator", escaped(node.name), address),
        facts([
          ["Calls", grouped(item.calls)],
          ["Files made", grouped(item.files)],
          ["Took in all", duration(item.spent_ms)],
          ["First call", second(item.first_at)],
          ["Latest call", second(item.last_at)],
          ["Versions of its code", grouped(item.codes)],
        ]),
        section("Reads from", neighbours(scene, at, "up", events)),
        section("Goes to", neighbours(scene, at, "down", events)),
        section("To do with it", commands({ ...node, address: item.creator }, ["lineage", "calls"])),
      ].filter(isThere);
    case "folder":
      return [
        heading("Folder", nameOf(node), ""),
        facts([
          ["Files", grouped(item.files)],
          ["Size", bytes(item.bytes)],
        ]),
        section("Comes from", neighbours(scene, at, "up", events)),
        section("Read by", neighbours(scene, at, "down", events)),
      ].filter(isThere);
  }
}

function ofMany(scene: Scene, box: Box, events: DrawerEvents): HTMLElement[] {
  const nodes = box.members.map((at) => scene.nodes[at]!);
  const isFiles = nodes[0]!.item.kind === "file";
  const what = isFiles ? "file" : "call";
  const times = nodes.flatMap(({ item }) => (item.kind === "file" ? [item.created_at] : item.kind === "call" ? [item.details?.started_at] : [])).filter((time) => typeof time === "string").sort();
  const people = new Set(nodes.flatMap(({ item }) => (item.kind === "file" ? [item.originator] : item.kind === "call" ? [item.details?.originator] : [])));
  const size = nodes.reduce((all, { item }) => all + (item.kind === "file" ? item.size : 0), 0);
  const spent = nodes.reduce((all, { item }) => all + (item.kind === "call" ? (item.details?.duration_ms ?? 0) : 0), 0);
  const label = (node: GraphNode) => {
    if (node.item.kind !== "call" || !node.item.details) return shortAddress(node.address);
    return paramsText(node.item.details.params) || shortKey(node.item.key);
  };
  return [
    heading(`${counted(nodes.length, what)} that came to be alike`, `${commonName(nodes)} × ${grouped(nodes.length)}`, ""),
    h("p", {}, h("button", { type: "button", class: "wide", onclick: () => events.unfold(box) }, "Show one by one")),
    facts([
      isFiles ? ["Sizes together", bytes(size)] : ["Took in all", duration(spent)],
      ["First", second(times[0] ?? "")],
      ["Last", second(times[times.length - 1] ?? "")],
      ["By", [...people].filter((one) => one).map((one) => escaped(one!)).slice(0, 5).join(", ")],
    ]),
    section(isFiles ? "The files" : "The calls", list(scene, box.members, label, () => "", events, false)),
  ].filter(isThere);
}

type Fact = [string, string | HTMLElement | null];

function facts(all: Fact[]): HTMLElement {
  const shown = all.filter(([, value]) => value !== null && value !== "");
  return h("dl", {}, ...shown.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? own(value) : value)]));
}

const STATES: Record<UpstreamState, string | null> = {
  present: null,
  replaced: "Replaced since: there is something else under this name",
  removed: "Removed since",
  unnamed: "An intermediate that the lake has no name for",
};

function fileFacts(file: GraphFile): Fact[] {
  const replaced = file.replaced_by;
  return [
    ["State", file.version !== null ? "An earlier version" : STATES[file.state]],
    ["Size", file.tree ? `${bytes(file.size)} (its list)` : bytes(file.size)],
    ["When", file.created_at === null ? null : second(file.created_at)],
    ["By", file.originator === null ? null : escaped(file.originator)],
    ["Replaced", replaced ? `${second(replaced.at)} by ${escaped(replaced.originator)}` : null],
  ];
}

function callFacts({ creator, state, details }: GraphCall): Fact[] {
  const all: Fact[] = [
    ["State", state === "replaced" ? "Has returned another value since" : state === "removed" ? "Removed since" : null],
    ["Creator", escaped(creator)],
  ];
  if (!details) return all;
  const unseen = details.unknown.length > 0 ? `No known call returned its ${details.unknown.map(escaped).join(", ")}` : null;
  return [
    ...all,
    ["When", second(details.started_at)],
    ["Took", duration(details.duration_ms)],
    ["By", escaped(details.originator)],
    ["On", escaped(details.host)],
    ["Run", h("code", {}, escaped(details.run))],
    ...processFacts(details.process),
    ["Types", details.generics.map(([name, value]) => `${escaped(name)} = ${escaped(value)}`).join(", ")],
    ["Not known", unseen],
    ["Not listed", details.values_left_out > 0 ? counted(details.values_left_out, "more value") : null],
  ];
}

function maker(scene: Scene, at: number, events: DrawerEvents): HTMLElement | null {
  const makers = scene.neighbours(at, "up");
  if (makers.length === 0) return null;
  const sources = makers.flatMap((call) => scene.neighbours(call, "up"));
  return h(
    "div",
    {},
    section("Made by", neighbours(scene, at, "up", events)),
    section("From", sources.length > 0 ? list(scene, sources, (node) => nameOf(node), (one) => argument(scene, one, makers), events) : null),
  );
}

function argument(scene: Scene, from: number, to: number[]): string {
  return to.flatMap((call) => scene.edge(from, call)?.arguments ?? []).map(escaped).join(", ");
}

function neighbours(scene: Scene, at: number, way: "up" | "down", events: DrawerEvents): HTMLElement | null {
  const near = scene.neighbours(at, way);
  if (near.length === 0) return null;
  const label = (node: GraphNode) => nameOf(node) + (node.item.kind === "call" ? "()" : "");
  const how = (one: number) => {
    const edge = way === "up" ? scene.edge(one, at) : scene.edge(at, one);
    const names = edge?.arguments.map(escaped).join(", ") ?? "";
    return names !== "" ? names : edge && edge.count > 1 ? `× ${edge.count}` : "";
  };
  return list(scene, near, label, how, events);
}

function list(scene: Scene, nodes: number[], label: (node: GraphNode) => string, how: (node: number) => string, events: DrawerEvents, folded = true): HTMLElement {
  const groups = folded ? alike(scene, nodes) : nodes.map((at) => [at]);
  const row = (group: number[]) => {
    const node = scene.nodes[group[0]!]!;
    const text = group.length > 1 ? commonName(group.map((at) => scene.nodes[at]!)) : shortened(label(node), 120);
    const times = group.length > 1 ? `× ${grouped(group.length)}` : how(group[0]!);
    return h("li", {}, h("button", { type: "button", class: "node", onclick: () => events.go(group) }, icon(kindOf(node)), h("span", { class: "cut" }, own(text)), times !== "" && h("span", { class: "how" }, times)));
  };
  const more = groups.length - LISTED;
  return h("ul", { class: "nodes" }, ...groups.slice(0, LISTED).map(row), more > 0 && h("li", { class: "rest" }, `and ${grouped(more)} more: the search finds them`));
}

/** Nodes, those that are alike together where they are many. */
function alike(scene: Scene, nodes: number[]): number[][] {
  const groups = new Map<number, number[]>();
  for (const at of nodes) {
    const { alike } = scene.nodes[at]!;
    const group = groups.get(alike);
    if (group) group.push(at);
    else groups.set(alike, [at]);
  }
  return [...groups.values()].flatMap((group) => (group.length >= FEW ? [group] : group.map((at) => [at])));
}

function parameters(details: CallDetails | null): HTMLElement | null {
  if (!details || details.params.length === 0) return null;
  const row = (param: Param) => h("tr", {}, h("th", { scope: "row" }, escaped(param.name)), h("td", {}, value(param)));
  return section("Arguments", h("table", { class: "arguments" }, h("tbody", {}, ...details.params.map(row))));
}

function value(param: Param): HTMLElement {
  if (param.secret) return h("em", {}, "secret: it counts, and is kept nowhere");
  const { value } = param;
  if (isFileValue(value) || value === null || typeof value !== "object" || "$large" in value) return own(shortened(valueText(value), VALUE));
  const text = JSON.stringify(value, null, 1);
  return text.length < 60 ? own(valueText(value)) : h("pre", { tabindex: 0 }, shortened(escapedLines(text), VALUE));
}

/** What to type for more. */
function commands(node: GraphNode, words: string[]): HTMLElement | null {
  const address = shortAddress(node.address);
  if (node.address.startsWith("digest:") || node.address.includes("#")) return null;
  const quoted = /^[\w@./:+,=-]+$/.test(address) ? address : `'${address.replaceAll("'", "'\\''")}'`;
  return h("pre", { tabindex: 0, class: "commands" }, words.map((word) => `datlake ${word} ${quoted}`).join("\n"));
}

function section(title: string, content: HTMLElement | null): HTMLElement | null {
  return content && h("section", {}, h("h3", {}, title), content);
}

function isThere(element: HTMLElement | null): element is HTMLElement {
  return element !== null;
}
