// shared/upload-grant.d.ts is what the functions' OpenAPI descriptions say, and the client and its snippets fit it.
// With WRITE_TYPES it is written instead of compared.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { FLOWS, start } from "./world.mjs";

const tools = path.join(process.env.TOOLS, "browser");
const binary = (name) => path.join(tools, "node_modules/.bin", name);
const committed = path.join(path.dirname(new URL(import.meta.url).pathname), "../../../shared/upload-grant.d.ts");
const HEADER = "// What goes to and comes from the functions, made from their OpenAPI descriptions: `make types`.\n\n";

let world;
before(async () => { world = await start(); });
after(async () => { await world?.stop(); });

/** One description of all flows: every mode, parameter and member of vendor, the schemas only. */
async function description() {
  const documents = await Promise.all(FLOWS.map(async (flow) => (await fetch(`${world.functions[flow]}/openapi.json`)).json()));
  const { openapi, info, components: { schemas } } = documents[0];
  for (const { components } of documents) {
    schemas.Mode.enum = [...new Set([...schemas.Mode.enum, ...components.schemas.Mode.enum])];
    for (const name of ["Params", "GrantVendor", "ReceiptVendor"]) Object.assign(schemas[name].properties, components.schemas[name].properties);
    for (const [name, { properties }] of Object.entries(components.schemas)) {
      const flow = schemas[name].properties?.flow;
      if (flow) flow.enum = [...new Set([...flow.enum, ...properties.flow.enum])];
    }
  }
  // The aliases are for clients that cannot choose; whoever writes code against the types says filename.
  delete schemas.GrantRequest.anyOf;
  schemas.GrantRequest.required = ["filename"];
  schemas.GrantRequest.properties.filename.type = "string";
  for (const name of ["name", "key", "type", "contentType"]) delete schemas.GrantRequest.properties[name];
  // Nor would they write an object that is no request into a list.
  schemas.GrantListRequest.properties.files.items = { $ref: "#/components/schemas/GrantRequest" };
  for (const schema of Object.values(schemas)) delete schema.examples;
  return { openapi, info, paths: {}, components: { schemas } };
}

async function generated() {
  const [from, to] = ["openapi.json", "upload-grant.d.ts"].map((name) => path.join(tools, name));
  writeFileSync(from, JSON.stringify(await description()));
  execFileSync(binary("openapi-typescript"), [from, "--root-types", "--root-types-no-schema-prefix", "--empty-objects-unknown", "-o", to], { stdio: "pipe" });
  const text = readFileSync(to, "utf8");
  return HEADER + text.slice(text.indexOf("export"));
}

test("the types are those of the descriptions", async () => {
  const text = await generated();
  if (process.env.WRITE_TYPES) writeFileSync(committed, text);
  assert.equal(readFileSync(committed, "utf8"), text, "run make types");
});

const check = (folder, names) => {
  const options = "--noEmit --strict --allowJs --checkJs --skipLibCheck --target es2022 --lib es2022,dom,dom.iterable --module esnext --moduleResolution bundler".split(" ");
  try {
    execFileSync(binary("tsc"), [...options, ...names], { cwd: path.join(tools, folder), stdio: "pipe" });
  } catch (error) {
    throw new Error(String(error.stdout));
  }
};
test("the client and the snippets are typed strictly", () => {
  const copy = path.join(tools, "client-checked");
  rmSync(copy, { recursive: true, force: true });
  cpSync(path.join(tools, "node_modules/upload-grant-client"), copy, { recursive: true });
  check("client-checked", readdirSync(copy).filter((name) => /\.(js|d\.ts)$/.test(name)));
  check("snippets/6", ["page.js", "stream.js", "uppy6.js", "filepond.js"]);
  check("snippets/5", ["uppy5.js"]);
});

test("a grant is narrowed by its mode, and what is not in the contract is an error", () => {
  const uses = `import type { Grant, GrantRequest, Problem, Receipt, UploadJob } from "upload-grant-client/upload-grant";
    declare const grant: Grant; declare const problem: Problem; declare const receipt: Receipt;
    export const request: GrantRequest = { filename: "a.png", size: 5, mode: "relay", params: { type_key: "offline" } };
    export const job: UploadJob = { filename: "a.pdf", source: { url: "https://files.example.com/a.pdf" } };
    if (grant.mode === "form") { const fields: Record<string, string> = grant.fields; const post: "POST" = grant.method; void [fields, post]; }
    if (grant.mode === "credentials") { const secret: string = grant.credentials.secretAccessKey; void secret; }
    const later: number | undefined = problem.code === "too_large" ? undefined : problem.retry_after;
    void [later, receipt.handoff?.actions];
    // @ts-expect-error a mode that there is not
    export const mode: GrantRequest = { filename: "a.png", mode: "stream" };
    // @ts-expect-error a code that there is not
    export const code = problem.code === "too_big";
    // @ts-expect-error only credentials mode has keys
    export const keys: string = grant.credentials.secretAccessKey;
    // @ts-expect-error a job has a source
    export const sourceless: UploadJob = { filename: "a.pdf" };`;
  writeFileSync(path.join(tools, "snippets/6/uses.ts"), uses);
  check("snippets/6", ["uses.ts"]);
});
