import { describe as group, expect, test } from "vitest";
import { describe, commonName, origin } from "../src/lineage/describe";
import { placed } from "../src/lineage/layout";
import { MEMBERS, STEP, Scene, WHOLE } from "../src/lineage/scene";
import { call, fanOut, file, graph, small, unlike } from "./sample";

const titles = (scene: Scene) =>
  scene.boxes().map((box) => {
    const { title, times } = describe(scene, box);
    return times === "" ? title : `${title} ${times}`;
  }).sort();

const boxNamed = (scene: Scene, name: string) => scene.boxes().find((box) => describe(scene, box).title === name)!;

group("what is shown", () => {
  test("first what was asked for, and one call each way", () => {
    const scene = new Scene(small());
    expect(titles(scene)).toEqual(["chart", "chart.svg", "in/a.csv", "in/b.csv", "report", "report.csv"]);
    expect(boxNamed(scene, "in/a.csv").hidden).toEqual({ up: 1, down: 0 });
    expect(boxNamed(scene, "in/b.csv").hidden).toEqual({ up: 0, down: 0 });
  });

  test("more of one way brings a call and what it was given", () => {
    const scene = new Scene(small());
    scene.more(boxNamed(scene, "in/a.csv").members, "up");
    expect(titles(scene)).toContain("raw.zip");
    expect(scene.boxes()).toHaveLength(8);
    scene.start();
    expect(scene.boxes()).toHaveLength(6);
  });

  test("an equal fan-out is one box, whose members can be taken out and put back", () => {
    const scene = new Scene(fanOut(365));
    expect(titles(scene)).toEqual(["given.csv", "month.csv × 365", "monthly × 365"]);
    expect(scene.arrows()).toHaveLength(2);
    const alike = scene.nodes[1]!.alike;
    scene.expand(alike);
    expect(scene.boxes()).toHaveLength(2 * MEMBERS + 3);
    expect(titles(scene)).toContain(`monthly × ${365 - MEMBERS}`);
    expect(scene.isExpanded(alike)).toBe(true);
    scene.fold(alike);
    expect(titles(scene)).toEqual(["given.csv", "month.csv × 365", "monthly × 365"]);
  });

  test("all of a small fan-out comes out", () => {
    const scene = new Scene(fanOut(5));
    scene.expand(1);
    expect(scene.boxes()).toHaveLength(11);
    expect(new Scene(fanOut(3)).boxes()).toHaveLength(7);
  });

  test("a node that is found is shown by itself, and so is what leads to it", () => {
    const far = new Scene(small());
    far.reveal(5);
    expect(titles(far)).toEqual(["chart", "chart.svg", "fetch", "in/a.csv", "in/b.csv", "raw.zip", "report", "report.csv"]);
    const many = new Scene(fanOut(365));
    const found = many.search("month=77");
    expect(found).toHaveLength(1);
    many.reveal(found[0]!);
    expect(many.boxOf(found[0]!)).toBe(`n${found[0]}`);
    expect(titles(many)).toContain("monthly × 364");
  });

  test("of very much that is not alike a step brings a part, and the rest on demand", () => {
    const scene = new Scene(unlike(10_000));
    const first = scene.boxes().length;
    expect(first).toBeLessThanOrEqual(2 * STEP + 1);
    const join = boxNamed(scene, "join");
    expect(join.hidden.up).toBeGreaterThan(5000);
    scene.more(join.members, "up");
    expect(scene.boxes()).toHaveLength(first + STEP);
    scene.everything();
    expect(scene.boxes().length).toBeLessThanOrEqual(first + STEP + WHOLE);
  });

  test("a pipeline is shown as a whole, a circle and a lonely node do no harm", () => {
    const creator = { ...file("shop/shop::report", 0), item: { kind: "creator", creator: "shop/shop::report", calls: 3, files: 3, spent_ms: 61_000, first_at: "", last_at: "", codes: 1 } as const };
    const folder = { ...file("in", 1), item: { kind: "folder", files: 2, bytes: 4096 } as const };
    const scene = new Scene(graph([creator, folder], [[1, 0], [0, 1]], []));
    expect(scene.boxes().map((box) => describe(scene, box).line)).toEqual(["3 calls · 1 min 1 s", "2 files · 4.0 KiB"]);
    expect(placed(scene.boxes(), scene.arrows(), false).places.size).toBe(2);
    expect(new Scene(graph([file("a", 0)], [])).boxes()).toHaveLength(1);
    expect(new Scene(graph([], [], [])).boxes()).toEqual([]);
  });
});

group("search", () => {
  test("finds by name, address, person and argument, names first", () => {
    const scene = new Scene(small());
    const names = (query: string) => scene.search(query).map((at) => scene.nodes[at]!.name);
    expect(names("report")).toEqual(["report", "report.csv"]);
    expect(names("IN/ csv")).toEqual(["a.csv", "b.csv"]);
    expect(names("scale=0.5")).toEqual(["report"]);
    expect(names("ada@")).toHaveLength(8);
    expect(names("  ")).toEqual([]);
    expect(names("nothing")).toEqual([]);
  });

  test("does not find what is secret", () => {
    const node = call("login", 1, 0);
    if (node.item.kind === "call") node.item.details!.params.push({ name: "token", value: null, secret: true });
    expect(new Scene(graph([node], [])).search("token")).toEqual([0]);
    expect(new Scene(graph([node], [])).search("null")).toEqual([]);
  });
});

group("layers", () => {
  test("stand in the direction in which data went, and boxes do not overlap", () => {
    const scene = new Scene(small());
    scene.everything();
    for (const narrow of [false, true]) {
      const { places, width, height } = placed(scene.boxes(), scene.arrows(), narrow);
      for (const { from, to } of scene.arrows()) {
        const [a, b] = [places.get(from)!, places.get(to)!];
        expect(narrow ? a.y < b.y : a.x < b.x).toBe(true);
      }
      const all = [...places.values()];
      all.forEach((a, at) => all.slice(at + 1).forEach((b) => expect(Math.abs(a.x - b.x) >= 216 || Math.abs(a.y - b.y) >= 58).toBe(true)));
      expect(width * height).toBeGreaterThan(0);
    }
  });
});

group("words", () => {
  test("one sentence says where something comes from", () => {
    expect(origin(new Scene(small()))).toBe("Made by report on 2026-11-21 08:37 UTC by ada@example.org, from in/a.csv and in/b.csv");
    expect(origin(new Scene(fanOut(2)))).toBe("Added on 2026-11-21 08:37 UTC by ada@example.org: no call made it");
  });

  test("names of several have a pattern", () => {
    expect(commonName([file("out/jan.csv", 0), file("out/jun.csv", 0), file("out/jul.csv", 0)])).toBe("out/j*.csv");
    expect(commonName([file("same.csv", 0), file("same.csv", 0)])).toBe("same.csv");
  });

  test("a box is described for who does not see it", () => {
    const scene = new Scene(small());
    expect(describe(scene, boxNamed(scene, "in/a.csv"))).toEqual({
      kind: "file", title: "in/a.csv", line: "2.0 KiB · 2026-11-21", times: "", unseen: { before: "file", after: "1 source not shown" },
    });
  });
});
