import { expect, test } from "vitest";
import { processFacts } from "../src/lineage/process";

test("where a body ran is said as far as it is known", () => {
  const process = {
    shared: { id: "20261121083753-ab12", rank: 2, of: 8 },
    place: { by: "slurm", cluster: "c", node: "n1\u202e", job: "7_2" },
    given: { cpus: 4, gpus: 1, memory: 16 * 1024 ** 3 },
    used: { peak_memory: 2 * 1024 ** 3, cpu_ms: 1250 },
  };
  expect(processFacts(process)).toEqual([
    ["Process", "2 of 8 of 20261121083753-ab12"],
    ["Placed", "slurm, cluster c, node n1\\u{202e}, job 7_2"],
    ["Given", "4 CPUs, 1 GPU, 16.0 GiB of memory"],
    ["Used", "1.3 s on CPUs, at most 2.0 GiB of memory"],
  ]);
  const little = { shared: { id: "a", rank: null, of: null }, place: null, given: { cpus: null, gpus: null, memory: null }, used: null };
  expect(processFacts(little)).toEqual([["Process", "one of a"]]);
  expect(processFacts(null)).toEqual([]);
});
