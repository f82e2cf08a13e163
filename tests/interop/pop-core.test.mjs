// @alicloud/pop-core: the tickets' getOSSTempAuthor of 2016-08-30, signature V1.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corrupted, lab, oneByteEach, require, settings, stored } from './lab.mjs';

const { RPCClient } = require('@alicloud/pop-core');
const mismatch = [400, 'SignatureDoesNotMatch'];

async function client() {
  const given = await settings('alibaba-workorder');
  return new RPCClient({
    accessKeyId: given.ALIBABA_CLOUD_ACCESS_KEY_ID,
    accessKeySecret: given.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    endpoint: lab.through.workorder,
    apiVersion: '2016-08-30',
  });
}
const ask = (rpc, method) => rpc.request('getOSSTempAuthor', {}, { method, formatAction: false });

// The form that was answered, sent as a browser sends it.
async function uploads({ accessId, policy, signature, dir }) {
  const form = new FormData();
  const key = `${dir}one.txt`;
  const fields = { key, OSSAccessKeyId: accessId, policy, Signature: signature, success_action_status: '200' };
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob(['one ticket'], { type: 'text/plain' }), 'one.txt');
  const field = (name, value) => `name="${name}"\\r\\n\\r\\n${value}`;
  const flips = {
    signature: [field('Signature', '(.)'), 403, 'SignatureDoesNotMatch'],
    policy: [field('policy', '[^\\r]*(\\w\\w)'), 403, 'SignatureDoesNotMatch'],
    directory: [field('key', 'pop_(.)'), 403, 'AccessDenied'],
    'key id': [field('OSSAccessKeyId', 'LTAI5t(.)'), 403, 'InvalidAccessKeyId'],
  };
  // Path style, so that fetch needs no name to resolve.
  const post = () => fetch(`${lab.through.oss}/workorder-sandbox/`, { method: 'POST', body: form });
  assert.equal((await oneByteEach('oss', flips, post)).status, 200);
  assert.equal(String(await stored('oss', 'workorder-sandbox', key)), 'one ticket');
}

for (const method of ['GET', 'POST']) {
  test(`getOSSTempAuthor by ${method}`, async () => {
    const rpc = await client();
    const flips = {
      signature: ['[?&\\n]Signature=(?:%\\w\\w)*(\\w)', ...mismatch],
      'key id': ['AccessKeyId=LTAI5t(.)', 404, 'InvalidAccessKeyId.NotFound'],
      nonce: ['SignatureNonce=(\\w)', ...mismatch],
      timestamp: ['Timestamp=[^&]*(\\d)Z', ...mismatch],
      action: ['[?&\\n]Action=get(.)', ...mismatch],
      version: ['[?&\\n]Version=201(.)', ...mismatch],
    };
    const reply = await oneByteEach('workorder', flips, () => ask(rpc, method));
    assert.equal(reply.success, true);
    const policy = JSON.parse(Buffer.from(reply.data.policy, 'base64'));
    assert.deepEqual(policy.conditions[1], ['starts-with', '$key', reply.data.dir]);
    await uploads(reply.data);
  });
}

test('the SDK meets the refusal', async () => {
  const rpc = await client();
  const refused = await corrupted('workorder', 'Timestamp=[^&]*(\\d)Z', () => ask(rpc, 'POST'));
  assert.equal(refused.code, 'SignatureDoesNotMatch');
});
