// fetch (the snippet of the README) and XMLHttpRequest.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openClients, uploadAndCheck } from "./page.mjs";
import { start } from "./world.mjs";

const OFFERED = {
  "alibaba-chatapp": ["form", "put", "relay"],
  "alibaba-workorder": ["form", "relay"],
  "tencent-lke": ["put", "relay"],
  "alibaba-aicontent": ["form", "relay"],
  "huawei-aicc": ["relay"],
};
const ALL = Object.entries(OFFERED).flatMap(([flow, modes]) => modes.map((mode) => [flow, mode]));
const DIRECT = ALL.filter(([, mode]) => mode !== "relay");

let world, page;
before(async () => { world = await start(); page = await openClients(world); });
after(async () => { await page?.close(); await world?.stop(); });
beforeEach(() => world.fresh());

describe("fetch", () => {
  for (const [flow, mode] of ALL) {
    test(`${flow} ${mode}`, async () => {
      const { file, result } = await uploadAndCheck(world, page, "fetch", flow, { mode });
      assert.equal(result.receipt.filename, file.name);
      assert.equal(result.receipt.verified, mode === "relay" ? "function" : "client");
      if (flow === "alibaba-aicontent") assert.ok(result.receipt.vendor.record_id);
      else assert.ok(result.receipt.etag);
    });
  }
  test("what the function refuses is a problem with its code", async () => {
    const refused = page.run("fetch", world.functions["alibaba-chatapp"], { name: "a.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") });
    await assert.rejects(refused, /contradicts/);
    assert.deepEqual(await world.objects(), []);
  });
  test("what the store refuses is not taken for success, nor relayed", async () => {
    await world.fault({ target: "cos", times: 1, raw: { status: 403, headers: { "access-control-allow-origin": "*" }, body: "<Error><Code>AccessDenied</Code></Error>" } });
    await assert.rejects(uploadAndCheck(world, page, "fetch", "tencent-lke", { mode: "put" }), /AccessDenied/);
    assert.deepEqual(await world.objects(), []);
  });
});

describe("fetch where the store keeps browsers out", () => {
  for (const [flow, mode] of DIRECT) {
    test(`CORS off: ${flow} ${mode} falls back to relay`, async () => {
      await world.fresh({ store_cors: "off" });
      // A form needs no leave to be sent, only to be read: to OSS it arrives, and is relayed once more.
      const count = mode === "form" && flow !== "alibaba-aicontent" ? 2 : 1;
      const { result, object } = await uploadAndCheck(world, page, "fetch", flow, { mode, label: "fetch, store CORS off", count });
      assert.equal(result.receipt.verified, "function");
      if (flow !== "alibaba-aicontent") assert.equal(result.receipt.key, object.key, "the receipt speaks for the relayed object");
    });
    if (flow === "alibaba-aicontent") continue; // its record id is in the answer's body
    test(`ETag hidden: ${flow} ${mode} completes without it`, async () => {
      await world.fresh({ store_cors: "hidden-etag" });
      const { result, object } = await uploadAndCheck(world, page, "fetch", flow, { mode, label: "fetch, ETag hidden" });
      assert.equal(result.receipt.verified, "client");
      assert.ok(!("etag" in result.receipt));
      assert.equal(result.receipt.crc64, object.crc64);
    });
  }
});

describe("XMLHttpRequest with progress", () => {
  for (const [flow, mode] of ALL) {
    test(`${flow} ${mode}`, async () => {
      const { file, result } = await uploadAndCheck(world, page, "xhr", flow, { mode });
      assert.equal(result.progress.at(-1), 1, "progress ends at the whole file");
      assert.equal(result.receipt.filename, file.name);
      if (flow !== "alibaba-aicontent") assert.ok(result.receipt.etag);
    });
  }
  for (const [flow, mode] of DIRECT) {
    test(`CORS off: ${flow} ${mode} falls back to relay`, async () => {
      await world.fresh({ store_cors: "off" });
      const fresh = await openClients(world); // a browser that remembers no earlier permission
      const { result } = await uploadAndCheck(world, fresh, "xhr", flow, { mode, label: "xhr, store CORS off" });
      assert.equal(result.receipt.verified, "function");
      await fresh.close();
    });
    if (flow === "alibaba-aicontent") continue; // its record id is in the answer's body
    test(`ETag hidden: ${flow} ${mode} completes without it`, async () => {
      await world.fresh({ store_cors: "hidden-etag" });
      const { result } = await uploadAndCheck(world, page, "xhr", flow, { mode, label: "xhr, ETag hidden" });
      assert.ok(!("etag" in result.receipt) && result.receipt.crc64);
    });
  }
});
