// The page that `datlake lineage --format html` writes, and the graph within a page of the server, which has a place for it: reads the graph
// that stands in the page, and keeps the address in its link.

import type { LineageGraph } from "./lineage/answer";
import { nameOf, origin } from "./lineage/describe";
import { h, own } from "./lineage/dom";
import { mountLineage } from "./lineage/lineage";
import { Scene } from "./lineage/scene";
import { shortened } from "./lineage/text";
import "./page.css";

const LINK = "#node=";

function linked(): string | null {
  if (!location.hash.startsWith(LINK)) return null;
  try {
    return decodeURIComponent(location.hash.slice(LINK.length));
  } catch {
    return null;
  }
}

function title(graph: LineageGraph): string {
  const asked = graph.nodes[graph.asked[0] ?? -1];
  return asked ? nameOf(asked) : "The pipeline";
}

function alone(graph: LineageGraph): HTMLElement {
  const host = h("div");
  document.title = `${shortened(title(graph), 80)} · lineage`;
  document.body.classList.add("alone");
  document.body.replaceChildren(
    h("header", { class: "page" }, h("h1", {}, own(title(graph))), h("p", {}, own(origin(new Scene(graph))))),
    h("main", {}, graph.nodes.length > 0 ? host : h("p", { class: "empty" }, "The lake has no calls.")),
  );
  return host;
}

function show(graph: LineageGraph): void {
  const host = document.getElementById("lineage") ?? alone(graph);
  if (graph.nodes.length === 0) return;
  const selected = (address: string | null) => history.replaceState(null, "", address === null ? location.pathname + location.search : LINK + encodeURIComponent(address));
  const view = mountLineage(host, graph, { address: linked(), selected });
  addEventListener("hashchange", () => {
    const address = linked();
    if (address !== null) view.go(address);
  });
}

show(JSON.parse(document.getElementById("answer")!.textContent!) as LineageGraph);
