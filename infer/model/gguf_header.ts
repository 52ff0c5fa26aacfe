// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { decodeUtf8 } from "./json_node.ts";
import { DIMENSIONS_MAX, tensorBytes, type TensorInfo, type TensorType } from "./tensor.ts";
import type { WeightFiles } from "./weight_files.ts";

// ggml's docs/gguf.md, versions 2 and 3, little-endian:
//
//     | "GGUF" | version u32 | tensors u64 | pairs u64 | pairs | tensors | padding | data |
//     pair     | key: string | type u32 | value |
//     string   | bytes u64 | UTF-8 |
//     array    | type u32 | count u64 | values |
//     tensor   | name: string | dimensions u32 | sizes u64, inner first | type u32 | offset u64 |

/** A value of a GGUF file's metadata; 64-bit numbers beyond 2^53 are refused. */
export type GgufValue = number | boolean | string | readonly string[] | GgufNumbers;

/** An array of numbers, in the type that the file has them in. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** What stands before the data of a GGUF file. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By the names of the file, sizes the outermost first. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Longest string that is believed: chat templates have up to 100 KB. */
export const STRING_BYTES_MAX = 4 * 1024 * 1024;
/** Most pairs of metadata that are believed. */
export const PAIRS_MAX = 65_536;
/** Most tensors that are believed. */
export const TENSORS_MAX = 1_048_576;

/** Where data begins, unless `general.alignment` says otherwise. */
export const ALIGNMENT_DEFAULT = 32;
const ALIGNMENT_MAX = 65_536;
const MAGIC = 0x4655_4747;

/** Numbers of ggml's types, those that are read and written. */
// deno-fmt-ignore
export const GGML_TYPES: Record<TensorType, number> = {
  F32:  0,
  F16:  1,
  Q4_0: 2,
  Q8_0: 8,
  I8:   24,
  I32:  26,
  BF16: 30,
};

/** Numbers of the types of metadata. */
// deno-fmt-ignore
export const VALUE_TYPES = {
  uint8: 0, int8: 1, uint16: 2, int16: 3, uint32: 4, int32: 5, float32: 6, boolean: 7,
  string: 8, array: 9, uint64: 10, int64: 11, float64: 12,
} as const;

/**
 * Reads what stands before the data of a GGUF file, and checks that every tensor lies within the
 * file and none over another.
 *
 * @throws {ModelFileError} that names file, key or tensor, and reason
 */
export function readGgufHeader(files: WeightFiles, path: string): GgufHeader {
  const reader = new HeaderReader(files, path);
  if (reader.uint32() !== MAGIC) reader.fail("does not begin with GGUF");
  const version = reader.uint32();
  if (version !== 2 && version !== 3) reader.fail(`has version ${version}; 2 and 3 are supported`);
  const tensorCount = reader.count(TENSORS_MAX, 25, "tensors");
  const pairCount = reader.count(PAIRS_MAX, 13, "pairs of metadata");
  const metadata = readMetadata(reader, pairCount);
  const tensors = readTensors(reader, tensorCount, metadata, path, files.size(path));
  return { metadata, tensors };
}

function readMetadata(reader: HeaderReader, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    reader.part = `metadata ${i}`;
    const key = reader.name();
    reader.part = key;
    if (metadata.has(key)) reader.fail("is there twice");
    metadata.set(key, readValue(reader, reader.uint32()));
  }
  return metadata;
}

function readTensors(
  reader: HeaderReader,
  count: number,
  metadata: ReadonlyMap<string, GgufValue>,
  file: string,
  fileBytes: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, Omit<TensorInfo, "file">>();
  for (let i = 0; i < count; i++) {
    reader.part = `tensor ${i}`;
    const name = reader.name();
    reader.part = name;
    if (tensors.has(name)) reader.fail("is there twice");
    const dimensions = reader.uint32();
    if (dimensions > DIMENSIONS_MAX) reader.fail(`has ${dimensions} dimensions`);
    const shape = Array.from({ length: dimensions }, () => reader.uint64()).reverse();
    const number = reader.uint32();
    const type = (Object.keys(GGML_TYPES) as TensorType[])
      .find((type) => GGML_TYPES[type] === number);
    if (type === undefined) return reader.fail(`has ggml's type ${number}, not supported`);
    const byteLength = tensorBytes(type, shape);
    if (byteLength === undefined) return reader.fail(`cannot be ${type} [${shape}]`);
    tensors.set(name, { name, type, shape, offset: reader.uint64(), byteLength });
  }
  const alignment = alignmentOf(metadata, reader);
  const start = Math.ceil(reader.position / alignment) * alignment;
  const placed = [...tensors.values()].map((tensor) => {
    return { ...tensor, file, offset: start + tensor.offset };
  });
  checkPlaces(placed, fileBytes);
  return new Map(placed.map((tensor) => [tensor.name, tensor]));
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, reader: HeaderReader): number {
  const alignment = metadata.get("general.alignment") ?? ALIGNMENT_DEFAULT;
  const isPower = typeof alignment === "number" && /^10*$/.test(alignment.toString(2));
  if (isPower && alignment <= ALIGNMENT_MAX) return alignment;
  reader.part = "general.alignment";
  return reader.fail(`is ${alignment}`);
}

