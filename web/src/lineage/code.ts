// The code of a call: where it stands, as it ran, and what is different in the latest call.

import { structuredPatch } from "diff";
import type { CallCode, CodeSince, GraphCall, GraphSources, LineageGraph } from "./answer";
import { h, own } from "./dom";
import { counted, escaped, escapedLines, second, shortKey } from "./text";

export function code(graph: LineageGraph, call: GraphCall): HTMLElement | null {
  const of = call.details?.code;
  if (!of) return null;
  const sources = graph.sources?.find((one) => one.creator === call.creator && one.hash === of.hash);
  return h("section", { class: "code" }, h("h3", {}, "Code"), place(of), ...(sources ? texts(sources, call.key) : []));
}

function place(code: CallCode): HTMLElement {
  const commit = code.commit === null ? "" : escaped(code.commit.slice(0, 12));
  const state = {
    committed: `in commit ${commit}`,
    uncommitted: commit === "" ? "uncommitted" : `uncommitted, grew from ${commit}`,
    unknown: "of no repository that is known",
  }[code.state];
  return h(
    "p",
    {},
    own(`${code.package} ${code.package_version}, ${escaped(code.file)}:${code.line}`),
    h("br"),
    isWeb(code.permalink) ? h("a", { href: code.permalink, target: "_blank", rel: "noopener noreferrer" }, state) : state,
  );
}

/** A link may be anything that somebody wrote into a record: only one to the web is one. */
export function isWeb(link: string | null): link is string {
  return link !== null && /^https?:\/\//i.test(link);
}

function texts(of: GraphSources, key: string): (HTMLElement | null)[] {
  const [first, ...others] = of.items;
  return [
    of.why_not === null ? null : h("p", { class: "quiet" }, `Its source cannot be shown: ${escaped(of.why_not)}`),
    first ? item(first, true) : null,
    others.length > 0
      ? h("details", {}, h("summary", {}, `What it depends on: ${counted(others.length + of.more, "item")}`), ...others.map((one) => item(one, false)))
      : null,
    of.more > 0 ? h("p", { class: "quiet" }, `${counted(of.more, "more item")}: datlake code shows all`) : null,
    ...of.notes.map(({ item, note }) => h("p", { class: "quiet" }, `Not seen: ${escaped(item)} ${escaped(note)}`)),
    of.partial === null ? null : h("p", { class: "quiet" }, `Not all of it was looked at: ${escaped(of.partial)}`),
    of.since && of.since.latest !== key ? since(of.since) : null,
  ];
}

function item({ item, file, line, text }: GraphSources["items"][number], open: boolean): HTMLElement {
  const where = h("span", { class: "how" }, `${escaped(file)}:${line}`);
  const content = text === null ? h("p", { class: "quiet" }, "Its source was found neither in the lake, nor in git, nor on the disk.") : h("pre", { tabindex: 0 }, escapedLines(text));
  return h("details", { open }, h("summary", {}, own(escaped(item)), " ", where), content);
}

function since(since: CodeSince): HTMLElement {
  const changed = since.sources.map(({ item, was, now }) =>
    h("div", {}, h("h4", {}, own(escaped(item))), was === null || now === null ? h("p", { class: "quiet" }, "One of its two sources is not known.") : difference(was, now)),
  );
  return h(
    "div",
    { class: "since" },
    h("h3", {}, "Changed since"),
    h("p", {}, `The latest call, ${shortKey(since.latest)}, ran other code on ${second(since.started_at)}, by ${escaped(since.originator)}.`),
    since.sources.length === 0 && h("ul", {}, ...since.changes.slice(0, 20).map((change) => h("li", {}, own(escaped(change))))),
    ...changed,
  );
}

function difference(was: string, now: string): HTMLElement {
  const { hunks } = structuredPatch("", "", was, now, "", "", { context: 3 });
  const kinds: Record<string, "ins" | "del"> = { "+": "ins", "-": "del" };
  const lines = hunks.flatMap(({ lines }, at) => [...(at > 0 ? ["⋯"] : []), ...lines.filter((line) => !line.startsWith("\\"))]);
  return h(
    "pre",
    { class: "difference", tabindex: 0 },
    ...lines.map((line) => h(kinds[line[0]!] ?? "span", {}, `${escapedLines(line)}\n`)),
  );
}
