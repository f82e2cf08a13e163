// Options for Uppy's AwsS3 plugin: Uppy sends the bytes, this asks for the grants.
import { ask } from "./ask.js";
import { open } from "./file.js";
import { persist } from "./retry.js";

/** @param {string} fn @param {any} file of Uppy @param {import("./uppy.js").UppyOptions} options @returns {Promise<any>} */
async function grantFor(fn, { id, name, type, data }, options) {
  const { wanted } = await open(data, options);
  const grant = await persist(() => ask(fn, { ...wanted, filename: name, content_type: type }, options), options);
  options.onGrant?.(grant, id);
  return grant;
}

/** @type {typeof import("./uppy.js").uppy5} */
export const uppy5 = (fn, options = {}) => ({
  shouldUseMultipart: false,
  getUploadParameters: (file) => grantFor(fn, file, options),
});

/** @type {typeof import("./uppy.js").uppy6} */
export const uppy6 = (fn, options = {}) => {
  // Uppy 6 has a key signed. The function makes its own, so this one only finds the file again.
  const files = new Map();
  return {
    shouldUseMultipart: false,
    generateObjectKey: (file) => (files.set(file.id, file), file.id),
    signRequest: ({ key }) => grantFor(fn, files.get(key), options),
  };
};
