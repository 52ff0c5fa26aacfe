// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { mistyped } from "./mistyped.ts";
import type { ScalarKind } from "./schema.ts";

/** How values of a fixed size lie in memory, little-endian; the same in both framings. */
export interface Scalar {
  /** Bytes of one. */
  readonly byteLength: number;
  /**
   * Writes one.
   *
   * @throws {TypeError} When the value is not of the type
   */
  set(view: DataView, at: number, value: unknown): void;
  /**
   * Reads one.
   *
   * @throws {Deno.errors.InvalidData} When the bytes are none
   */
  get(view: DataView, at: number): unknown;
}

const SAFE = Number.MAX_SAFE_INTEGER;

// Data:
/** Every type of a fixed size. */
// deno-fmt-ignore
export const SCALARS: Record<ScalarKind, Scalar> = {
  u8:  integer(1, 0, 0xff,                    (view, at, value) => view.setUint8(at, value),        (view, at) => view.getUint8(at)),
  u16: integer(2, 0, 0xffff,                  (view, at, value) => view.setUint16(at, value, true), (view, at) => view.getUint16(at, true)),
  u32: integer(4, 0, 0xffff_ffff,             (view, at, value) => view.setUint32(at, value, true), (view, at) => view.getUint32(at, true)),
  i8:  integer(1, -0x80, 0x7f,                (view, at, value) => view.setInt8(at, value),         (view, at) => view.getInt8(at)),
  i16: integer(2, -0x8000, 0x7fff,            (view, at, value) => view.setInt16(at, value, true),  (view, at) => view.getInt16(at, true)),
  i32: integer(4, -0x8000_0000, 0x7fff_ffff,  (view, at, value) => view.setInt32(at, value, true),  (view, at) => view.getInt32(at, true)),
  u64Number: integer(8, 0, SAFE,              setSafe,                                              (view, at) => safe(view.getUint32(at + 4, true), view.getUint32(at, true))),
  i64Number: integer(8, -SAFE, SAFE,          setSafe,                                              (view, at) => safe(view.getInt32(at + 4, true), view.getUint32(at, true))),
  u64: bigInteger(0n, 2n ** 64n - 1n,         (view, at, value) => view.setBigUint64(at, value, true), (view, at) => view.getBigUint64(at, true)),
  i64: bigInteger(-(2n ** 63n), 2n ** 63n - 1n, (view, at, value) => view.setBigInt64(at, value, true), (view, at) => view.getBigInt64(at, true)),
  f32: float(4,                               (view, at, value) => view.setFloat32(at, value, true), (view, at) => view.getFloat32(at, true)),
  f64: float(8,                               (view, at, value) => view.setFloat64(at, value, true), (view, at) => view.getFloat64(at, true)),
  bool: {
    byteLength: 1,
    set(view, at, value) {
      if (typeof value !== "boolean") throw mistyped("a boolean", value);
      view.setUint8(at, value ? 1 : 0);
    },
    get(view, at) {
      const byte = view.getUint8(at);
      if (byte <= 1) return byte === 1;
      throw new Deno.errors.InvalidData(`Cannot decode message: ${byte} is no boolean`);
    },
  },
};

type SetNumber = (view: DataView, at: number, value: number) => void;

function integer(
  byteLength: number,
  minimum: number,
  maximum: number,
  set: SetNumber,
  get: Scalar["get"],
): Scalar {
  return {
    byteLength,
    set(view, at, value) {
      const number = value as number;
      if (!Number.isInteger(value) || !(number >= minimum && number <= maximum)) {
        throw mistyped(`an integer from ${minimum} to ${maximum}`, value);
      }
      set(view, at, number);
    },
    get,
  };
}

function bigInteger(
  minimum: bigint,
  maximum: bigint,
  set: (view: DataView, at: number, value: bigint) => void,
  get: Scalar["get"],
): Scalar {
  return {
    byteLength: 8,
    set(view, at, value) {
      if (typeof value !== "bigint" || value < minimum || value > maximum) {
        throw mistyped(`a bigint from ${minimum} to ${maximum}`, value);
      }
      set(view, at, value);
    },
    get,
  };
}

function float(byteLength: number, set: SetNumber, get: Scalar["get"]): Scalar {
  return {
    byteLength,
    set(view, at, value) {
      if (typeof value !== "number") throw mistyped("a number", value);
      set(view, at, value);
    },
    get,
  };
}

function setSafe(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

function safe(high: number, low: number): number {
  const value = high * 0x1_0000_0000 + low;
  if (Number.isSafeInteger(value)) return value;
  throw new Deno.errors.InvalidData("Cannot decode message: an integer is beyond 2^53");
}
