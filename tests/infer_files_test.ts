// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { decodeFloats, encodeFloats } from "../infer/model/float_format.ts";
import { quantizeRows } from "../infer/model/group_quantize.ts";
import { readGgufHeader } from "../infer/model/gguf_header.ts";
import { END_KEYS } from "../infer/model/gguf_tokenizer.ts";
import { loadWeights } from "../infer/model/load_weights.ts";
import { toFloatMatrix } from "../infer/model/matrix.ts";
import type { ModelWeights } from "../infer/model/model_weights.ts";
import { openModel } from "../infer/model/open_model.ts";
import { quantizeDirectory } from "../infer/model/quantize_directory.ts";
import { decodeQ4, decodeQ8, encodeQ4, encodeQ8 } from "../infer/model/quantized_block.ts";
import { planSafetensors, readSafetensors } from "../infer/model/safetensors.ts";
import { WeightFiles } from "../infer/model/weight_files.ts";
import { writeAt } from "../infer/model/write_at.ts";
import { type GgufWeightType, writeGguf } from "../infer/model/write_gguf.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { Tokenizer } from "../infer/tokenizer/tokenizer.ts";
import { inFolder, patched, tryModel } from "./infer_hostile.ts";
import { allLogits, GGUF_NAMES, loadBackend, MODELS, readGolden } from "./infer_model.ts";
import { leakTest } from "./leak.ts";
import { workerTest } from "./worker_leak.ts";

const TYPES: readonly GgufWeightType[] = ["F32", "F16", "BF16", "Q8_0", "Q4_0"];
Deno.test("decodeFloats() reads back what encodeFloats() wrote, of every half float", () => {
  for (const type of ["F16", "BF16"] as const) {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const numbers = decodeFloats(type, new Uint8Array(halves.buffer));
    const again = new Uint16Array(encodeFloats(type, numbers).slice().buffer);
    const wrong = halves.filter((half, i) => again[i] !== half && !Number.isNaN(numbers[i]!));
    assertEquals([...wrong], []);
  }
});

Deno.test("encodeFloats() rounds to bfloat16 with halves to even and keeps NaN", () => {
  const numbers = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -7.5, NaN, 3.4e38);
  const rounded = decodeFloats("BF16", encodeFloats("BF16", numbers).slice());
  assertEquals([...rounded], [1, 1, 1 + 2 ** -6, -1 - 2 ** -7, NaN, Infinity]);
});

Deno.test("quantizeRows() rounds halves to even, keeps groups in their row, and zeros zero", () => {
  const row = Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, 0, 3);
  const { levels, scales } = quantizeRows(Float32Array.of(...row, ...row), 8, 5);
  assertEquals([...scales], [1, Math.f16round(3 / 127), 1, Math.f16round(3 / 127)]);
  assertEquals([...levels.subarray(0, 8)], [127, 0, 2, 2, 0, -64, 0, 127].map(own));
  assertEquals([...quantizeRows(new Float32Array(4), 4, 2).scales], [0, 0]);
  for (const number of [NaN, Infinity, -Infinity]) {
    const rows = Float32Array.of(1, number, 1, 2);
    assertThrows(() => quantizeRows(rows, 4, 4), RangeError, "not a finite number");
  }
  assertThrows(() => quantizeRows(Float32Array.of(1e9), 1, 1), RangeError, "too large");

  /** -1.5 is in the second group: of 3 / 127. */
  function own(level: number, i: number): number {
    return i === 5 ? Math.round(-1.5 / Math.f16round(3 / 127)) : level;
  }
});

Deno.test("quantizeRows() is off by half a level at most", () => {
  fc.assert(
    fc.property(
      fc.float32Array({ minLength: 1, maxLength: 70, noNaN: true, min: -9, max: 9 }),
      (row) => {
        const { levels, scales } = quantizeRows(row, row.length, 32);
        for (const [i, level] of levels.entries()) {
          const scale = scales[Math.floor(i / 32)]!;
          // A scale that a float16 holds only roughly, or not at all, is below 1e-7.
          const most = scale * (0.5 + 127 * 2 ** -11) + 127e-7;
          assert(Math.abs(level * scale - row[i]!) <= most);
        }
      },
    ),
    { seed: 1 },
  );
});

