// Text for people. What others wrote into a lake is shown and never obeyed: control characters and marks of direction are
// written as escapes, as the command does it.

const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

export function escaped(text: string): string {
  return text.replace(HARMFUL, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** As `escaped`, but lines and tabs stay what they are. */
export function escapedLines(text: string): string {
  return text.replace(HARMFUL, (c) => (c === "\n" || c === "\t" ? c : c === "\r" ? "" : `\\u{${c.codePointAt(0)!.toString(16)}}`));
}

/** At most `most` characters: what is in the middle goes, for names differ at their ends. */
export function shortened(text: string, most: number): string {
  const all = [...text];
  if (all.length <= most) return text;
  const end = Math.floor((most - 1) * 0.6);
  return `${all.slice(0, most - 1 - end).join("")}…${all.slice(all.length - end).join("")}`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  for (; count >= 1024 && unit + 1 < units.length; unit++) count /= 1024;
  return unit === 0 ? `${count} B` : `${count.toFixed(1)} ${units[unit]}`;
}

export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return `${ms} ms`;
  if (seconds < 60) return ms % 1000 === 0 ? `${seconds} s` : `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function day(time: string): string {
  return /^\d{4}-\d\d-\d\d/.test(time) ? time.slice(0, 10) : escaped(time);
}

/** A time to the minute, of one in RFC 3339. */
export function minute(time: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(time) ? `${time.slice(0, 10)} ${time.slice(11, 16)}` : escaped(time);
}

export function second(time: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(time) ? `${time.slice(0, 10)} ${time.slice(11, 19)} UTC` : escaped(time);
}

/** So many things, each called `what`. */
export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** A number with its thousands apart. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** The key of a call, as short as people read it. */
export function shortKey(key: string): string {
  return key.slice(0, 12);
}

/** A UID or a call, with keys as short as commands understand them. */
export function shortAddress(address: string): string {
  return address.startsWith("@") ? escaped(address.replace(/\b([0-9a-f]{12})[0-9a-f]{20,}\b/g, "$1")) : escaped(address);
}

/** The value of an argument, on one line; a file by what people call it. */
export function valueText(value: unknown): string {
  if (value !== null && typeof value === "object") {
    const file = (value as { $file?: { uid?: string; name?: string } }).$file;
    if (file?.uid ?? file?.name) return shortAddress((file.uid ?? file.name)!);
    const large = (value as { $large?: { bytes: number } }).$large;
    if (large) return `${bytes(large.bytes)} of JSON`;
  }
  return escaped(typeof value === "string" ? value : JSON.stringify(value));
}

export function isFileValue(value: unknown): boolean {
  return value !== null && typeof value === "object" && "$file" in value;
}
