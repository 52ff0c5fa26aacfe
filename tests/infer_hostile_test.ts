// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { openModel } from "../infer/model/open_model.ts";
import { writeGguf } from "../infer/model/write_gguf.ts";
import {
  inFolder,
  littleEndian,
  type ModelFiles,
  patched,
  putFiles,
  readFolder,
  safetensorsFile,
  splitSafetensors,
  type TensorEntry,
  tryModel,
} from "./infer_hostile.ts";
import { MODELS } from "./infer_model.ts";
import { leakTest } from "./leak.ts";

const WEIGHTS = "model.safetensors";
const NORM = "model.norm.weight";
const GATE = "model.layers.0.mlp.gate_proj.weight";

type Header = Record<string, TensorEntry>;

/** A change of a header, and what the error says. */
type HeaderCase = readonly [what: string, change: (header: Header) => unknown, message: string];

// Data: wrong headers of safetensors files.
// deno-fmt-ignore
const HEADERS: readonly HeaderCase[] = [
  ["no JSON",              () => "{",                                                  "is not JSON"],
  ["an array",             () => [],                                                   "is not an object"],
  ["nothing",              () => "",                                                   "is not JSON"],
  ["a number",             () => 7,                                                    "is not an object"],
  ["deep nesting",         () => "[".repeat(100_000),                                  "is not JSON"],
  ["a tensor that is null", (h) => ({ ...h, [NORM]: null }),                           `${NORM}: is not an object`],
  ["metadata of numbers",  (h) => ({ ...h, __metadata__: { a: 1 } }),                  "__metadata__.a: is not a string"],
  ["metadata as array",    (h) => ({ ...h, __metadata__: [] }),                        "__metadata__: is not an object"],
  ["no tensors",           () => ({}),                                                 "bytes after the last tensor"],
  ["no dtype",             (h) => edit(h, NORM, { dtype: undefined }),                 `${NORM}.dtype: is not a string`],
  ["an unknown dtype",     (h) => edit(h, NORM, { dtype: "F64" }),                     `${NORM}: has the type F64`],
  ["a dtype of GGUF",      (h) => edit(h, NORM, { dtype: "Q8_0" }),                    `${NORM}: has the type Q8_0`],
  ["a dtype of Object",    (h) => edit(h, NORM, { dtype: "constructor" }),             `${NORM}: has the type constructor`],
  ["another size",         (h) => edit(h, NORM, { dtype: "F32" }),                     `${NORM}: has 128 bytes, not those of F32 [64]`],
  ["integers",             (h) => edit(h, GATE, { dtype: "I32", shape: [48, 64] }),    `${GATE}: has the shape [48,64]`],
  ["INT8 unannounced",     (h) => edit(h, GATE, { dtype: "I8", shape: [192, 64] }),    `${GATE}: has the shape`],
  ["no shape",             (h) => edit(h, NORM, { shape: undefined }),                 `${NORM}.shape: is not an array`],
  ["a negative size",      (h) => edit(h, NORM, { shape: [-64] }),                     `${NORM}.shape[0]: is -64`],
  ["half a size",          (h) => edit(h, NORM, { shape: [0.5] }),                     `${NORM}.shape[0]: is 0.5, not a whole number`],
  ["a huge size",          (h) => edit(h, NORM, { shape: [2 ** 60] }),                 `${NORM}.shape[0]: is 1152921504606847000`],
  ["sizes that overflow",  (h) => edit(h, NORM, { shape: [2 ** 40, 2 ** 40] }),        `${NORM}: has 128 bytes, not those`],
  ["sizes as text",        (h) => edit(h, NORM, { shape: ["64"] }),                    `${NORM}.shape[0]: is not a number`],
  ["many dimensions",      (h) => edit(h, NORM, { shape: [64, ...Array(8).fill(1)] }), `${NORM}: has 9 dimensions`],
  ["a swapped shape",      (h) => edit(h, GATE, { shape: [64, 96] }),                  `${GATE}: has the shape [64,96]; the configuration says [96,64]`],
  ["one more dimension",   (h) => edit(h, NORM, { shape: [64, 1] }),                   `${NORM}: has the shape [64,1]`],
  ["no offsets",           (h) => edit(h, NORM, { data_offsets: undefined }),          `${NORM}.data_offsets: is not an array`],
  ["one offset",           (h) => edit(h, NORM, { data_offsets: [0] }),                `${NORM}.data_offsets: is not [begin, end]`],
  ["three offsets",        (h) => edit(h, NORM, { data_offsets: [0, 1, 2] }),          `${NORM}.data_offsets: is not [begin, end]`],
  ["a negative offset",    (h) => edit(h, NORM, { data_offsets: [-128, 0] }),          `${NORM}.data_offsets[0]: is -128`],
  ["offsets reversed",     (h) => edit(h, NORM, { data_offsets: [128, 0] }),           `${NORM}: spans bytes 128 to 0`],
  ["an end behind",        (h) => edit(h, NORM, { data_offsets: [0, 2 ** 50] }),       `${NORM}: spans bytes 0 to 1125899906842624`],
  ["an end beyond 2^53",   (h) => edit(h, NORM, { data_offsets: [0, 1e300] }),         `${NORM}.data_offsets[1]: is 1e+300`],
  ["an overlap",           (h) => edit(h, NORM, { data_offsets: [0, 128] }),           "where byte"],
  ["a tensor taken out",   (h) => ({ ...h, [NORM]: undefined }),                       "bytes after the last tensor"],
  ["a hole",               (h) => ({ ...h, [GATE]: undefined }),                       "where byte"],
  ["a tensor renamed",     (h) => ({ ...h, [NORM]: undefined, other: h[NORM] }),       `${NORM}: is missing`],
  ["the prototype's name", (h) => ({ ...h, [NORM]: undefined, ["__proto__"]: h[NORM] }), `${NORM}: is missing`],
];

