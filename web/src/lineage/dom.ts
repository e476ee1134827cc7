// Elements with attributes and children; texts become text, never markup.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | boolean | number | null | undefined | ((event: never) => void)>;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return element;
}

/** A text that somebody wrote: which way it is read is its own affair. */
export function own(text: string): HTMLElement {
  return h("bdi", {}, text);
}

/** A small picture from its paths; what it means, the text beside it says. */
export function icon(name: keyof typeof ICONS): SVGElement {
  const parts = ICONS[name].split("|").map((d) => svg("path", { d }));
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, ...parts);
}

const ICONS = {
  file: "M4 1.5h5l3.5 3.5v9.5h-8.5z|M9 1.5v3.5h3.5",
  tree: "M1.5 4v9h13v-7.5h-6.5l-1.5-2h-5z",
  folder: "M1.5 4v9h13v-7.5h-6.5l-1.5-2h-5z",
  gone: "M4 1.5h5l3.5 3.5v9.5h-8.5z|M6 8l4 4|M10 8l-4 4",
  call: "M6 2.5q-2 0-2 2v2q0 1.5-1.5 1.5q1.5 0 1.5 1.5v2q0 2 2 2|M10 2.5q2 0 2 2v2q0 1.5 1.5 1.5q-1.5 0-1.5 1.5v2q0 2-2 2",
  creator: "M6 2.5q-2 0-2 2v2q0 1.5-1.5 1.5q1.5 0 1.5 1.5v2q0 2 2 2|M10 2.5q2 0 2 2v2q0 1.5 1.5 1.5q-1.5 0-1.5 1.5v2q0 2-2 2",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9|M10.5 10.5l3.5 3.5",
  close: "M4 4l8 8|M12 4l-8 8",
  fit: "M2.5 6v-3.5h3.5|M10 2.5h3.5v3.5|M13.5 10v3.5h-3.5|M6 13.5h-3.5v-3.5",
  plus: "M8 3v10|M3 8h10",
  minus: "M3 8h10",
  back: "M3 8a5 5 0 1 1 1.5 3.5|M3 4v4h4",
  help: "M5.5 6q0-3 2.5-3t2.5 2.5q0 1.500-2.500 2.500v1.500|M8 12.500v.5",
} as const;
