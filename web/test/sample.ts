// Graphs to try things on, as the command answers them.

import type { FilePreview, GraphEdge, GraphNode, LineageGraph } from "../src/lineage/answer";

export const DIGEST = "3f".repeat(32);

export function file(address: string, alike: number, more: Partial<GraphNode["item"]> = {}): GraphNode {
  const item = {
    kind: "file", uid: address, digest: DIGEST, size: 2048, tree: false, state: "present", version: null, replaced_by: null,
    created_at: "2026-11-21T08:37:53.461Z", originator: "ada@example.org", ...more,
  } as GraphNode["item"];
  return { address, name: address.split("/").pop()!, alike, item };
}

export function call(name: string, key: number, alike: number, params: [string, unknown][] = []): GraphNode {
  const hex = key.toString(16).padStart(64, "0");
  const creator = `shop/shop::${name}`;
  return {
    address: `@${creator}/${hex}`, name, alike,
    item: {
      kind: "call", creator, key: hex, state: "present",
      details: {
        started_at: "2026-11-21T08:37:53.461Z", duration_ms: 1250, originator: "ada@example.org", host: "engine", run: "0199-run", process: null, generics: [],
        params: params.map(([name, value]) => ({ name, value })), unknown: [], values_left_out: 0, inputs: 1, outputs: 1,
        code: { package: "shop", package_version: "1.0.0", module: "shop", file: "src/main.rs", line: 12, hash: DIGEST, commit: null, state: "unknown", permalink: null },
      },
    },
  };
}

export function graph(nodes: GraphNode[], edges: [number, number, ...string[]][], asked = [0]): LineageGraph {
  const all = edges.map(([from, to, ...names]): GraphEdge => ({ from, to, arguments: names, count: 1 }));
  return { asked, nodes, edges: all, more_above: false, left_out: 0, damaged: [] };
}

/** `report.csv` ← report ← `in/0.csv`… ← fetch; and chart reads it. */
export function small(): LineageGraph {
  const nodes = [
    file("report.csv", 0), call("report", 1, 1, [["scale", 0.5]]), file("in/a.csv", 2), file("in/b.csv", 3), call("fetch", 2, 4, [["url", "a"]]), file("raw.zip", 5),
    call("chart", 3, 6), { ...file("@shop/shop::chart/3/0", 7), name: "chart.svg" },
  ];
  return graph(nodes, [[1, 0], [2, 1, "left"], [3, 1, "right"], [4, 2], [5, 4, "zip"], [0, 6, "table"], [6, 7]]);
}

/** A file that `count` calls read, each of which made a file. */
export function fanOut(count: number): LineageGraph {
  const nodes = [file("given.csv", 0)];
  const edges: [number, number, ...string[]][] = [];
  for (let n = 0; n < count; n++) {
    const at = nodes.length;
    nodes.push(call("monthly", n, 1, [["month", n]]), { ...file(`@shop/shop::monthly/${n}/0`, 2), name: "month.csv" });
    edges.push([0, at, "table"], [at, at + 1]);
  }
  return graph(nodes, edges);
}

/** Files whose makers are all of another kind: nothing of it can be folded. */
export function unlike(count: number): LineageGraph {
  const nodes = [file("all.csv", 0), call("join", 0, 1)];
  const edges: [number, number, ...string[]][] = [[1, 0]];
  for (let n = 0; nodes.length < count; n++) {
    nodes.push(file(`in/${n}.csv`, 2 + 2 * n));
    edges.push([nodes.length - 1, 1, "parts"]);
    if (n % 3 === 0 && nodes.length < count) {
      nodes.push(call(`make_${n}`, n, 3 + 2 * n));
      edges.push([nodes.length - 1, nodes.length - 2]);
    }
  }
  return graph(nodes, edges);
}

/** The same graph with what is in its files, and the code that its calls ran. */
export function withContents(): LineageGraph {
  const all = small();
  const previews: Record<string, FilePreview> = {
    "report.csv": { kind: "text", text: 'city,"rain, mm"\nOslo,<b>12</b>\nBergen,240\nLond', cut: true },
    "in/a.csv": { kind: "tree", files: [{ path: "a/<i>.txt", size: 2048 }], more: 7 },
    "in/b.csv": { kind: "none", why: "away" },
    "chart.svg": { kind: "image", media_type: "image/svg+xml", base64: btoa('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><script>parent.ran=1</script><image href="https://example.org/a.png"/><rect width="40" height="20" fill="teal"/></svg>') },
    "raw.zip": { kind: "text", text: '{"a":[1,2]}', cut: false },
  };
  for (const node of all.nodes) {
    if (node.item.kind !== "file") continue;
    node.item.preview = previews[node.address] ?? previews[node.name] ?? null;
    if (node.address === "raw.zip") node.name = "raw.json";
  }
  all.sources = [
    {
      creator: "shop/shop::report", hash: DIGEST, more: 2, notes: [{ item: "shop::report", note: "calls <what> is not seen" }], partial: null, why_not: null,
      items: [
        { item: "shop::report", file: "src/main.rs", line: 12, text: "fn report(scale: f64) -> Result<File> {\n    todo!(\"</script><script>alert(1)</script>\")\n}\n" },
        { item: "shop::scale", file: "src/main.rs", line: 20, text: null },
      ],
      since: {
        latest: "ab".repeat(32), started_at: "2026-11-22T08:37:53Z", originator: "grace@example.org", changes: ["`shop::scale` changed"],
        sources: [{ item: "shop::scale", was: "fn scale(n: f64) -> f64 {\n    n * 2.0\n}\n", now: "fn scale(n: f64) -> f64 {\n    n * 3.0\n}\n" }],
      },
    },
  ];
  const call = all.nodes[1]!.item;
  if (call.kind !== "call" || !call.details) return all;
  call.details.process = { shared: { id: "a-run", rank: 2, of: 8 }, place: { by: "slurm", cluster: "c", node: "n1", job: "7_2" }, given: null, used: { peak_memory: 2048, cpu_ms: 1250 } };
  Object.assign(call.details.code, { commit: "c0ffee".repeat(7).slice(0, 40), state: "committed", permalink: "https://example.org/shop/blob/c0ffee/src/main.rs#L12" });
  return all;
}
