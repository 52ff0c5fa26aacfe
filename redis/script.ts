// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Key, Many } from "./command_arguments.ts";
import type { CommandSender } from "./command_sender.ts";
import { findCommand } from "./command_lookup.ts";
import { ReplyError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";

/**
 * A Lua script that runs in the server at once, with nothing in between. It is sent whole only when
 * the server does not know it yet.
 *
 * @example Write what is larger
 * ```ts
 * import { connect, Script, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const raise = new Script(`
 *   local old = tonumber(redis.call("GET", KEYS[1]) or ARGV[1])
 *   local new = math.max(old, tonumber(ARGV[1]))
 *   redis.call("SET", KEYS[1], new)
 *   return new`);
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * assertEquals(await raise.run(client, "highest", [5]), 5);
 * assertEquals(await raise.run(client, "highest", [3]), 5);
 * ```
 */
export class Script {
  /** The Lua text. */
  readonly source: string;
  /** Whether it changes nothing: it may run on replicas, and again when its reply was lost. */
  readonly isReadOnly: boolean;
  #digest: Promise<string> | undefined;

  /** Nothing is sent yet. */
  constructor(source: string, options: { isReadOnly?: boolean } = {}) {
    this.source = source;
    this.isReadOnly = options.isReadOnly ?? false;
  }

  /** The name by which the server knows it: SHA-1 in hexadecimal. */
  get digest(): Promise<string> {
    return this.#digest ??= digestOf(this.source);
  }

  /** Runs it. */
  async run(
    commands: CommandSender<string | Uint8Array>,
    keys: Many<Key> = [],
    args: Many<Argument> = [],
  ): Promise<Reply> {
    const keyList: readonly Key[] = Array.isArray(keys) ? keys : [keys as Key];
    const argList: readonly Argument[] = Array.isArray(args) ? args : [args as Argument];
    const rest = [keyList.length, ...keyList, ...argList];
    const [byDigest, whole] = this.isReadOnly ? [EVALSHA_RO, EVAL_RO] : [EVALSHA, EVAL];
    try {
      return await commands.send<Reply>(byDigest, [await this.digest, ...rest]);
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== "NOSCRIPT") throw error;
      return await commands.send<Reply>(whole, [this.source, ...rest]);
    }
  }
}

const EVAL = findCommand("EVAL");
const EVAL_RO = findCommand("EVAL_RO");
const EVALSHA = findCommand("EVALSHA");
const EVALSHA_RO = findCommand("EVALSHA_RO");

async function digestOf(source: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(source));
  return new Uint8Array(hash).toHex();
}
