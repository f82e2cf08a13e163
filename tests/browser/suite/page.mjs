// A page with the clients on it.
import assert from "node:assert/strict";
import { passed, sampleFile } from "./world.mjs";

/** A client that waits for ever is stopped here. */
const PATIENCE = 30_000;

export async function openClients(world) {
  const context = await world.browser.newContext();
  const page = await context.newPage();
  await page.goto(world.pages);
  await page.waitForSelector("body[data-ready]", { state: "attached" });
  return {
    close: () => context.close(),
    run(client, fn, file, options) {
      const { name, mimeType: type, buffer } = file;
      const work = page.evaluate(([client, fn, file, options]) => window.run(client, fn, file, options),
        [client, fn, { name, type, bytes: buffer.toString("base64") }, options]);
      let timer;
      const never = new Promise((_, failed) => { timer = setTimeout(() => failed(new Error(`${client} does not come to an end`)), PATIENCE); });
      return Promise.race([work, never]).finally(() => clearTimeout(timer));
    },
  };
}

/** Uploads by this client to this flow; the store must hold exactly the file. */
export async function uploadAndCheck(world, page, client, flow, { mode, label = client, count = 1, fn = world.functions[flow] } = {}) {
  const file = sampleFile(flow);
  const result = await page.run(client, fn, file, { mode });
  const objects = await world.objects();
  assert.equal(objects.length, count, "objects stored");
  assert.ok((await world.bytesOf(objects.at(-1))).equals(file.buffer), "the stored bytes are the file's");
  passed(label, flow, mode);
  return { file, result, object: objects.at(-1) };
}
