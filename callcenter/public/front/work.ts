/**
 * A worker that looks for a number with which a digest (SHA-256) begins with so many zero bits: what a browser does for
 * somebody whose address has sent much. By hand, because the browser's own digest takes a turn of the loop each time, and
 * is there over https only.
 */

interface Task {
  id: string;
  bits: number;
}

const prime = (n: number): boolean => {
  for (let by = 2; by * by <= n; by++) if (n % by === 0) return false;
  return true;
};
const primes = [...Array(312).keys()].filter((n) => n > 1 && prime(n));
const fraction = (x: number): number => ((x - Math.floor(x)) * 2 ** 32) | 0;
const K = Int32Array.from(primes.slice(0, 64), (n) => fraction(Math.cbrt(n)));
const BEGIN = Int32Array.from(primes.slice(0, 8), (n) => fraction(Math.sqrt(n)));
const w = new Int32Array(64);

/** The first word of the digest of a text of at most 55 ASCII characters. */
function first(text: string): number {
  w.fill(0);
  for (let at = 0; at < text.length; at++) w[at >> 2]! |= text.charCodeAt(at) << (24 - (at % 4) * 8);
  w[text.length >> 2]! |= 0x80 << (24 - (text.length % 4) * 8);
  w[15] = text.length * 8;
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15]!;
    const b = w[i - 2]!;
    const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
    const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = BEGIN as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  return (a + BEGIN[0]!) >>> 0;
}

self.addEventListener("message", ({ data }: MessageEvent<Task>) => {
  const few = 2 ** (32 - Math.min(data.bits, 32));
  let number = 0;
  while (first(`${data.id}:${number}`) >= few) number++;
  self.postMessage(String(number));
});

export {}; // nothing: a worker of the old kind takes no module
