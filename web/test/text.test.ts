import { expect, test } from "vitest";
import { isWeb } from "../src/lineage/code";
import { rows } from "../src/lineage/preview";
import { bytes, counted, duration, escaped, escapedLines, minute, shortAddress, shortened, valueText } from "../src/lineage/text";

test("control characters and marks of direction are shown, and turn nothing round", () => {
  expect(escaped("naïve €.txt אב")).toBe("naïve €.txt אב");
  expect(escaped("a\u001b[2J\nb\u202ec\u009bd")).toBe("a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{9b}d");
  expect(escapedLines("a\r\n\tb\u0007")).toBe("a\n\tb\\u{7}");
});

test("sizes, times and counts read as the command writes them", () => {
  expect([900, 1536, 5 * 1024 ** 3].map(bytes)).toEqual(["900 B", "1.5 KiB", "5.0 GiB"]);
  expect([12, 1000, 1250, 61_000, 7_260_000].map(duration)).toEqual(["12 ms", "1 s", "1.3 s", "1 min 1 s", "2 h 1 min"]);
  expect(minute("2026-11-21T08:37:53.461Z")).toBe("2026-11-21 08:37");
  expect(minute("soon\n")).toBe("soon\\u{a}");
  expect(counted(10_000, "node")).toBe("10\u202f000 nodes");
});

test("long names are cut in the middle, keys to what commands understand", () => {
  expect(shortened("abcdefghijkl", 7)).toBe("abc…jkl");
  expect([...shortened("𝕏".repeat(2000), 60)]).toHaveLength(60);
  expect(shortAddress(`@shop/shop::report/${"3f".repeat(32)}/0`)).toBe("@shop/shop::report/3f3f3f3f3f3f/0");
  expect(shortAddress("3f".repeat(32))).toBe("3f".repeat(32));
});

test("values are shown on one line, files by their names", () => {
  expect(valueText({ $file: { uid: "in/a.csv", digest: "3f" } })).toBe("in/a.csv");
  expect(valueText({ $file: { uid: null, name: "part.csv" } })).toBe("part.csv");
  expect(valueText({ $large: { bytes: 4096 } })).toBe("4.0 KiB of JSON");
  expect(valueText({ a: [1, null] })).toBe('{"a":[1,null]}');
  expect(valueText("<b>\u202e")).toBe("<b>\\u{202e}");
});

test("of a table that is cut the last row is left out", () => {
  expect(rows('a,b\n1,"x, ""y"""\n2,\n', false, ",")).toEqual([["a", "b"], ["1", 'x, "y"'], ["2", ""]]);
  expect(rows("a\tb\n1\t2\n3", true, "\t")).toEqual([["a", "b"], ["1", "2"]]);
});

test("only a link to the web is a link", () => {
  expect(isWeb("https://example.org/a")).toBe(true);
  for (const link of ["javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", null]) expect(isWeb(link)).toBe(false);
});
