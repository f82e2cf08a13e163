// The client package in Node.js against running functions: retries, fallbacks, many files, size and sums.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { API_KEY, passed, sampleFile, spoiled, start, token } from "./world.mjs";

const tools = path.join(process.env.TOOLS, "browser");
const folder = path.join(tools, "node_modules/upload-grant-client");
const { ask, checksums, upload, uploadAll } = await import(pathToFileURL(path.join(folder, "index.js")));

let world;
before(async () => { world = await start(); });
after(async () => { await world?.stop(); });
beforeEach(() => world.fresh());

const fileOf = (flow, name) => {
  const { name: own, mimeType: type, buffer } = sampleFile(flow, name);
  return new File([buffer], own, { type });
};
const stored = async (file) => {
  const [object] = (await world.objects()).slice(-1);
  assert.ok((await world.bytesOf(object)).equals(Buffer.from(await file.arrayBuffer())), "the stored bytes are the file's");
};
const refusal = (status, text) => ({ status, body: `<Error><Code>AccessDenied</Code><Message>${text}</Message></Error>` });

test("every entry is under 5 kB minified", () => {
  for (const entry of ["index.js", "uppy.js", "filepond.js"]) {
    const bytes = execFileSync(path.join(tools, "node_modules/.bin/esbuild"), [path.join(folder, entry), "--bundle", "--minify", "--format=esm"]);
    assert.ok(bytes.length < 5000, `${entry}: ${bytes.length}`);
  }
});

test("the sums of files that end anywhere in a block or chunk", async () => {
  assert.equal((await checksums(new Blob(["123456789"]))).crc64, "11051210869376104954");
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 999_991, 999_992, 999_999, 1_000_000, 1_000_001, 2_000_077]) {
    const bytes = randomBytes(size);
    assert.equal((await checksums(new Blob([bytes]))).md5, createHash("md5").update(bytes).digest("base64"), `${size} bytes`);
  }
});

describe("Node.js", () => {
  for (const [flow, mode] of [["alibaba-chatapp", "form"], ["alibaba-chatapp", "put"], ["alibaba-workorder", "form"], ["tencent-lke", "put"],
    ["alibaba-aicontent", "form"], ["huawei-aicc", "relay"], ["tencent-lke", "relay"], ["alibaba-dashscope", "form"], ["alibaba-bailian", "put"]]) {
    test(`${flow} ${mode}`, async () => {
      const file = fileOf(flow);
      const progress = [];
      const receipt = await upload(`${world.functions[flow]}/`, file, { mode, onProgress: (part) => progress.push(part) });
      assert.deepEqual([receipt.flow, receipt.filename, receipt.size, progress], [flow, file.name, file.size, [1]]);
      await stored(file);
      passed("Node.js", flow, mode);
    });
  }
  test("keys, tokens and parameters go along", async () => {
    const key = { "x-api-key": API_KEY };
    await upload(world.functions["alibaba-chatapp-with-key"], fileOf("alibaba-chatapp"), { headers: key });
    const fn = world.functions["tencent-lke-with-token"];
    const headers = { authorization: `Bearer ${token()}` };
    const receipt = await upload(fn, fileOf("tencent-lke"), { headers, params: { type_key: "realtime" } });
    assert.equal(receipt.handoff.actions[0], "chat");
    await assert.rejects(upload(fn, fileOf("tencent-lke")), { code: "unauthenticated", status: 401, retryable: false });
  });
  test("React Native's files and forms", async () => {
    const { FormData: Real, fetch } = globalThis;
    const sent = [];
    // Its forms keep {uri, name, type} as it is, and fetch reads it.
    globalThis.FormData = class {
      parts = [];
      append(name, value) { this.parts.push([name, value]); }
      getParts() { return this.parts; }
    };
    globalThis.fetch = async (url, init) => {
      if (!init?.body?.getParts) return fetch(url, init);
      const body = new Real();
      for (const [name, value] of init.body.getParts()) {
        if (value.uri) sent.push(value);
        body.append(name, value.uri ? await (await fetch(value.uri)).blob() : value, ...(value.uri ? [value.name] : []));
      }
      return fetch(url, { ...init, body });
    };
    const { name, buffer } = sampleFile("alibaba-chatapp");
    const file = { uri: `data:image/png;base64,${buffer.toString("base64")}`, name, type: "image/png" };
    try {
      for (const mode of ["form", "put", "relay"]) {
        const receipt = await upload(world.functions["alibaba-chatapp"], file, { mode });
        assert.deepEqual([receipt.filename, receipt.size], [name, buffer.length]);
        await stored(new Blob([buffer]));
      }
      assert.deepEqual(sent, [file]);
    } finally {
      Object.assign(globalThis, { FormData: Real, fetch });
    }
  });
  test("React Native's signals, which know only that they have ended", async () => {
    await assert.rejects(upload(world.functions["alibaba-chatapp"], fileOf("alibaba-chatapp"), { signal: { aborted: true } }), /aborted/);
  });
  test("other bytes are refused by the store, once the sums are told", async () => {
    const file = fileOf("alibaba-chatapp");
    const other = fileOf("alibaba-chatapp");
    // Reads as one file and is sent as another of the same size, as where it changes in between.
    const changed = Object.assign(other, { slice: (from, to) => file.slice(from, to) });
    await assert.rejects(upload(world.functions["alibaba-chatapp"], changed, { mode: "put" }), { code: "upload_failed" });
    assert.deepEqual(await world.objects(), []);
    await upload(world.functions["alibaba-chatapp"], changed, { mode: "put", hash: false });
    await stored(new Blob([await other.arrayBuffer()]));
  });
});