Deno.test("blocks of GGUF hold what was put in, and hold it again", () => {
  const numbers = Float32Array.from({ length: 96 }, (_, i) => Math.sin(i * i) * (i < 64 ? 1 : 0));
  for (
    const [encode, decode, most] of [[encodeQ8, decodeQ8, 0.005], [
      encodeQ4,
      decodeQ4,
      0.13,
    ]] as const
  ) {
    const bytes = encode(numbers);
    const { levels, scales } = decode(bytes);
    const matrix = { kind: "int8", rows: 1, columns: 96, groupSize: 32, levels, scales } as const;
    const back = toFloatMatrix(matrix).values;
    assert(back.every((value, i) => Math.abs(value - numbers[i]!) <= most));
    assertEquals(encode(back), bytes);
  }
});

leakTest("what planSafetensors() lays out is read back, and by its names", async () => {
  await inFolder((folder) => {
    const path = `${folder}/a.safetensors`;
    const planned = [
      { name: "a", type: "F32", shape: [2, 3] },
      { name: "empty", type: "I8", shape: [0, 7] },
      { name: 'odd "name"\u{1f600}', type: "I8", shape: [5] },
      { name: "scalar", type: "F16", shape: [] },
    ] as const;
    const plan = planSafetensors(path, planned, { made: "here" });
    const file = new Uint8Array(plan.fileBytes).map((_, i) => i);
    file.set(plan.head);
    Deno.writeFileSync(path, file);
    using files = new WeightFiles();
    const { tensors, metadata } = readSafetensors(files, path);
    assertEquals(metadata, { made: "here" });
    assertEquals([...tensors.values()], [...plan.tensors.values()]);
    assertEquals([...tensors.values()].map(({ name, type, shape }) => ({ name, type, shape })), [
      ...planned.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
    ]);
    assertEquals(plan.head.length % 8, 0);
    const { offset } = tensors.get("scalar")!;
    assertEquals(files.readTensor(tensors.get("scalar")!), file.slice(offset, offset + 2));
  });
});

workerTest("a quantised directory answers as the model quantised while it is loaded", async () => {
  for (const groupSize of [32, 64, 128]) {
    await inFolder(async (folder) => {
      const from = `${MODELS}llama-untied-llama3`;
      const told: number[][] = [];
      {
        using source = await openModel(from);
        const onProgress = (...bytes: number[]) => told.push(bytes);
        await quantizeDirectory(source, folder, { groupSize, workers: 2, onProgress });
      }
      const total = told[0]![1]!;
      assertEquals(told.at(-1), [total, total]);
      using source = await openModel(folder);
      assertEquals(source.config.quantization, { bits: 8, groupSize });
      using original = await openModel(from);
      assertEquals(await loadWeights(source), {
        ...await loadWeights(original, { weights: { groupSize } }),
        config: source.config,
      });
      await new Tokenizer(await Deno.readFile(`${folder}/tokenizer.json`)).encode("hat");
    });
  }
});

workerTest(
  "quantizeDirectory() refuses what it cannot do and leaves nothing half done",
  async () => {
    await inFolder(async (folder) => {
      using source = await openModel(`${MODELS}qwen3-linear`);
      await assertRejects(() => quantizeDirectory(source, folder, { groupSize: 48 }), RangeError);
      const reason = new Error("stop");
      const controller = new AbortController();
      const onProgress = () => controller.abort(reason);
      const stopped = quantizeDirectory(source, folder, { signal: controller.signal, onProgress });
      assertEquals(await stopped.catch((error) => error), reason);
      assertEquals([...Deno.readDirSync(folder)], []);

      await quantizeDirectory(source, folder);
      await assertRejects(
        () => quantizeDirectory(source, folder),
        Deno.errors.AlreadyExists,
        "it has a ",
      );
      using quantized = await openModel(folder);
      await assertRejects(
        () => quantizeDirectory(quantized, `${folder}/again`),
        ModelFileError,
        "model.embed_tokens.weight: is quantised already, I8",
      );
    });
  },
);

