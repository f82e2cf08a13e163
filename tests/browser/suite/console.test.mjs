// The console, as a person uses it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { assertStored, choose, give, json, page, trouble, world } from "./console.mjs";
import { API_KEY, LISTED, passed, sampleFile, screenshot, token } from "./world.mjs";

const MODES = Object.fromEntries(LISTED.map((flow) => [flow.name, flow.modes]));
const STORED = Object.entries(MODES).flatMap(([flow, modes]) => modes.filter((mode) => mode !== "credentials").map((mode) => [flow, mode]));
const DIRECT = STORED.filter(([, mode]) => mode !== "relay");

describe("every flow in every mode", () => {
  for (const [flow, mode] of STORED) {
    test(`${flow} ${mode}`, async () => {
      await choose(flow, mode);
      const file = sampleFile(flow);
      const card = await give(file);
      assert.equal(await card.getAttribute("data-mode"), mode);
      const receipt = await json(card, "receipt");
      assert.deepEqual([receipt.flow, receipt.filename, receipt.size], [flow, file.name, file.buffer.length]);
      assert.equal(receipt.verified, mode === "relay" ? "function" : "client");
      if (flow !== "alibaba-aicontent") assert.ok(receipt.etag, "the receipt has the ETag");
      assert.ok(receipt.handoff.actions.length);
      await assertStored(card, file);
      passed("console", flow, mode);
    });
  }
  for (const flow of ["alibaba-chatapp", "tencent-lke"]) {
    test(`${flow} credentials`, async () => {
      await choose(flow, "credentials");
      const card = await give(sampleFile(flow));
      const sdk = await json(card, "sdk");
      assert.ok(flow === "tencent-lke" ? sdk.TmpSecretKey : sdk.accessKeySecret);
      assert.match(await card.innerText(), /nothing is uploaded here/);
      assert.deepEqual(await world.objects(), []);
      passed("console", flow, "credentials");
    });
  }
  test("alibaba-workorder put, of the newer vendor API", async () => {
    await page.click("#settings summary");
    await page.fill("#url-alibaba-workorder", world.functions["alibaba-workorder-put"]);
    await page.press("#url-alibaba-workorder", "Tab");
    await choose("alibaba-workorder");
    await choose("alibaba-workorder", "put");
    const file = sampleFile("alibaba-workorder");
    await assertStored(await give(file), file);
    passed("console", "alibaba-workorder", "put");
  });
});

describe("where the store keeps browsers out", () => {
  for (const [flow, mode] of DIRECT) {
    test(`CORS off: ${flow} ${mode} falls back to relay`, async () => {
      await world.fresh({ store_cors: "off" });
      await choose(flow, mode);
      const file = sampleFile(flow);
      const card = await give(file);
      assert.equal(await card.getAttribute("data-mode"), "relay");
      assert.match(await card.innerText(), /Fell back to relay/);
      assert.equal((await json(card, "receipt")).verified, "function");
      assert.equal((await world.objects()).length, 1, "the progress listener makes the browser ask first: nothing was sent blindly");
      await assertStored(card, file);
      passed("console, store CORS off", flow, mode);
    });
    if (flow === "alibaba-aicontent") continue; // its record id is in the answer's body
    test(`ETag hidden: ${flow} ${mode} completes without it`, async () => {
      await world.fresh({ store_cors: "hidden-etag" });
      await choose(flow, mode);
      const file = sampleFile(flow);
      const card = await give(file);
      assert.equal(await card.getAttribute("data-mode"), mode);
      assert.match(await card.innerText(), /ETag hidden/);
      const receipt = await json(card, "receipt");
      assert.ok(!("etag" in receipt) && receipt.crc64);
      await assertStored(card, file);
      passed("console, ETag hidden", flow, mode);
    });
  }
});

