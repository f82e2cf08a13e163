// Uppy 5 and 6, with grants and with the Companion facade.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { openClients, uploadAndCheck } from "./page.mjs";
import { start } from "./world.mjs";

const GRANTS = ["alibaba-chatapp", "alibaba-workorder", "tencent-lke", "huawei-aicc", "alibaba-dashscope"];
const FACADE = ["alibaba-chatapp", "alibaba-workorder", "alibaba-dashscope"];
const PAIRS = {
  "uppy 5 getUploadParameters": GRANTS,
  "uppy 6 signRequest": GRANTS,
  "uppy 5 Companion endpoint": FACADE,
  "uppy 6 companionEndpoint": FACADE,
};

let world, page;
before(async () => { world = await start(); page = await openClients(world); });
after(async () => { await page?.close(); await world?.stop(); });
beforeEach(() => world.fresh());

for (const [client, flows] of Object.entries(PAIRS)) {
  for (const flow of flows) {
    test(`${client}: ${flow}`, async () => {
      const { file, result, object } = await uploadAndCheck(world, page, client, flow);
      assert.equal(result.uploads.length, 1);
      assert.equal(result.progress.at(-1), file.buffer.length);
      if (flow !== "huawei-aicc") assert.equal(object.content_type, "image/png", "the type is stored");
    });
  }
}

// Where the store's CORS rule keeps browsers out, Uppy does not come back for another grant: it is given relay grants.
// So is Uppy 5 where the rule hides the ETag, without which it never ends.
const DIRECT = GRANTS.filter((flow) => flow !== "huawei-aicc");
const HIDDEN = { "uppy 5 getUploadParameters": "relay", "uppy 6 signRequest": undefined };
for (const [client, mode] of Object.entries(HIDDEN)) {
  for (const flow of DIRECT) {
    test(`${client}, store CORS off: ${flow} by relay`, async () => {
      await world.fresh({ store_cors: "off" });
      await uploadAndCheck(world, page, client, flow, { mode: "relay", label: `${client}, store CORS off` });
    });
    test(`${client}, ETag hidden: ${flow} ${mode ? "by relay" : ""}`, async () => {
      await world.fresh({ store_cors: "hidden-etag" });
      await uploadAndCheck(world, page, client, flow, { mode, label: `${client}, ETag hidden` });
    });
  }
}