workerTest(
  "quantizeDirectory() names the tensor that is not finite, and removes its file",
  async () => {
    await inFolder(async (folder) => {
      await copyFolder(`${MODELS}llama-tied-default`, `${folder}/in`);
      const name = "model.layers.1.mlp.up_proj.weight";
      {
        using source = await openModel(`${folder}/in`);
        const { file, offset } = source.tensors.get(name)!;
        using opened = Deno.openSync(file, { write: true });
        writeAt(opened, offset + 40, Uint8Array.of(0xc0, 0x7f));
      }
      using source = await openModel(`${folder}/in`);
      const error = await assertRejects(
        () => quantizeDirectory(source, `${folder}/out`),
        ModelFileError,
        "not a finite number",
      );
      assertEquals(error.part, name);
      const writing = writeGguf(source, `${folder}/out/a.gguf`, { type: "Q8_0" });
      await assertRejects(() => writing, ModelFileError, `${name}: Holds NaN`);
      assertEquals([...Deno.readDirSync(`${folder}/out`)], []);
      for (const groupSize of [0, 48, NaN]) {
        await assertRejects(() => loadWeights(source, { weights: { groupSize } }), RangeError);
      }
      await assertRejects(
        () => loadWeights(source, { weights: { groupSize: 32 } }),
        ModelFileError,
        `${name}: Holds NaN`,
      );
    });
  },
);

for (const name of GGUF_NAMES) {
  leakTest(`GGUF of ${name}: weights, tokenizer and bytes survive the round trip`, async () => {
    await inFolder(async (folder) => {
      using source = await openModel(MODELS + name);
      const stored = await loadWeights(source, { weights: "float32" });
      for (const type of TYPES) {
        const path = `${folder}/${type}.gguf`;
        await writeGguf(source, path, { type });
        using copy = await openModel(path);
        if (type === "F32") {
          const { config, ...weights } = await loadWeights(copy);
          assertEquals(weights, without(stored));
          const normEpsilon = Math.fround(source.config.normEpsilon);
          const { eosTokenIds } = source.generation;
          assertEquals(
            { ...config, rope: null },
            { ...source.config, normEpsilon, eosTokenIds, rope: null },
          );
        }
        await sameTokens(source, copy);
        await writeGguf(copy, `${folder}/again.gguf`, { type });
        assertEquals(await contentOf(`${folder}/again.gguf`), await contentOf(path));
      }
    });
  });
}

leakTest(
  "writeGguf() tells readers every token that ends an answer, and refuses a fourth",
  async () => {
    await inFolder(async (folder) => {
      await copyFolder(`${MODELS}llama-tied-default`, `${folder}/in`);
      const write = async (ids: readonly number[]) => {
        const tokens = { "eos_token_id": ids };
        await Deno.writeTextFile(`${folder}/in/generation_config.json`, JSON.stringify(tokens));
        using source = await openModel(`${folder}/in`);
        await writeGguf(source, `${folder}/a.gguf`, { type: "F16" });
        using files = new WeightFiles();
        const { metadata } = readGgufHeader(files, `${folder}/a.gguf`);
        return END_KEYS.map((key) => metadata.get(`tokenizer.ggml.${key}`));
      };
      const tokenizer = await Deno.readTextFile(`${folder}/in/tokenizer.json`);
      // 281 becomes the token that Llama 3.1 calls tools with.
      await Deno.writeTextFile(
        `${folder}/in/tokenizer.json`,
        tokenizer.replaceAll("<|end_of_text|>", "<|eom_id|>"),
      );
      assertEquals(await write([282]), [282, undefined, undefined]);
      assertEquals(await write([281, 282, 7]), [282, 7, 281]);
      await assertRejects(() => write([281, 7, 8]), ModelFileError, "eos_token_id: has 4 tokens");
    });
  },
);

leakTest("writeGguf() says that nothing comes before a text where nothing does", async () => {
  await inFolder(async (folder) => {
    await copyFolder(`${MODELS}llama-tied-default`, `${folder}/in`);
    const file = `${folder}/in/tokenizer.json`;
    const tokenizer = JSON.parse(await Deno.readTextFile(file));
    await Deno.writeTextFile(file, JSON.stringify({ ...tokenizer, "post_processor": null }));
    using source = await openModel(`${folder}/in`);
    await writeGguf(source, `${folder}/a.gguf`, { type: "F16" });
    using copy = await openModel(`${folder}/a.gguf`);
    await sameTokens(source, copy);
  });
});

