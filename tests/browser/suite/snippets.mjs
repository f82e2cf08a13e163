// Writes the snippets of the client's README (```js NAME) to .tools/browser/snippets, once beside each major version of Uppy.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.join(path.dirname(new URL(import.meta.url).pathname), "../../..");
const tools = path.join(process.env.TOOLS, "browser");
const readme = readFileSync(path.join(root, "shared/client/README.md"), "utf8");
rmSync(path.join(tools, "snippets"), { recursive: true, force: true });
for (const [version, packages] of Object.entries({ 5: "node_modules/uppy/node_modules", 6: "node_modules" })) {
  const folder = path.join(tools, "snippets", version);
  mkdirSync(folder, { recursive: true });
  symlinkSync(path.join(tools, packages), path.join(folder, "node_modules"));
  for (const [, name, text] of readme.matchAll(/^```js (\S+)\n([^]*?)^```$/gm)) writeFileSync(path.join(folder, name), text);
}