test("several dropped files, one vendor call", async () => {
  await choose("alibaba-chatapp", "put");
  const names = ["a.png", "b.png", "c.png"];
  await page.evaluate((names) => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File([name], name, { type: "image/png" }));
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, names);
  for (const name of names) await page.locator(`#items > li[data-name="${name}"][data-state=done]`).waitFor();
  assert.deepEqual((await world.objects()).map((object) => object.size), [5, 5, 5]);
  await page.locator("#calls table").waitFor();
  const calls = (await world.calls()).cams?.total ?? 0;
  const row = await page.locator("#calls tbody tr").first().locator("td").allInnerTexts();
  assert.deepEqual(row, ["3", String(calls), String(3 - calls)]);
  assert.ok(calls <= 1, "keys are cached");
});

test("the printed curl uploads the file, and the same grant does not serve twice", async () => {
  await page.check("#ask-only");
  for (const [flow, mode] of [["alibaba-chatapp", "form"], ["tencent-lke", "put"], ["alibaba-aicontent", "form"], ["huawei-aicc", "relay"]]) {
    await choose(flow, mode);
    const file = sampleFile(flow, `it's "quoted" $HOME ${mode}`);
    const card = await give(file, "granted");
    assert.deepEqual((await world.objects()).filter((object) => object.size === file.buffer.length), []);
    const folder = mkdtempSync(path.join(tmpdir(), "grant-"));
    writeFileSync(path.join(folder, file.name), file.buffer);
    const line = await card.locator('pre[data-code="upload with curl"]').textContent();
    const output = execFileSync("bash", ["-c", `${line} -o answer -w '%{http_code}'`], { cwd: folder });
    rmSync(folder, { recursive: true });
    assert.equal(String(output), "200", line);
    assert.ok((await world.bytesOf((await world.objects()).at(-1))).equals(file.buffer));
    if (mode === "put" || flow === "alibaba-chatapp") {
      await card.getByRole("button", { name: "Upload now" }).click();
      await card.and(page.locator("[data-state=failed]")).waitFor();
      assert.match(await card.getByRole("alert").innerText(), /FileAlreadyExists[\s\S]*ask for a new one|ask for a new one[\s\S]*FileAlreadyExists/);
    }
    await world.fresh();
  }
  assert.deepEqual(trouble, []);
});

