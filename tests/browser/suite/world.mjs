// One world per test file: the sandbox, the functions, a page server and a browser, all on free ports of loopback.
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { createHash, createHmac } from "node:crypto";
import { createServer, request as forward } from "node:http";
import { createServer as listener } from "node:net";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import path from "node:path";

const { BIN, TOOLS, RESULTS } = process.env;
const here = path.dirname(new URL(import.meta.url).pathname);
const require = createRequire(path.join(TOOLS, "browser/package.json"));
const { chromium } = require("playwright-core");
/** The flows, by name, as the sandbox lists them. */
export const LISTED = JSON.parse(execFileSync(path.join(BIN, "sandbox"), ["--flows"]));
export const FLOWS = LISTED.map((flow) => flow.name);
export const API_KEY = "a-key-of-the-browser-tests";
const JWT_SECRET = "a-jwt-secret-of-at-least-32-bytes-for-tests";
const API_KEY_SHA256 = createHash("sha256").update(API_KEY).digest("hex");

/** What the page server serves; nothing else. */
const PAGES = {
  "/": ["text/html", () => "<!doctype html><meta charset=utf-8><title>clients</title><script type=module src=/clients.js></script>"],
  "/page.html": ["text/html", () => ownPage()],
  "/clients.js": ["text/javascript", () => readFileSync(path.join(here, "clients.js"))],
  ...Object.fromEntries(["page", "stream", "uppy5", "uppy6", "filepond"].map((name) =>
    [`/${name}.js`, ["text/javascript", () => readFileSync(path.join(TOOLS, `browser/bundles/${name}.js`))]])),
  // The package needs no bundler.
  ...Object.fromEntries(["index", "ask", "checksums", "file", "request", "retry", "upload", "upload-all"].map((name) =>
    [`/client/${name}.js`, ["text/javascript", () => packaged(`upload-grant-client/${name}.js`)]])),
  "/ali-oss.js": ["text/javascript", () => packaged("ali-oss/dist/aliyun-oss-sdk.min.js")],
  "/cos.js": ["text/javascript", () => packaged("cos-js-sdk-v5/dist/cos-js-sdk-v5.min.js")],
};
const packaged = (file) => readFileSync(path.join(TOOLS, "browser/node_modules", file));
/** The page that the documentation has a reader write, for the function that a test says. */
export const own = { fn: "" };
function ownPage() {
  const text = readFileSync(path.join(here, "../../../shared/docs/front-ends.md"), "utf8");
  return text.match(/^```html page.html\n([^]*?)^```$/m)[1].replace("http://127.0.0.1:9001", own.fn);
}
export const versionOf = (name) => JSON.parse(packaged(`${name}/package.json`)).version;
export const script = (name) => packaged(name).toString();

export async function start() {
  const children = [];
  const stop = () => children.forEach((child) => child.kill());
  process.once("exit", stop);
  const pages = await servePages();
  const services = await startSandbox(children);
  const control = services.control;
  const origins = `${control},${pages.origin}`;
  const functions = {};
  const started = [
    ...FLOWS.map((flow) => [flow, flow, {}]),
    ["alibaba-workorder-put", "alibaba-workorder", { WORKORDER_API: "2021-06-10" }],
    ["tencent-lke-with-token", "tencent-lke", { GRANT_AUTH: "jwt", GRANT_JWT_ISSUER: "tests", GRANT_JWT_AUDIENCE: "functions", GRANT_JWT_SECRET: JWT_SECRET }],
    ["alibaba-chatapp-with-key", "alibaba-chatapp", { GRANT_AUTH: "api-key", GRANT_API_KEYS: `tests:${API_KEY_SHA256}` }],
  ].map(async ([name, flow, extra]) => { functions[name] = await startFunction(children, control, origins, flow, extra); });
  await Promise.all(started);
  await post(`${control}/functions`, Object.fromEntries(FLOWS.map((flow) => [flow, functions[flow]])));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
  return {
    control, services, functions, browser, pages: pages.origin,
    /** One more function, with further variables. */
    another: (flow, extra) => startFunction(children, control, origins, flow, extra),
    stop: async () => { await browser.close(); pages.close(); stop(); },
    /** A fresh day for the stores and counters; keys stay, because the functions cache them. */
    async fresh(settings = {}) {
      for (const path of ["objects", "calls", "faults"]) await fetch(`${control}/${path}`, { method: "DELETE" });
      await post(`${control}/settings`, { store_cors: "on", ...settings });
    },
    fault: (fault) => post(`${control}/faults`, fault),
    objects: async () => (await fetch(`${control}/objects`)).json(),
    calls: async () => (await fetch(`${control}/calls`)).json(),
    async bytesOf(object) {
      const key = object.key.split("/").map(encodeURIComponent).join("/");
      const answer = await fetch(`${control}/objects/${object.store}/${encodeURIComponent(object.bucket)}/${key}`);
      if (!answer.ok) throw new Error(`no object ${object.key}`);
      return Buffer.from(await answer.arrayBuffer());
    },
  };
}

