// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { NativeBackend, NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { DrawBatch } from "../infer/backend/draw_batch.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { type CudaCommunicator, NativeDevice } from "../infer/backend/native_device.ts";
import { NativeWeights } from "../infer/backend/native_weights.ts";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { openModel } from "../infer/model/open_model.ts";
import { cudaTest, LIBRARY, loadCuda, ROUNDING } from "./infer_cuda.ts";
import {
  deviceBytes,
  failAllocation,
  failNccl,
  IS_EMULATION,
  openCommunicators,
  setNccl,
} from "./infer_cuda_group.ts";
import { askWith, Run } from "./infer_engine_run.ts";
import {
  allLogits,
  BOUNDS,
  greedyTokens,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";
import { assertBatched, assertChunked, stepLogits } from "./infer_ragged_batches.ts";
import { setVariables } from "./set_variables.ts";
import { workerTest } from "./worker_leak.ts";

// A model on several GPUs, each with a part of it: `tensorParallel`. Where GPUs are emulated they
// meet by a NCCL for them too; on one real GPU its parts meet through the host.

/** As of one GPU: sums in another order. */
const STORED_ERROR_MAX = 1e-4;

// Data: golden models, and among how many GPUs their heads can be cut.
// deno-fmt-ignore
const CUTS: readonly (readonly [string, number])[] = [
  ["llama-square-llama3", 2], ["llama-tied-default", 2], ["llama-untied-llama3", 2],
  ["llama-untied-llama3", 4], ["llama-yarn", 2], ["llama-yarn", 4], ["qwen3-linear", 2],
  ["qwen3-linear", 4], ["qwen3-llama3", 2], ["qwen3-tied-default", 2], ["qwen3-untied-yarn", 2],
];

const QWEN = `${MODELS}qwen3-linear`;
const PROMPT = [...readGolden("qwen3-linear").inputIds];

/** A test that needs several GPUs, which are only there where they are emulated. */
function groupTest(name: string, body: () => Promise<void> | void): void {
  if (IS_EMULATION) cudaTest(`CUDA emulation: tensorParallel: ${name}`, body);
}

function loadParts(
  path: string,
  tensorParallel: number,
  options: Partial<NativeBackendOptions> = {},
): Promise<NativeBackend> {
  return loadCuda(path, { tensorParallel, communicator: "host", ...options });
}

for (const [name, parts] of CUTS) {
  cudaTest(
    `CUDA emulation: tensorParallel: ${name} in ${parts}, as transformers has it`,
    async () => {
      const golden = readGolden(name);
      using backend = await loadParts(MODELS + name, parts);
      assertEquals(backend.device.tensorParallel, parts);
      assertEquals(backend.device.communicator, "host");
      const { vocabularySize } = backend.config;
      const logits = allLogits(backend, golden.inputIds);
      const error = relativeError(logits, golden.logits, vocabularySize);
      assert(error <= STORED_ERROR_MAX * ROUNDING, `the relative error is ${error}`);
      const tokens = greedyTokens(backend, golden.inputIds, golden.greedy.length);
      assertEquals(tokens, [...golden.greedy]);
    },
  );
}

cudaTest(
  "CUDA emulation: tensorParallel: INT8 weights change no more than on one GPU",
  async () => {
    using stored = await loadCuda(QWEN);
    const { vocabularySize } = stored.config;
    const exact = allLogits(stored, PROMPT).slice();
    for (const kvType of ["float32", "int8"] as const) {
      for (const groupSize of [32, 64]) {
        const options = { kvType, weights: { groupSize } };
        using parts = await loadParts(QWEN, 2, options);
        using one = await loadCuda(QWEN, options);
        const expected = allLogits(one, PROMPT);
        const rounding = relativeError(expected, exact, vocabularySize);
        const error = relativeError(allLogits(parts, PROMPT), expected, vocabularySize);
        assert(error <= rounding, `${kvType}, groups of ${groupSize}: off by ${error}`);
        assertEquals(greedyTokens(parts, PROMPT, 8), greedyTokens(one, PROMPT, 8));
      }
    }
  },
);

groupTest("by NCCL as through the host, with graphs and without", async () => {
  using _gpus = setNccl(4);
  const golden = readGolden("qwen3-linear");
  for (const path of ["cuda", "eager"] as const) {
    for (const parts of [2, 4]) {
      using backend = await loadParts(QWEN, parts, { path, communicator: "auto" });
      assertEquals(backend.device.communicator, "nccl 2.99.1");
      const { vocabularySize } = backend.config;
      const error = relativeError(allLogits(backend, PROMPT), golden.logits, vocabularySize);
      assert(error <= STORED_ERROR_MAX, `the relative error is ${error}`);
      const tokens = greedyTokens(backend, PROMPT, golden.greedy.length);
      assertEquals(tokens, [...golden.greedy]);
      assertEquals(openCommunicators(), parts);
    }
    assertEquals(openCommunicators(), 0);
  }
});

// Streams do nothing before somebody waits for them then: an event that one should wait for and
// does not is seen.
groupTest("each GPU waits for the others before it takes what they have", async () => {
  using _late = setVariables({ INFER_HOST_LATE: "1", INFER_HOST_DEVICES: "4" });
  const golden = readGolden("qwen3-linear");
  for (const path of ["cuda", "eager"] as const) {
    for (const parts of [2, 4]) {
      using backend = await loadParts(QWEN, parts, { path });
      const { vocabularySize } = backend.config;
      const error = relativeError(allLogits(backend, PROMPT), golden.logits, vocabularySize);
      assert(error <= STORED_ERROR_MAX, `${path}, ${parts}: the relative error is ${error}`);
      const tokens = greedyTokens(backend, PROMPT, golden.greedy.length);
      assertEquals(tokens, [...golden.greedy]);
    }
  }
});

// Of steps in a row all but the first go on with what the first GPU has put into the step's words.
groupTest("an engine that runs ahead of GPUs goes on as transformers does", async () => {
  using _late = setVariables({ INFER_HOST_LATE: "1", INFER_HOST_DEVICES: "2" });
  const { greedy } = readGolden("qwen3-linear");
  const others = { prefillTokensMax: 96, prefixCache: true, agingSteps: 50, blockCount: 128 };
  for (const path of ["cuda", "eager"] as const) {
    using backend = await loadParts(QWEN, 2, { path });
    const run = new Run({ ...BOUNDS, ...others }, backend, null);
    const params = { temperature: 0, ignoreEos: true, maxTokens: greedy.length };
    run.run([{ ...askWith(params), prompt: PROMPT }]);
    assertEquals(run.said(0).tokens[0]!.map(({ token }) => token), [...greedy]);
  }
});

cudaTest("CUDA emulation: tensorParallel: deterministic through the host, bit by bit", async () => {
  for (const parts of [2, 4]) await checkDeterministic(parts, "host");
});

// The sums of the emulated NCCL depend on how many tokens there are: those of a deterministic
// step must not be its.
groupTest("deterministic by NCCL, bit by bit", async () => {
  using _gpus = setNccl(4);
  for (const parts of [2, 4]) await checkDeterministic(parts, "nccl");
});

/** Alone, in chunks and in a ragged batch a token has the same logits. */
async function checkDeterministic(parts: number, communicator: CudaCommunicator): Promise<void> {
  using backend = await loadParts(QWEN, parts, { path: "deterministic", communicator });
  const whole = allLogits(backend, PROMPT).slice();
  for (const size of [1, 5]) assertChunked(backend, PROMPT, whole, size);
  assertBatched(backend, PROMPT, whole);
}

cudaTest("CUDA emulation: tensorParallel: copied blocks let a sequence part", async () => {
  using backend = await loadParts(QWEN, 2, { kvType: "float16", path: "deterministic" });
  const expected = allLogits(backend, PROMPT.slice(0, 12)).slice(-backend.config.vocabularySize);
  stepLogits(backend, PROMPT.slice(0, 11), 0, [20, 21]);
  backend.copyBlocks([21, 30]);
  stepLogits(backend, [7], 11, [20, 30]);
  assertEquals(stepLogits(backend, [PROMPT[11]!], 11, [20, 21]), expected);
});

cudaTest("CUDA emulation: tensorParallel: rows lie where they belong", async () => {
  using source = await openModel(QWEN);
  using one = new NativeDevice({ device: "cuda", library: LIBRARY });
  using several = openParts(2);
  using expected = new NativeWeights(one, source.config);
  using actual = new NativeWeights(several, source.config);
  await expected.load(source, { weights: { groupSize: 32 } });
  await actual.load(source, { weights: { groupSize: 32 } });
  const { hiddenSize, headCount, headSize, intermediateSize } = source.config;
  const roles = [["query", hiddenSize], ["key", hiddenSize], ["output", headCount * headSize]];
  for (const [role, columns] of [...roles, ["down", intermediateSize]] as [string, number][]) {
    for (const row of [0, 40, 63]) {
      const whole = expected.readRow(role, 1, row, columns);
      assertEquals(actual.readRow(role, 1, row, columns), whole, `${role} ${row}`);
    }
  }
  assert(actual.byteLength < 1.2 * expected.byteLength, `${actual.byteLength} bytes`);
});

cudaTest("CUDA emulation: tensorParallel: what cannot be cut is told", async () => {
  const bias = `${MODELS}llama-bias-linear`;
  const attempts: [string, number, number, string][] = [
    [bias, 2, 32, "Cannot cut 1 query heads among 2 GPUs"],
    [QWEN, 3, 32, "Cannot cut 4 query heads among 3 GPUs"],
    [
      ...[QWEN, 4, 128] as const,
      "Cannot cut the output of layer 0 among 4 GPUs: column 64 is within a group of 128",
    ],
  ];
  for (const [path, parts, groupSize, message] of attempts) {
    await assertRejects(() => loadParts(path, parts, { weights: { groupSize } }), Error, message);
  }
});

cudaTest("CUDA emulation: tensorParallel: a device that cannot be is refused", () => {
  assertThrows(() => openParts(17), RangeError, "Cannot use 17 GPUs together, not 1 to 16");
  assertThrows(() => openParts(0), RangeError, "Cannot compute on 0 GPUs");
  assertThrows(() => openParts(1.5), RangeError, "Cannot compute on 1.5 GPUs");
  const wrong = "mpi" as CudaCommunicator;
  assertThrows(() => openParts(2, wrong), RangeError, 'Cannot add up by "mpi"');
  const onProcessor = () => new NativeDevice({ tensorParallel: 2 });
  assertThrows(onProcessor, RangeError, 'Cannot compute on 2 GPUs with the device "cpu"');
});

groupTest("too few GPUs are told, and why it is not NCCL", () => {
  const { NotSupported } = Deno.errors;
  assertThrows(() => openParts(2, "auto"), NotSupported, "Cannot use 2 GPUs together: there is 1");
  using _gpus = setVariables({
    INFER_HOST_DEVICES: "2",
    PHOTON_INFER_NCCL_LIBRARY: "/nowhere/libnccl.so.2",
  });
  assertThrows(() => openParts(3, "auto"), NotSupported, "there are 2 (CUDA_VISIBLE_DEVICES");
  assertThrows(() => openParts(2, "nccl"), NotSupported, "Cannot open NCCL: /nowhere/libnccl.so.2");
  using device = openParts(2, "auto");
  const { communicator } = device.describe();
  assert(communicator!.startsWith("host: Cannot open NCCL: /nowhere/libnccl.so.2"), communicator);
  using _other = setVariables({ PHOTON_INFER_NCCL_LIBRARY: LIBRARY });
  assertThrows(() => openParts(2, "nccl"), NotSupported, "Cannot use NCCL: it has no ncclGet");
});

groupTest("whatever allocation fails, all GPUs' memory is free again", async () => {
  using _gpus = setNccl(2);
  const before = deviceBytes();
  for (const path of ["cuda", "deterministic"] as const) {
    const options = { path, communicator: path === "cuda" ? "host" : "nccl" } as const;
    let failures = 0;
    for (let after = 0; await failsAfter(after, options); after += 1 + (after >> 3)) {
      assertEquals(deviceBytes(), before, `after ${after} allocations`);
      assertEquals(openCommunicators(), 0);
      failures++;
    }
    assert(failures > 15, `${failures} failures`);
    assertEquals(deviceBytes(), before);
  }
});

/** Longer than a thread takes to see that a communicator has failed. */
const OTHER_WAIT_MS = 300;

// Data: what a communicator says, how long a step is waited for, and what is told.
// deno-fmt-ignore
const FAILURES: readonly (readonly [number, string, string])[] = [
  [6, "60000", "NCCL: remote process exited"],
  [0, "30",    "the GPUs came to no end within 30 ms (PHOTON_INFER_NCCL_WAIT_MS)"],
];

for (const [result, waitMs, told] of FAILURES) {
  groupTest(`a sum that comes to no end is told of: ${told}`, async () => {
    using _gpus = setNccl(2);
    using _wait = setVariables({ PHOTON_INFER_NCCL_WAIT_MS: waitMs });
    const before = deviceBytes();
    for (const path of ["cuda", "eager"] as const) {
      using backend = await loadParts(QWEN, 2, { path, communicator: "nccl" });
      allLogits(backend, PROMPT);
      using _failure = failNccl(result);
      const batch = new StepBatch(BOUNDS);
      batch.add({ tokens: PROMPT, computedTokens: 0, blocks: [0, 1, 2, 3], logits: "last" });
      backend.submit(batch);
      // Who waits on another thread must not keep it from who takes the step.
      if (path === "eager") await backend.done();
      assertThrows(() => backend.wait(), Error, `Cannot run a step: ${told}`);
      assertEquals(openCommunicators(), 0);
      assertThrows(() => allLogits(backend, PROMPT), Error, `Cannot start a step: ${told}`);
    }
    assertEquals(deviceBytes(), before);
  });
}

groupTest("a step that fails is told of, whoever else has waited for it", async () => {
  using _gpus = setNccl(2);
  using backend = await loadParts(QWEN, 2, { communicator: "nccl" });
  using _failure = failNccl(6);
  const batch = new StepBatch(BOUNDS);
  batch.add({ tokens: PROMPT, computedTokens: 0, blocks: [0, 1, 2, 3], logits: "last" });
  backend.submit(batch);
  const done = backend.done();
  // The other thread has heard of it then, and nobody here of what that says.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OTHER_WAIT_MS);
  const told = "Cannot run a step: NCCL: remote process exited";
  assertThrows(() => backend.wait(), Error, told);
  await done;
});

groupTest(
  "a step that others cannot follow is told of, too, where these are handed over",
  async () => {
    using _gpus = setNccl(2);
    using backend = await loadParts(QWEN, 2, { communicator: "nccl" });
    const [drawing, draws] = [backend.drawing!, new DrawBatch(backend.config.vocabularySize)];
    using _failure = failNccl(6);
    const batches = (["none", "last"] as const).map((logits) => {
      const batch = new StepBatch(BOUNDS);
      batch.add({ tokens: PROMPT, computedTokens: 0, blocks: [0, 1, 2, 3], logits });
      return batch;
    });
    const told = "NCCL: remote process exited";
    drawing.submit(batches[0]!, draws, 1);
    // Waits for the first, as there is no room yet for logits.
    assertThrows(
      () => drawing.submit(batches[1]!, draws, 1),
      Error,
      `Cannot start a step: ${told}`,
    );
    assertThrows(() => drawing.wait(), Error, `Cannot run a step: ${told}`);
  },
);

/** A test of an engine in its worker, on emulated GPUs. */
function engineTest(name: string, body: () => Promise<void>): void {
  if (IS_EMULATION) workerTest(`CUDA emulation: tensorParallel: ${name}`, body);
}

engineTest("an engine answers as transformers does, and says what it is on", async () => {
  using _gpus = setNccl(2);
  using _library = setVariables({ PHOTON_INFER_CUDA_LIBRARY: LIBRARY });
  const golden = readGolden("qwen3-linear");
  await using engine = await Engine.load(QWEN, { tensorParallel: 2 });
  assertMatch(engine.backend, /^cuda: .*"tensorParallel":2,"communicator":"nccl 2.99.1"/);
  const options = { temperature: 0, ignoreEos: true, maxTokens: golden.greedy.length };
  assertEquals((await engine.generate(PROMPT, options)).tokens, [...golden.greedy]);
});

engineTest("an engine whose GPUs come to no end rejects its requests, and is closed", async () => {
  using _gpus = setNccl(2);
  using _library = setVariables({ PHOTON_INFER_CUDA_LIBRARY: LIBRARY });
  await using engine = await Engine.load(QWEN, { tensorParallel: 2 });
  const options = { temperature: 0, ignoreEos: true, maxTokens: 32 };
  await engine.generate(PROMPT, options);
  using _failure = failNccl(6);
  const requests = [1, 2, 3].map((seed) => engine.generate(PROMPT, { ...options, seed }));
  for (const request of requests) {
    await assertRejects(() => request, Error, "Cannot run a step: NCCL: remote process exited");
  }
});

engineTest("an engine that asks for GPUs gets no processor instead", async () => {
  using _library = setVariables({ PHOTON_INFER_CUDA_LIBRARY: LIBRARY });
  const load = (options: EngineOptions) => Engine.load(QWEN, options);
  await assertRejects(() => load({ tensorParallel: 2 }), Error, "Cannot use 2 GPUs together");
  await assertRejects(() => load({ tensorParallel: 0 }), RangeError, "tensorParallel 0");
  const onProcessor = { tensorParallel: 2, backend: "native" } as const;
  await assertRejects(() => load(onProcessor), RangeError, "the backend native: it is for GPUs");
});

/** Whether opening, loading and a step fail where so many allocations succeed. */
async function failsAfter(
  after: number,
  options: Partial<NativeBackendOptions>,
): Promise<boolean> {
  using _failure = failAllocation(after);
  try {
    using backend = await loadParts(`${MODELS}llama-tied-default`, 2, options);
    // A step that fails leaves a backend that goes on.
    try {
      allLogits(backend, [1, 2, 3]);
    } catch {
      allLogits(backend, [1, 2, 3]);
      return true;
    }
    return false;
  } catch (error) {
    assert(error instanceof Error && /[Aa]llocate|make |load /.test(error.message), `${error}`);
    return true;
  }
}

function openParts(tensorParallel: number, communicator: CudaCommunicator = "host"): NativeDevice {
  return new NativeDevice({ device: "cuda", library: LIBRARY, tensorParallel, communicator });
}
