export { ask, complete } from "./ask.js";
export { checksums } from "./checksums.js";
export { uploadAll } from "./upload-all.js";
export { upload } from "./upload.js";
