// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Up to this many bytes, copying by hand is faster than making the view that `set` needs. */
const HAND_COPY_BYTES_MAX = 96;

/** Copies `count` bytes from one array to another; both ranges exist. */
export function copyBytes(
  from: Uint8Array,
  fromStart: number,
  to: Uint8Array,
  toStart: number,
  count: number,
): void {
  if (count <= HAND_COPY_BYTES_MAX) {
    for (let index = 0; index < count; index++) to[toStart + index] = from[fromStart + index];
  } else {
    const whole = fromStart === 0 && count === from.length;
    to.set(whole ? from : from.subarray(fromStart, fromStart + count), toStart);
  }
}

/** Two arrays as one. */
export function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
