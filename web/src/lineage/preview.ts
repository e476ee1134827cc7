// What is in a file, as far as it came with the graph.

import { dsvFormat } from "d3-dsv";
import type { FilePreview, GraphFile } from "./answer";
import { h, own } from "./dom";
import { bytes, counted, escaped, escapedLines, shortened } from "./text";

/** Rows and columns of a table that are shown. */
const ROWS = 50;
const COLUMNS = 30;

const WHY_NOT: Record<Extract<FilePreview, { kind: "none" }>["why"], string> = {
  away: "Its content was not on the machine that wrote this.",
  binary: "It is neither text nor a picture.",
  large: "It is a picture that is too large to be shown here.",
  left_out: "So many files were shown already that this one is not.",
  unreadable: "Its content could not be read.",
};

export function preview(of: FilePreview | null | undefined, file: GraphFile, name: string): HTMLElement | null {
  if (!of) return null;
  return h("section", { class: "preview" }, h("h3", {}, "What is in it"), ...content(of, file, name.toLowerCase()));
}

function content(of: FilePreview, file: GraphFile, name: string): (HTMLElement | null)[] {
  switch (of.kind) {
    case "none":
      return [h("p", { class: "quiet" }, WHY_NOT[of.why])];
    case "image":
      return [h("img", { src: `data:${of.media_type};base64,${of.base64}`, alt: `The picture ${escaped(name)}` })];
    case "tree": {
      const rows = of.files.map(({ path, size }) => h("tr", {}, h("td", {}, own(shortened(escaped(path), 200))), h("td", { class: "number" }, bytes(size))));
      return [scrolling(h("table", {}, h("tbody", {}, ...rows))), note(of.more > 0 ? `${counted(of.more, "more file")}` : "")];
    }
    case "text":
      return text(of.text, of.cut, file, name);
  }
}

function text(text: string, cut: boolean, file: GraphFile, name: string): (HTMLElement | null)[] {
  const rest = note(cut ? `The first ${bytes(new TextEncoder().encode(text).length)} of ${bytes(file.size)}` : "");
  if (text === "") return [h("p", { class: "quiet" }, "Nothing: it is empty.")];
  if (/\.(csv|tsv)$/.test(name)) {
    const all = rows(text, cut, name.endsWith(".tsv") ? "\t" : ",");
    if (all.length > 0) return [table(all), note(all.length > ROWS ? `${counted(all.length - ROWS, "more row")}${cut ? " at least" : ""}` : ""), rest];
  }
  return [h("pre", { tabindex: 0 }, escapedLines(/\.json$/.test(name) && !cut ? indented(text) : text)), rest];
}

/** The rows of a table; the last is left out where the text is cut within it. */
export function rows(text: string, cut: boolean, separator: string): string[][] {

  const all = dsvFormat(separator).parseRows(text);
  return cut && all.length > 1 ? all.slice(0, -1) : all;
}

function table([head, ...body]: string[][]): HTMLElement {
  const cells = (row: string[], tag: "td" | "th") => row.slice(0, COLUMNS).map((cell) => h(tag, isNumber(cell) ? { class: "number" } : {}, own(shortened(escaped(cell), 120))));
  return scrolling(h("table", {}, h("thead", {}, h("tr", {}, ...cells(head!, "th"))), h("tbody", {}, ...body.slice(0, ROWS).map((row) => h("tr", {}, ...cells(row, "td"))))));
}

function isNumber(cell: string): boolean {
  return /^-?[\d.,]+(e[+-]?\d+)?%?$/i.test(cell);
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function scrolling(element: HTMLElement): HTMLElement {
  return h("div", { class: "scrolling", tabindex: 0, role: "region", "aria-label": "What is in the file" }, element);
}

function note(text: string): HTMLElement | null {
  return text === "" ? null : h("p", { class: "quiet" }, text);
}
