// A browser without a window, and pages in it that are watched: what they ask for, and what goes wrong in them.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { expect } from "vitest";
import type { LineageGraph } from "../src/lineage/answer";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Where the pages are that the command wrote. */
export const folder = process.env["DATLAKE_PAGES"] ?? "";

export function start(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env["DATLAKE_TEST_CHROMIUM"] || "/usr/bin/chromium", args: FLAGS });
}

export interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
  touch?: boolean;
  hash?: string;
}

export class Opened {
  /** What was asked of anything but the disk. */
  readonly requests: string[] = [];
  readonly errors: string[] = [];

  constructor(readonly page: Page) {
    page.on("request", (request) => /^(file|data):/.test(request.url()) || this.requests.push(request.url()));
    // What the policy keeps back has not left.
    page.on("requestfailed", (request) => request.failure()?.errorText === "csp" && this.requests.splice(this.requests.indexOf(request.url()), 1));
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    page.on("dialog", (dialog) => (this.errors.push(`a dialog: ${dialog.message()}`), void dialog.dismiss()));
  }

  box(name: string) {
    return this.page.locator(`.box:has(.title bdi:text-is(${JSON.stringify(name)}))`);
  }

  titles(): Promise<string[]> {
    return this.page.locator(".box .title").allInnerTexts().then((all) => all.map((text) => text.replace(/\s+/g, " ").trim()).sort());
  }

  drawer() {
    return this.page.locator(".drawer");
  }

  focused(): Promise<string> {
    return this.page.evaluate(() => document.activeElement?.textContent?.replace(/\s+/g, " ").trim() ?? "");
  }

  /** Nothing was asked for, and nothing went wrong. */
  async close(): Promise<void> {
    await this.page.context().close();
    expect(this.requests).toEqual([]);
    expect(this.errors).toEqual([]);
  }
}

/** Opens a page that the command wrote. */
export async function open(browser: Browser, name: string, look: Look = {}): Promise<Opened> {
  const { width = 1280, height = 800, dark = false, touch = false, hash = "" } = look;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", hasTouch: touch, reducedMotion: "reduce" });
  context.setDefaultTimeout(20_000);
  const opened = new Opened(await context.newPage());
  await opened.page.goto(`file://${name.startsWith("/") ? name : join(folder, name)}${hash}`);
  await opened.page.locator(".box, .empty").first().waitFor();
  return opened;
}

/** A page of a graph that no lake has: the command's page, with another graph in it. */
export function pageOf(graph: LineageGraph, name: string): string {
  const page = readFileSync(new URL("../../datlake-cli/page/lineage.html", import.meta.url), "utf8");
  const path = join(folder || tmpdir(), name);
  writeFileSync(path, page.replace("/*answer*/", () => JSON.stringify(graph).replaceAll("<", "\\u003c")));
  return path;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What keeps people out, by axe's own rules: what of it is serious. */
export async function axeOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    type Result = { violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] };
    const { violations } = await (globalThis as unknown as { axe: { run(): Promise<Result> } }).axe.run();
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`);
  });
}

/** Nothing of it. */
export async function accessible({ page }: Opened): Promise<void> {
  expect(await axeOf(page)).toEqual([]);
}
