// The clients as the README shows them, and the vendors' SDKs as their users would write it: each answers what there
// is to know of one upload to the function at `fn`.
import { ask, upload } from "/upload.js";

const loaded = {};
const load = (src) => loaded[src] ??= new Promise((done, failed) => {
  document.head.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
});

export const clients = {
  fetch: async (fn, file, { mode }) => ({ receipt: await upload(fn, file, { mode }) }),

  /** XMLHttpRequest with a progress listener, which makes the browser ask the store first. */
  async xhr(fn, file, { mode }) {
    const { withProgress } = await import("/progress.js");
    const progress = [];
    return { receipt: await upload(fn, file, { mode, send: withProgress((part) => progress.push(part)) }), progress };
  },

  async "uppy 5 getUploadParameters"(fn, file, { mode }) {
    const { uploader } = await import("/uppy5.js");
    return uppy(uploader(fn, mode), file);
  },
  async "uppy 5 Companion endpoint"(fn, file) {
    const { companion } = await import("/uppy5.js");
    return uppy(companion(fn), file);
  },
  async "uppy 6 signRequest"(fn, file, { mode }) {
    const { uploader } = await import("/uppy6.js");
    return uppy(uploader(fn, mode), file);
  },
  async "uppy 6 companionEndpoint"(fn, file) {
    const { companion } = await import("/uppy6.js");
    return uppy(companion(fn), file);
  },

  async "ali-oss"(fn, file) {
    await load("/ali-oss.js");
    const g = await ask(fn, { filename: file.name, content_type: file.type, size: file.size, mode: "credentials" });
    const store = new OSS(g.sdk["ali-oss"]);
    await store.put(g.key, file, { mime: file.type });
    return { key: g.key };
  },

  async "cos-js-sdk-v5"(fn, file) {
    await load("/cos.js");
    const g = await ask(fn, { filename: file.name, content_type: file.type, size: file.size, mode: "credentials" });
    const { Bucket, Region, Key, ...keys } = g.sdk["cos-js-sdk-v5"];
    // Only for the sandbox: browsers resolve every *.localhost to this machine.
    const { protocol, port } = new URL(g.object.endpoint);
    const local = { Protocol: protocol, Domain: `{Bucket}.localhost:${port}` };
    const store = new COS({ getAuthorization: (_, answer) => answer(keys), ...local });
    await store.putObject({ Bucket, Region, Key, Body: file });
    return { key: g.key };
  },
};

async function uppy(it, file) {
  const progress = [];
  it.on("upload-progress", (_, event) => progress.push(event.bytesUploaded));
  it.addFile({ name: file.name, type: file.type, data: file });
  const result = await it.upload();
  if (result.failed.length) throw new Error(String(result.failed[0].error));
  return { uploads: result.successful.map((done) => done.uploadURL), progress };
}

window.run = async (client, fn, { name, type, bytes }, options = {}) => {
  const file = new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type });
  return clients[client](fn, file, options);
};
document.body.dataset.ready = "true";
