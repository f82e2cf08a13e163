// MD5 (RFC 1321), which browsers do not offer and stores want, and CRC-64/XZ, which OSS and COS answer with.
// Against accidents, not against attackers. Numbers of 64 bits are two of 32, little-endian like every machine that
// runs this: with BigInt the sum of each byte would be fifty times slower.

/** Bytes held at a time: whole blocks of MD5, 64 bytes each. */
const CHUNK = 1e6;

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, i) => 2 ** 32 * Math.abs(Math.sin(i + 1)));

/** Adds whole blocks of 16 words. @param {Int32Array} state @param {Int32Array} words */
function mix(state, words) {
  for (let at = 0; at < words.length; at += 16) {
    let [a, b, c, d] = state;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const mixed = round < 1 ? (b & c) | (~b & d) : round < 2 ? (d & b) | (~d & c) : round < 3 ? b ^ c ^ d : c ^ (b | ~d);
      const word = round < 1 ? i : round < 2 ? 5 * i + 1 : round < 3 ? 3 * i + 5 : 7 * i;
      const sum = (a + mixed + SINES[i] + words[at + (word & 15)]) | 0;
      const shift = SHIFTS[round * 4 + (i & 3)];
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
}

/** Per byte the low and the high half. */
const CRC = new Int32Array(BigUint64Array.from({ length: 256 }, (_, byte) => {
  let sum = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) sum = (sum >> 1n) ^ ((sum & 1n) * 0xc96c5795d7870f42n);
  return sum;
}).buffer);

/** @type {typeof import("./index.js").checksums} */
export async function checksums(blob) {
  const md5 = Int32Array.of(0x67452301, -0x10325477, -0x67452302, 0x10325476);
  let low = ~0;
  let high = ~0;
  for (let at = 0; at <= blob.size; at += CHUNK) {
    const bytes = new Uint8Array(await blob.slice(at, at + CHUNK).arrayBuffer());
    for (const byte of bytes) {
      const entry = ((low ^ byte) & 255) * 2;
      low = ((low >>> 8) | (high << 24)) ^ CRC[entry];
      high = (high >>> 8) ^ CRC[entry + 1];
    }
    let words;
    if (bytes.length < CHUNK) {
      // The end: what MD5 puts after it is a one, zeros and the size in bits.
      const end = new Uint8Array((bytes.length + 72) & ~63);
      end.set(bytes);
      end[bytes.length] = 128;
      words = new Int32Array(end.buffer);
      words.set([blob.size * 8, blob.size / 2 ** 29], words.length - 2);
    } else words = new Int32Array(bytes.buffer);
    mix(md5, words);
  }
  return {
    md5: btoa(String.fromCharCode(...new Uint8Array(md5.buffer))),
    crc64: String(new BigUint64Array(Int32Array.of(~low, ~high).buffer)[0]),
  };
}