workerTest("GGUF keeps what INT8 in groups of 32 holds, to the last bit", async () => {
  await inFolder(async (folder) => {
    using source = await openModel(`${MODELS}llama-yarn`);
    await quantizeDirectory(source, `${folder}/int8`, { groupSize: 32 });
    using quantized = await openModel(`${folder}/int8`);
    await writeGguf(quantized, `${folder}/a.gguf`, { type: "Q8_0" });
    using one = await loadBackend(`${folder}/int8`);
    using two = await loadBackend(`${folder}/a.gguf`);
    const { inputIds } = readGolden("llama-yarn");
    assertEquals(allLogits(two, inputIds), allLogits(one, inputIds));
  });
});

leakTest("writeGguf() ends when its signal aborts, and removes its file", async () => {
  await inFolder(async (folder) => {
    using source = await openModel(`${MODELS}llama-yarn`);
    const controller = new AbortController();
    const reason = new Error("enough");
    const writing = writeGguf(source, `${folder}/a.gguf`, {
      type: "F16",
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    assertEquals(await writing.catch((error) => error), reason);
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

leakTest("GGUF with RoPE factors that nothing can be divided by is refused", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a.gguf`;
    {
      using source = await openModel(`${MODELS}llama-square-llama3`);
      await writeGguf(source, path, { type: "F16" });
    }
    const file = await Deno.readFile(path);
    using files = new WeightFiles();
    const { offset } = readGgufHeader(files, path).tensors.get("rope_freqs.weight")!;
    for (const factor of [0, -1, NaN, Infinity]) {
      const bytes = new Uint8Array(Float32Array.of(factor).buffer);
      await Deno.writeFile(`${folder}/b.gguf`, patched(file, offset + 8, bytes));
      const error = await tryModel(`${folder}/b.gguf`);
      assertEquals(error?.part, "rope_freqs.weight");
      assertStringIncludes(error!.reason, `holds ${factor}, which`);
    }
  });
});

leakTest("writeGguf() refuses what readers of GGUF would compute otherwise", async () => {
  // Data: a model, and what cannot be said of it.
  const cases = [
    ["qwen3-linear", "attention_bias: is true for Qwen3"],
    ["qwen3-llama3", "rope_type: is llama3 for Qwen3"],
    ["qwen3-untied-yarn", "truncate: is false"],
  ] as const;
  for (const [name, message] of cases) {
    using source = await openModel(MODELS + name);
    const path = "/nowhere/a.gguf";
    await assertRejects(() => writeGguf(source, path, { type: "F32" }), ModelFileError, message);
  }
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

function without({ config: _, ...weights }: ModelWeights): Omit<ModelWeights, "config"> {
  return weights;
}

/** A digest of the bytes from a GGUF file's tensors on, and of all metadata but its name. */
async function contentOf(path: string): Promise<string> {
  using files = new WeightFiles();
  const { metadata, tensors } = readGgufHeader(files, path);
  const start = Math.min(...[...tensors.values()].map(({ offset }) => offset));
  const data = files.read(path, start, files.size(path) - start);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const pairs = [...metadata].filter(([key]) => key !== "general.name");
  return JSON.stringify([digest, pairs, [...tensors.keys()]]);
}

async function sameTokens(
  one: Awaited<ReturnType<typeof openModel>>,
  two: Awaited<ReturnType<typeof openModel>>,
): Promise<void> {
  const [a, b] = await Promise.all([one, two].map(async (source) => {
    return new Tokenizer(JSON.stringify((await source.tokenizer()).value));
  }));
  const text = "the cat and the hat 1234 it's\n\n  <think> привет <|eot_id|> cafe\u0301 ";
  for (const addedTokens of ["none", "all"] as const) {
    assertEquals(b!.encode(text, { addedTokens }), a!.encode(text, { addedTokens }));
  }
}