/** A token that `tencent-lke-with-token` takes. */
export function token() {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ iss: "tests", aud: "functions", sub: "ann", iat: now, exp: now + 600 })}`;
  return `${text}.${createHmac("sha256", JWT_SECRET).update(text).digest("base64url")}`;
}

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${await answer.text()}`);
}

function servePages() {
  const server = createServer((request, response) => {
    const page = PAGES[request.url];
    response.writeHead(page ? 200 : 404, { "content-type": page?.[0] ?? "text/plain" });
    response.end(page?.[1]() ?? "");
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () =>
    resolve({ origin: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } })));
}

/** `sandbox --port 0` prints one line per service. */
function startSandbox(children) {
  const child = spawn(path.join(BIN, "sandbox"), ["--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    const services = {};
    child.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/^(\w+)\s+(http:\/\/\S+)/);
      if (found) services[found[1]] = found[2];
      if (services.control && services.cos) resolve(services);
    });
  });
}

async function startFunction(children, control, origins, flow, extra) {
  const port = await freePort();
  const vendor = Object.fromEntries((await (await fetch(`${control}/env/${flow}`)).text()).trim().split("\n").map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
  const env = {
    ...vendor, PATH: process.env.PATH, GRANT_AUTH: "none", GRANT_SECRET: "a-secret-of-at-least-32-bytes-for-tests", GRANT_LISTEN: `127.0.0.1:${port}`,
    GRANT_CORS_ORIGINS: origins, GRANT_LOG: "error", GRANT_ALLOW_CREDENTIALS: "true", GRANT_RUNTIME: "http", ...extra,
  };
  const child = spawn(path.join(BIN, flow), [], { env, stdio: ["ignore", "inherit", "inherit"] });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; ; attempt += 1) {
    try { if ((await fetch(`${url}/healthz`)).ok) return url; } catch (error) { if (attempt > 200 || child.exitCode !== null) throw new Error(`${flow} does not start: ${error}`); }
    await new Promise((done) => setTimeout(done, 25));
  }
}

function freePort() {
  const server = listener();
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => resolve(port)); }));
}

/** A file that fits the flow, with bytes that occur once. */
export function sampleFile(flow, name = "Grüße 😀 1", size = 200_000) {
  const [extension, type] = flow === "alibaba-aicontent" ? ["wav", "audio/wav"] : ["png", "image/png"];
  const buffer = Buffer.alloc(size);
  for (let at = 0, word = (Math.random() * 2 ** 31) | 0; at + 4 <= size; at += 4) buffer.writeInt32LE(word = (Math.imul(word, 1664525) + 1013904223) | 0, at);
  return { name: `${name}.${extension}`, mimeType: type, buffer };
}

/** An address before `fn` that spoils the first relay upload: `cut` in the middle of the bytes, `unheard` before its answer. */
export async function spoiled(fn, how) {
  let spoils = true;
  const relayed = [];
  const server = createServer((request, response) => {
    const isUpload = request.method === "PUT";
    if (isUpload) relayed.push(request.url);
    const spoil = isUpload && spoils;
    if (spoil) spoils = false;
    // The Host goes along: a relay URL begins with the address that was asked.
    const onward = forward(fn + request.url, { method: request.method, headers: request.headers }, (answer) => {
      if (spoil) return answer.resume().once("end", () => request.socket.destroy());
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    if (!spoil || how === "unheard") return request.pipe(onward);
    request.once("data", (some) => onward.write(some.subarray(0, 1000), () => { request.socket.destroy(); onward.destroy(); }));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, relayed, close: () => { server.closeAllConnections(); server.close(); } };
}

/** One line of the table that the runner prints. */
export function passed(client, flow, what = "") {
  if (RESULTS) appendFileSync(RESULTS, `${JSON.stringify({ client, flow, what })}\n`);
}

export async function screenshot(page, name) {
  const folder = path.join(TOOLS, "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
