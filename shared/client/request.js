// One HTTP request and what its answer means.

/**
 * An error with the members of a problem.
 * @param {import("./index.js").Trouble} trouble
 * @param {unknown} [cause]
 * @returns {import("./index.js").UploadError}
 */
export const failure = (trouble, cause) => Object.assign(Error(trouble.detail, { cause }), trouble);

/** Fails with the reason once the signal has ended it; React Native's signals have neither a reason nor `throwIfAborted`. @param {AbortSignal} [signal] */
export function heed(signal) {
  if (signal?.aborted) throw signal.reason ?? Error("aborted");
}

/** @typedef {{ status: number, text: string, json?: any, headers: { get(name: string): string | null } }} Answer */

/**
 * @param {{ method: string, url: string, headers: Record<string, string> }} how
 * @param {any} body
 * @param {{ signal?: AbortSignal, onProgress?: (part: number) => void }} options
 */
export async function request({ method, url, headers }, body, { signal, onProgress }) {
  heed(signal);
  try {
    /** @type {Answer} */
    const answer = await (globalThis.XMLHttpRequest ? new Promise((done, failed) => {
      // Tells progress; and with a listener the browser asks the store first, for a form too: where the answer could
      // not be read, nothing is sent.
      const xhr = new XMLHttpRequest();
      const stop = () => xhr.abort();
      xhr.open(method, url);
      for (const name in headers) xhr.setRequestHeader(name, headers[name]);
      xhr.upload.onprogress = (event) => onProgress?.(event.loaded / event.total);
      xhr.onloadend = () => {
        signal?.removeEventListener("abort", stop);
        // There is none where the request failed or was ended.
        if (xhr.status) done({ status: xhr.status, text: xhr.responseText, headers: { get: (name) => xhr.getResponseHeader(name) } });
        else failed();
      };
      signal?.addEventListener("abort", stop);
      xhr.send(body);
    }) : fetch(url, { method, headers, body, signal }).then(async (answer) => {
      onProgress?.(1);
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    }));
    try {
      answer.json = JSON.parse(answer.text);
    } catch {}
    return answer;
  } catch (cause) {
    heed(signal);
    throw failure({ code: "network", retryable: true, detail: "network or CORS" }, cause);
  }
}

/**
 * The error of a refusal: the function's problem, or what a store or a gateway says.
 * @param {number} status
 * @param {any} problem
 * @param {import("./index.js").Trouble["code"]} code
 */
export const refused = (status, problem, code = "gateway", detail = `HTTP ${status}`) =>
  failure(problem?.code ? problem : { code, status, retryable: /408|429|5../.test(/** @type {any} */ (status)), detail });
