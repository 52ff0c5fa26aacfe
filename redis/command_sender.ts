// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ReadReply } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { findCommand } from "./command_lookup.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";

/** Settings of the commands of one {@linkcode CommandView}. */
export interface CommandOptions {
  /** Gives commands up. One that was sent already is executed all the same. */
  signal?: AbortSignal | undefined;
  /** Longest wait for a reply in milliseconds; 0 for ever. */
  timeoutMs?: number | undefined;
  /** Strings as bytes. */
  asBytes?: boolean | undefined;
}

/**
 * Whatever takes commands: a client, a cluster, a transaction.
 *
 * @typeParam S What strings of replies are: `string`, or `Uint8Array` of a view with `asBytes`
 */
export abstract class CommandSender<S extends string | Uint8Array = string> {
  /** Which strings replies are made of; never there at run time. */
  declare readonly strings?: S;

  /**
   * Sends a command that is known, for the wrappers.
   *
   * @param read Makes the value of the reply; without it, the reply is the value
   * @param asBytes Strings as bytes, whatever the sender is set to
   */
  abstract send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes?: boolean,
  ): Promise<T>;

  /**
   * Sends any command and gives the reply as it is.
   *
   * @param name The command and, where it has one, its subcommand: `"client setname"`
   */
  command<T = Reply>(name: string, ...args: Argument[]): Promise<T> {
    return this.send<T>(findCommand(name), args);
  }
}
