// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { encodeFloats } from "../infer/model/float_format.ts";
import { cudaTest, openCuda, ROUNDING } from "./infer_cuda.ts";
import { relativeError } from "./infer_model.ts";
import { openDevice } from "./infer_native.ts";

// Every operator of the CUDA library, on the emulation of a GPU, beside the library for processors:
// through the same calls, with random shapes.

/** Rounding of sums in another order. */
const ERROR_MAX = 2e-6;

/** Both devices. */
interface Pair extends Disposable {
  readonly cpu: NativeDevice;
  readonly cuda: NativeDevice;
}

function openBoth(path: "cuda" | "deterministic" = "cuda"): Pair {
  const [cpu, cuda] = [openDevice("portable"), openCuda(path)];
  return {
    cpu,
    cuda,
    [Symbol.dispose]: () => {
      cpu.close();
      cuda.close();
    },
  };
}

/** The outputs of a call on both devices. */
function onBoth(
  { cpu, cuda }: Pair,
  size: number,
  call: (device: NativeDevice, output: Float32Array<ArrayBuffer>) => number,
): [expected: Float32Array, actual: Float32Array] {
  const outputs = [cpu, cuda].map((device) => {
    const output = new Float32Array(size);
    checkStatus(device.calls, call(device, output));
    return output;
  });
  return [outputs[0]!, outputs[1]!];
}

function assertClose(
  [expected, actual]: [Float32Array, Float32Array],
  width: number,
  most: number,
  what: string,
): void {
  const error = relativeError(actual, expected, width);
  assert(error <= most * ROUNDING, `${what}: the relative error is ${error}`);
}

cudaTest("CUDA emulation: norms, turns and SwiGLU are the processor's", () => {
  using both = openBoth();
  for (const [rows, width] of [[1, 1], [3, 15], [2, 64], [5, 257], [2, 4098]] as const) {
    const [input, weight] = [floats(rows * width, width), floats(width, 2)];
    const norm = onBoth(both, rows * width, ({ calls, handle }, output) => {
      return calls.opRmsNorm(handle, input, weight, rows, width, 1e-5, output);
    });
    assertClose(norm, width, ERROR_MAX, `a norm of ${width}`);
    const gated = onBoth(both, rows * width, ({ calls, handle }, output) => {
      return calls.opSwiglu(handle, input, input, BigInt(rows * width), output);
    });
    assertClose(gated, width, ERROR_MAX, `SwiGLU of ${width}`);
  }
  const positions = Int32Array.of(0, 1, 70, 100_000);
  for (const size of [2, 6, 64, 80, 128]) {
    const frequencies = Float32Array.from({ length: size / 2 }, (_, i) => 0.9 ** i);
    const heads = floats(4 * 3 * size, 3);
    const turned = onBoth(both, heads.length, ({ calls, handle }, output) => {
      output.set(heads);
      return calls.opRope(handle, output, positions, 4, 3, size, frequencies, 1.25);
    });
    assertClose(turned, size, ERROR_MAX, `heads of ${size}`);
  }
});

cudaTest("CUDA emulation: rounding to INT8 is the processor's, bit by bit", () => {
  using both = openBoth();
  for (const groupSize of [32, 64, 128]) {
    for (const width of [1, 31, 96, 257]) {
      const input = floats(4 * width, 5);
      for (let i = 0; i < width; i++) input[i] = i === 0 ? 63.5 : (i % 64) / 4;
      input.fill(0, width, 2 * width);
      const groups = Math.ceil(width / groupSize);
      const rounded = [both.cpu, both.cuda].map(({ calls, handle }) => {
        const levels = new Int8Array(4 * groups * groupSize);
        const scales = new Float32Array(4 * groups);
        checkStatus(calls, calls.opQuantize(handle, input, 4, width, groupSize, levels, scales));
        return { levels, scales };
      });
      assertEquals(rounded[1], rounded[0]);
    }
  }
});

// Data: what the type of a matrix may change: INT8 is multiplied as on the processor, BF16 and F32
// as the tensor cores take them.
const PRODUCT_ERROR_MAX = { INT8: 2e-6, BF16: 1e-4, F32: 2e-6 } as const;