function edit(header: Header, name: string, change: Partial<TensorEntry>): Header {
  return { ...header, [name]: { ...header[name]!, ...change } };
}

leakTest(
  "safetensors with wrong headers give errors that name file, tensor and reason",
  async () => {
    await inFolder(async (folder) => {
      const files = readFolder(`${MODELS}qwen3-linear`);
      const { header, data } = splitSafetensors(files[WEIGHTS]!);
      for (const [what, change, message] of HEADERS) {
        putFiles(folder, { ...files, [WEIGHTS]: safetensorsFile(change(header), data) });
        const error = await tryModel(folder);
        assert(error, `${what} was taken`);
        assertStringIncludes(error.message, message, what);
        assertStringIncludes(error.file, folder, what);
      }
    });
  },
);

leakTest("safetensors cut short or with a wrong length give errors", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(`${MODELS}qwen3-linear`);
    const file = files[WEIGHTS]!;
    const cuts = [0, 1, 7, 8, 9, 100, 1000, 2000, file.length - 100, file.length - 1];
    const lengths = [0n, 1n, BigInt(file.length), BigInt(file.length - 7), 100_000_001n, 2n ** 63n];
    const wrong = [
      ...cuts.map((end) => file.slice(0, end)),
      ...lengths.map((length) => patched(file, 0, littleEndian(length, 8))),
      damaged(file, file.length, { at: 0.9999, kind: "insert", byte: 0 }),
    ];
    for (const bytes of wrong) {
      putFiles(folder, { ...files, [WEIGHTS]: bytes });
      const error = await tryModel(folder);
      assert(error !== null && error.file.endsWith(WEIGHTS), `${bytes.length} bytes were taken`);
    }
  });
});

leakTest("an index that names what is not there, or is elsewhere, is refused", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(`${MODELS}llama-untied-llama3`);
    const name = "model.safetensors.index.json";
    const index = JSON.parse(new TextDecoder().decode(files[name]));
    const map = (change: object) => ({ ...index, weight_map: { ...index.weight_map, ...change } });
    const shard = index.weight_map[NORM];
    // Data: an index, and what the error says.
    const cases: [unknown, string][] = [
      [{}, "weight_map: is not an object"],
      [{ weight_map: [] }, "weight_map: is not an object"],
      [{ weight_map: {} }, "its configuration needs"],
      [map({ [NORM]: 5 }), `weight_map.${NORM}: is not a string`],
      [map({ [NORM]: "missing.safetensors" }), "names a file that is missing"],
      [map({ [NORM]: `../${shard}` }), "not the name of a safetensors file"],
      [map({ [NORM]: `/${shard}` }), "not the name of a safetensors file"],
      [map({ [NORM]: "..\\a.safetensors" }), "not the name of a safetensors file"],
      [map({ [NORM]: `a\0b.safetensors` }), "not the name of a safetensors file"],
      [map({ [NORM]: "config.json" }), "not the name of a safetensors file"],
      [map({ another: shard }), "another: is missing"],
    ];
    for (const [content, message] of cases) {
      putFiles(folder, { ...files, [name]: new TextEncoder().encode(JSON.stringify(content)) });
      assertStringIncludes((await tryModel(folder))?.message ?? "it was taken", message);
    }
    const { [name]: _, ...without } = files;
    putFiles(folder, without);
    assertStringIncludes((await tryModel(folder))!.message, "has neither model.safetensors nor");
  });
});