describe("again", () => {
  const fn = () => world.functions["tencent-lke"];
  test("by a new grant where the first has ended, or the store is in trouble", async () => {
    for (const raw of [refusal(403, "Request has expired"), refusal(503, "Please reduce your request rate.")]) {
      await world.fault({ target: "cos", times: 1, raw });
      const file = fileOf("tencent-lke");
      await upload(fn(), file, { mode: "put" });
      await stored(file);
    }
    assert.equal((await world.objects()).length, 2);
  });
  test("not where the store means it, nor more often than it may", async () => {
    await world.fault({ target: "cos", times: 1, raw: refusal(403, "Access Denied.") });
    await assert.rejects(upload(fn(), fileOf("tencent-lke"), { mode: "put" }), { code: "upload_failed", retryable: false, message: /AccessDenied/ });
    await world.fault({ target: "cos", times: 2, raw: refusal(503, "Slow down") });
    await assert.rejects(upload(fn(), fileOf("tencent-lke"), { mode: "put", retry: 1 }), { code: "upload_failed", retryable: true });
    assert.deepEqual(await world.objects(), []);
  });
  test("a problem that passes is waited for", async () => {
    const body = JSON.stringify({ error_code: "AICC.1001", error_msg: "secret" });
    await world.fault({ target: "aicc", times: 1, raw: { status: 503, headers: { "content-type": "application/json" }, body } });
    const file = fileOf("huawei-aicc");
    await upload(world.functions["huawei-aicc"], file);
    await stored(file);
  });
  for (const how of ["cut", "unheard"]) {
    test(`a relay that is ${how === "cut" ? "cut off" : "not heard of"} is sent again by its ticket, and stores once`, async () => {
      const before = await spoiled(fn(), how);
      const file = fileOf("tencent-lke");
      try {
        const receipt = await upload(before.url, file, { mode: "relay" });
        assert.equal(receipt.verified, "function");
        assert.equal(before.relayed.length > 1, true);
        assert.equal(new Set(before.relayed).size, 1, "one ticket");
      } finally { before.close(); }
      assert.equal((await world.objects()).length, 1);
      await stored(file);
    });
  }
  test("later each time, never before it may, and not all at the same moment", async () => {
    const { persist } = await import(pathToFileURL(path.join(folder, "retry.js")));
    const [real, random] = [globalThis.setTimeout, Math.random];
    const waits = [];
    globalThis.setTimeout = (work, wait) => { waits.push(wait); work(); };
    Math.random = () => 0.5;
    try {
      const trouble = Object.assign(new Error("it passes"), { retryable: true, retry_after: 7 });
      await assert.rejects(persist(() => Promise.reject(trouble), {}), trouble);
      await assert.rejects(persist(() => Promise.reject({ retryable: true }), { retry: 1 }));
    } finally {
      globalThis.setTimeout = real;
      Math.random = random;
    }
    assert.deepEqual(waits, [7500, 8000, 9000, 1500]);
  });
  test("a grant that is there already is used, one that has ended is not", async () => {
    const file = fileOf("tencent-lke");
    const grant = await ask(fn(), { filename: file.name, content_type: file.type, size: file.size, mode: "put" });
    const told = [];
    const receipt = await upload(fn(), file, { hash: false, grant, onGrant: (one) => told.push(one.id) });
    assert.deepEqual([receipt.id, told], [grant.id, [grant.id]]);
    await stored(file);
    await world.fault({ target: "cos", times: 1, raw: refusal(403, "Request has expired") });
    const again = await upload(fn(), file, { grant: await ask(fn(), { filename: file.name, content_type: file.type, size: file.size, mode: "put" }), onGrant: (one) => told.push(one.id) });
    assert.equal(told.length, 3);
    assert.equal(again.id, told[2]);
  });
  test("a signal ends it, and nothing is sent", async () => {
    const control = new AbortController();
    await world.fault({ target: "cos", times: 1, latency_ms: 20_000 });
    const sending = upload(fn(), fileOf("tencent-lke"), { mode: "put", signal: control.signal });
    const reason = new Error("enough");
    while (!(await world.calls()).cos) await new Promise((done) => setTimeout(done, 10));
    control.abort(reason);
    await assert.rejects(sending, reason);
    await assert.rejects(upload(fn(), fileOf("tencent-lke"), { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(upload(fn(), fileOf("tencent-lke"), { signal: AbortSignal.abort("a word") }).catch((error) => { throw new Error(error); }), /a word/);
    assert.deepEqual(await world.objects(), []);
  });
  test("a mode that cannot be had is relayed, a function that is not there is an error", async () => {
    const file = fileOf("huawei-aicc");
    assert.equal((await upload(world.functions["huawei-aicc"], file, { mode: "put" })).verified, "function");
    await stored(file);
    await assert.rejects(upload("http://127.0.0.1:1", file, { retry: 0 }), { code: "network", retryable: true });
  });
});

describe("many", () => {
  test("more than one asking, three at a time, each with its own result in order", async () => {
    const files = Array.from({ length: 23 }, (_, i) => fileOf("alibaba-chatapp", `file ${i}`));
    files[4] = new File(["MZ"], "setup.exe", { type: "application/x-msdownload" });
    files[7] = { name: "gone.png", uri: "http://127.0.0.1:1/gone.png" };
    const whole = new Set();
    const results = await uploadAll(world.functions["alibaba-chatapp"], files, { onProgress: (part, index) => part === 1 && whole.add(index) });
    assert.deepEqual(results.map(({ status }, i) => (status === "rejected" ? i : -1)).filter((i) => i >= 0), [4, 7]);
    assert.equal(results[4].reason.code, "unsupported_type");
    results.forEach(({ value }, i) => value && assert.equal(value.filename, files[i].name));
    assert.equal(whole.size, 21);
    assert.equal((await world.objects()).length, 21);
  });
  test("no more at a time than may be, each with signal and callbacks of its own", async () => {
    const stop = new AbortController();
    stop.abort(new Error("not this one"));
    const told = [];
    let now = 0;
    let most = 0;
    const each = (index) => {
      let on = 0;
      return {
        signal: index === 2 ? stop.signal : undefined,
        onGrant: () => { on = 1; most = Math.max(most, ++now); },
        onResult: ({ value }) => { now -= on; told.push([index, value?.filename]); },
      };
    };
    const files = Array.from({ length: 6 }, (_, i) => fileOf("alibaba-chatapp", `file ${i}`));
    const results = await uploadAll(world.functions["alibaba-chatapp"], files, { parallel: 2, each });
    assert.equal(results[2].reason, stop.signal.reason);
    assert.deepEqual(told.sort(([a], [b]) => a - b), files.map(({ name }, i) => [i, i === 2 ? undefined : name]));
    assert.equal(most, 2);
    assert.equal((await world.objects()).length, 5);
  });
  test("twenty are asked for at once", async () => {
    const fn = world.functions["alibaba-chatapp"];
    const asked = [];
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) => {
      if (String(url).endsWith("/grants")) asked.push(JSON.parse(init.body));
      return fetch(url, init);
    };
    const files = Array.from({ length: 22 }, (_, i) => fileOf("alibaba-chatapp", `file ${i}`));
    files[4] = new File(["MZ"], "setup.exe", { type: "application/x-msdownload" });
    const results = await uploadAll(fn, files).finally(() => { globalThis.fetch = fetch; });
    assert.deepEqual(asked.map((one) => one.files?.length), [20, 2]);
    assert.equal(results[4].reason.code, "unsupported_type");
    assert.equal(results.filter(({ value }) => value).length, 21);
    assert.equal((await world.objects()).length, 21);
  });
});
