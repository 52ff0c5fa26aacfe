// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ALIGNMENT_DEFAULT, GGML_TYPES, VALUE_TYPES } from "./gguf_header.ts";
import type { FilePlan, PlannedTensor } from "./safetensors.ts";
import { tensorBytes, type TensorInfo } from "./tensor.ts";

/** A pair of metadata to be written. */
export type GgufPair =
  | { readonly key: string; readonly type: "uint32" | "int32" | "float32"; readonly value: number }
  | { readonly key: string; readonly type: "boolean"; readonly value: boolean }
  | { readonly key: string; readonly type: "string"; readonly value: string }
  | { readonly key: string; readonly type: "strings"; readonly value: readonly string[] }
  | { readonly key: string; readonly type: "int32s"; readonly value: readonly number[] };

/**
 * Lays a GGUF file out, version 3: all before the data, and where each tensor's bytes go.
 *
 * @throws {RangeError} when a type cannot have a shape
 */
export function planGguf(
  path: string,
  metadata: readonly GgufPair[],
  tensors: readonly PlannedTensor[],
): FilePlan {
  const writer = new HeaderWriter();
  writer.bytes(new TextEncoder().encode("GGUF"));
  writer.uint32(3);
  writer.uint64(tensors.length);
  writer.uint64(metadata.length);
  for (const pair of metadata) writePair(writer, pair);
  const placed: TensorInfo[] = [];
  let end = 0;
  for (const { name, type, shape } of tensors) {
    const byteLength = tensorBytes(type, shape);
    if (byteLength === undefined) {
      throw new RangeError(`Cannot store ${name} as ${type} [${shape}]`);
    }
    writer.string(name);
    writer.uint32(shape.length);
    for (const size of shape.toReversed()) writer.uint64(size);
    writer.uint32(GGML_TYPES[type]);
    writer.uint64(end);
    placed.push({ name, type, shape, file: path, offset: end, byteLength });
    end = align(end + byteLength);
  }
  const head = writer.finish();
  const moved = placed.map((tensor): [string, TensorInfo] => {
    return [tensor.name, { ...tensor, offset: head.length + tensor.offset }];
  });
  return { head, tensors: new Map(moved), fileBytes: head.length + end };
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT_DEFAULT) * ALIGNMENT_DEFAULT;
}

function writePair(writer: HeaderWriter, pair: GgufPair): void {
  writer.string(pair.key);
  switch (pair.type) {
    case "uint32":
      writer.uint32(VALUE_TYPES.uint32);
      return writer.uint32(pair.value);
    case "int32":
      writer.uint32(VALUE_TYPES.int32);
      return writer.uint32(pair.value);
    case "float32":
      writer.uint32(VALUE_TYPES.float32);
      return writer.float32(pair.value);
    case "boolean":
      writer.uint32(VALUE_TYPES.boolean);
      return writer.bytes(Uint8Array.of(pair.value ? 1 : 0));
    case "string":
      writer.uint32(VALUE_TYPES.string);
      return writer.string(pair.value);
    case "strings":
      writer.array(VALUE_TYPES.string, pair.value.length);
      return pair.value.forEach((text) => writer.string(text));
    case "int32s":
      writer.array(VALUE_TYPES.int32, pair.value.length);
      return pair.value.forEach((value) => writer.uint32(value));
  }
}

/** Collects the bytes of a header; little-endian. */
class HeaderWriter {
  #view = new DataView(new ArrayBuffer(64 * 1024));
  #length = 0;

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    new Uint8Array(this.#view.buffer, at).set(bytes);
  }

  uint32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  uint64(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  float32(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint64(bytes.length);
    this.bytes(bytes);
  }

  array(type: number, count: number): void {
    this.uint32(VALUE_TYPES.array);
    this.uint32(type);
    this.uint64(count);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(0, align(this.#length)));
  }

  #grow(byteLength: number): number {
    const at = this.#length;
    this.#length += byteLength;
    const { buffer } = this.#view;
    if (align(this.#length) > buffer.byteLength) {
      this.#view = new DataView(buffer.transfer(align(this.#length) * 2));
    }
    return at;
  }
}
