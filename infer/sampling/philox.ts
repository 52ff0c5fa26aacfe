// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Numbers by counting: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). The same key and counter give the same four numbers everywhere, in any order.
 *
 * @param out receives four numbers of 32 bits
 */
export function philox(
  out: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  let [a, b, c, d] = [counter0, counter1, counter2, counter3];
  let [k, l] = [key0, key1];
  for (let round = 0; round < ROUNDS; round++) {
    const highA = multiplyHigh(a, MULTIPLIER_A_HIGH, MULTIPLIER_A_LOW);
    const highC = multiplyHigh(c, MULTIPLIER_C_HIGH, MULTIPLIER_C_LOW);
    const lowA = Math.imul(a, MULTIPLIER_A);
    a = highC ^ b ^ k;
    b = Math.imul(c, MULTIPLIER_C);
    c = highA ^ d ^ l;
    d = lowA;
    k = (k + WEYL_K) | 0;
    l = (l + WEYL_L) | 0;
  }
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

const ROUNDS = 10;
const MULTIPLIER_A = 0xd251_1f53 | 0;
const MULTIPLIER_A_HIGH = 0xd251;
const MULTIPLIER_A_LOW = 0x1f53;
const MULTIPLIER_C = 0xcd9e_8d57 | 0;
const MULTIPLIER_C_HIGH = 0xcd9e;
const MULTIPLIER_C_LOW = 0x8d57;
const WEYL_K = 0x9e37_79b9 | 0;
const WEYL_L = 0xbb67_ae85 | 0;

/** Upper 32 bits of a product of 64, in halves of 16 bits: no number leaves 53 bits. */
function multiplyHigh(value: number, high: number, low: number): number {
  const [valueHigh, valueLow] = [value >>> 16, value & 0xffff];
  const cross = valueHigh * low + ((valueLow * low) >>> 16);
  const middle = valueLow * high + (cross & 0xffff);
  return (valueHigh * high + (cross >>> 16) + (middle >>> 16)) | 0;
}
