// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { octetsOf } from "./octets.ts";
import { forwardInternals } from "./request_internals.ts";

/** What a response says and holds, in octets. */
export interface PreparedAnswer {
  /** Status code. */
  readonly status: number;
  /** Field lines, each with its CR LF; none that frames the message. */
  readonly fields: Uint8Array;
  /** Whether `Date` is among them. */
  readonly isDated: boolean;
  /** All of the content; null where there is none, not even an empty one. */
  readonly content: Uint8Array | null;
  /** Octets in front of the content, in its buffer, that a head may be written to. */
  readonly headRoom: number;
}

/**
 * A `Response` whose head was written before it is asked for. The server copies it; whoever else
 * looks at the response, a middleware that sets a field, gets a real one that is made then and
 * counts from there on, as with a `ServerRequest`.
 */
export class PreparedResponse {
  readonly #answer: PreparedAnswer;
  readonly #make: () => Response;
  #real: Response | null = null;
  #taken = false;

  /** Stands for the response that `make` makes. */
  constructor(answer: PreparedAnswer, make: () => Response) {
    openPrepared();
    this.#answer = answer;
    this.#make = make;
  }

  /** What a response holds, which counts as used then; null for all that are not of this kind. */
  static take(response: unknown): PreparedAnswer | null {
    if (typeof response !== "object" || response === null || !(#answer in response)) return null;
    if (response.#real !== null || response.#taken) return null;
    response.#taken = true;
    return response.#answer;
  }

  get status(): number {
    return this.#answer.status;
  }

  get bodyUsed(): boolean {
    return this.#real === null ? this.#taken : this.#real.bodyUsed;
  }

  /** A `Response` of Deno's own with the same parts; from now on it is the one that counts. */
  real(): Response {
    if (this.#real !== null) return this.#real;
    const real = this.#real = this.#make();
    // What was sent before was read.
    if (this.#taken && real.body !== null) real.bytes().catch(() => {});
    return real;
  }
}

/** Gives responses their prototype, once and before the first of them. */
function openPrepared(): void {
  if (PreparedResponse.prototype instanceof Response) return;
  forwardInternals(PreparedResponse.prototype, new Response(), (response) => response.real());
}

/** Field lines in octets: neither names nor values hold control characters. */
export function fieldLines(fields: Iterable<readonly [string, string]>): Uint8Array {
  let text = "";
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return octetsOf(text);
}
