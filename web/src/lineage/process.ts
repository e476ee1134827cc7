// Where a body ran, with what, and what it used: the words of `datlake info`.

import type { BodyProcess } from "./answer";
import { bytes, counted, duration, escaped } from "./text";

/** What there is to say, each with its name. */
export function processFacts(process: BodyProcess | null): [string, string][] {
  if (!process) return [];
  const { shared, place, given, used } = process;
  const facts: [string, string][] = [];
  if (shared) {
    const which = shared.rank === null ? "one" : shared.of === null ? `${shared.rank}` : `${shared.rank} of ${shared.of}`;
    facts.push(["Process", `${which} of ${escaped(shared.id)}`]);
  }
  if (place) {
    const parts = [["cluster", place.cluster], ["node", place.node], ["job", place.job]].map(([what, value]) => value && `${what} ${escaped(value)}`);
    facts.push(["Placed", [escaped(place.by), ...parts].filter((part) => part).join(", ")]);
  }
  const has = [given?.cpus != null && counted(given.cpus, "CPU"), given?.gpus != null && counted(given.gpus, "GPU"), given?.memory != null && `${bytes(given.memory)} of memory`];
  const took = [used?.cpu_ms != null && `${duration(used.cpu_ms)} on CPUs`, used?.peak_memory != null && `at most ${bytes(used.peak_memory)} of memory`];
  for (const [name, parts] of [["Given", has], ["Used", took]] as const) {
    const known = parts.filter((part) => part);
    if (known.length > 0) facts.push([name, known.join(", ")]);
  }
  return facts;
}
