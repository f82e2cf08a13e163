// The clients, as their users would write them: each answers {key, receipt?} of one upload to the function at `fn`.
import { upload } from "/upload.js";

async function grant(fn, request) {
  const answer = await fetch(`${fn}/grants`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) });
  const json = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(json.detail), json);
  return json;
}
const ask = (fn, file, mode) => grant(fn, { filename: file.name, content_type: file.type, size: file.size, mode });
const loaded = {};
const load = (src) => loaded[src] ??= new Promise((done, failed) => {
  document.head.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
});

export const clients = {
  fetch: async (fn, file, { mode }) => ({ receipt: await upload(fn, file, { mode }) }),

  /** XMLHttpRequest with a progress listener, which makes the browser ask the store first. */
  async xhr(fn, file, { mode }) {
    const g = await ask(fn, file, mode);
    let body = file;
    if (g.fields) {
      body = new FormData();
      for (const [name, value] of Object.entries(g.fields)) body.append(name, value);
      body.append(g.file_field, file);
    }
    const progress = [];
    const status = await new Promise((done, failed) => {
      const xhr = new XMLHttpRequest();
      xhr.open(g.method, g.url);
      for (const [name, value] of Object.entries(g.headers)) xhr.setRequestHeader(name, value);
      xhr.upload.onprogress = (event) => progress.push(event.loaded / event.total);
      xhr.onload = () => done(xhr.status);
      xhr.onerror = () => failed(new Error("network"));
      xhr.send(body);
    });
    if (!g.success_status.includes(status)) throw new Error(`status ${status}`);
    return { key: g.key, progress };
  },

  async "uppy 5 getUploadParameters"(fn, file) {
    await load("/uppy5.js");
    const options = { getUploadParameters: (f) => grant(fn, { filename: f.name, content_type: f.type, size: f.size }) };
    return uppy(Uppy.Uppy, Uppy.AwsS3, options, file);
  },
  async "uppy 5 Companion endpoint"(fn, file) {
    await load("/uppy5.js");
    return uppy(Uppy.Uppy, Uppy.AwsS3, { endpoint: fn }, file);
  },
  async "uppy 6 signRequest"(fn, file) {
    const six = await import("/uppy6.js");
    const options = { generateObjectKey: (f) => f.name, signRequest: (request) => grant(fn, { filename: request.key, content_type: request.contentType }) };
    return uppy(six.Uppy, six.AwsS3, options, file);
  },
  async "uppy 6 companionEndpoint"(fn, file) {
    const six = await import("/uppy6.js");
    return uppy(six.Uppy, six.AwsS3, { companionEndpoint: fn }, file);
  },

  async "ali-oss"(fn, file) {
    await load("/ali-oss.js");
    const g = await ask(fn, file, "credentials");
    const store = new OSS(g.sdk["ali-oss"]);
    await store.put(g.key, file, { mime: file.type });
    return { key: g.key };
  },

  async "cos-js-sdk-v5"(fn, file) {
    await load("/cos.js");
    const g = await ask(fn, file, "credentials");
    const { Bucket, Region, Key, ...keys } = g.sdk["cos-js-sdk-v5"];
    // Only for the sandbox: browsers resolve every *.localhost to this machine.
    const { protocol, port } = new URL(g.object.endpoint);
    const local = { Protocol: protocol, Domain: `{Bucket}.localhost:${port}` };
    const store = new COS({ getAuthorization: (_, answer) => answer(keys), ...local });
    await store.putObject({ Bucket, Region, Key, Body: file });
    return { key: g.key };
  },
};

async function uppy(Uppy, AwsS3, options, file) {
  const it = new Uppy({ autoProceed: false }).use(AwsS3, { shouldUseMultipart: false, retryDelays: [], ...options });
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
