// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { findCommand } from "./command_lookup.ts";
import { readText } from "./command_replies.ts";
import { MessageQueue } from "./message_queue.ts";
import { ReplyError } from "./redis_error.ts";
import type { Connector } from "./subscriber.ts";

/** A command that the server executed. */
export interface MonitoredCommand {
  /** Unix time in seconds, to the microsecond. */
  readonly time: number;
  /** Database number. */
  readonly database: number;
  /** Address of the client, or `lua`. */
  readonly address: string;
  /** The command and its arguments. */
  readonly words: readonly string[];
}

/**
 * Shows every command that the server executes, from all clients, until the loop is left. Costs the
 * server half its speed.
 *
 * @example Watch one
 * ```ts
 * import { connect, monitor, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const commands = monitor(client);
 * const first = commands.next();
 * while (await Promise.race([first, client.set("key", "a b")]) === "OK");
 * assertEquals((await first).value?.words, ["set", "key", "a b"].map((w, i) => i ? w : "SET"));
 * await commands.return(undefined);
 * ```
 */
export async function* monitor(
  client: Connector,
): AsyncGenerator<MonitoredCommand, undefined, undefined> {
  const connection = await client.openConnection();
  const queue = new MessageQueue<MonitoredCommand>("commands");
  connection.onLost = ({ reason }) => queue.end(reason);
  connection.onStray = (reply) => {
    if (reply instanceof ReplyError) return queue.end(reply);
    const command = parseLine(readText(reply));
    if (command !== undefined && !queue.push(command)) connection.close();
  };
  try {
    await connection.post({ definition: findCommand("MONITOR"), args: [] });
    for (let next = await queue.next(); !next.done; next = await queue.next()) yield next.value;
  } finally {
    connection.close();
  }
}

/** `1339518083.107412 [0 127.0.0.1:60866] "set" "key" "a\nb"`; undefined for `OK`. */
function parseLine(line: string): MonitoredCommand | undefined {
  const match = /^(\d+\.\d+) \[(\d+) (.*?)\] (.*)$/s.exec(line);
  if (match === null) return undefined;
  const [, time, database, address, rest] = match;
  const words = (rest!.match(/"(?:[^"\\]|\\.)*"/gs) ?? []).map(unquote);
  return { time: Number(time), database: Number(database), address: address!, words };
}

// Data: what the server escapes.
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" };

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(x[0-9a-f]{2}|.)/gs, (_, escape: string) => {
    if (escape.length === 3) return String.fromCharCode(parseInt(escape.slice(1), 16));
    return ESCAPES[escape] ?? escape;
  });
}
