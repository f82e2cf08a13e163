// One HTTP request and what its answer means.

/**
 * An error with the members of a problem.
 * @param {import("./index.js").Trouble} trouble
 * @param {unknown} [cause]
 * @returns {import("./index.js").UploadError}
 */
export const failure = (trouble, cause) => Object.assign(Error(trouble.detail, { cause }), trouble);

/** @typedef {{ status: number, text: string, json?: any, header: (name: string) => string | null }} Answer */

/**
 * @param {{ method: string, url: string, headers: Record<string, string> }} how
 * @param {any} body
 * @param {{ signal?: AbortSignal, onProgress?: (part: number) => void }} options
 */
export async function request({ method, url, headers }, body, { signal, onProgress }) {
  signal?.throwIfAborted();
  try {
    const answer = await new Promise((/** @type {(answer: Answer | Promise<Answer>) => void} */ done, failed) => {
      if (!globalThis.XMLHttpRequest) return done(viaFetch());
      // Tells progress; and with a listener the browser asks the store first, for a form too: where the answer could
      // not be read, nothing is sent.
      const xhr = new XMLHttpRequest();
      const stop = () => xhr.abort();
      xhr.open(method, url);
      for (const name in headers) xhr.setRequestHeader(name, headers[name]);
      xhr.upload.onprogress = ({ loaded, total }) => onProgress?.(loaded / total);
      xhr.onload = () => done({ status: xhr.status, text: xhr.responseText, header: (name) => xhr.getResponseHeader(name) });
      xhr.onerror = xhr.onabort = failed;
      xhr.onloadend = () => signal?.removeEventListener("abort", stop);
      signal?.addEventListener("abort", stop);
      xhr.send(body);
    });
    try {
      answer.json = JSON.parse(answer.text);
    } catch {}
    return answer;
  } catch (cause) {
    signal?.throwIfAborted();
    throw failure({ code: "network", retryable: true, detail: "network or CORS" }, cause);
  }

  async function viaFetch() {
    const answer = await fetch(url, { method, headers, body, signal });
    onProgress?.(1);
    return { status: answer.status, text: await answer.text(), header: (/** @type {string} */ name) => answer.headers.get(name) };
  }
}

/**
 * The error of a refusal: the function's problem, or what a store or a gateway says.
 * @param {number} status
 * @param {any} problem
 * @param {import("./index.js").Trouble["code"]} code
 */
export const refused = (status, problem, code = "gateway", detail = `HTTP ${status}`) =>
  failure(problem?.code ? problem : { code, status, retryable: /408|429|5../.test(String(status)), detail });
