// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * What `Cache-Control` says (RFC 9111 section 5.2): directives in lower case, with their arguments,
 * which are empty where there are none. The first of several counts.
 */
export class CacheControl {
  readonly #directives = new Map<string, string>();

  /** Reads the fields of a message; `Pragma` of a request counts where there is no other. */
  constructor(headers: Headers, isRequest = false) {
    const text = headers.get("cache-control");
    for (const [, name, quoted, token] of (text ?? "").matchAll(DIRECTIVE_REGEXP)) {
      const key = name!.toLowerCase();
      if (!this.#directives.has(key)) this.#directives.set(key, quoted ?? token ?? "");
    }
    // RFC 9111 section 5.4.
    const isOld = isRequest && text === null && /\bno-cache\b/i.test(headers.get("pragma") ?? "");
    if (isOld) this.#directives.set("no-cache", "");
  }

  /** Whether a directive is there. */
  has(name: string): boolean {
    return this.#directives.has(name);
  }

  /**
   * The milliseconds of a directive that has seconds; undefined where it is not there, and 0 for
   * what is no number, so that nothing counts as fresh by mistake.
   */
  milliseconds(name: string): number | undefined {
    const argument = this.#directives.get(name);
    if (argument === undefined) return undefined;
    return /^\d+$/.test(argument) ? millisecondsOf(argument) : 0;
  }
}

/** Milliseconds of so many seconds in decimal digits. */
export function millisecondsOf(seconds: string): number {
  return Math.min(Number(seconds), SECONDS_MAX) * 1000;
}

/** A name, and an argument that is a quoted string or a token. */
const DIRECTIVE_REGEXP =
  /([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?\s*(?:,|$)/g;
/** RFC 9111 section 1.2.2: larger numbers count as this one. */
const SECONDS_MAX = 2 ** 31;
