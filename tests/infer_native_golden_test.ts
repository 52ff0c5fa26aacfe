// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import {
  allLogits,
  greedyTokens,
  loadBackend,
  MODEL_NAMES,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";
import type { InstructionPath } from "../infer/backend/native_device.ts";
import { loadNative, nativeTest, PATHS } from "./infer_native.ts";

// The golden models through the native library, on every instruction path.

/** Rounding of sums taken in another order. */
const ERROR_MAX = 1e-4;
/** Rows that are off by this are equal, and how many must be. */
const EQUAL_ERROR_MAX = 1e-5;
const EQUAL_SHARE_MIN = 0.4;

for (const path of PATHS) {
  for (const name of MODEL_NAMES) {
    nativeTest(`${path}: ${name}: logits as transformers has them`, async () => {
      const golden = readGolden(name);
      using backend = await loadNative(MODELS + name, { path });
      assertEquals(backend.device.path, path);
      const { vocabularySize } = backend.config;
      const logits = allLogits(backend, golden.inputIds);
      const error = relativeError(logits, golden.logits, vocabularySize);
      assert(error <= ERROR_MAX, `the relative error is ${error}`);
      const tokens = greedyTokens(backend, golden.inputIds, golden.greedy.length);
      assertEquals(tokens, [...golden.greedy]);
    });
  }

  nativeTest(
    `${path}: INT8 as the reference backend, where no input rounds otherwise`,
    async () => {
      let [equal, all] = [0, 0];
      for (const name of MODEL_NAMES) {
        for (const groupSize of [32, 64, 128]) {
          const errors = await int8Errors(name, groupSize, path);
          equal += errors.filter((error) => error <= EQUAL_ERROR_MAX).length;
          all += errors.length;
        }
      }
      assert(equal >= EQUAL_SHARE_MIN * all, `${equal} of ${all} rows are equal`);
    },
  );
}

/**
 * What each row of logits is off by. An input that lies half-way between two levels rounds to
 * either of them, and all that follows from it has another rounding error: as large as that of
 * the reference backend itself, and no larger.
 */
async function int8Errors(
  name: string,
  groupSize: number,
  path: InstructionPath,
): Promise<number[]> {
  const { inputIds } = readGolden(name);
  const weights = { groupSize };
  using backend = await loadNative(MODELS + name, { path, weights });
  const { vocabularySize } = backend.config;
  const { expected, rounding } = await referenceLogits(name, groupSize);
  const logits = allLogits(backend, inputIds);
  return Array.from(inputIds, (_, i) => {
    const row = (values: Float32Array) =>
      values.subarray(i * vocabularySize).subarray(0, vocabularySize);
    const error = relativeError(row(logits), row(expected), vocabularySize);
    assert(error <= rounding, `${name}, groups of ${groupSize}, row ${i}: off by ${error}`);
    return error;
  });
}

interface ReferenceLogits {
  readonly expected: Float32Array;
  /** What rounding the inputs changes. */
  readonly rounding: number;
}

const known = new Map<string, ReferenceLogits>();

async function referenceLogits(name: string, groupSize: number): Promise<ReferenceLogits> {
  const key = `${name} ${groupSize}`;
  const found = known.get(key);
  if (found) return found;
  const { inputIds } = readGolden(name);
  const weights = { groupSize };
  using reference = await loadBackend(MODELS + name, { weights, activations: "int8" });
  using exact = await loadBackend(MODELS + name, { weights });
  const expected = allLogits(reference, inputIds);
  const { vocabularySize } = exact.config;
  const rounding = relativeError(expected, allLogits(exact, inputIds), vocabularySize);
  known.set(key, { expected, rounding });
  return { expected, rounding };
}
