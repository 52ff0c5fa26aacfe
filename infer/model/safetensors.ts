// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { decodeUtf8, type JsonNode, parseJson } from "./json_node.ts";
import {
  DIMENSIONS_MAX,
  isTensorType,
  tensorBytes,
  type TensorInfo,
  type TensorType,
} from "./tensor.ts";
import type { WeightFiles } from "./weight_files.ts";

// https://huggingface.co/docs/safetensors, "Format":
//
//     byte 0        8              8 + N
//          | N: u64 | N bytes JSON | data, without holes |
//
//     {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {}}

/** Longest header that the format allows. */
export const HEADER_BYTES_MAX = 100_000_000;
/** Bytes of the length before the header. */
const LENGTH_BYTES = 8;
/** What the header is padded to, so that the data is aligned. */
const ALIGNMENT = 8;
const METADATA = "__metadata__";

/** The header of a safetensors file. */
export interface SafetensorsHeader {
  readonly tensors: Map<string, TensorInfo>;
  /** What the writer says of the file. */
  readonly metadata: Record<string, string>;
}

/**
 * Reads the header of a safetensors file and checks that its tensors fill the file without overlap
 * or hole.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function readSafetensors(files: WeightFiles, path: string): SafetensorsHeader {
  const size = files.size(path);
  if (size < LENGTH_BYTES) {
    throw new ModelFileError(path, "header", `a file of ${size} bytes has no header`);
  }
  const length = new DataView(files.read(path, 0, LENGTH_BYTES).buffer).getBigUint64(0, true);
  if (length > HEADER_BYTES_MAX || Number(length) > size - LENGTH_BYTES) {
    throw new ModelFileError(path, "header", `says ${length} bytes in a file of ${size}`);
  }
  const header = files.read(path, LENGTH_BYTES, Number(length), "header");
  return parseSafetensors(path, header, size);
}

/**
 * Parses the JSON of a safetensors header.
 *
 * @param path Name of the file for errors
 * @param header The JSON alone, without the length before it
 * @param fileBytes Bytes of the whole file
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function parseSafetensors(
  path: string,
  header: Uint8Array,
  fileBytes: number,
): SafetensorsHeader {
  const root = parseJson(path, decodeUtf8(path, header, "header"));
  const start = LENGTH_BYTES + header.length;
  const tensors = new Map<string, TensorInfo>();
  const metadata: Record<string, string> = {};
  for (const [name, node] of root.entries()) {
    if (name === METADATA) {
      for (const [key, value] of node.entries()) metadata[key] = value.text();
    } else {
      tensors.set(name, parseTensor(path, name, node, start, fileBytes - start));
    }
  }
  checkGapless(path, tensors, start, fileBytes);
  return { tensors, metadata };
}

function parseTensor(
  file: string,
  name: string,
  node: JsonNode,
  start: number,
  dataBytes: number,
): TensorInfo {
  const dtype = node.member("dtype");
  const type = dtype.text();
  if (!isTensorType(type) || type.startsWith("Q")) {
    throw new ModelFileError(file, name, `has the type ${type}, which is not supported`);
  }
  const shape = node.member("shape").elements().map((size) => size.integer(0, 2 ** 48));
  if (shape.length > DIMENSIONS_MAX) {
    throw new ModelFileError(file, name, `has ${shape.length} dimensions`);
  }
  const offsets = node.member("data_offsets");
  const [begin, end, ...more] = offsets.elements().map((offset) => offset.integer(0, 2 ** 53 - 1));
  if (begin === undefined || end === undefined || more.length > 0) {
    return offsets.fail("is not [begin, end]");
  }
  if (begin > end || end > dataBytes) {
    const reason = `spans bytes ${begin} to ${end} of ${dataBytes} bytes of data`;
    throw new ModelFileError(file, name, reason);
  }
  if (tensorBytes(type, shape) !== end - begin) {
    const reason = `has ${end - begin} bytes, not those of ${type} [${shape}]`;
    throw new ModelFileError(file, name, reason);
  }
  return { name, type, shape, file, offset: start + begin, byteLength: end - begin };
}

function checkGapless(
  file: string,
  tensors: Map<string, TensorInfo>,
  start: number,
  fileBytes: number,
): void {
  const inOrder = [...tensors.values()].toSorted((a, b) =>
    a.offset - b.offset || a.byteLength - b.byteLength
  );
  let end = start;
  for (const { name, offset, byteLength } of inOrder) {
    if (offset !== end) {
      const reason = `begins at byte ${offset}, where byte ${end} is expected`;
      throw new ModelFileError(file, name, reason);
    }
    end = offset + byteLength;
  }
  if (end !== fileBytes) {
    throw new ModelFileError(file, "", `has ${fileBytes - end} bytes after the last tensor`);
  }
}

/** A tensor to be written. */
export interface PlannedTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
}

/** Where everything goes in a file that is about to be written. */
export interface FilePlan {
  /** The first bytes of the file, up to the first tensor. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** By name, with the offsets at which their bytes must be put. */
  readonly tensors: Map<string, TensorInfo>;
  /** Bytes of the whole file. */
  readonly fileBytes: number;
}

/**
 * Lays a safetensors file out: its header, and where each tensor's bytes go. So they can be written
 * in any order, by several workers, before all are known.
 *
 * @throws {RangeError} when a type cannot have a shape
 */
export function planSafetensors(
  path: string,
  tensors: readonly PlannedTensor[],
  metadata: Record<string, string> = {},
): FilePlan {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  const sizes = tensors.map(({ name, type, shape }) => {
    const bytes = tensorBytes(type, shape);
    if (bytes === undefined) throw new RangeError(`Cannot store ${name} as ${type} [${shape}]`);
    return bytes;
  });
  let end = 0;
  for (const [i, { name, type, shape }] of tensors.entries()) {
    header[name] = { dtype: type, shape, data_offsets: [end, end + sizes[i]!] };
    end += sizes[i]!;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const head = new Uint8Array(LENGTH_BYTES + length).fill(" ".charCodeAt(0));
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, LENGTH_BYTES);
  const { tensors: placed } = parseSafetensors(
    path,
    head.subarray(LENGTH_BYTES),
    head.length + end,
  );
  return { head, tensors: placed, fileBytes: head.length + end };
}