for (const type of ["INT8", "BF16", "F32"] as const) {
  cudaTest(`CUDA emulation: products of ${type} for any number of tokens`, () => {
    using both = openBoth();
    const shapes = [[1, 1, 1], [1, 33, 64], [2, 31, 96], [3, 130, 128], [5, 64, 130], [8, 40, 257]];
    const wide = [[9, 70, 64], [17, 40, 257], [33, 129, 192], [64, 64, 128], [100, 70, 65]];
    for (const [tokens, rows, columns] of [...shapes, ...wide] as [number, number, number][]) {
      const [input, values] = [floats(tokens * columns, 6), floats(rows * columns, 7)];
      const source = type === "BF16" ? "BF16" : "F32";
      const bytes = encodeFloats(source, values) as Uint8Array<ArrayBuffer>;
      const sourceType = NATIVE_TYPES[type === "BF16" ? "bfloat16" : "float32"];
      for (const groupSize of type === "INT8" ? [32, 64, 128] : [0]) {
        const product = onBoth(both, tokens * rows, ({ calls, handle }, output) => {
          const kept = type === "INT8" ? NATIVE_TYPES.int8 : sourceType;
          return calls.opMultiply(
            ...[handle, input, tokens, kept, groupSize, rows, columns, sourceType] as const,
            ...[bytes, null, output] as const,
          );
        });
        const what = `${tokens} x ${rows} x ${columns} in groups of ${groupSize}`;
        assertClose(product, tokens * rows, PRODUCT_ERROR_MAX[type], what);
      }
    }
  });
}

// Data: what keeping keys and values so may change, beside the same on the processor.
const ATTENTION_ERROR_MAX = { float32: 2e-6, float16: 1e-3, int8: 2e-3 } as const;

for (const path of ["cuda", "deterministic"] as const) {
  cudaTest(`CUDA emulation, ${path}: attention of ragged batches over shuffled blocks`, () => {
    using both = openBoth(path);
    const shapes = fc.record({
      kvHeads: fc.integer({ min: 1, max: 3 }),
      shared: fc.constantFrom(1, 2, 4, 8, 40),
      headSize: fc.constantFrom(2, 30, 64, 80, 128, 160),
      blockTokens: fc.constantFrom(1, 5, 8, 16, 64),
    });
    const sequence = fc.tuple(fc.nat(200), fc.constantFrom(1, 1, 2, 7, 40));
    const sequences = fc.array(sequence, { minLength: 1, maxLength: 4 });
    const types = fc.constantFrom("float32", "float16", "int8");
    const property = fc.property(
      shapes,
      sequences,
      types,
      fc.nat(),
      (shape, ragged, type, seed) => {
        const { heads, headSize, step, blockCount, ...tensors } = attentionCase(
          shape,
          ragged,
          seed,
        );
        const { queries, keys, values } = tensors;
        const attended = onBoth(both, queries.length, ({ calls, handle }, output) => {
          return calls.opAttention(
            ...[handle, step, BigInt(step.length), blockCount, NATIVE_TYPES[type]] as const,
            ...[heads, shape.kvHeads, headSize, queries, keys, values, output] as const,
          );
        });
        assertClose(attended, heads * headSize, ATTENTION_ERROR_MAX[type], type);
      },
    );
    fc.assert(property, { seed: 12, numRuns: 25 });
  });
}

cudaTest("CUDA emulation: attention over a long context, split or not", () => {
  const shape = { kvHeads: 2, shared: 4, headSize: 64, blockTokens: 16 };
  for (const path of ["cuda", "deterministic"] as const) {
    using both = openBoth(path);
    const ragged: [number, number][] = [[5_000, 1], [3_000, 3]];
    const { heads, headSize, step, blockCount, ...tensors } = attentionCase(shape, ragged, 7);
    const { queries, keys, values } = tensors;
    for (const type of ["float16", "int8"] as const) {
      const attended = onBoth(both, queries.length, ({ calls, handle }, output) => {
        return calls.opAttention(
          ...[handle, step, BigInt(step.length), blockCount, NATIVE_TYPES[type]] as const,
          ...[heads, shape.kvHeads, headSize, queries, keys, values, output] as const,
        );
      });
      assertClose(attended, heads * headSize, ATTENTION_ERROR_MAX[type], `${path}, ${type}`);
    }
  }
});

