// The lab as stage.py set it up: sandbox, wires, functions.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

export const require = createRequire(process.env.INTEROP_NODE);
export const lab = JSON.parse(process.env.INTEROP);
export const host = (service) => new URL(lab.through[service]).host;

async function call(url, value) {
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
  const answer = await fetch(url, value === undefined ? undefined : post);
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer;
}

const json = async (url, value) => (await call(url, value)).json();

export const grant = (name, request) => json(`${lab.functions[name]}/grants`, request);

// Secret and token of a key that the sandbox issued, as only the vendor knows them.
export const issuedKey = (id) => json(`${lab.sandbox.control}/keys/${id}`);

export async function settings(flow) {
  const text = await (await call(`${lab.sandbox.control}/env/${flow}`)).text();
  return Object.fromEntries(text.trim().split('\n').map((line) => line.split(/=(.*)/s, 2)));
}

export async function stored(store, bucket, key) {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const answer = await call(`${lab.sandbox.control}/objects/${store}/${bucket}/${path}`);
  return Buffer.from(await answer.arrayBuffer());
}

// Makes an SDK call that is accepted, after each variant with one byte changed was refused.
// `flips`: name -> [where, status, the vendor's code].
export async function oneByteEach(service, flips, makeCall) {
  const wire = `${lab.through.wire}/${service}`;
  const each = (part) => Object.fromEntries(Object.entries(flips).map(([name, flip]) => [name, part(flip)]));
  await json(wire, { variants: each(([where]) => where) });
  let reply, result;
  try {
    reply = await makeCall();
  } finally {
    result = await json(wire);
  }
  assert.deepEqual(result, { requests: 1, seen: each(([, ...refusal]) => refusal) });
  return reply;
}

// The SDK's own request arrives with one byte changed, and the SDK meets the refusal.
export async function corrupted(service, where, makeCall) {
  const wire = `${lab.through.wire}/${service}`;
  await json(wire, { corrupt: where });
  let result;
  try {
    return await makeCall();
  } catch (error) {
    return error;
  } finally {
    result = await json(wire);
    assert.deepEqual(result.seen, { corrupt: 'changed' });
  }
}
