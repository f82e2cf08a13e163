// The console for everyone: by keyboard, for assistive technology, in light and dark, narrow and wide.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { choose, context, give, open, page, trouble, world } from "./console.mjs";
import { FLOWS, sampleFile, screenshot, script } from "./world.mjs";

describe("for everyone", () => {
  test("the keyboard is enough", async () => {
    for (const flow of FLOWS) {
      await page.focus("h1 >> xpath=following::input[@name='flow'][1]");
      for (let i = 0; i < FLOWS.length && !(await page.isChecked(`input[name=flow][value=${flow}]`)); i += 1) await page.keyboard.press("ArrowDown");
      let at = "";
      for (let i = 0; i < 20 && at !== "sample"; i += 1) {
        await page.keyboard.press("Tab");
        at = await page.evaluate(() => document.activeElement.id);
      }
      assert.equal(at, "sample", "the sample button can be reached by Tab");
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", "focus is visible");
      await page.keyboard.press("Enter");
      await page.locator(`#items > li[data-flow=${flow}][data-state=done]`).waitFor();
    }
    assert.match(await page.locator("#live").innerText(), /sample\.\w+: done/);
    assert.equal(await page.locator('[data-same="true"]').count(), FLOWS.length);
    assert.deepEqual(trouble, []);
  });
  for (const [name, options] of Object.entries({
    light: {}, dark: { colorScheme: "dark" }, wide: { viewport: { width: 1920, height: 1080 } }, narrow: { viewport: { width: 360, height: 740 } }, "narrow-dark": { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
  })) {
    test(`${name}: no accessibility violation, nothing cut off`, async () => {
      await context.close();
      await open(options);
      await page.click("#settings summary");
      await page.click("#sample");
      await page.locator("#items > li[data-state=done] img").waitFor();
      await world.fresh({ store_cors: "off" });
      await choose("tencent-lke", "put");
      await page.click("#sample");
      await page.locator("#items > li[data-flow=tencent-lke][data-state=done] img").waitFor();
      await choose("alibaba-chatapp", "credentials");
      await give(sampleFile("alibaba-chatapp"));
      await give({ name: "setup.exe", mimeType: "application/x-msdownload", buffer: Buffer.from("MZ") }, "failed");
      await page.evaluate(() => { for (const details of document.querySelectorAll("#items details")) details.open = true; });
      await page.evaluate(script("axe-core/axe.min.js"));
      const violations = await page.evaluate(async () => (await axe.run()).violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" | ")}`));
      assert.deepEqual(violations, []);
      const { width, wide } = await page.evaluate(() => ({ width: innerWidth, wide: document.documentElement.scrollWidth }));
      assert.ok(wide <= width, `${wide} > ${width}`);
      await page.evaluate(() => { for (const details of document.querySelectorAll("#items details details, #items details")) if (/JSON|curl/.test(details.firstChild.textContent)) details.open = false; });
      await screenshot(page, name);
    });
  }
});
