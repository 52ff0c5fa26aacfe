// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { SCALARS } from "./scalar.ts";
import type { BytesKind, ScalarKind, Schema } from "./schema.ts";

/** A field of a C++ struct. */
export interface PhotonField {
  readonly name: string;
  /** Where it lies in the struct. */
  readonly offset: number;
  readonly layout: PhotonLayout;
}

/** How a type lies in memory on x86-64 and arm64: natural alignment, little-endian. */
export type PhotonLayout =
  | { readonly kind: ScalarKind; readonly size: number; readonly align: number }
  | { readonly kind: "string" | BytesKind; readonly size: number; readonly align: 8 }
  | { readonly kind: "array"; readonly size: 16; readonly align: 8; readonly item: PhotonLayout }
  | {
    readonly kind: "struct";
    /** Whether it begins with the checksum of its message. */
    readonly checked: boolean;
    readonly size: number;
    readonly align: number;
    readonly fields: readonly PhotonField[];
  };

/** A variable field: a pointer, which means nothing to a peer, and a length in bytes. */
const REFERENCE = { size: 16, align: 8 } as const;
/** One in pieces: a pointer to an array of those, its length in bytes, and that of them all. */
const IOVEC_REFERENCE = { size: 24, align: 8 } as const;

/** The fields that come first, so that their bytes lie at an even place. */
export const ALIGNED_KINDS: ReadonlySet<string> = new Set(["alignedBytes", "alignedIovecArray"]);
/** The fields in pieces. */
export const IOVEC_KINDS: ReadonlySet<string> = new Set(["iovecArray", "alignedIovecArray"]);

/**
 * The layout of a type.
 *
 * @throws {RangeError} When C++ has no such type: optional, map, oneOf, variant
 */
export function photonLayout(schema: Schema): PhotonLayout {
  switch (schema.kind) {
    case "string":
    case "bytes":
    case "alignedBytes":
      return { kind: schema.kind, ...REFERENCE };
    case "iovecArray":
    case "alignedIovecArray":
      return { kind: schema.kind, ...IOVEC_REFERENCE };
    case "array":
      return { kind: "array", ...REFERENCE, item: itemLayout(schema.item) };
    case "struct":
      return structLayout(schema);
    case "optional":
    case "map":
    case "oneOf":
    case "variant":
      throw new RangeError(`Cannot use the photon framing: it has no type for ${schema.kind}`);
    default: {
      const size = SCALARS[schema.kind].byteLength;
      return { kind: schema.kind, size, align: size };
    }
  }
}

/** Whether values of it have bytes beside the struct. */
export function isVariable(layout: PhotonLayout): boolean {
  if (layout.kind === "struct") return layout.fields.some(({ layout }) => isVariable(layout));
  return layout.size >= REFERENCE.size;
}

function structLayout(schema: Schema & { kind: "struct" | "variant" }): PhotonLayout {
  const { checked = false } = schema;
  // The word of `CheckedMessage`, the base class, is in front.
  let end = checked ? CHECKSUM_BYTES : 0;
  let align = checked ? CHECKSUM_BYTES : 1;
  const fields: PhotonField[] = [];
  for (const [name, fieldSchema] of schema.fields) {
    const layout = photonLayout(fieldSchema);
    const offset = alignUp(end, layout.align);
    fields.push({ name, offset, layout });
    end = offset + layout.size;
    align = Math.max(align, layout.align);
  }
  // A struct without fields takes one byte in C++.
  return { kind: "struct", checked, size: Math.max(1, alignUp(end, align)), align, fields };
}

const CHECKSUM_BYTES = 4;

function itemLayout(schema: Schema): PhotonLayout {
  const layout = photonLayout(schema);
  if (hasAligned(layout)) {
    throw new RangeError("Cannot use the photon framing: arrays have nothing aligned inside");
  }
  // The C++ serializer follows the fields of messages, not of buffers.
  if (layout.kind !== "struct" && isVariable(layout)) {
    throw new RangeError(`Cannot use the photon framing: it has no arrays of ${layout.kind}`);
  }
  return layout;
}

function hasAligned(layout: PhotonLayout): boolean {
  if (layout.kind === "struct") return layout.fields.some(({ layout }) => hasAligned(layout));
  return ALIGNED_KINDS.has(layout.kind);
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
