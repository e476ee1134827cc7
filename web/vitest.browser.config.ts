// The tests of the whole page, in a browser. datlake-cli/tests/cli/page.rs makes the pages, by the command, and runs these.

import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["browser/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false } });
