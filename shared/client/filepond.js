import { upload } from "./upload.js";

/** @type {typeof import("./filepond.js").filepond} */
export const filepond = (fn, options = {}) => ({
  process: (_field, file, _metadata, load, error, progress) => {
    const control = new AbortController();
    const onProgress = (/** @type {number} */ part) => progress(true, part * file.size, file.size);
    upload(fn, file, { ...options, onProgress, signal: control.signal }).then(
      (receipt) => load(JSON.stringify(receipt)),
      (reason) => control.signal.aborted || error(reason.message),
    );
    return { abort: () => control.abort() };
  },
  revert: null,
});
