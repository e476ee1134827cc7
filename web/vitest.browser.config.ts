// The tests of whole pages, in a browser. datlake-cli/tests/cli/page.rs makes those of the lineage, by the command, and runs page.test.ts;
// datlake-server/tests/http/browser.rs starts a server, and runs server.test.ts.

import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["browser/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false } });
