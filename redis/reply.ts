// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ReplyError } from "./redis_error.ts";

/**
 * What a server answers, as JavaScript values.
 *
 * | RESP                                   | value                                        |
 * | -------------------------------------- | -------------------------------------------- |
 * | simple string `+`, bulk string `$`     | string, or `Uint8Array` where that is asked for |
 * | integer `:`, big number `(`            | number while it is exact, else bigint        |
 * | double `,`                             | number                                       |
 * | boolean `#`                            | boolean                                      |
 * | null `_`, `$-1`, `*-1`                 | null                                         |
 * | array `*`, map `%`, set `~`            | `Array`, `Map`, `Set`                        |
 * | verbatim string `=`                    | {@linkcode VerbatimString}                   |
 * | error `-`, `!`                         | {@linkcode ReplyError}, thrown when it is all |
 * | push `>`                               | {@linkcode PushMessage}, never a reply       |
 */
export type Reply =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | Reply[]
  | Map<Reply, Reply>
  | Set<Reply>
  | VerbatimString
  | ReplyError
  | PushMessage;

/**
 * Text with a format (RESP3 `=`), such as the answer of `INFO`.
 *
 * @example Read it
 * ```ts
 * import { VerbatimString } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new VerbatimString("txt", "hello").text, "hello");
 * ```
 */
export class VerbatimString {
  /** Three letters: `txt` or `mkd`. */
  readonly format: string;
  /** The text itself, or its bytes where those were asked for. */
  readonly text: string | Uint8Array;

  /** Keeps both parts. */
  constructor(format: string, text: string | Uint8Array) {
    this.format = format;
    this.text = text;
  }
}

/**
 * What a server says without being asked (RESP3 `>`): messages, invalidations.
 *
 * @example Its kind is the first item
 * ```ts
 * import { PushMessage } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new PushMessage(["message", "news", "hi"]).kind, "message");
 * ```
 */
export class PushMessage {
  /** All items, the kind first. */
  readonly items: Reply[];

  /** Keeps the items. */
  constructor(items: Reply[]) {
    this.items = items;
  }

  /** What it is about: `message`, `invalidate` and so on. */
  get kind(): string {
    const [kind] = this.items;
    if (kind instanceof Uint8Array) return new TextDecoder().decode(kind);
    return typeof kind === "string" ? kind : "";
  }
}
