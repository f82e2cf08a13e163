// What the console does besides uploading: it says of each problem what the page on errors says, streams an
// evaluation, tells the relay address, and is made of the client package itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { choose, give, json, page, trouble, world } from "./console.mjs";
import { passed, sampleFile } from "./world.mjs";

const ERRORS = readFileSync(path.join(path.dirname(new URL(import.meta.url).pathname), "../../../shared/docs/errors.md"), "utf8");

test("every code has the words of the page on errors", async () => {
  const { components } = await (await fetch(`${world.functions["alibaba-chatapp"]}/openapi.json`)).json();
  const codes = components.schemas.Problem.properties.code.enum;
  assert.ok(codes.length > 25);
  const advice = await page.evaluate("ADVICE");
  for (const code of codes) {
    const [, words] = ERRORS.match(new RegExp(`^\\| \`${code}\` \\| \\d+ \\| [^|]+ \\| (.+) \\|$`, "m"));
    assert.equal(advice[code], words, code);
  }
  for (const code of ["AuthFailure.SecretIdNotFound", "430008", "store:EntityTooLarge"]) assert.ok(advice[code], code);
  const card = await give({ name: "setup.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") }, "failed");
  assert.equal(await card.locator(".advice").innerText(), `What to do: ${advice.unsupported_type.replaceAll("`", "")}`);
});

test("the vendor's code has its words too", async () => {
  await world.fault({ target: "dashscope", raw: { status: 401, headers: { "content-type": "application/json" }, body: '{"code":"InvalidApiKey","message":"m"}' } });
  await choose("alibaba-dashscope", "form");
  const card = await give(sampleFile("alibaba-dashscope"), "failed");
  const text = await card.getByRole("alert").innerText();
  assert.match(text, /vendor_auth_failed[\s\S]*InvalidApiKey/);
  assert.match(text, /key or permission/);
  assert.match(text, /the key is not known here: check the key/);
});

describe("the client is the package", () => {
  test("to the byte", async () => {
    for (const name of ["ask", "checksums", "file", "index", "request", "retry", "upload", "upload-all"]) {
      const packed = readFileSync(path.join(process.env.TOOLS, `browser/node_modules/upload-grant-client/${name}.js`), "utf8");
      assert.equal(await (await fetch(`${world.control}/client/${name}.js`)).text(), packed, name);
    }
    assert.equal((await fetch(`${world.control}/client/package.json`)).status, 404);
  });
  test("files that are chosen together are asked for together", async () => {
    const asked = [];
    page.on("request", (request) => { if (request.url().endsWith("/grants")) asked.push(request.postDataJSON().files?.length); });
    await choose("alibaba-bailian");
    await page.setInputFiles("#files", ["a", "b", "c"].map((name) => sampleFile("alibaba-bailian", name)));
    for (const name of ["a", "b", "c"]) {
      const card = page.locator(`#items > li[data-name="${name}.png"][data-state=done]`);
      await card.waitFor();
      assert.equal(await card.locator("[data-same]").getAttribute("data-same"), "true");
    }
    assert.equal(asked[0], 3);
    assert.equal((await world.objects()).length, 3);
    assert.deepEqual(trouble, []);
  });
});

test("an evaluation as a stream", async () => {
  await choose("alibaba-aicontent", "form");
  const file = sampleFile("alibaba-aicontent");
  const card = await give(file);
  await card.locator("summary", { hasText: "as a stream" }).click();
  await card.getByRole("button", { name: "Evaluate as a stream" }).click();
  await card.locator('ol[data-state="done"]').waitFor();
  const evaluation = await json(card, "evaluation");
  assert.ok(evaluation.result && evaluation.recordId, JSON.stringify(evaluation));
  assert.ok((await world.bytesOf((await world.objects()).at(-1))).equals(file.buffer), "the service has heard the whole file");
  assert.deepEqual(trouble, []);
  passed("console, stream", "alibaba-aicontent");
  // The service says what is wrong in a frame.
  await world.fault({ target: "ssapi", times: 1, skew_seconds: 10_000_000 });
  await card.getByRole("button", { name: "Evaluate as a stream" }).click();
  await card.locator('ol[data-state="failed"]').waitFor();
});

test("the relay address that callers get", async () => {
  const told = page.locator("[data-relay]");
  await page.click("#relay-ask");
  await told.waitFor();
  assert.equal(await told.getAttribute("data-relay"), `${world.functions["alibaba-chatapp"]}/relay/`);
  assert.equal((await world.calls()).cams, undefined, "it costs no vendor call");
  const url = await world.another("alibaba-chatapp", { GRANT_PUBLIC_URL: "https://up.example.com/base" });
  await page.click("#settings summary");
  await page.fill("#url-alibaba-chatapp", url);
  await page.press("#url-alibaba-chatapp", "Tab");
  await page.click("#relay-ask");
  await page.locator('[data-relay="https://up.example.com/base/relay/"]').waitFor();
  assert.match(await page.locator("#relay-address").innerText(), /Not the address that this page asks/);
});
