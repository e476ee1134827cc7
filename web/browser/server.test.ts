// The page of a server, in a browser. datlake-server/tests/http/browser.rs starts the server, puts something into its lake, and runs these.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { axeOf, start } from "./support";

const server = process.env["DATLAKE_SERVER"] ?? "";
const link = process.env["DATLAKE_LINK"] ?? "";
const authorization = `Basic ${btoa(process.env["DATLAKE_ROOT"] ?? "")}`;
const shots = process.env["DATLAKE_SHOTS"];

/** All sections, and a page of each thing that has one, where users wrote what would run if anything of it did. */
const pages = (JSON.parse(process.env["DATLAKE_SEEN"] ?? "[]") as string[]);

let browser: Browser;
let context: BrowserContext;
const wrong: string[] = [];

function watch(page: Page): Page {
  page.on("request", (request) => request.url().startsWith(`${server}/`) || request.url().startsWith("data:") || wrong.push(`asked ${request.url()}`));
  page.on("pageerror", (error) => wrong.push(`${page.url()}: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && !/status of 40[134]/.test(message.text()) && wrong.push(`${page.url()}: ${message.text()}`));
  page.on("dialog", (dialog) => (wrong.push(`${page.url()}: a dialog: ${dialog.message()}`), void dialog.dismiss()));
  return page;
}

async function opened(path: string, of = context): Promise<Page> {
  const page = watch(await of.newPage());
  const answer = await page.goto(server + path);
  expect(answer!.status(), path).toBe(200);
  return page;
}

/** The pictures of the guide, where somebody asks for them. */
async function shot(page: Page, name: string): Promise<void> {
  if (!shots) return;
  await page.setViewportSize({ width: 920, height: 560 });
  await page.screenshot({ path: `${shots}/${name}.png` });
}

async function api(method: string, path: string, body: unknown): Promise<any> {
  const answer = await fetch(`${server}/api/v1${path}`, { method, headers: { authorization, "content-type": "application/json" }, body: JSON.stringify(body) });
  expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
  return answer.json();
}

/** By the keys alone: the link opens a page whose button has the focus. */
beforeAll(async () => {
  browser = await start();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  context.setDefaultTimeout(20_000);
  const page = watch(await context.newPage());
  await page.goto(link);
  await page.locator("button:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server}/`);
  expect(await page.locator("h1").innerText()).toBe("What is going on");
  // It is used up.
  await page.goto(link);
  await page.locator("button:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("[role=alert]").waitFor();
  await page.close();
});
afterAll(async () => {
  await browser.close();
  expect(wrong).toEqual([]);
});

test("a run is followed without loading the page again", async () => {
  const page = await opened("/");
  await page.evaluate(() => ((window as any).same = true));
  const { run_id } = await api("POST", "/jobs/followed/runs", { metadata: { rows: 3 } });
  const row = page.locator("#running-runs tr", { hasText: "followed" });
  await row.waitFor();
  await shot(page, "page-home");
  // By the keys, to the run itself.
  await row.getByRole("link").last().focus();
  await page.keyboard.press("Enter");
  await page.locator("#state .badge", { hasText: "running" }).waitFor();
  await page.evaluate(() => ((window as any).same = true));
  await api("POST", `/jobs/followed/runs/${run_id}/inputs`, { items: [{ kind: "uri", uri: "s3://raw/1.csv" }] });
  await page.locator("#run-inputs", { hasText: "s3://raw/1.csv" }).waitFor();
  await api("PUT", `/jobs/followed/runs/${run_id}/complete`, { success: false, artifacts: [{ type: "log", uri: "lake://logs/followed.log" }] });
  await page.locator("#state .badge", { hasText: "failed" }).waitFor();
  await page.locator("#run-log", { hasText: "lake://logs/followed.log" }).waitFor();
  expect(await page.evaluate(() => (window as any).same)).toBe(true);
  await page.goto(`${server}/`);
  await page.locator("#unlucky-runs tr", { hasText: "followed" }).waitFor();
  await page.close();
});

test("a schedule is paused and run by hand, and the log of a run is read while it grows", async () => {
  await api("PUT", "/jobs/scheduled/schedule", { when: { cron: "30 2 * * *", time_zone: "Europe/Berlin" }, run: { command: ["make", "report"] } });
  const page = await opened("/jobs/scheduled");
  const schedule = page.locator("#job-schedule");
  for (const says of ["30 2 * * * in Europe/Berlin", "make report"]) expect(await schedule.innerText()).toContain(says);
  expect(await schedule.locator("li time").count()).toBe(5);
  await shot(page, "page-schedule");
  // By the keys.
  await schedule.getByRole("button", { name: "Pause" }).focus();
  await page.keyboard.press("Enter");
  await schedule.getByText("nothing is due").waitFor();
  expect(await schedule.locator("li time").count()).toBe(0);
  await schedule.getByRole("button", { name: "Resume" }).click();
  await schedule.getByRole("button", { name: "Pause" }).waitFor();
  await schedule.getByRole("button", { name: "Run now" }).click();
  await page.locator("#job-queue tr", { hasText: "queued" }).waitFor();
  await page.evaluate(() => ((window as any).same = true));
  const { claimed } = await api("POST", "/workers/claim", { worker: "machine-7", jobs: "scheduled" });
  const row = page.locator("#job-queue tr", { hasText: "machine-7" });
  await row.waitFor();
  expect(await page.evaluate(() => (window as any).same)).toBe(true);
  await row.getByRole("link").click();
  await page.locator("#state .badge", { hasText: "running" }).waitFor();
  await page.evaluate(() => ((window as any).same = true));
  const run = `/jobs/scheduled/runs/${claimed.run.run_id}`;
  let offset = 0;
  for (const line of ["the first line\n", "<b class=evil>the second\n"]) {
    const answer = await fetch(`${server}/api/v1${run}/log?offset=${offset}`, { method: "POST", headers: { authorization }, body: line });
    expect(answer.ok, `${answer.status}`).toBe(true);
    offset += line.length;
    await page.locator("#run-log pre", { hasText: line.trim() }).waitFor();
  }
  await api("PUT", `${run}/complete`, { success: true });
  await page.locator("#state .badge", { hasText: "succeeded" }).waitFor();
  // It is asked for no more.
  await page.locator("#run-log [data-grows]").waitFor({ state: "detached" });
  expect(await page.evaluate(() => (window as any).same)).toBe(true);
  await page.close();
});

test("a file is found, and its lineage walked", async () => {
  const page = await opened("/files");
  await page.getByRole("link", { name: "reports/", exact: true }).click();
  await page.getByRole("link", { name: "total.csv", exact: true }).click();
  expect(await page.locator("#content + *").innerText()).toContain("41");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
  expect(download.suggestedFilename()).toBe("total.csv");
  await page.getByRole("link", { name: "Lineage", exact: true }).last().click();
  await page.locator(".box", { hasText: "total.csv" }).first().waitFor();
  await page.locator(".box", { hasText: "numbers.csv" }).first().waitFor();
  await page.locator(".box", { hasText: "total" }).last().click();
  await page.locator(".drawer").waitFor();
  await shot(page, "page-lineage");
  await page.close();
});

test("a commit shows what it changed, line by line", async () => {
  const page = await opened("/repositories");
  await page.getByRole("link", { name: "sales", exact: true }).click();
  await page.getByRole("link", { name: "Log of main" }).click();
  await page.getByRole("row", { name: /The second/ }).getByRole("link").click();
  await page.getByRole("link", { name: "raw/jan.csv" }).click();
  expect(await page.locator(".diff .added").innerText()).toContain("+ x,2");
  expect(await page.locator(".diff .removed").innerText()).toContain("− x,1");
  await page.close();
});

test("a token is revoked, by the keys", async () => {
  const page = await opened("/access/tokens");
  const row = page.getByRole("row", { name: /ada/ }).first();
  await row.getByRole("button").focus();
  await page.keyboard.press("Enter");
  await row.getByText("revoked").waitFor();
  expect(await row.getByRole("button").count()).toBe(0);
  await page.close();
});

test("the keys lead past the links, and from one to the next", async () => {
  const page = await opened("/jobs");
  const focused = () => page.evaluate(() => document.activeElement!.textContent!.trim());
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("All runs");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server}/runs`);
  expect(await page.evaluate(() => getComputedStyle(document.querySelector("a")!).outlineStyle)).toBeDefined();
  await page.close();
});

test("every page is one for everybody: named, narrow, dark, and of what users wrote nothing runs", async () => {
  expect(pages.length).toBeGreaterThan(15);
  const page = await opened("/");
  for (const path of pages) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light" });
    const answer = await page.goto(server + path);
    expect(answer!.status(), path).toBe(200);
    expect(await axeOf(page), path).toEqual([]);
    expect(await page.evaluate(() => document.querySelectorAll("script:not([src]):not([type='application/json']), [onerror], b.evil").length), path).toBe(0);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 375, height: 700 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(375);
    expect(await axeOf(page), `dark: ${path}`).toEqual([]);
  }
  await page.close();
});

test("who signs out is out", async () => {
  const page = await opened("/");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${server}/sign-in`);
  expect(await axeOf(page)).toEqual([]);
  await page.goto(`${server}/jobs`);
  expect(page.url()).toBe(`${server}/sign-in?to=%2Fjobs`);
  await page.close();
});
