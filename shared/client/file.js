import { checksums } from "./checksums.js";

/**
 * Opens a file and writes the request for it.
 * @param {import("./index.js").Source} file
 * @param {Omit<import("./index.js").Options, "onGrant">} options
 */
export async function open(file, { grant, mode, params, hash = true, signal }) {
  // React Native names a file by address; fetch opens it.
  const blob = "uri" in file ? await (await fetch(file.uri, { signal })).blob() : file;
  /** @type {import("./index.js").GrantRequest} */
  const wanted = { filename: file.name, content_type: file.type || blob.type, size: blob.size, mode, params };
  // Blobs of older React Natives cannot be read, only sent.
  if (hash && "arrayBuffer" in blob) wanted.checksums = await checksums(blob);
  return { blob, file, wanted, held: grant };
}

/** What `grant` wants sent. @param {import("./index.js").Grant} grant @param {Awaited<ReturnType<typeof open>>} opened */
export function body({ fields, file_field }, { blob, file }) {
  if (!fields) return blob;
  const form = new FormData();
  for (const name in fields) form.append(name, fields[name]);
  // The file is always the last one. React Native's forms (they have getParts) take {uri, name, type} as it is.
  form.append(file_field, "getParts" in form ? /** @type {Blob} */ (file) : blob, file.name);
  return form;
}
