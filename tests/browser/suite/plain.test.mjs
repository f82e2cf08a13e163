// The client package in the browser: with XMLHttpRequest, and with fetch as where there is none.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { openClients, uploadAndCheck } from "./page.mjs";
import { own, passed, sampleFile, spoiled, start } from "./world.mjs";

const OFFERED = {
  "alibaba-chatapp": ["form", "put", "relay"],
  "alibaba-workorder": ["form", "relay"],
  "tencent-lke": ["put", "relay"],
  "alibaba-aicontent": ["form", "relay"],
  "huawei-aicc": ["relay"],
  "alibaba-dashscope": ["form", "relay"],
  "alibaba-bailian": ["put", "relay"],
};
const ALL = Object.entries(OFFERED).flatMap(([flow, modes]) => modes.map((mode) => [flow, mode]));
const DIRECT = ALL.filter(([, mode]) => mode !== "relay");

let world, page;
before(async () => { world = await start(); page = await openClients(world); });
after(async () => { await page?.close(); await world?.stop(); });
beforeEach(() => world.fresh());

describe("upload", () => {
  for (const client of ["upload", "upload by fetch", "uploadAll"]) {
    for (const [flow, mode] of ALL) {
      test(`${client}: ${flow} ${mode}`, async () => {
        const { file, result } = await uploadAndCheck(world, page, client, flow, { mode });
        if (client === "upload") assert.equal(result.progress.at(-1), 1, "progress ends at the whole file");
        assert.equal(result.receipt.filename, file.name);
        assert.equal(result.receipt.verified, mode === "relay" ? "function" : "client");
        if (flow === "alibaba-aicontent") assert.ok(result.receipt.vendor.record_id);
        else assert.ok(result.receipt.etag);
      });
    }
  }
  for (const flow of Object.keys(OFFERED)) {
    test(`a page that chooses no mode: ${flow}`, () => uploadAndCheck(world, page, "uploadAll", flow, { label: "page.js" }));
    test(`filepond: ${flow}`, async () => {
      const { file, result } = await uploadAndCheck(world, page, "filepond", flow);
      assert.equal(result.receipt.filename, file.name);
    });
    test(`{uri, name, type}: ${flow}`, async () => {
      const { file, result } = await uploadAndCheck(world, page, "upload of {uri, name, type}", flow);
      assert.deepEqual([result.receipt.filename, result.receipt.size], [file.name, file.buffer.length]);
    });
  }
  test("what the function refuses is a problem with its code", async () => {
    const refused = page.run("upload", world.functions["alibaba-chatapp"], { name: "a.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") });
    await assert.rejects(refused, /the extensions taken are: jpg/);
    assert.deepEqual(await world.objects(), []);
  });
  test("what the store refuses is not taken for success, nor relayed", async () => {
    await world.fault({ target: "cos", times: 1, raw: { status: 403, headers: { "access-control-allow-origin": "*" }, body: "<Error><Code>AccessDenied</Code></Error>" } });
    await assert.rejects(uploadAndCheck(world, page, "upload", "tencent-lke", { mode: "put" }), /AccessDenied/);
    assert.deepEqual(await world.objects(), []);
  });
});

test("the page of the documentation", async () => {
  own.fn = world.functions["alibaba-chatapp"];
  const context = await world.browser.newContext();
  const opened = await context.newPage();
  await opened.goto(`${world.pages}/page.html`);
  await opened.setInputFiles("input", [sampleFile("alibaba-chatapp", "a"), { name: "b.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") }, sampleFile("alibaba-chatapp", "c")]);
  const told = opened.locator("pre", { hasText: "c.png" });
  await told.waitFor();
  assert.match(await told.innerText(), /^a\.png: \S+\nunsupported_type: .+\nc\.png: \S+$/);
  assert.ok(Math.abs(await opened.locator("progress").evaluate((bar) => bar.value) - 2 / 3) < 0.01, "two of three were sent");
  assert.equal((await world.objects()).length, 2);
  await context.close();
});

test("stream: speech is evaluated while it is spoken", async () => {
  const file = sampleFile("alibaba-aicontent");
  const { evaluation, said } = await page.run("stream", world.functions["alibaba-aicontent"], file, { params: { core_type: "en.sent.score", text: { refText: "hello" } } });
  assert.equal(said[0], "connect");
  assert.ok(evaluation.result && evaluation.recordId, JSON.stringify(evaluation));
  assert.ok((await world.bytesOf((await world.objects()).at(-1))).equals(file.buffer), "the service has heard the whole file");
  passed("stream", "alibaba-aicontent");
});

for (const how of ["cut", "unheard"]) {
  test(`a relay that is ${how} is sent again by its ticket, and stores once`, async () => {
    const before = await spoiled(world.functions["tencent-lke"], how);
    try {
      const { result } = await uploadAndCheck(world, page, "upload", "tencent-lke", { mode: "relay", label: `upload, relay ${how}`, fn: before.url });
      assert.equal(result.receipt.verified, "function");
      assert.ok(before.relayed.length > 1);
      assert.equal(new Set(before.relayed).size, 1, "one ticket");
    } finally { before.close(); }
  });
}

describe("where the store keeps browsers out", () => {
  for (const client of ["upload", "upload by fetch"]) {
    for (const [flow, mode] of DIRECT) {
      test(`${client}, CORS off: ${flow} ${mode} falls back to relay`, async () => {
        await world.fresh({ store_cors: "off" });
        const fresh = await openClients(world); // a browser that remembers no earlier permission
        // With fetch a form needs no leave to be sent, only to be read: to OSS it arrives, and is relayed once more.
        const count = client === "upload by fetch" && mode === "form" && flow !== "alibaba-aicontent" ? 2 : 1;
        const { result, object } = await uploadAndCheck(world, fresh, client, flow, { mode, label: `${client}, store CORS off`, count });
        await fresh.close();
        assert.equal(result.receipt.verified, "function");
        if (flow !== "alibaba-aicontent") assert.equal(result.receipt.key, object.key, "the receipt speaks for the relayed object");
      });
      if (flow === "alibaba-aicontent") continue; // its record id is in the answer's body
      test(`${client}, ETag hidden: ${flow} ${mode} completes without it`, async () => {
        await world.fresh({ store_cors: "hidden-etag" });
        const { result, object } = await uploadAndCheck(world, page, client, flow, { mode, label: `${client}, ETag hidden` });
        assert.equal(result.receipt.verified, "client");
        assert.ok(!("etag" in result.receipt));
        assert.equal(result.receipt.crc64, object.crc64);
      });
    }
  }
});
