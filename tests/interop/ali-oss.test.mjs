// ali-oss: uploads with both signatures, and alibaba-chatapp's grants signed again by its signers.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { corrupted, grant, issuedKey, lab, oneByteEach, require, settings, stored } from './lab.mjs';

const OSS = require('ali-oss');
const data = Buffer.from('\x89PNG\r\n\x1a\n one image', 'latin1');
const mismatch = [403, 'SignatureDoesNotMatch'];
const functions = ['chatapp-loopback', 'chatapp-vendor'];
const sizes = { unsized: {}, sized: { size: data.length } };

async function own(authorizationV4) {
  const given = await settings('alibaba-chatapp');
  return new OSS({
    accessKeyId: given.ALIBABA_CLOUD_ACCESS_KEY_ID,
    accessKeySecret: given.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    bucket: 'own-sandbox',
    region: 'oss-cn-hangzhou',
    endpoint: lab.through.oss,
    secure: false,
    authorizationV4,
  });
}

for (const v4 of [true, false]) {
  test(`put with signature ${v4 ? 'V4' : 'V1'}`, async () => {
    const client = await own(v4);
    const key = `dir/ali-oss ${v4} ä+.png`;
    const headers = { 'x-oss-forbid-overwrite': 'true' };
    const flips = {
      signature: [v4 ? 'Signature=(.)' : '(?i)\\nauthorization: OSS [^:]*:(.)', ...mismatch],
      'key id': [v4 ? 'Credential=LTAI5t(.)' : 'OSS LTAI5t(.)', 403, 'InvalidAccessKeyId'],
      path: ['^PUT [^ ]*dir/(.)', ...mismatch],
      date: ['(?i)\\nx-oss-date: *[^\\r]*(\\d)(?:Z| GMT)', ...mismatch],
      'content type': ['(?i)\\ncontent-type: *image/(.)', ...mismatch],
      'forbid overwrite': ['(?i)\\nx-oss-forbid-overwrite: *(t)', ...mismatch],
    };
    const reply = await oneByteEach('oss', flips, () => client.put(key, data, { headers, mime: 'image/png' }));
    assert.equal(reply.res.status, 200);
    assert.deepEqual(await stored('oss', 'own-sandbox', key), data);
    await assert.rejects(client.put(key, data, { headers }), { code: 'FileAlreadyExists', status: 409 });
  });
}

test('the SDK meets the refusal', async () => {
  const client = await own(true);
  const refused = await corrupted('oss', 'Signature=(.)', () => client.put('dir/refused', data));
  assert.deepEqual([refused.status, refused.code], mismatch);
});

// The SDK that would sign a grant of that key itself.
async function signer(asked, keyId, over = {}) {
  const { secret, token } = await issuedKey(keyId);
  const { bucket, region, endpoint } = asked.object;
  return new OSS({
    accessKeyId: keyId, accessKeySecret: secret, stsToken: token, bucket, region: `oss-${region}`, endpoint,
    secure: endpoint.startsWith('https:'), authorizationV4: true, ...over,
  });
}

const instant = (compact) => new Date(compact.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));

for (const name of functions) {
  for (const [size, request] of Object.entries(sizes)) {
    test(`${name}: ali-oss presigns the same PUT, ${size}`, async () => {
      const asked = await grant(name, { filename: 'bild.png', mode: 'put', ...request });
      const url = new URL(asked.url);
      const query = Object.fromEntries(url.searchParams);
      const client = await signer(asked, query['x-oss-credential'].split('/')[0]);
      const headers = { ...asked.headers };
      if (request.size) headers['Content-Length'] = String(request.size);
      mock.timers.enable({ apis: ['Date'], now: instant(query['x-oss-date']) });
      let signed;
      try {
        const additional = request.size ? ['content-length'] : [];
        const expires = Number(query['x-oss-expires']);
        signed = new URL(await client.signatureUrlV4('PUT', expires, { headers }, asked.key, additional));
      } finally {
        mock.timers.reset();
      }
      assert.equal(signed.searchParams.get('x-oss-signature'), query['x-oss-signature']);
      assert.deepEqual(Object.fromEntries(signed.searchParams), query);
      // For an address as endpoint the SDK signs the bucket, but leaves it out of the URL.
      const root = name === 'chatapp-loopback' ? `/${asked.object.bucket}` : '';
      assert.deepEqual([signed.host, root + signed.pathname], [url.host, url.pathname]);
    });

    test(`${name}: ali-oss signs the same form, ${size}`, async () => {
      const asked = await grant(name, { filename: 'bild.png', mode: 'form', ...request });
      const { fields } = asked;
      const client = await signer(asked, fields['x-oss-credential'].split('/')[0]);
      const policy = Buffer.from(fields.policy, 'base64').toString();
      const signature = client.signPostObjectPolicyV4(policy, instant(fields['x-oss-date']));
      assert.equal(signature, fields['x-oss-signature']);
      assert.equal(JSON.stringify(JSON.parse(policy)), policy, 'the SDK signs the very same text as an object too');
    });
  }

  test(`${name}: ali-oss as the grant constructs it uploads`, async () => {
    const asked = await grant(name, { filename: 'bild.png', mode: 'credentials' });
    // Only the vendor's real host is out of reach here.
    const over = name === 'chatapp-vendor' ? { endpoint: lab.sandbox.oss, secure: false } : {};
    const client = new OSS({ ...asked.sdk['ali-oss'], ...over });
    const reply = await client.put(asked.key, data);
    assert.equal(reply.res.status, 200);
    assert.deepEqual(await stored('oss', asked.object.bucket, asked.key), data);
    await assert.rejects(client.put('elsewhere/bild.png', data), { code: 'AccessDenied' });
  });
}

test('a form uploads, and no byte of it may change', async () => {
  const asked = await grant('chatapp-vendor', { filename: 'bild.png', mode: 'form', size: data.length });
  const form = new FormData();
  for (const [name, value] of Object.entries(asked.fields)) form.append(name, value);
  form.append(asked.file_field, new Blob([data], { type: 'image/png' }), 'bild.png');
  const field = (name, value) => `name="${name}"\\r\\n\\r\\n${value}`;
  const flips = {
    signature: [field('x-oss-signature', '(.)'), ...mismatch],
    policy: [field('policy', '[^\\r]*(\\w\\w)'), ...mismatch],
    key: [field('key', '[^\\r]*/(.)'), 403, 'AccessDenied'],
    'content type': [field('content-type', 'image/(.)'), 403, 'AccessDenied'],
    'x-oss-content-type': [field('x-oss-content-type', 'image/(.)'), 403, 'AccessDenied'],
    'forbid overwrite': [field('x-oss-forbid-overwrite', '(t)'), 403, 'AccessDenied'],
    date: [field('x-oss-date', '[^\\r]*(\\d)Z'), 403, 'AccessDenied'],
    token: [field('x-oss-security-token', '(.)'), 403, 'InvalidSecurityToken'],
    region: [field('x-oss-credential', '[^\\r]*/ap-(.)'), 400, 'InvalidArgument'],
  };
  // Path style, so that fetch needs no name to resolve.
  const url = `${lab.through.oss}/${asked.object.bucket}/`;
  const reply = await oneByteEach('oss', flips, () => fetch(url, { method: 'POST', body: form }));
  assert.ok(asked.success_status.includes(reply.status), await reply.text());
  assert.deepEqual(await stored('oss', asked.object.bucket, asked.key), data);
});