/** Values that no member of a configuration should have, most of them. */
// deno-fmt-ignore
const WILD: readonly unknown[] = [
  0, -1, 0.5, 1e9, 2 ** 53, 1e308, -1e308, "", "64", [], [-1], [1e9], {}, true, false, null,
];
/** Members that are sizes: every wild value is an error. */
const SIZES = [
  ...["hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers"],
  ...["vocab_size", "model_type"],
];
/** Members of which some wild values are right, or mean the default. */
const OTHERS = [
  ...["num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps"],
  ...["tie_word_embeddings", "attention_bias", "bos_token_id", "eos_token_id", "hidden_act"],
  ...["layer_types", "use_sliding_window", "rope_parameters", "quantization_config"],
];

leakTest("wild values in config.json give errors that name them, or are harmless", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(`${MODELS}qwen3-linear`);
    const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
    let errors = 0;
    for (const name of [...SIZES, ...OTHERS]) {
      for (const value of WILD) {
        const text = JSON.stringify({ ...config, [name]: value });
        putFiles(folder, { ...files, "config.json": new TextEncoder().encode(text) });
        const error = await tryModel(folder);
        if (error) errors++;
        assert(error || OTHERS.includes(name), `${name} ${JSON.stringify(value)} was taken`);
      }
    }
    assert(errors >= 200, `only ${errors} were found wrong`);
  });
});

// Data: members of rope_parameters that are wrong, and what the error says.
// deno-fmt-ignore
const ROPES: readonly [object, string][] = [
  [{ rope_type: "dynamic", factor: 2 },               'rope_type: is "dynamic"; supported are'],
  [{ rope_type: "longrope" },                         'rope_type: is "longrope"; supported are'],
  [{ rope_type: 5 },                                  "rope_type: is not a string"],
  [{ rope_type: "linear" },                           "factor: is not a number"],
  [{ rope_type: "linear", factor: 0 },                "factor: is 0, outside"],
  [{ rope_type: "linear", factor: 1, rope_theta: 0 }, "rope_theta: is 0, outside"],
  [{ rope_type: "default", partial_rotary_factor: 0.5 }, "partial_rotary_factor: is not 1"],
  [{ rope_type: "llama3", factor: 8 },                "low_freq_factor: is not a number"],
  [{ rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 4 }, "is not above low_freq_factor, 4"],
  [{ rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 }, "original_max_position_embeddings: is not a number"],
  [{ rope_type: "yarn", factor: -2 },                 "factor: is -2, outside"],
  [{ rope_type: "yarn", factor: 2, beta_fast: 0 },    "beta_fast: is 0, outside"],
  [{ rope_type: "yarn", factor: 2, truncate: 1 },     "truncate: is not a boolean"],
  [{ full_attention: { rope_type: "default" } },      "has a RoPE for each kind of layer"],
];

leakTest("RoPE that is wrong or not supported is named", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(`${MODELS}qwen3-linear`);
    const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
    for (const member of ["rope_parameters", "rope_scaling"]) {
      for (const [rope, message] of ROPES) {
        const changed = { ...config, "rope_parameters": undefined, [member]: rope };
        const text = new TextEncoder().encode(JSON.stringify(changed));
        putFiles(folder, { ...files, "config.json": text });
        const error = await tryModel(folder);
        assertStringIncludes(error?.message ?? "it was taken", message);
        assertStringIncludes(error!.part, member);
      }
    }
  });
});