describe("errors", () => {
  test("a type the vendor does not take", async () => {
    const card = await give({ name: "setup.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") }, "failed");
    assert.match(await card.getByRole("alert").innerText(), /not accepted[\s\S]*\/content_type[\s\S]*What to do[\s\S]*unsupported_type[\s\S]*415/);
    assert.equal((await world.calls()).cams, undefined, "refused before any vendor call");
    await screenshot(page, "error");
  });
  test("a vendor that throttles: wait, then it works", async () => {
    // Never granted before in this world, so the vendor must be asked.
    await page.clock.install();
    await choose("tencent-lke", "put");
    const body = JSON.stringify({ Response: { Error: { Code: "RequestLimitExceeded", Message: "secret message" }, RequestId: "r-1" } });
    await world.fault({ target: "lke", raw: { status: 200, headers: { "content-type": "application/json" }, body } });
    await page.setInputFiles("#files", sampleFile("tencent-lke"));
    const alert = page.getByRole("alert").filter({ hasText: "vendor_throttled" });
    await alert.waitFor();
    const text = await alert.innerText();
    assert.match(text, /RequestLimitExceeded/);
    assert.ok(!text.includes("secret message"));
    const again = alert.getByRole("button", { name: /Try again/ });
    await fetch(`${world.control}/faults`, { method: "DELETE" });
    await page.clock.fastForward(120_000);
    await again.click();
    await page.locator("#items > li[data-state=done]").waitFor();
  });
  test("a function that is not there", async () => {
    await page.click("#settings summary");
    await page.fill("#url-alibaba-chatapp", "http://127.0.0.1:1");
    await page.press("#url-alibaba-chatapp", "Tab");
    const card = await give(sampleFile("alibaba-chatapp"), "failed");
    assert.match(await card.getByRole("alert").innerText(), new RegExp(`GRANT_CORS_ORIGINS=${world.control}`));
  });
  test("a function that wants a key, and gets it", async () => {
    await page.click("#settings summary");
    await page.fill("#url-alibaba-chatapp", world.functions["alibaba-chatapp-with-key"]);
    await page.press("#url-alibaba-chatapp", "Tab");
    const card = await give(sampleFile("alibaba-chatapp"), "failed");
    assert.match(await card.getByRole("alert").innerText(), /unauthenticated/);
    await page.fill("#api-key", API_KEY);
    await card.getByRole("button", { name: "Try again" }).click();
    await card.and(page.locator("[data-state=done]")).waitFor();
    assert.ok(!(await card.textContent()).includes(API_KEY), "the key is not shown");
    assert.equal(await page.evaluate((key) => JSON.stringify({ ...localStorage }).includes(key), API_KEY), false, "nor kept");
  });
  test("a deployed function, by address and token", async () => {
    // As behind a gateway: below a stage, and with a store that is not this sandbox's to show.
    await page.route("**/objects", (route) => route.fulfill({ json: [] }));
    await page.click("#settings summary");
    await page.fill("#url-tencent-lke", `${world.functions["tencent-lke-with-token"]}/prod/tencent-lke`);
    await page.press("#url-tencent-lke", "Tab");
    await choose("tencent-lke", "relay");
    const refused = await give(sampleFile("tencent-lke"), "failed");
    assert.match(await refused.getByRole("alert").innerText(), /unauthenticated/);
    const bearer = token();
    await page.fill("#bearer", bearer);
    for (const mode of ["put", "relay"]) {
      await choose("tencent-lke", mode);
      const card = await give(sampleFile("tencent-lke"));
      assert.match(await card.innerText(), /it is with the real vendor/);
      assert.match(await card.locator('pre[data-code="ask with curl"]').textContent(), /authorization: Bearer \$TOKEN/);
      assert.ok(!(await card.textContent()).includes(bearer), "the token is not shown");
    }
    assert.equal((await world.objects()).length, 2);
    assert.equal(await page.evaluate((text) => JSON.stringify({ ...localStorage }).includes(text), bearer), false, "nor kept");
    await screenshot(page, "deployed");
  });
  test("an upload that is cancelled, and taken up again", async () => {
    await choose("tencent-lke", "put");
    await world.fault({ target: "cos", times: 1, latency_ms: 20_000 });
    await page.setInputFiles("#files", sampleFile("tencent-lke"));
    const card = page.locator("#items > li").first();
    await card.getByRole("button", { name: "Cancel" }).click();
    await card.and(page.locator("[data-state=failed]")).waitFor();
    assert.match(await card.getByRole("alert").innerText(), /Cancelled/);
    assert.equal(await card.getAttribute("data-mode"), "put", "a cancelled upload is not relayed");
    await fetch(`${world.control}/faults`, { method: "DELETE" });
    await card.getByRole("button", { name: "Try again" }).click();
    await card.and(page.locator("[data-state=done]")).waitFor();
  });
  test("parameters that are no JSON object", async () => {
    await page.locator("summary", { hasText: "Parameters" }).click();
    await page.fill("#params", "[1]");
    await page.setInputFiles("#files", sampleFile("alibaba-chatapp"));
    await page.locator("#params-error", { hasText: "not a JSON object" }).waitFor();
    assert.equal(await page.locator("#items > li").count(), 0);
    await choose("tencent-lke", "put");
    await page.fill("#params", '{"type_key":"realtime"}');
    const card = await give(sampleFile("tencent-lke"));
    assert.deepEqual((await json(card, "receipt")).handoff.actions, ["chat"]);
  });
});

test("a grant counts down to its end by the function's clock", async () => {
  await page.clock.install();
  await page.check("#ask-only");
  const card = await give(sampleFile("alibaba-chatapp"), "granted");
  const timer = card.getByRole("timer");
  assert.match(await timer.innerText(), /^[45] min \d\d s$/);
  await page.clock.fastForward(301_000);
  await timer.filter({ hasText: "expired" }).waitFor();
});

test("what others wrote is shown, never run", async () => {
  const name = '<img src=x onerror="window.ran=1">.png';
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
  const file = { name, mimeType: "image/png", buffer: Buffer.from(pixel, "base64") };
  const card = await give(file);
  assert.equal(await card.locator("h3").innerText(), name);
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await card.locator("img").count(), 1, "the thumbnail only");
  assert.deepEqual(trouble, []);
});
