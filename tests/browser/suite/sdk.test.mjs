// The vendors' own SDKs with credentials mode.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { openClients, uploadAndCheck } from "./page.mjs";
import { start } from "./world.mjs";

let world, page;
before(async () => { world = await start(); page = await openClients(world); });
after(async () => { await page?.close(); await world?.stop(); });
beforeEach(() => world.fresh());

test("ali-oss: alibaba-chatapp", async () => {
  const { object } = await uploadAndCheck(world, page, "ali-oss", "alibaba-chatapp", { mode: "credentials" });
  assert.equal(object.content_type, "image/png");
});

test("cos-js-sdk-v5: tencent-lke, one file after the other", async () => {
  await uploadAndCheck(world, page, "cos-js-sdk-v5", "tencent-lke", { mode: "credentials" });
  // The keys are for one path: a second file needs its own.
  await uploadAndCheck(world, page, "cos-js-sdk-v5", "tencent-lke", { mode: "credentials", count: 2 });
});

for (const [client, flow] of [["ali-oss", "alibaba-chatapp"], ["cos-js-sdk-v5", "tencent-lke"]]) {
  test(`${client}, ETag hidden: ${flow}`, async () => {
    await world.fresh({ store_cors: "hidden-etag" });
    await uploadAndCheck(world, page, client, flow, { mode: "credentials", label: `${client}, ETag hidden` });
  });
  test(`${client}, store CORS off: ${flow} fails, and nothing else does`, async () => {
    await world.fresh({ store_cors: "off" });
    await assert.rejects(uploadAndCheck(world, page, client, flow, { mode: "credentials" }));
    assert.deepEqual(await world.objects(), []);
  });
}
