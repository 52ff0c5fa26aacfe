// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { clearAlarm, setAlarm } from "../thread/alarm.ts";
import { Command, type ReadReply } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import type { CommandOptions } from "./command_sender.ts";
import { findCommand } from "./command_lookup.ts";
import { keysOf } from "./command_keys.ts";
import { Commands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { Argument } from "./request_encoder.ts";

/**
 * The commands of a client with settings of their own: a signal, a time limit, bytes for strings.
 * Made by {@linkcode RedisClient.with}; it costs next to nothing and needs no closing.
 *
 * @example Bytes, and not for longer than a second
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.set("key", new Uint8Array([1, 2, 255]));
 * const view = client.with({ asBytes: true, timeoutMs: 1000 });
 * assertEquals(await view.get("key"), new Uint8Array([1, 2, 255]));
 * ```
 */
export class CommandView<S extends string | Uint8Array = string> extends Commands<S> {
  readonly #target: CommandTarget;
  readonly #options: CommandOptions;

  /** Sends through a client or a cluster. */
  constructor(target: CommandTarget, options: CommandOptions) {
    super();
    this.#target = target;
    this.#options = options;
  }

  /** Sends a command with these settings. */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes: boolean = this.#options.asBytes ?? false,
  ): Promise<T> {
    const isBlocking = definition.isBlocking && mayBlock(definition, args);
    const make: MakeCommand<T> = (resolve, reject) =>
      new Command(definition, args, asBytes, read, resolve, reject);
    if (isBlocking) {
      const key = keysOf(definition, args)[0];
      return this.#limited(definition.name, (signal) => this.#sendBlocking(make, key, signal));
    }
    const submit = (command: Command) => this.#target.submit(command);
    return watch(make, submit, null, this.#options);
  }

  /** On a connection of its own. Giving up unblocks it: what it got by then is not lost. */
  async #sendBlocking<T>(
    make: MakeCommand<T>,
    key: string | Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<T> {
    const client = await this.#target.clientOf(key);
    // The connection is as good as before when the command was refused or given up.
    const outcome = await client.pool.use(async (connection) => {
      const id = await connection.request({ definition: CLIENT_ID, args: [] });
      const unblock = () => unblockLater(client, connection, Number(id));
      const sent = watch(make, (command) => connection.send(command), unblock, { signal });
      return await sent.then((value) => ({ value }), (error: unknown) => ({ error }));
    }, signal);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Calls with one signal for all that may give up; the wait for a connection is part of it. */
  async #limited<T>(name: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, timeoutMs = 0 } = this.#options;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const late = () => controller.abort(timedOut(name, timeoutMs));
    const alarm = timeoutMs > 0 ? setAlarm(performance.now() + timeoutMs, late) : null;
    const abort = () => controller.abort(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await call(controller.signal);
    } finally {
      if (alarm !== null) clearAlarm(alarm);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** Who sends the commands of a view: a client or a cluster. */
export interface CommandTarget {
  /** Puts a command on its way. */
  submit(command: Command): void;
  /** The client of the server that has a key. */
  clientOf(key?: string | Uint8Array): ServerCommands | Promise<ServerCommands>;
}

/** The commands of one server, and connections to it for one user at a time. */
export type ServerCommands = Pick<Commands, "send"> & { readonly pool: ConnectionPool };

/** Sends a command, and has it given up when the time has come. */
function watch<T>(
  make: MakeCommand<T>,
  submit: (command: Command) => void,
  unblock: (() => void) | null,
  { signal, timeoutMs = 0 }: CommandOptions,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let [settle, givenUp] = [() => {}, undefined as { reason: unknown } | undefined];
  const fulfil = (value: T | null) => {
    settle();
    if (value === null && givenUp) reject(givenUp.reason);
    else resolve(value as T);
  };
  const refuse = (reason: unknown) => {
    settle();
    reject(givenUp?.reason ?? reason);
  };
  const command = make(fulfil, refuse);
  const giveUp = (reason: unknown) => {
    givenUp = { reason };
    if (unblock === null) command.abandon(reason);
    else unblock();
  };
  const late = () => giveUp(timedOut(command.definition.name, timeoutMs));
  const alarm = timeoutMs > 0 ? setAlarm(performance.now() + timeoutMs, late) : null;
  const abort = () => giveUp(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  settle = () => {
    if (alarm !== null) clearAlarm(alarm);
    signal?.removeEventListener("abort", abort);
  };
  submit(command);
  return promise;
}

/** Ends a blocking command by another connection; by closing its own when that fails. */
function unblockLater(client: ServerCommands, connection: Connection, id: number): void {
  client.send<number>(CLIENT_UNBLOCK, [id]).then(
    (count) => {
      if (count === 1 || connection.pending === 0) return;
      // It may not have reached the server yet.
      setAlarm(performance.now() + UNBLOCK_AGAIN_MS, () => {
        const isWaiting = connection.pending > 0 && !connection.isClosed;
        if (isWaiting) unblockLater(client, connection, id);
      });
    },
    (error) => connection.close(error),
  );
}

const UNBLOCK_AGAIN_MS = 1;

type MakeCommand<T> = (
  resolve: (value: T) => void,
  reject: (reason: unknown) => void,
) => Command;

const CLIENT_ID = findCommand("CLIENT ID");
const CLIENT_UNBLOCK = findCommand("CLIENT UNBLOCK");

/** The commands that read streams wait only when they are told to. */
function mayBlock({ name }: CommandDefinition, args: readonly Argument[]): boolean {
  if (!name.startsWith("XREAD")) return true;
  return args.some((word) => typeof word === "string" && word.toUpperCase() === "BLOCK");
}

function timedOut(name: string, timeoutMs: number): Error {
  return new Deno.errors.TimedOut(`Cannot wait for ${name}: no reply within ${timeoutMs} ms`);
}
