// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ProtocolError } from "./redis_error.ts";

/** Memory for a string that has not come yet is not taken on the server's word beyond this. */
export const TRUST_BYTES = 4 * 1024 * 1024;

const CR = 13;
const LF = 10;

/** A string that is gathered outside of the buffer, with its CR and LF. */
export class LargeString {
  /** The byte that its type begins with. */
  readonly type: number;
  readonly #length: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #end: number;

  /** Starts with what has come of `length` bytes, CR and LF. */
  constructor(type: number, length: number, begun: Uint8Array) {
    this.type = type;
    this.#length = length;
    this.#bytes = new Uint8Array(Math.max(begun.length + 1, Math.min(length + 2, TRUST_BYTES)));
    this.#bytes.set(begun);
    this.#end = begun.length;
  }

  /** Whether all has come. */
  get isComplete(): boolean {
    return this.#end === this.#length + 2;
  }

  /** Where the next bytes belong. */
  room(): Uint8Array<ArrayBuffer> {
    const whole = this.#length + 2;
    if (this.#end === this.#bytes.length) {
      const larger = new Uint8Array(Math.min(whole, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes.subarray(this.#end, whole);
  }

  /** Takes note of bytes that came. */
  filled(count: number): void {
    this.#end += count;
  }

  /** The string, without CR and LF. */
  bytes(): Uint8Array {
    const length = this.#length;
    if (this.#bytes[length] !== CR || this.#bytes[length + 1] !== LF) throw unterminated();
    return this.#bytes.subarray(0, length);
  }
}

/** The error for a value whose end is not where its length says. */
export function unterminated(): ProtocolError {
  return new ProtocolError("Cannot decode reply: a value that does not end with CR LF");
}