cudaTest("CUDA emulation: every token that is drawn is the one that the processor draws", () => {
  using both = openBoth();
  const sampling = fc.record({
    temperature: fc.constantFrom(0, 0.01, 0.7, 1, 2),
    topK: fc.constantFrom(0, 0, 1, 3, 50, 5_000),
    topP: fc.constantFrom(1, 0.9, 0.5, 0.75, 1e-9, 0, 0.999),
    minP: fc.constantFrom(0, 0, 0.05, 0.3, 1, 2),
    seed: fc.nat(),
    position: fc.nat(1_000),
  });
  const count = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4_000 }));
  // Few distinct numbers make ties, of which rounding must not choose others.
  const step = fc.constantFrom(0, 0.5, 1);
  const property = fc.property(sampling, count, step, fc.nat(), (how, size, coarse, seed) => {
    const logits = floats(size, seed).map((x) => {
      if (x > 0.97) return -Infinity;
      return coarse === 0 ? 6 * x : Math.round(6 * x / coarse) * coarse;
    });
    const tokens = [both.cpu, both.cuda].map((device) => draw(device, logits, how));
    assertEquals(tokens[1], tokens[0]);
  });
  fc.assert(property, { seed: 4, numRuns: 300 });
});

cudaTest("CUDA emulation: what cannot be is refused with the processor's words", () => {
  using both = openBoth();
  for (const strange of [NaN, Infinity]) {
    const logits = Float32Array.of(1, strange);
    for (const device of [both.cpu, both.cuda]) {
      const attempt = () => draw(device, logits, {});
      assertThrows(attempt, RangeError, "The logit of token 1 is not a finite number");
    }
  }
  const bytes = encodeFloats("F32", floats(64, 9).fill(NaN, 7, 8)) as Uint8Array<ArrayBuffer>;
  for (const { calls, handle } of [both.cpu, both.cuda]) {
    const input = new Float32Array(64);
    const output = new Float32Array(1);
    const status = calls.opMultiply(handle, input, 1, 3, 32, 1, 64, 0, bytes, null, output);
    assertThrows(() => checkStatus(calls, status), RangeError, "not finite or too large");
  }
});

/** How a token is drawn; what is left out keeps all. */
interface Sampling {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly position?: number;
}

function draw({ calls, handle }: NativeDevice, logits: Float32Array, how: Sampling): number {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, seed = 0, position = 0 } = how;
  const words = new Int32Array(8);
  new Float32Array(words.buffer).set([temperature, 0, topP, Math.log(minP)]);
  words[1] = topK;
  words[4] = seed;
  words[6] = position;
  const token = new Int32Array(1);
  const bytes = new Uint8Array(words.buffer);
  const row = logits as Float32Array<ArrayBuffer>;
  checkStatus(calls, calls.opSample(handle, row, row.length, bytes, token));
  return token[0]!;
}

/** Heads of a model. */
interface Shape {
  readonly kvHeads: number;
  /** Query heads of a key-value head. */
  readonly shared: number;
  readonly headSize: number;
  readonly blockTokens: number;
}

/** A step over random keys and values in shuffled blocks. */
function attentionCase(
  { kvHeads, shared, headSize, blockTokens }: Shape,
  sequences: readonly (readonly [computedTokens: number, tokens: number])[],
  seed: number,
) {
  const heads = kvHeads * shared;
  const counts = sequences.map(([computed, tokens]) => {
    return Math.ceil((computed + tokens) / blockTokens);
  });
  const blockCount = counts.reduce((a, b) => a + b) + 3;
  const keys = floats(blockCount, seed);
  const order = Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
  const tokensMax = sequences.reduce((sum, [, tokens]) => sum + tokens, 0);
  const rows = sequences.reduce((sum, [computed, tokens]) => sum + computed + tokens, 0);
  const batch = new StepBatch({
    ...{ tokensMax, sequencesMax: sequences.length, blockTokens },
    blocksPerSequenceMax: Math.max(...counts),
  });
  for (const [i, [computedTokens, count]] of sequences.entries()) {
    const [tokens, blocks] = [new Array(count).fill(0), order.splice(0, counts[i]!)];
    batch.add({ tokens, computedTokens, blocks, logits: "none" });
  }
  return {
    ...{ heads, headSize, blockCount, step: batch.words as Int32Array<ArrayBuffer> },
    queries: floats(tokensMax * heads * headSize, seed + 1),
    keys: floats(rows * kvHeads * headSize, seed + 2),
    values: floats(rows * kvHeads * headSize, seed + 3),
  };
}

/** Numbers from -1 to 1, the same for the same seed. */
function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
