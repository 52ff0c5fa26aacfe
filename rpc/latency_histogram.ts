// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Buckets for each doubling: a quantile is right within 4.5 %. */
const BUCKETS_PER_DOUBLING = 8;
/** From 1 us to 2^26 us, which is more than a minute. */
const DOUBLINGS = 26;
const BUCKETS = BUCKETS_PER_DOUBLING * DOUBLINGS + 1;

/** How long things took, in buckets that grow with the time: 836 bytes, however many there are. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #sumUs = 0;
  #maxUs = 0;

  /** How many. */
  get count(): number {
    return this.#count;
  }

  /** Microseconds of all together. */
  get sumUs(): number {
    return this.#sumUs;
  }

  /** Microseconds of the longest. */
  get maxUs(): number {
    return this.#maxUs;
  }

  /** Adds one. */
  add(latencyUs: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(1, latencyUs)) * BUCKETS_PER_DOUBLING);
    this.#counts[Math.min(bucket, BUCKETS - 1)]++;
    this.#count++;
    this.#sumUs += latencyUs;
    this.#maxUs = Math.max(this.#maxUs, latencyUs);
  }

  /** Microseconds that the given share did not exceed, rounded up to a bucket; 0 of none. */
  quantileUs(share: number): number {
    let left = Math.ceil(share * this.#count);
    if (left === 0) return 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return Math.min(this.#maxUs, 2 ** (bucket / BUCKETS_PER_DOUBLING));
    }
    return this.#maxUs;
  }
}
