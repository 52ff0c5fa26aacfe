// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";

/** Largest JSON document that is read: a tokenizer of 256 k tokens has 20 MB. */
export const JSON_BYTES_MAX = 256 * 1024 * 1024;

/**
 * A value in a JSON document that knows where it stands, so that every error names the file and the
 * member. Ask for what is needed; what has another type is an error.
 *
 * @example The member that is wrong
 * ```ts
 * import { JsonNode } from "@photon/std/infer";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const root = new JsonNode("config.json", "", { rope: { factor: "4" } });
 * const error = assertThrows(() => root.member("rope").member("factor").number()) as Error;
 * assertEquals(error.message, "Cannot use config.json: rope.factor: is not a number");
 * ```
 */
export class JsonNode {
  /** Path or name of the document. */
  readonly file: string;
  /** Where in it: `rope_scaling.factor`, empty for the whole. */
  readonly path: string;
  /** What `JSON.parse` gave. */
  readonly value: unknown;

  /** Wraps a value; {@linkcode parseJson} does it for a document. */
  constructor(file: string, path: string, value: unknown) {
    this.file = file;
    this.path = path;
    this.value = value;
  }

  /** Whether it is missing or null, which config files use alike. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** A member of an object; absent where it has none of that name. */
  member(name: string): JsonNode {
    const object = this.object();
    const path = this.path === "" ? name : `${this.path}.${name}`;
    return new JsonNode(this.file, path, Object.hasOwn(object, name) ? object[name] : undefined);
  }

  /** The value as an object. */
  object(): Record<string, unknown> {
    if (typeof this.value === "object" && this.value !== null && !Array.isArray(this.value)) {
      return this.value as Record<string, unknown>;
    }
    return this.fail("is not an object");
  }

  /** The members of an object. */
  entries(): [string, JsonNode][] {
    return Object.keys(this.object()).map((name) => [name, this.member(name)]);
  }

  /** The elements of an array. */
  elements(): JsonNode[] {
    if (!Array.isArray(this.value)) return this.fail("is not an array");
    return this.value.map((value, i) => new JsonNode(this.file, `${this.path}[${i}]`, value));
  }

  /** The value as a string. */
  text(): string {
    return typeof this.value === "string" ? this.value : this.fail("is not a string");
  }

  /** The value as a boolean. */
  boolean(): boolean {
    return typeof this.value === "boolean" ? this.value : this.fail("is not a boolean");
  }

  /** The value as a finite number, in a closed range. */
  number(least = -Number.MAX_VALUE, most = Number.MAX_VALUE): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isFinite(value)) return this.fail("is not a number");
    if (value < least || value > most) {
      return this.fail(`is ${value}, outside ${least} to ${most}`);
    }
    return value;
  }

  /** The value as a whole number, in a closed range. */
  integer(least: number, most: number): number {
    const value = this.number(least, most);
    return Number.isSafeInteger(value) ? value : this.fail(`is ${value}, not a whole number`);
  }

  /** Throws the error that names this place. */
  fail(reason: string): never {
    throw new ModelFileError(this.file, this.path, reason);
  }
}

/**
 * Parses a JSON document.
 *
 * @throws {ModelFileError} when it is not JSON
 */
export function parseJson(file: string, text: string): JsonNode {
  try {
    return new JsonNode(file, "", JSON.parse(text));
  } catch (cause) {
    const reason = `is not JSON: ${cause instanceof Error ? cause.message : cause}`;
    throw new ModelFileError(file, "", reason, { cause });
  }
}

/**
 * Reads and parses a JSON document of at most {@linkcode JSON_BYTES_MAX}.
 *
 * @throws {ModelFileError} when it is too large, not UTF-8 or not JSON
 * @throws {Deno.errors.NotFound} when there is no such file
 */
export async function readJson(file: string): Promise<JsonNode> {
  return parseJson(file, await readText(file, JSON_BYTES_MAX));
}

/**
 * Reads a file of UTF-8.
 *
 * @throws {ModelFileError} when it has more than `bytesMax` or is not UTF-8
 * @throws {Deno.errors.NotFound} when there is no such file
 */
export async function readText(file: string, bytesMax: number): Promise<string> {
  const { size } = await Deno.stat(file);
  if (size > bytesMax) {
    throw new ModelFileError(file, "", `has ${size} bytes, more than ${bytesMax}`);
  }
  return decodeUtf8(file, await Deno.readFile(file));
}

/**
 * Text of UTF-8 bytes.
 *
 * @throws {ModelFileError} when they are not UTF-8
 */
export function decodeUtf8(file: string, bytes: Uint8Array, part = ""): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ModelFileError(file, part, "is not UTF-8", { cause });
  }
}
