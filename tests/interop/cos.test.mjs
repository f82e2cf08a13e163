// cos-nodejs-sdk-v5: uploads with the credentials of a tencent-lke grant, and signs its PUT again.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { corrupted, grant, issuedKey, lab, oneByteEach, require, settings, stored } from './lab.mjs';

const COS = require('cos-nodejs-sdk-v5');
const data = Buffer.from('%PDF-1.7 one document');
const mismatch = [403, 'SignatureDoesNotMatch'];
const flips = {
  signature: ['q-signature=(.)', ...mismatch],
  'sign time': ['q-sign-time=\\d+;\\d+(\\d)&', ...mismatch],
  'key time': ['q-key-time=\\d+;\\d+(\\d)&', ...mismatch],
  path: ['^PUT \\S*(\\w)\\.pdf', ...mismatch],
  host: ['(?i)\\nhost: *[^.]*\\.cos\\.ap-(.)', ...mismatch],
  bucket: ['(?i)\\nhost: *(.)', 404, 'NoSuchBucket'],
  'content type': ['(?i)\\ncontent-type: *application/(.)', ...mismatch],
};
// To the vendor's real host name, over the wire instead of TLS.
const options = { Protocol: 'http:', Proxy: lab.through.cos };
const put = (client, Bucket, Key) =>
  client.putObject({ Bucket, Region: 'ap-guangzhou', Key, Body: data, ContentType: 'application/pdf' });

test('put with long-term keys', async () => {
  const given = await settings('tencent-lke');
  const client = new COS({
    SecretId: given.TENCENTCLOUD_SECRET_ID, SecretKey: given.TENCENTCLOUD_SECRET_KEY, ...options,
  });
  const bucket = 'own-sandbox-1250000000';
  const reply = await oneByteEach('cos', flips, () => put(client, bucket, 'dir/node.pdf'));
  assert.equal(reply.statusCode, 200);
  assert.deepEqual(await stored('cos', bucket, 'dir/node.pdf'), data);
  const refused = await corrupted('cos', 'q-signature=(.)', () => put(client, bucket, 'dir/refused.pdf'));
  assert.deepEqual([refused.statusCode, refused.code], mismatch);
});

for (const name of ['lke-loopback', 'lke-vendor']) {
  test(`${name}: the SDK as the grant constructs it uploads`, async () => {
    const asked = await grant(name, { filename: 'a.pdf', mode: 'credentials' });
    const { Bucket, Key, ScopeLimit, ...keys } = asked.sdk['cos-js-sdk-v5'];
    // cos-js-sdk-v5 takes temporary keys through this callback.
    const getAuthorization = (_, answer) => answer({ ...keys, ScopeLimit });
    const client = new COS({ getAuthorization, ...options });
    const token = ['(?i)\\nx-cos-security-token: *(.)', 403, 'AccessDenied'];
    const reply = await oneByteEach('cos', { ...flips, token }, () => put(client, Bucket, Key));
    assert.equal(reply.statusCode, 200);
    assert.deepEqual(await stored('cos', Bucket, Key), data);
    await assert.rejects(put(client, Bucket, `${Key}x.pdf`), { code: 'AccessDenied' });
  });

  for (const [size, request] of Object.entries({ unsized: {}, sized: { size: data.length } })) {
    test(`${name}: the SDK signs the same PUT, ${size}`, async () => {
      const asked = await grant(name, { filename: 'a.pdf', mode: 'put', ...request });
      const url = new URL(asked.url);
      const query = Object.fromEntries(url.searchParams);
      const { secret, token } = await issuedKey(query['q-ak']);
      const Headers = { ...asked.headers, Host: url.host };
      if (request.size) Headers['Content-Length'] = String(request.size);
      const [start, end] = query['q-sign-time'].split(';').map(Number);
      const client = new COS({ SecretId: query['q-ak'], SecretKey: secret });
      // The SDK starts a second before its clock.
      mock.timers.enable({ apis: ['Date'], now: (start + 1) * 1000 });
      let authorization;
      try {
        const Query = { 'x-cos-security-token': token };
        const Key = decodeURIComponent(url.pathname.slice(1));
        authorization = client.getAuth({ Method: 'PUT', Key, Query, Headers, Expires: end - start });
      } finally {
        mock.timers.reset();
      }
      const signed = Object.fromEntries(authorization.split('&').map((pair) => pair.split(/=(.*)/s, 2)));
      assert.equal(signed['q-signature'], query['q-signature']);
      assert.deepEqual({ ...signed, 'x-cos-security-token': token }, query);
    });
  }
}
