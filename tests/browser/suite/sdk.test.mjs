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
