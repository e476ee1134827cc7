import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { fanOut, unlike, withContents } from "../test/sample";
import { accessible, open, pageOf, start } from "./support";

let browser: Browser;
let fan: string;
beforeAll(async () => {
  browser = await start();
  fan = pageOf(fanOut(365), "fan.html");
});
afterAll(() => browser.close());

test("what was asked for stands there with one call each way, and where it comes from", async () => {
  const opened = await open(browser, "which.html");
  expect(await opened.titles()).toEqual(["compare", "count.txt", "count.txt", "reports/which.txt"]);
  const { page } = opened;
  expect(await page.title()).toBe("reports/which.txt · lineage");
  expect(await page.locator("header.page p").innerText()).toMatch(/^Made by compare on \d{4}-\d\d-\d\d \d\d:\d\d UTC by ada@example\.org, from count\.txt$/);
  const asked = await opened.box("reports/which.txt").boundingBox();
  for (const source of await page.locator(".box:has-text('count.txt')").all()) {
    const box = await source.boundingBox();
    expect(box!.x).toBeGreaterThan(0);
    expect(box!.x + box!.width).toBeLessThan(asked!.x);
  }
  await accessible(opened);
  await opened.close();
});

test("more comes on demand, by a press and by the arrow keys", async () => {
  const opened = await open(browser, "which.html");
  const { page } = opened;
  await page.locator(".box .more.up").first().click();
  expect(await opened.titles()).toContain("word_count");
  await page.keyboard.press("s");
  expect(await opened.titles()).toHaveLength(4);
  await opened.box("reports/which.txt").locator(".name").focus();
  for (const wanted of [/^call compare/, /^file count\.txt/, /^call word_count/, /^file corpora\//]) {
    await page.keyboard.press("ArrowLeft");
    expect(await opened.focused()).toMatch(wanted);
  }
  await page.keyboard.press("ArrowRight");
  expect(await opened.focused()).toMatch(/^call word_count/);
  await page.keyboard.press("a");
  expect((await opened.titles()).filter((title) => title.startsWith("corpora/"))).toHaveLength(2);
  await opened.close();
});

test("the keys alone lead everywhere", async () => {
  const opened = await open(browser, "which.html", { width: 900 });
  const { page } = opened;
  expect(await opened.drawer().isVisible()).toBe(false);
  // Search, six tools, and the picture is one stop.
  for (let stop = 0; stop < 8; stop++) await page.keyboard.press("Tab");
  expect(await opened.focused()).toMatch(/^file reports\/which\.txt/);
  await page.keyboard.press("Enter");
  await expect.poll(() => opened.drawer().isVisible()).toBe(true);
  await page.keyboard.press("d");
  expect(await opened.focused()).toBe("reports/which.txt");
  await page.keyboard.press("Escape");
  expect(await opened.drawer().isVisible()).toBe(false);
  expect(await opened.focused()).toMatch(/^file reports\/which\.txt/);
  await page.keyboard.press("?");
  expect(await page.locator("dialog").isVisible()).toBe(true);
  await accessible(opened);
  await page.keyboard.press("Escape");
  expect(await page.locator("dialog").isVisible()).toBe(false);
  const before = await opened.box("compare").boundingBox();
  await page.keyboard.press("+");
  expect((await opened.box("compare").boundingBox())!.width).toBeGreaterThan(before!.width);
  await opened.close();
});

test("the search finds what is not shown, and the link leads there again", async () => {
  const opened = await open(browser, "which.html");
  const { page } = opened;
  await page.keyboard.press("/");
  await page.keyboard.type("snark.txt");
  expect(await page.locator("[role=option] .title").allInnerTexts()).toContain("corpora/snark.txt");
  await accessible(opened);
  await page.keyboard.press("Enter");
  expect(await opened.drawer().locator("h2").innerText()).toBe("corpora/snark.txt");
  expect(await opened.focused()).toMatch(/^file corpora\/snark\.txt/);
  const hash = new URL(page.url()).hash;
  expect(hash).toBe("#node=corpora%2Fsnark.txt");
  await page.keyboard.press("/");
  await page.keyboard.type("no such thing");
  expect(await page.locator(".search .count").innerText()).toBe("Nothing is called so.");
  await opened.close();
  const again = await open(browser, "which.html", { hash });
  expect(await again.drawer().locator("h2").innerText()).toBe("corpora/snark.txt");
  await again.page.goto(again.page.url().replace(/#.*/, "#node=corpora%2Falice.txt"));
  await expect.poll(() => again.drawer().locator("h2").innerText()).toBe("corpora/alice.txt");
  await again.close();
  const wrong = await open(browser, "which.html", { hash: "#node=%E0%A4%A" });
  expect(await wrong.drawer().locator("h2").innerText()).toBe("reports/which.txt");
  await wrong.close();
});

test("an equal fan-out is one box, which opens and closes", async () => {
  const opened = await open(browser, fan);
  const { page } = opened;
  expect(await opened.titles()).toEqual(["given.csv", "month.csv × 365", "monthly × 365"]);
  await opened.box("monthly").locator(".name").click();
  expect(await opened.drawer().locator("h2").innerText()).toBe("monthly × 365");
  await accessible(opened);
  await page.keyboard.press("e");
  expect(await page.locator(".box").count()).toBe(2 * 40 + 3);
  expect(await opened.titles()).toContain("monthly × 325");
  await page.keyboard.press("e");
  expect(await opened.titles()).toEqual(["given.csv", "month.csv × 365", "monthly × 365"]);
  await opened.box("monthly").locator(".unfold").click();
  expect(await page.locator(".box").count()).toBe(83);
  // One of many, by the argument that only it has.
  await page.keyboard.press("/");
  await page.keyboard.type("month=307");
  await page.keyboard.press("Enter");
  expect(await opened.drawer().locator(".arguments").innerText()).toContain("307");
  await opened.close();
});

test("the drawer says what is known, and leads on", async () => {
  const opened = await open(browser, "which.html");
  const drawer = opened.drawer();
  expect(await drawer.innerText()).toContain("ada@example.org");
  await drawer.locator("button.node", { hasText: "compare()" }).click();
  expect(await drawer.locator("h2").innerText()).toBe("compare()");
  const text = await drawer.innerText();
  for (const part of ["Took", "Run", "left", "right", "output_uid", "reports/which.txt", "pipeline.rs:", "datlake explain"]) expect(text).toContain(part);
  await drawer.locator("button.node", { hasText: "count.txt" }).first().click();
  await drawer.locator("button.node", { hasText: "word_count()" }).click();
  expect(await drawer.innerText()).toContain("secret: it counts, and is kept nowhere");
  await accessible(opened);
  await drawer.locator(".close").click();
  expect(await drawer.isVisible()).toBe(false);
  await opened.close();
});

test("dark where the reader wants it, and as easy to read", async () => {
  const light = (page: import("playwright-core").Page) =>
    page.evaluate(() => getComputedStyle(document.querySelector(".lineage")!).backgroundColor.match(/\d+/g)!.map(Number).slice(0, 3).reduce((a, b) => a + b));
  for (const [dark, name] of [[true, "which.html"], [true, fan], [false, "pipeline.html"], [true, "pipeline.html"]] as const) {
    const opened = await open(browser, name, { dark });
    expect((await light(opened.page)) < 300).toBe(dark);
    await accessible(opened);
    await opened.close();
  }
});

test("on a telephone nothing is cut off, and a finger is enough", async () => {
  for (const name of ["which.html", fan, "hostile.html", "pipeline.html"]) {
    const opened = await open(browser, name, { width: 375, height: 700, touch: true });
    const { page } = opened;
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    const small = await page.locator(".tools button:visible, .box .more:visible, .box .unfold:visible").evaluateAll((all) => all.map((one) => (one as HTMLElement).offsetHeight).filter((height) => height < 24));
    expect(small).toEqual([]);
    await page.locator(".box.asked .name, .box .name").first().tap();
    const sheet = await opened.drawer().boundingBox();
    expect([sheet!.x, sheet!.width]).toEqual([0, 375]);
    // What was chosen is not below it.
    const chosen = await page.locator(".box.selected").boundingBox();
    expect(chosen!.y + chosen!.height).toBeLessThanOrEqual(sheet!.y);
    await accessible(opened);
    await page.locator(".drawer .close").tap();
    expect(await opened.drawer().isVisible()).toBe(false);
    await opened.close();
  }
});

test("where there is little width, sources stand above", async () => {
  const opened = await open(browser, "which.html", { width: 375, height: 700 });
  const [source, asked] = [await opened.page.locator(".box:has-text('count.txt')").first().boundingBox(), await opened.box("reports/which.txt").boundingBox()];
  expect(source!.y + source!.height).toBeLessThan(asked!.y);
  await opened.box("reports/which.txt").locator(".name").focus();
  await opened.page.keyboard.press("ArrowUp");
  expect(await opened.focused()).toMatch(/^call compare/);
  await opened.close();
});

test("of ten thousand nodes what is drawn is little, and all of it can be found", async () => {
  for (const [graph, last] of [[unlike(10_000), "in/5000.csv"], [fanOut(5000), "4999"]] as const) {
    const opened = await open(browser, pageOf(graph, "large.html"));
    const { page } = opened;
    const shown = await page.evaluate(() => performance.now());
    expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(4000);
    await page.keyboard.press("/");
    await page.keyboard.type(last);
    await page.keyboard.press("Enter");
    expect(await opened.drawer().innerText()).toContain(last);
    await page.keyboard.press("a");
    expect(await page.locator(".box").count()).toBeLessThan(600);
    console.info(`shown ${Math.round(shown)} ms after it was opened, all that is drawn of it after ${Math.round(await page.evaluate(() => performance.now()))} ms`);
    await opened.close();
  }
});

test("names are text, whatever is in them", async () => {
  const opened = await open(browser, "hostile.html");
  const { page } = opened;
  await page.keyboard.press("a");
  expect(await page.evaluate(() => document.scripts.length)).toBe(1);
  for (const [typed, shown] of [
    ["<script>", "in/<script>alert(1)</script>.txt"],
    ["quoted", "in/\"quoted\" 'twice' &amp; &lt;.txt"],
    ["turned", "in/turned\\u{202e}txt.exe"],
    ["1. list", "in/1. list\u05d0\u05d1\u0627.txt"],
    ["nnnn", `${["n", "m", "o", "p", "q"].map((letter) => letter.repeat(198)).join("/")}`],
  ]) {
    await page.keyboard.press("Escape");
    await page.locator(".search input").fill(typed!);
    await page.locator(".search input").press("Enter");
    expect(await opened.drawer().locator("h2").innerText()).toBe(shown);
    // It stays within its drawer and its box.
    expect(await opened.drawer().evaluate((drawer) => drawer.scrollWidth <= drawer.clientWidth)).toBe(true);
    const box = await page.locator(".box.selected").boundingBox();
    const title = await page.locator(".box.selected .title").boundingBox();
    expect(title!.x + title!.width).toBeLessThanOrEqual(box!.x + box!.width);
  }
  await accessible(opened);
  await opened.close();
});

test("the page runs nothing but its own script", async () => {
  const opened = await open(browser, "which.html");
  const ran = await opened.page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.ran = true";
    document.body.append(script);
    const fetched = await fetch("https://example.org/").then(() => true, () => false);
    const image = new Image();
    const loaded = new Promise((done) => ((image.onload = () => done(true)), (image.onerror = () => done(false))));
    image.src = "https://example.org/a.png";
    return [(globalThis as { ran?: boolean }).ran ?? false, fetched, await loaded];
  });
  expect(ran).toEqual([false, false, false]);
  expect(opened.requests).toEqual([]);
  // The policy says so of each, and that is all that was said.
  expect(opened.errors.filter((error) => !error.includes("Content Security Policy") && !error.includes("Fetch API"))).toEqual([]);
  await opened.page.context().close();
});

test("a pipeline as a whole, and one without calls", async () => {
  const opened = await open(browser, "pipeline.html");
  const titles = await opened.titles();
  for (const name of ["word_count", "compare", "split", "corpora/", "reports/"]) expect(titles).toContain(name);
  expect(await opened.page.locator("h1").innerText()).toBe("The pipeline");
  await opened.box("word_count").locator(".name").click();
  expect(await opened.drawer().innerText()).toContain("Latest call");
  await opened.close();
  const empty = await open(browser, "empty.html");
  expect(await empty.page.locator(".empty").innerText()).toBe("The lake has no calls.");
  await empty.close();
});

test("files and code can be looked at, and stay what they are", async () => {
  const opened = await open(browser, pageOf(withContents(), "contents.html"));
  const { page } = opened;
  const drawer = opened.drawer();
  // A table that is cut off: its last row is left out, markup is text.
  expect(await drawer.locator(".preview th").allInnerTexts()).toEqual(["city", "rain, mm"]);
  expect(await drawer.locator(".preview td").allInnerTexts()).toEqual(["Oslo", "<b>12</b>", "Bergen", "240"]);
  expect(await drawer.innerText()).toContain("of 2.0 KiB");
  await accessible(opened);
  await drawer.locator("button.node", { hasText: "report()" }).click();
  const text = await drawer.innerText();
  for (const part of ["shop 1.0.0, src/main.rs:12", "in commit c0ffeec0ffee", "alert(1)", "2 more items", "calls <what> is not seen", "Changed since", "grace@example.org", "2 of 8 of a-run", "slurm, cluster c, node n1, job 7_2", "1.3 s on CPUs, at most 2.0 KiB of memory"]) expect(text).toContain(part);
  expect(await drawer.locator("a").getAttribute("href")).toMatch(/^https:\/\/example\.org\//);
  expect(await drawer.locator(".difference del").allInnerTexts()).toEqual(["-    n * 2.0\n"]);
  expect(await drawer.locator(".difference ins").allInnerTexts()).toEqual(["+    n * 3.0\n"]);
  await accessible(opened);
  await drawer.locator("button.node", { hasText: "in/a.csv" }).click();
  expect(await drawer.innerText()).toContain("a/<i>.txt");
  await drawer.locator("button.node", { hasText: "fetch()" }).click();
  await drawer.locator("button.node", { hasText: "raw.zip" }).click();
  expect(await drawer.locator(".preview pre").innerText()).toBe('{\n  "a": [\n    1,\n    2\n  ]\n}');
  await page.goto(`${page.url().replace(/#.*/, "")}#node=${encodeURIComponent("@shop/shop::chart/3/0")}`);
  const picture = drawer.locator(".preview img");
  await picture.waitFor();
  await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(40);
  expect(await page.evaluate(() => (globalThis as { ran?: number }).ran)).toBeUndefined();
  await opened.close();
});