function checkPlaces(tensors: readonly TensorInfo[], fileBytes: number): void {
  let end = 0;
  for (
    const { name, file, offset, byteLength } of tensors.toSorted((a, b) => a.offset - b.offset)
  ) {
    if (offset < end) throw new ModelFileError(file, name, "lies over another tensor");
    end = offset + byteLength;
    if (end > fileBytes) {
      throw new ModelFileError(file, name, `ends at byte ${end} of a file of ${fileBytes}`);
    }
  }
}

type ArrayType = new (count: number) => GgufNumbers;

// Data: of each type of number its bytes, how it is read, and what an array of it becomes.
// deno-fmt-ignore
const NUMBERS: Record<number, [bytes: number, read: (view: DataView, at: number) => number, array: ArrayType]> = {
  [VALUE_TYPES.uint8]:   [1, (view, at) => view.getUint8(at),                Uint8Array],
  [VALUE_TYPES.int8]:    [1, (view, at) => view.getInt8(at),                 Int8Array],
  [VALUE_TYPES.uint16]:  [2, (view, at) => view.getUint16(at, true),         Uint16Array],
  [VALUE_TYPES.int16]:   [2, (view, at) => view.getInt16(at, true),          Int16Array],
  [VALUE_TYPES.uint32]:  [4, (view, at) => view.getUint32(at, true),         Uint32Array],
  [VALUE_TYPES.int32]:   [4, (view, at) => view.getInt32(at, true),          Int32Array],
  [VALUE_TYPES.float32]: [4, (view, at) => view.getFloat32(at, true),        Float32Array],
  [VALUE_TYPES.boolean]: [1, (view, at) => view.getUint8(at),                Uint8Array],
  [VALUE_TYPES.uint64]:  [8, (view, at) => Number(view.getBigUint64(at, true)), Float64Array],
  [VALUE_TYPES.int64]:   [8, (view, at) => Number(view.getBigInt64(at, true)),  Float64Array],
  [VALUE_TYPES.float64]: [8, (view, at) => view.getFloat64(at, true),        Float64Array],
};

function readValue(reader: HeaderReader, type: number): GgufValue {
  if (type === VALUE_TYPES.string) return reader.string();
  if (type === VALUE_TYPES.array) return readArray(reader);
  const row = NUMBERS[type];
  if (row === undefined) return reader.fail(`has the type ${type} of metadata`);
  const [bytes, read] = row;
  const value = read(reader.take(bytes), 0);
  const isLong = type === VALUE_TYPES.uint64 || type === VALUE_TYPES.int64;
  if (isLong && !Number.isSafeInteger(value)) reader.fail(`is ${value}, beyond 2^53`);
  return type === VALUE_TYPES.boolean ? value !== 0 : value;
}

function readArray(reader: HeaderReader): GgufValue {
  const type = reader.uint32();
  if (type === VALUE_TYPES.string) {
    const strings: string[] = [];
    const count = reader.count(Infinity, 8, "strings");
    while (strings.length < count) strings.push(reader.string());
    return strings;
  }
  const row = NUMBERS[type];
  if (row === undefined) return reader.fail(`is an array of the type ${type}`);
  const [bytes, read, NumberArray] = row;
  const count = reader.count(Infinity, bytes, "numbers");
  const numbers = new NumberArray(count);
  for (let i = 0; i < count; i++) numbers[i] = read(reader.take(bytes), 0);
  return numbers;
}

/** Bytes that are read at a time. */
const WINDOW_BYTES = 256 * 1024;

/** Reads a header from its beginning on, a window at a time; no byte beyond the file's end. */
class HeaderReader {
  readonly #files: WeightFiles;
  readonly #path: string;
  readonly #size: number;
  #window = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  /** Bytes that are read. */
  position = 0;
  /** What errors name: the key or the tensor that is being read. */
  part = "header";

  constructor(files: WeightFiles, path: string) {
    this.#files = files;
    this.#path = path;
    this.#size = files.size(path);
  }

  /** The next bytes. */
  take(byteLength: number): DataView {
    if (byteLength > this.#size - this.position) {
      this.fail(`ends after the file's ${this.#size} bytes`);
    }
    const inWindow = this.position - this.#windowStart;
    if (inWindow + byteLength > this.#window.byteLength) {
      const wanted = Math.max(byteLength, WINDOW_BYTES);
      const size = Math.min(wanted, this.#size - this.position);
      this.#window = new DataView(this.#files.read(this.#path, this.position, size).buffer);
      this.#windowStart = this.position;
    }
    const view = new DataView(
      this.#window.buffer,
      this.position - this.#windowStart,
      byteLength,
    );
    this.position += byteLength;
    return view;
  }

  uint32(): number {
    return this.take(4).getUint32(0, true);
  }

  uint64(): number {
    const value = this.take(8).getBigUint64(0, true);
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : this.fail(`says ${value}`);
  }

  /** A number of things that follow, each of so many bytes at least. */
  count(most: number, bytesLeast: number, what: string): number {
    const count = this.uint64();
    if (count <= most && count * bytesLeast <= this.#size - this.position) return count;
    return this.fail(`says ${count} ${what} in a file of ${this.#size} bytes`);
  }

  string(): string {
    const byteLength = this.count(STRING_BYTES_MAX, 1, "bytes of text");
    const { buffer, byteOffset } = this.take(byteLength);
    return decodeUtf8(this.#path, new Uint8Array(buffer, byteOffset, byteLength), this.part);
  }

  /** The name of a pair or a tensor. */
  name(): string {
    const name = this.string();
    return name === "" ? this.fail("has no name") : name;
  }

  fail(reason: string): never {
    throw new ModelFileError(this.#path, this.part, reason);
  }
}
