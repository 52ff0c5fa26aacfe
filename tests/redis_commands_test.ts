// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { connect, type RedisClient } from "../redis/client.ts";
import { findCommand } from "../redis/command_lookup.ts";
import { COMMAND_ROWS } from "../redis/command_table.ts";
import { startServer } from "../redis/embedded.ts";
import { ReplyError } from "../redis/redis_error.ts";
import type { PushMessage, Reply } from "../redis/reply.ts";
import type { Session } from "../redis/session.ts";
import { CLUSTER_CASES, COMMAND_CASES, type CommandCase, Refused } from "./redis_command_cases.ts";
import { askServer, generate, joinFacts } from "./redis_generate.ts";
import { redisTest, serverTest } from "./redis_servers.ts";

/** Those that have no reply of their own, called on a bare connection below. */
const WITHOUT_REPLY = [
  ...["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"],
  ...["MONITOR", "SYNC", "PSYNC", "CLIENT REPLY", "SHUTDOWN"],
];

serverTest("the table has what the server says of each of its commands", async (server) => {
  const facts = await askServer(server.path);
  assert(facts.size >= 351);
  const table = new Map(COMMAND_ROWS.map((row) => [row[0], row]));
  for (const { name, arity, flags, keys, since } of facts.values()) {
    const row = table.get(name);
    assert(row !== undefined, `The table lacks ${name}`);
    assertEquals(row.slice(1, 5), [arity, flags, keys, since], name);
    assertEquals(row[5], "", name);
  }
  const more = COMMAND_ROWS.filter(([name]) => !facts.has(name));
  assert(more.length > 150 && more.every((row) => row[5] === "unverified"));
});

serverTest("the wrappers are what redis_generate.ts writes", async (server) => {
  const folder = await Deno.makeTempDir();
  try {
    const files = generate(joinFacts(await askServer(server.path)));
    for (const [name, text] of files) await Deno.writeTextFile(`${folder}/${name}`, text);
    const args = ["fmt", "--quiet", "--line-width=100", folder];
    await new Deno.Command(Deno.execPath(), { args }).output();
    for (const name of files.keys()) {
      const generated = await Deno.readTextFile(`${folder}/${name}`);
      const kept = await Deno.readTextFile(new URL(`../redis/${name}`, import.meta.url));
      assert(generated === kept, `Run tests/redis_generate.ts: ${name} differs`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

redisTest("each command of the server is called in RESP2 and RESP3", async () => {
  await using server = await startServer();
  const names = [...(await askServer(server.path)).keys()].sort();
  const called = new Set([...COMMAND_CASES, ...CLUSTER_CASES].map(([name]) => name));
  for (const name of WITHOUT_REPLY) called.add(name);
  assertEquals([...called].sort(), names);
});

for (const protocol of [2, 3] as const) {
  serverTest(`commands reply what they should in RESP${protocol}`, async (server) => {
    await using client = await connect(server.url, { protocol });
    await runCases(client, COMMAND_CASES, [["FLUSHALL"], ["FUNCTION", "FLUSH"]]);
  });

  serverTest(`commands of a cluster reply what they should in RESP${protocol}`, async (server) => {
    await using client = await connect(server.url, { protocol });
    await client.clusterAddslotsrange([[0, 16383]]);
    while (!(await client.clusterInfo()).includes("cluster_state:ok"));
    await runCases(client, CLUSTER_CASES, [["FLUSHALL"]]);
  }, { config: { "cluster-enabled": "yes" } });

  serverTest(`commands without a reply do what they should in RESP${protocol}`, async (server) => {
    await using client = await connect(server.url, { protocol });
    for (const kind of ["", "P", "S"]) {
      const messages = await messagesOf(client, [`${kind}SUBSCRIBE`, `${kind}UNSUBSCRIBE`], "ch");
      const [first, second] = messages as Reply[][];
      assertEquals(first, [`${kind.toLowerCase()}subscribe`, "ch", 1]);
      assertEquals(second, [`${kind.toLowerCase()}unsubscribe`, "ch", 0]);
    }
    assertEquals((await messagesOf(client, ["MONITOR"]))[0], "OK");
    assertEquals((await messagesOf(client, ["CLIENT REPLY"], "ON"))[0], "OK");
    const refused = (await messagesOf(client, ["PSYNC"], "?", "-2"))[0];
    assertStringIncludes(String(refused), "FULLRESYNC");
    await assertRejects(() => client.command("SHUTDOWN", "ABORT"), ReplyError, "shutdown");
    const connection = await client.openConnection();
    const lost = Promise.withResolvers<void>();
    connection.onLost = () => lost.resolve();
    await connection.post({ definition: findCommand("SYNC"), args: [] });
    connection.onStray = () => connection.close();
    await lost.promise;
  });
}

async function runCases(
  client: RedisClient,
  cases: readonly CommandCase[],
  clean: readonly (readonly string[])[],
): Promise<void> {
  const failures: string[] = [];
  for (const [name, before, call, expected] of cases) {
    await client.session(async (session) => {
      for (const [command, ...args] of clean) await session.command(command!, ...args);
      for (const line of before.split(";").filter((text) => text !== "")) {
        const [command, ...args] = line.split(" ");
        await session.command(command!, ...args);
      }
      await check(name, () => call(session), expected).catch((error) =>
        failures.push(`${name}: ${error.message}`)
      );
    });
  }
  assertEquals(failures, []);
}

async function check(
  name: string,
  call: () => ReturnType<(session: Session) => Promise<unknown>>,
  expected: unknown,
): Promise<void> {
  if (expected instanceof Refused) {
    const error = await assertRejects(call);
    assertInstanceOf(error, ReplyError);
    return assertStringIncludes(error.message, expected.text);
  }
  const value = await call();
  if (typeof expected === "function") {
    assert(expected(value), `${name} gave ${Deno.inspect(value)}`);
  } else assertEquals(value, expected);
}

/** What the server says to commands that have no reply of their own. */
async function messagesOf(
  client: RedisClient,
  names: string[],
  ...args: string[]
): Promise<Reply[]> {
  const connection = await client.openConnection();
  const messages: Reply[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const add = (reply: Reply) => messages.push(reply) === names.length && resolve();
  connection.onStray = add;
  connection.onPush = (message) => add((message as PushMessage).items);
  connection.onLost = ({ reason }) => reject(reason);
  for (const name of names) await connection.post({ definition: findCommand(name), args });
  await promise;
  connection.onLost = () => {};
  connection.close();
  return messages;
}
