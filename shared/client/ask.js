// What is asked of the function.
import { refused, request } from "./request.js";

/** @type {typeof import("./index.js").ask} */
export const ask = (fn, file, options) => post(fn, "/grants", file, options);

/** @type {typeof import("./index.js").complete} */
export const complete = (fn, grant, facts, options) => post(fn, "/complete", { token: grant.complete?.token, ...facts }, options);

/**
 * @param {string} fn
 * @param {string} path
 * @param {object} value
 * @param {import("./index.js").AskOptions} [options]
 * @returns {Promise<any>}
 */
export async function post(fn, path, value, { headers, signal } = {}) {
  const how = { method: "POST", url: fn.replace(/\/*$/, path), headers: { "content-type": "application/json", ...headers } };
  const { status, json } = await request(how, JSON.stringify(value), { signal });
  if (status === 200 && json) return json;
  throw refused(status, json);
}
