// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { nativeTest, openDevice } from "./infer_native.ts";

/** How a token is drawn; what is left out keeps all. */
interface Sampling {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly position?: number;
}

const LOGITS = Float32Array.of(0.5, 2, -1, 2, 1, 0, -Infinity, 1.5);

nativeTest("infer_op_sample() with a temperature of 0 takes the first of the likeliest", () => {
  using device = openDevice("portable");
  assertEquals(sample(device, LOGITS, { temperature: 0 }), 1);
  assertEquals(sample(device, LOGITS, { temperature: -1, topK: 3 }), 1);
});

nativeTest("infer_op_sample() draws each token as often as its probability says", () => {
  using device = openDevice("portable");
  // Data: a way to draw, and the tokens that it leaves.
  const cases: [Sampling, number[]][] = [
    [{}, [0, 1, 2, 3, 4, 5, 7]],
    [{ temperature: 2 }, [0, 1, 2, 3, 4, 5, 7]],
    [{ topK: 3 }, [1, 3, 7]],
    // Of ties the first come first.
    [{ topK: 1 }, [1]],
    [{ minP: 0.3 }, [1, 3, 4, 7]],
    [{ topP: 0.7 }, [1, 3, 7]],
    [{ topP: 1e-9 }, [1]],
    [{ topK: 4, topP: 0.7, minP: 0.1 }, [1, 3, 7]],
  ];
  for (const [sampling, kept] of cases) {
    const temperature = sampling.temperature ?? 1;
    const weights = kept.map((token) => Math.exp(LOGITS[token]! / temperature));
    const total = weights.reduce((a, b) => a + b);
    const counts = new Array(LOGITS.length).fill(0);
    const draws = 20_000;
    for (let position = 0; position < draws; position++) {
      counts[sample(device, LOGITS, { ...sampling, position, seed: 3 })]++;
    }
    assertEquals(counts.flatMap((count, token) => count > 0 ? [token] : []), kept);
    for (const [i, token] of kept.entries()) {
      const share = weights[i]! / total;
      // Five deviations of a binomial; the seed makes it always the same.
      const bound = 5 * Math.sqrt(share * (1 - share) / draws) + 1e-9;
      assert(Math.abs(counts[token] / draws - share) <= bound, `${token}: ${counts[token]}`);
    }
  }
});

nativeTest("infer_op_sample() depends on seed and position alone", () => {
  const draws = (seed: number) => {
    using device = openDevice("portable");
    return Array.from({ length: 40 }, (_, position) => sample(device, LOGITS, { seed, position }));
  };
  assertEquals(draws(5), draws(5));
  assert(String(draws(5)) !== String(draws(6)));
});

nativeTest("infer_op_sample() refuses logits that are no numbers", () => {
  using device = openDevice("portable");
  for (const strange of [NaN, Infinity]) {
    const logits = Float32Array.of(1, strange);
    assertThrows(() => sample(device, logits, {}), RangeError, "token 1 is not a finite number");
  }
  assertThrows(() => sample(device, new Float32Array(0), {}), RangeError, "one of 0 tokens");
});

function sample({ calls, handle }: NativeDevice, logits: Float32Array, sampling: Sampling): number {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, seed = 0, position = 0 } = sampling;
  const bytes = new Uint8Array(32);
  const [floats, words] = [new Float32Array(bytes.buffer), new Int32Array(bytes.buffer)];
  floats.set([temperature, 0, topP, Math.log(minP)]);
  words[1] = topK;
  words[4] = seed;
  words[6] = position;
  const token = new Int32Array(1);
  const values = logits as Float32Array<ArrayBuffer>;
  checkStatus(calls, calls.opSample(handle, values, logits.length, bytes, token));
  return token[0]!;
}
