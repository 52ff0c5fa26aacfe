// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Settings } from "./client_options.ts";
import type { Request } from "./command.ts";
import { findCommand } from "./command_lookup.ts";
import { Connection } from "./connection.ts";
import { dial } from "./dial.ts";
import { describeEndpoint } from "./endpoint.ts";
import { ReplyError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";

/**
 * Connects and introduces itself: protocol, user, name and database, in one round trip.
 *
 * @throws {ReplyError} when the server refuses user, password or database
 * @throws {Deno.errors.TimedOut} when it took longer than `connectTimeoutMs`
 */
export async function openConnection(
  settings: Settings,
  signal?: AbortSignal,
): Promise<Connection> {
  const limit = AbortSignal.timeout(settings.connectTimeoutMs);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return await connectAndGreet(settings, either);
  } catch (error) {
    if (!limit.aborted || signal?.aborted) throw error;
    const reason = `Cannot connect: no answer within ${settings.connectTimeoutMs} ms`;
    throw new Deno.errors.TimedOut(reason, { cause: error });
  }
}

async function connectAndGreet(settings: Settings, signal: AbortSignal): Promise<Connection> {
  const endpoint = await settings.resolve(signal);
  const conn = await dial(endpoint, signal);
  const connection = new Connection(conn, settings);
  const abort = () => connection.close(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    await greet(connection, settings);
    await settings.verify?.(connection);
    return connection;
  } catch (error) {
    connection.close();
    const lost = error instanceof Error && error.name === "ConnectionLostError";
    if (!lost) throw error;
    const place = describeEndpoint(endpoint);
    throw new Deno.errors.ConnectionReset(`Cannot connect: ${place} hung up`, { cause: error });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function greet(connection: Connection, settings: Settings): Promise<void> {
  const { credentials: { username, password, database }, name, protocol } = settings;
  const hello = request("HELLO", 3);
  const auth = password === undefined ? [] : [username ?? "default", password];
  if (protocol === 3) {
    if (auth.length > 0) hello.args.push("AUTH", ...auth);
    if (name !== "") hello.args.push("SETNAME", name);
  }
  const rest = [
    ...(database ? [request("SELECT", database)] : []),
    ...settings.onConnect.map(([command, ...args]) => request(command, ...args)),
  ];
  if (protocol === 3) {
    const [greeting, ...replies] = await connection.batch([hello, ...INTRODUCTION, ...rest]);
    if (!isOldServer(greeting!)) {
      connection.protocol = 3;
      return check([greeting!, ...replies.slice(INTRODUCTION.length)]);
    }
  }
  const named = name === "" ? [] : [request("CLIENT SETNAME", name)];
  // Before 6.0 the default user has no name.
  const login = username === undefined ? auth.slice(1) : auth;
  const first = login.length > 0 ? [request("AUTH", ...login)] : [];
  const introduction = first.concat(named, rest);
  if (introduction.length > 0) check(await connection.batch(introduction));
}

/** Said to every server; those before 7.2 do not understand, which does not matter. */
const INTRODUCTION = [request("CLIENT SETINFO", "LIB-NAME", "photon-std")];

function request(name: string, ...args: Argument[]): Request & { args: Argument[] } {
  return { definition: findCommand(name), args };
}

/** One that knows no `HELLO`, or no version 3. */
function isOldServer(greeting: Reply): boolean {
  if (!(greeting instanceof ReplyError)) return false;
  return greeting.code === "NOPROTO" || /unknown command/i.test(greeting.message);
}

function check(replies: readonly Reply[]): void {
  for (const reply of replies) if (reply instanceof ReplyError) throw reply;
}
