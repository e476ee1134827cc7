// A box to type into, and what it finds: a combobox with a list.

import { kindOf, nameOf, paramsText } from "./describe";
import { h, icon, own } from "./dom";
import type { Scene } from "./scene";
import { counted, shortAddress, shortened } from "./text";

const LISTED = 30;

export class SearchBox {
  readonly element: HTMLElement;
  private readonly input = h("input", {
    type: "search", placeholder: "Search", "aria-label": "Search for files and calls", role: "combobox", "aria-expanded": "false", "aria-controls": "lineage-found", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
  });
  private readonly list = h("ul", { id: "lineage-found", role: "listbox", "aria-label": "Found", hidden: true });
  private readonly count = h("p", { class: "count", role: "status" });
  private found: number[] = [];
  private at = 0;

  constructor(private readonly scene: Scene, private readonly chosen: (node: number) => void) {
    this.element = h("div", { class: "search" }, icon("search"), this.input, h("div", { class: "found" }, this.count, this.list));
    this.input.addEventListener("input", () => this.find());
    this.input.addEventListener("focus", () => this.find());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  private find(): void {
    this.found = this.scene.search(this.input.value);
    this.at = 0;
    const shown = this.found.slice(0, LISTED);
    this.list.replaceChildren(...shown.map((node, at) => this.row(node, at)));
    const isAsked = this.input.value.trim() !== "";
    this.count.textContent = !isAsked ? "" : this.found.length === 0 ? "Nothing is called so." : counted(this.found.length, "node") + (this.found.length > LISTED ? `, the first ${LISTED}:` : ":");
    this.list.hidden = shown.length === 0;
    this.element.classList.toggle("open", isAsked);
    this.input.setAttribute("aria-expanded", String(shown.length > 0));
    this.mark();
  }

  private row(at: number, place: number): HTMLElement {
    const node = this.scene.nodes[at]!;
    const params = node.item.kind === "call" && node.item.details ? paramsText(node.item.details.params) : "";
    const how = node.item.kind === "call" ? params : shortAddress(node.address);
    const row = h(
      "li",
      { role: "option", id: `lineage-found-${place}` },
      icon(kindOf(node)),
      h("span", { class: "texts" }, h("span", { class: "title" }, own(shortened(nameOf(node), 100))), h("span", { class: "line" }, own(shortened(how, 100)))),
    );
    // Before the list goes with the focus of the box.
    row.addEventListener("mousedown", (event) => (event.preventDefault(), this.choose(place)));
    return row;
  }

  private key(event: KeyboardEvent): void {
    const last = Math.min(this.found.length, LISTED) - 1;
    if (event.key === "ArrowDown") this.at = Math.min(last, this.at + 1);
    else if (event.key === "ArrowUp") this.at = Math.max(0, this.at - 1);
    else if (event.key === "Enter") return this.choose(this.at);
    else if (event.key === "Escape") {
      this.input.value = "";
      event.preventDefault();
      event.stopPropagation();
      this.find();
      return this.input.blur();
    } else return;
    event.preventDefault();
    this.mark();
  }

  private mark(): void {
    [...this.list.children].forEach((row, at) => {
      row.setAttribute("aria-selected", String(at === this.at));
      if (at === this.at) row.scrollIntoView({ block: "nearest" });
    });
    const active = this.list.children[this.at];
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  private choose(place: number): void {
    const node = this.found[place];
    if (node === undefined) return;
    this.close();
    this.chosen(node);
  }

  private close(): void {
    this.element.classList.remove("open");
    this.input.setAttribute("aria-expanded", "false");
    this.list.hidden = true;
  }
}
