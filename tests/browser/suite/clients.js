// The clients as the README of the package shows them, and the vendors' SDKs as their users would write it: each
// answers what there is to know of one upload to the function at `fn`.
import { ask, complete, upload, uploadAll } from "/client/index.js";

const loaded = {};
const load = (src) => loaded[src] ??= new Promise((done, failed) => {
  document.head.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
});

export const clients = {
  async upload(fn, file, { mode, ...options }) {
    const progress = [];
    return { receipt: await upload(fn, file, { mode, onProgress: (part) => progress.push(part), ...options }), progress };
  },

  /** As in a service worker, which has no XMLHttpRequest. */
  async "upload by fetch"(fn, file, options) {
    const kept = window.XMLHttpRequest;
    window.XMLHttpRequest = undefined;
    try {
      return { receipt: await upload(fn, file, options) };
    } finally {
      window.XMLHttpRequest = kept;
    }
  },

  /** As React Native gives a file. */
  async "upload of {uri, name, type}"(fn, file, { mode }) {
    return { receipt: await upload(fn, { uri: URL.createObjectURL(file), name: file.name, type: file.type }, { mode }) };
  },

  async uploadAll(fn, file, { mode }) {
    const { whenChosen } = await import("/page.js");
    const data = new DataTransfer();
    data.items.add(file);
    const input = Object.assign(document.createElement("input"), { type: "file", multiple: true });
    input.files = data.files;
    const bar = document.createElement("progress");
    const [only] = mode ? await uploadAll(fn, input.files, { mode }) : await whenChosen(fn, input, bar);
    if (only.reason) throw only.reason;
    return { receipt: only.value, progress: [bar.value] };
  },

  async filepond(fn, file) {
    const { pond } = await import("/filepond.js");
    const it = pond(fn, document.body.appendChild(document.createElement("input")));
    const item = await new Promise((done, failed) => {
      it.on("processfile", (error, item) => (error ? failed(new Error(error.body)) : done(item)));
      it.addFile(file);
    });
    const receipt = JSON.parse(item.serverId);
    it.destroy();
    return { receipt };
  },

  async "uppy 5 getUploadParameters"(fn, file, { mode }) {
    const { uploader } = await import("/uppy5.js");
    return uppy(fn, uploader, mode, file);
  },
  async "uppy 5 Companion endpoint"(fn, file) {
    const { companion } = await import("/uppy5.js");
    return uppy(fn, companion, undefined, file);
  },
  async "uppy 6 signRequest"(fn, file, { mode }) {
    const { uploader } = await import("/uppy6.js");
    return uppy(fn, uploader, mode, file);
  },
  async "uppy 6 companionEndpoint"(fn, file) {
    const { companion } = await import("/uppy6.js");
    return uppy(fn, companion, undefined, file);
  },

  /** What the user speaks, as it is spoken; here in pieces of a file. */
  async stream(fn, file, { params }) {
    const { evaluate } = await import("/stream.js");
    const said = [];
    const pieces = async function* () {
      for (let at = 0; at < file.size; at += 3200) yield file.slice(at, at + 3200);
    };
    return { evaluation: await evaluate(fn, { filename: file.name, params }, pieces(), (answer) => said.push(answer.cmd)), said };
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

async function uppy(fn, make, mode, file) {
  const progress = [];
  const grants = {};
  const it = make(fn, { mode, onGrant: (grant, id) => { grants[id] = grant; } });
  it.on("upload-progress", (_, event) => progress.push(event.bytesUploaded));
  it.addFile({ name: file.name, type: file.type, data: file });
  const result = await it.upload();
  if (result.failed.length) throw new Error(String(result.failed[0].error));
  const [{ id, size }] = result.successful;
  const receipt = grants[id]?.complete && (await complete(fn, grants[id], { size }));
  return { uploads: result.successful.map((done) => done.uploadURL), progress, receipt, grant: grants[id] };
}

window.run = async (client, fn, { name, type, bytes }, options = {}) => {
  const file = new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name, { type });
  return clients[client](fn, file, options);
};
document.body.dataset.ready = "true";
