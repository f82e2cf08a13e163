import { ask, complete } from "./ask.js";
import { body, open } from "./file.js";
import { failure, heed, refused, request } from "./request.js";
import { persist } from "./retry.js";

const RELAY = "relay";

/** @type {typeof import("./index.js").upload} */
export const upload = async (fn, file, options = {}) => deliver(fn, await open(file, options), options);

/** An answer to an asking: the error, or a grant with the last moment to start by it, by this machine's clock. @param {any} one */
export const answered = (one) => (one.code ? failure(one) : { ...one, ends: Date.now() + (one.expires - 5) * 1000 });

/**
 * Uploads an opened file, at first by what it holds: a grant, or the error that there is instead.
 * @param {string} fn
 * @param {any} opened
 * @param {import("./index.js").Options} options
 * @returns {Promise<import("./index.js").Receipt>}
 */
export async function deliver(fn, opened, options) {
  const { wanted } = opened;

  /** @param {import("./index.js").GrantRequest} request */
  const granted = async (request) => {
    let grant = opened.held;
    opened.held = 0;
    if (grant instanceof Error) throw grant;
    if (!grant || grant.ends < Date.now()) grant = answered(await ask(fn, request, options));
    options.onGrant?.(grant);
    return grant;
  };

  /** @param {any} grant */
  const sent = async (grant) => {
    try {
      return outcome(grant, await request(grant, body(grant, opened), options));
    } catch (/** @type {any} */ error) {
      heed(options.signal);
      // A ticket stores once: sent again it answers the receipt, or that the first is still at work.
      if (grant.mode === RELAY && /network|already_used/.test(error.code)) opened.held = grant;
      // The grant's fault, not the file's: another will do.
      error.retryable ||= opened.held || /expired/.test(error.code) || Date.now() > grant.ends;
      throw error;
    }
  };

  const { grant, receipt, facts } = await persist(async () => {
    /** @type {any} */
    let grant;
    try {
      grant = await granted(wanted);
      return await sent(grant);
    } catch (/** @type {any} */ error) {
      // Some vendors do not take files from pages, or want an MD5 that could not be read.
      const barred = grant ? error.code === "network" : /mode|md5/.test(error.errors?.[0].pointer);
      if (!barred || (grant ?? wanted).mode === RELAY) throw error;
      // What the function carries, no rule of the store keeps out.
      const ticket = await granted({ ...wanted, mode: RELAY }).catch((cause) => {
        error.cause = cause;
        throw error;
      });
      return sent(ticket);
    }
  }, options);
  return receipt ?? persist(() => complete(fn, grant, { size: wanted.size, ...facts }, options), options);
}

/**
 * The receipt of a relay, else what of the store's answer goes to /complete.
 * @param {any} grant
 * @param {Awaited<ReturnType<typeof request>>} answer
 */
function outcome(grant, { status, text, json, headers }) {
  const relayed = grant.mode === RELAY;
  /** @type {string[]} */
  const collect = grant.complete?.collect ?? [];
  // The evaluation service fails inside an HTTP 200: what it took has a record.
  const sound = relayed ? json : json?.recordId || !collect.includes("record_id");
  if (!sound || !grant.success_status.includes(status)) {
    // Stores say in their message only that a grant has ended; their code is that of every refusal.
    const code = /expired/.test(text) ? "grant_expired" : "upload_failed";
    throw refused(status, relayed && json, code, `HTTP ${status}: ${text}`);
  }
  if (relayed) return { receipt: json };
  /** @type {any} */
  const facts = {};
  for (const name of collect) {
    // A header that CORS hides is null, and null counts as absent.
    facts[/crc64/.test(name) ? "crc64" : name] = headers.get(name);
  }
  facts.record_id = json?.recordId;
  return { grant, facts };
}