leakTest("random damage to a directory's headers gives an error or harmless numbers", async () => {
  await inFolder(async (folder) => {
    const files = readFolder(`${MODELS}qwen3-linear`);
    const headerEnd = 8 + Number(new DataView(files[WEIGHTS]!.buffer).getBigUint64(0, true));
    const ends: ModelFiles = { "config.json": files["config.json"]!, [WEIGHTS]: files[WEIGHTS]! };
    const errors = await countErrors(async (name, damage) => {
      const end = name === WEIGHTS ? headerEnd : ends[name]!.length;
      putFiles(folder, { ...files, [name]: damaged(files[name]!, end, damage) });
      return await tryModel(folder);
    }, Object.keys(ends));
    assert(errors >= 200, `only ${errors} were found wrong`);
  });
});

interface Damage {
  /** Where, as a share of what may be damaged. */
  readonly at: number;
  readonly kind: "flip" | "cut" | "insert" | "remove" | "digit";
  readonly byte: number;
}

function damaged(file: Uint8Array, end: number, { at, kind, byte }: Damage): Uint8Array {
  const offset = Math.floor(at * end);
  const head = file.subarray(0, offset);
  switch (kind) {
    case "flip":
      return patched(file, offset, [file[offset]! ^ (byte || 1)]);
    case "cut":
      return file.slice(0, offset);
    case "insert":
      return concatenated(head, Uint8Array.of(byte), file.subarray(offset));
    case "remove":
      return concatenated(head, file.subarray(offset + 1));
    case "digit": {
      // The next digit becomes another: sizes and offsets that are nearly right.
      const digit = file.findIndex((value, i) => i >= offset && value >= 48 && value <= 57);
      const other = 48 + (byte % 10);
      return digit < 0 || digit >= end ? file.slice(0, offset) : patched(file, digit, [other]);
    }
  }
}

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    joined.set(part, end);
    end += part.length;
  }
  return joined;
}

/** Tries 300 damages and counts those that were found. */
async function countErrors(
  attempt: (name: string, damage: Damage) => Promise<unknown>,
  names: readonly string[],
): Promise<number> {
  const damages = fc.record({
    name: fc.constantFrom(...names),
    at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    kind: fc.constantFrom("flip", "cut", "insert", "remove", "digit"),
    byte: fc.nat(255),
  });
  let errors = 0;
  for (const { name, ...damage } of fc.sample(damages, { seed: 4, numRuns: 300 })) {
    if (await attempt(name, damage as Damage)) errors++;
  }
  return errors;
}

