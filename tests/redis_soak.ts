// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { connect, type RedisClient } from "../redis/client.ts";
import { connectCluster } from "../redis/cluster.ts";
import { type EmbeddedServer, startServer } from "../redis/embedded.ts";
import { ConnectionLostError, ProtocolError } from "../redis/redis_error.ts";
import { INCOMPLETE, ReplyDecoder } from "../redis/reply_decoder.ts";
import { writeLoad } from "./redis_cluster_load.ts";
import { TestCluster } from "./redis_cluster_servers.ts";
import { redisTest } from "./redis_servers.ts";

const FUZZED_REPLIES = 1_000_000;
const TAGGED_COMMANDS = 10_000_000;
/** Commands in flight at once. */
const LANES = 512;
/** How often connection or server is lost meanwhile. */
const KILLS = 6;
const CLUSTER_SECONDS = 60;
const RESIDENT_GROWTH_BYTES_MAX = 256 * 1024 * 1024;

// What the mutations start from: every type once.
const SEEDS = [
  ...["+OK\r\n", "-ERR a\r\n", ":12\r\n", "$3\r\nabc\r\n", "*2\r\n:1\r\n$1\r\na\r\n", "_\r\n"],
  ...["%1\r\n+a\r\n:1\r\n", "~1\r\n+a\r\n", ",1.5\r\n", "(123\r\n", "#t\r\n", "!3\r\nERR\r\n"],
  ...["=5\r\ntxt:a\r\n", ">1\r\n+a\r\n", "|1\r\n+a\r\n:1\r\n+b\r\n", "$?\r\n;1\r\na\r\n;0\r\n"],
  ...["*?\r\n:1\r\n.\r\n", "%?\r\n+a\r\n:1\r\n.\r\n", "$-1\r\n", "*-1\r\n", "$300\r\n", "*9\r\n"],
].map((text) => new TextEncoder().encode(text));
const ALPHABET = new TextEncoder().encode("$*:+-_%~,#!=>|;.(?0123456789\r\nax");

Deno.test(`ReplyDecoder survives ${FUZZED_REPLIES} fuzzed replies in bounded memory`, () => {
  const random = randomNumbers(20261121);
  const before = Deno.memoryUsage().rss;
  let [whole, refused, cut] = [0, 0, 0];
  for (let i = 0; i < FUZZED_REPLIES; i++) {
    const decoder = new ReplyDecoder({ stringBytesMax: 1024 * 1024 });
    const bytes = fuzzed(random);
    const middle = random() % (bytes.length + 1);
    try {
      decoder.push(bytes.subarray(0, middle));
      drain(decoder);
      decoder.push(bytes.subarray(middle));
      if (drain(decoder)) whole++;
      else cut++;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
    }
  }
  assertEquals(whole + refused + cut, FUZZED_REPLIES);
  assertEquals([whole, refused, cut].every((count) => count > FUZZED_REPLIES / 100), true);
  assertEquals(Deno.memoryUsage().rss - before < RESIDENT_GROWTH_BYTES_MAX, true);
});

redisTest(`${TAGGED_COMMANDS} tagged commands: every reply goes to its caller`, async () => {
  const port = freePort();
  let server = await startServer({ port });
  using client = await connect({ port });
  const tally = { right: 0, wrong: 0, unknown: 0 };
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    for (let i = 0; i < TAGGED_COMMANDS / LANES; i++) await tagged(client, `${lane}:${i}`, tally);
  });
  for (let kill = 1; kill <= KILLS; kill++) {
    while (tally.right < kill * TAGGED_COMMANDS / (KILLS + 1)) {
      await client.echo("waiting").catch(() => {});
    }
    // By turns a lost connection and a lost server.
    if (kill % 2 === 1) await killConnection(client, server);
    else {
      await server.kill("SIGKILL");
      await server[Symbol.asyncDispose]();
      server = await startServer({ port });
    }
  }
  await Promise.all(lanes);
  assertEquals(tally.wrong, 0);
  assertEquals(tally.right + tally.unknown, LANES * Math.ceil(TAGGED_COMMANDS / LANES));
  await server[Symbol.asyncDispose]();
});

redisTest("a cluster under load for 60 s while its masters die, one after the other", async () => {
  await using nodes = await TestCluster.start();
  await using cluster = await connectCluster(nodes.addresses);
  const endMs = performance.now() + CLUSTER_SECONDS * 1000;
  const loading = writeLoad(cluster, 60, () => performance.now() >= endMs);
  for (const [master, replica] of [[0, 3], [1, 4]] as const) {
    const restMs = endMs - performance.now();
    await new Promise((resolve) => setTimeout(resolve, restMs / 3));
    await nodes.kill(master);
    await nodes.until(
      replica,
      async (client) => (await client.role() as unknown[])[0] === "master",
    );
  }
  const { acknowledged, writes, unknown, wrong } = await loading;
  assertEquals(wrong, 0);
  assert(writes > 10_000 && unknown <= 2 * 60, `${writes} written, ${unknown} unknown`);
  for (const [key, value] of acknowledged) assert(Number(await cluster.get(key)) >= value, key);
});

interface Tally {
  right: number;
  wrong: number;
  unknown: number;
}

/** By turns a read, which is repeated, and a write, which is not; both give back their tag. */
async function tagged(client: RedisClient, tag: string, tally: Tally): Promise<void> {
  try {
    const reply = tag.endsWith("7")
      ? await client.eval("redis.call('INCR', 'n') return ARGV[1]", [], tag)
      : await client.echo(tag);
    tally[reply === tag ? "right" : "wrong"]++;
  } catch (error) {
    if (!(error instanceof ConnectionLostError && error.outcome === "unknown")) throw error;
    tally.unknown++;
  }
}

async function killConnection(client: RedisClient, server: EmbeddedServer): Promise<void> {
  await using admin = await connect(server.url);
  await admin.clientKill(["TYPE", "normal", "SKIPME", "yes"]);
  // It may be lost as well, when the client does not know yet.
  await client.ping().catch(() => {});
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Takes all replies; true when nothing is left over. */
function drain(decoder: ReplyDecoder): boolean {
  while (decoder.next() !== INCOMPLETE);
  return !decoder.isInside;
}

/** One to three replies, with some bytes changed, removed or put in. */
function fuzzed(random: () => number): Uint8Array {
  const bytes: number[] = [];
  for (let n = 1 + random() % 3; n > 0; n--) bytes.push(...SEEDS[random() % SEEDS.length]!);
  for (let n = random() % 4; n > 0; n--) {
    const at = random() % (bytes.length + 1);
    const byte = random() % 4 === 0 ? random() % 256 : ALPHABET[random() % ALPHABET.length]!;
    bytes.splice(at, random() % 3, ...(random() % 2 === 0 ? [byte] : []));
  }
  return new Uint8Array(bytes);
}

/** A generator of 31-bit numbers (xorshift32), the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}
