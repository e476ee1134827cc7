// Builds one file that opens from the disk: scripts and styles stand in it, and a policy that allows nothing else.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** What of others is in the page. */
const OTHERS = ["@dagrejs/dagre", "@dagrejs/graphlib", "d3-dsv", "diff"];

/** Their licences ask for a place in every copy. */
function licences(): string {
  const one = (name: string) => {
    const folder = new URL(`node_modules/${name}/`, import.meta.url);
    const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as { version: string };
    return `${name} ${version}\n\n${readFileSync(new URL("LICENSE", folder), "utf8").trim()}`;
  };
  return `<!--\nThis page contains:\n\n${OTHERS.map(one).join("\n\n\n").replace(/--+/g, "-")}\n-->\n`;
}

function inOneFile(): Plugin {
  return {
    name: "in-one-file",
    enforce: "post",
    generateBundle(_, bundle) {
      const html = bundle["lineage.html"];
      if (html?.type !== "asset") throw new Error("there is no page");
      let page = String(html.source);
      const hashes: Record<"script" | "style", string[]> = { script: [], style: [] };
      const inlined = (tag: "script" | "style", file: string, attributes: string): string => {
        const part = bundle[file];
        if (!part) throw new Error(`the page names ${file}, which there is not`);
        const text = (part.type === "chunk" ? part.code : String(part.source)).trim();
        if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${file} would end its element`);
        hashes[tag].push(`'sha256-${createHash("sha256").update(text).digest("base64")}'`);
        delete bundle[file];
        return `<${tag}${attributes}>${text}</${tag}>`;
      };
      page = page.replace(/<script type="module"[^>]* src="\/([^"]+)"><\/script>/g, (_, file: string) => inlined("script", file, ' type="module"'));
      page = page.replace(/<link rel="stylesheet"[^>]* href="\/([^"]+)">/g, (_, file: string) => inlined("style", file, ""));
      const policy = `default-src 'none'; script-src ${hashes.script.join(" ")}; style-src ${hashes.style.join(" ")}; img-src data:; base-uri 'none'; form-action 'none'`;
      page = page.replace('<meta charset="utf-8">', (charset) => `${charset}\n<meta http-equiv="Content-Security-Policy" content="${policy}">`);
      page = page.trimEnd() + "\n" + licences();
      if (page.split("/*answer*/").length !== 2) throw new Error("the place of the answer is not in the page once");
      html.source = page;
      const left = Object.keys(bundle).filter((file) => file !== "lineage.html");
      if (left.length > 0) throw new Error(`beside the page there would be ${left.join(", ")}`);
    },
  };
}

export default defineConfig({
  plugins: [inOneFile()],
  test: { include: ["test/**/*.test.ts"] },
  build: {
    target: "es2022",
    outDir: process.env["PAGE_OUT"] ?? "../datlake-cli/page",
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: "lineage.html" },
  },
});