leakTest(
  "GGUF with wrong numbers gives errors that name file, key or tensor, and reason",
  async () => {
    await inFolder(async (folder) => {
      const file = await makeGguf(`${folder}/a.gguf`);
      const after = (text: string) => offsetOf(file, text) + text.length;
      const [u32, u64] = [
        (n: number) => littleEndian(n, 4),
        (n: number | bigint) => littleEndian(n, 8),
      ];
      const value = (key: string) => after(key) + 4;
      const array = after("tokenizer.ggml.tokens") + 4;
      const norm = after("output_norm.weight");
      // Data: where, what is put there, and what the error says.
      const cases: [number, ArrayLike<number>, string][] = [
        [0, [71, 71, 77, 76], "header: does not begin with GGUF"],
        [4, u32(1), "header: has version 1; 2 and 3"],
        [4, [0, 0, 0, 3], "header: has version 50331648"],
        [8, u64(2 ** 40), "says 1099511627776 tensors in a file"],
        [8, u64(2n ** 63n), "header: says 9223372036854775808"],
        [8, u64(19), "its metadata needs"],
        [8, u64(21), ""],
        [16, u64(2 ** 40), "says 1099511627776 pairs of metadata"],
        [16, u64(5), ""],
        [24, u64(2 ** 40), "metadata 0: says 1099511627776 bytes of text"],
        [24, u64(3_000_000), "metadata 0: says 3000000 bytes of text"],
        [32, [0xff, 0xfe], "metadata 0: is not UTF-8"],
        [after("general.architecture"), u32(13), "general.architecture: has the type 13"],
        [after("general.architecture"), u32(4), ""],
        [after("general.architecture") + 12, [109], 'general.architecture: is "mlama"'],
        [after("general.name") - 4, [102, 105, 108, 101], ""],
        [value("llama.block_count"), u32(0), "llama.block_count: is 0, outside"],
        [value("llama.block_count"), u32(1_000), "its metadata needs 9"],
        [value("llama.block_count"), u32(2 ** 32 - 1), "llama.block_count: is 4294967295"],
        [value("llama.block_count") - 4, u32(5), ""],
        [value("llama.block_count") - 4, u32(6), "llama.block_count: is "],
        [value("llama.embedding_length"), u32(128), "the configuration says"],
        [value("llama.attention.head_count"), u32(3), ""],
        [value("llama.attention.head_count_kv"), u32(5), "query heads cannot share 5"],
        [value("llama.attention.key_length"), u32(63), "is not the size of a head, 63"],
        [value("llama.rope.dimension_count"), u32(32), "is not the size of a head, 64"],
        [value("llama.rope.freq_base"), u32(0), "llama.rope.freq_base: is 0"],
        [value("llama.rope.freq_base"), u32(0x7fc0_0000), "llama.rope.freq_base: is not a number"],
        [value("llama.context_length"), u32(2 ** 31), "llama.context_length: is 2147483648"],
        [value("layer_norm_rms_epsilon"), u32(0xff80_0000), "is not a number"],
        [value("tokenizer.ggml.bos_token_id"), u32(9_999_999), "bos_token_id: is 9999999"],
        [
          value("tokenizer.ggml.bos_token_id"),
          u32(288),
          "token 288 is outside the vocabulary of 288",
        ],
        [array, u32(9), "tokenizer.ggml.tokens: is an array of the type 9"],
        [array + 4, u64(2 ** 50), "says 1125899906842624 strings"],
        [array + 4, u64(100_000), "says 100000 strings"],
        [array + 12, u64(2 ** 50), "tokenizer.ggml.tokens: says 1125899906842624 bytes of text"],
        [norm - 18, [120], "output_norm.weight: is missing"],
        [norm, u32(9), "output_norm.weight: has 9 dimensions"],
        [norm, u32(2 ** 31), "output_norm.weight: has 2147483648 dimensions"],
        [norm + 4, u64(65), "output_norm.weight: "],
        [norm + 4, u64(2n ** 60n), "output_norm.weight: says 1152921504606846976"],
        [norm + 4, u64(2 ** 52), "output_norm.weight: "],
        [norm + 12, u32(3), "output_norm.weight: has ggml's type 3"],
        [norm + 12, u32(8), ""],
        [norm + 16, u64(2 ** 40), "output_norm.weight: ends at byte"],
        [norm + 16, u64(0), "lies over another tensor"],
        [norm + 16, u64(2n ** 64n - 1n), "output_norm.weight: says"],
        [after("blk.0.ffn_up.weight") - 13, [103, 97], ""],
        [after("token_embd.weight") + 4, u64(0), "token_embd.weight: "],
      ];
      for (const [offset, bytes, message] of cases) {
        const path = `${folder}/b.gguf`;
        Deno.writeFileSync(path, patched(file, offset, bytes));
        const error = await tryModel(path);
        assertStringIncludes(error?.message ?? `byte ${offset} was taken`, message);
        if (message !== "") assertEquals(error!.file, path);
      }
    });
  },
);

leakTest("GGUF cut short or damaged anywhere gives an error or harmless numbers", async () => {
  await inFolder(async (folder) => {
    const file = await makeGguf(`${folder}/a.gguf`);
    const path = `${folder}/b.gguf`;
    const headerEnd = offsetOf(file, "output_norm.weight") + 42;
    for (let end = 0; end < headerEnd + 4_000; end += 137) {
      Deno.writeFileSync(path, file.slice(0, end));
      assert(await tryModel(path), `${end} bytes were taken`);
    }
    const errors = await countErrors(async (_name, damage) => {
      Deno.writeFileSync(path, damaged(file, headerEnd, damage));
      return await tryModel(path);
    }, ["b.gguf"]);
    assert(errors >= 200, `only ${errors} were found wrong`);
  });
});

async function makeGguf(path: string): Promise<Uint8Array> {
  using source = await openModel(`${MODELS}llama-tied-default`);
  await writeGguf(source, path, { type: "F16" });
  return await Deno.readFile(path);
}

/** Where a text stands in a file for the first time. */
function offsetOf(file: Uint8Array, text: string): number {
  const at = new TextDecoder("latin1").decode(file).indexOf(text);
  assert(at >= 0, text);
  return at;
}
