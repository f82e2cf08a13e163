import { post } from "./ask.js";
import { open } from "./file.js";
import { persist } from "./retry.js";
import { answered, deliver } from "./upload.js";

/** Files that a function takes in one asking. */
const BATCH = 20;

/** @type {typeof import("./index.js").uploadAll} */
export async function uploadAll(fn, files, { parallel = 3, onProgress, each, ...options } = {}) {
  const list = [...files];

  /** Opens some files, then asks for all that could be read; the rest hold why not. @param {import("./index.js").Source[]} some */
  const batch = async (some) => {
    /** @type {any[]} */
    const opened = await Promise.all(some.map((file) => open(file, options).catch((held) => ({ held }))));
    const ready = opened.filter((one) => !one.held);
    if (ready[1]) {
      try {
        const { grants } = await persist(() => post(fn, "/grants", { files: ready.map((one) => one.wanted) }, options), options);
        ready.forEach((one, at) => (one.held = answered(grants[at])));
      } catch (/** @type {any} */ error) {
        // An older function misses a file name, and a list may be too long for one body: then each asks by itself.
        if (!/400|413/.test(error.status)) ready.forEach((one) => (one.held = error));
      }
    }
    return opened;
  };

  /** @type {PromiseSettledResult<any>[]} */
  const results = [];
  let next = 0;
  /** The last batch begun, which the last file taken is in. @type {Promise<any[]>} */
  let begun;
  await Promise.all([...Array(parallel)].map(async () => {
    while (next < list.length) {
      const index = next++;
      const at = index % BATCH;
      if (!at) begun = batch(list.slice(index, index + BATCH));
      /** @type {import("./index.js").OneOptions} */
      const own = { ...options, onProgress: (part) => onProgress?.(part, index), ...each?.(index) };
      [results[index]] = await Promise.allSettled([begun.then((opened) => deliver(fn, opened[at], own))]);
      own.onResult?.(results[index]);
    }
  }));
  return results;
}
