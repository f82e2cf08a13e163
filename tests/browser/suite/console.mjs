// The console in a browser, fresh for every test of the file that imports this.
import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { start } from "./world.mjs";

export let world, context, page, trouble;
before(async () => { world = await start(); });
after(async () => { await world.stop(); });
beforeEach(async () => {
  await context?.close();
  await world.fresh();
  await open();
});

export async function open(options = {}) {
  context = await world.browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...options });
  page = await context.newPage();
  trouble = [];
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => { if (/Content Security Policy/.test(message.text())) trouble.push(message.text()); });
  page.on("request", (request) => { if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(request.url())) trouble.push(request.url()); });
  await page.goto(world.control);
  await page.waitForSelector("body[data-ready]");
}
export async function choose(flow, mode) {
  await page.check(`input[name=flow][value=${flow}]`);
  if (mode) await page.check(`input[name=mode][value=${mode}]`);
}
/** Gives the file and waits until its card has come to rest. */
export async function give(file, outcome = "done") {
  await page.setInputFiles("#files", file);
  const card = page.locator("#items > li").first();
  await card.and(page.locator("[data-state=done], [data-state=failed], [data-state=granted]")).waitFor();
  assert.equal(await card.getAttribute("data-state"), outcome, await card.innerText());
  return card;
}
export async function assertStored(card, file) {
  assert.equal(await card.locator("[data-same]").getAttribute("data-same"), "true");
  const [object] = (await world.objects()).slice(-1);
  assert.ok((await world.bytesOf(object)).equals(file.buffer), "the stored bytes are the file's");
  assert.deepEqual(trouble, []);
}
export const json = async (card, name) => JSON.parse(await card.locator(`pre[data-code="${name}"]`).textContent());
