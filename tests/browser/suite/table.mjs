// Prints what passed as a table: client x flow.
import { existsSync, readFileSync } from "node:fs";
import { FLOWS, versionOf } from "./world.mjs";

const { RESULTS } = process.env;
const lines = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8").trim().split("\n").filter(Boolean).map(JSON.parse) : [];
const clients = [...new Set(lines.map((line) => line.client))];
const cell = (client, flow) => {
  const found = lines.filter((line) => line.client === client && line.flow === flow);
  const modes = new Set(found.map((line) => line.what).filter(Boolean));
  return found.length ? `ok ${[...modes].join(" ")}`.trim() : "-";
};
const rows = [["client", ...FLOWS], ...clients.map((client) => [client, ...FLOWS.map((flow) => cell(client, flow))])];
const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows) console.log(row.map((text, i) => text.padEnd(widths[i])).join("  ").trimEnd());

const packages = ["playwright-core", "uppy", "uppy/node_modules/@uppy/core", "uppy/node_modules/@uppy/aws-s3", "@uppy/core", "@uppy/aws-s3", "ali-oss", "cos-js-sdk-v5", "axe-core", "typescript", "openapi-typescript"];
console.log(`\nnode ${process.versions.node}, ${packages.map((name) => `${name.replace("/node_modules/", " > ")} ${versionOf(name)}`).join(", ")}`);
