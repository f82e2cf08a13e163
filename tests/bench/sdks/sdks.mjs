// The official Node SDKs: reads what to sign, then tells the processor time of one batch of each
// per line; nothing is sent.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../../.tools/interop-node/package.json', import.meta.url));
const OSS = require('ali-oss');
const COS = require('cos-nodejs-sdk-v5');
const { dependencies } = require('./package.json');

const BATCH = 100;
const WARM = 3000;

function signers(given) {
  const { id, secret, token, bucket, region, object, content_type, expires } = given;
  const oss = new OSS({
    accessKeyId: id, accessKeySecret: secret, stsToken: token, bucket, region: `oss-${region}`, authorizationV4: true,
  });
  const cos = new COS({ SecretId: id, SecretKey: secret, SecurityToken: token });
  const headers = { 'Content-Type': content_type, host: given.host };
  return {
    [`ali-oss ${dependencies['ali-oss']} (Node)`]: () =>
      oss.signatureUrlV4('PUT', expires, { headers: { ...headers } }, object, ['host']),
    [`cos-nodejs-sdk-v5 ${dependencies['cos-nodejs-sdk-v5']} (Node)`]: () =>
      cos.getObjectUrl({
        Bucket: 'examplebucket-1250000000', Region: 'ap-guangzhou', Key: object, Method: 'PUT', Sign: true,
        Expires: expires, Headers: { 'content-type': content_type },
      }),
  };
}

async function nanoseconds(sign, times) {
  const before = process.cpuUsage();
  for (let count = 0; count < times; count += 1) await sign();
  const { user, system } = process.cpuUsage(before);
  return (1000 * (user + system)) / times;
}

let all;
for await (const line of createInterface({ input: process.stdin })) {
  if (!all) {
    all = signers(JSON.parse(line));
    for (const sign of Object.values(all)) {
      if ((await sign()).length < 100) throw new Error('no URL');
      await nanoseconds(sign, WARM);
    }
    console.log('ready');
  } else {
    const times = {};
    for (const [name, sign] of Object.entries(all)) times[name] = await nanoseconds(sign, BATCH);
    console.log(JSON.stringify(times));
  }
}
