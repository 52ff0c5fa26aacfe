// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connect, type RedisClient } from "../redis/client.ts";
import { type EmbeddedServer, startServer } from "../redis/embedded.ts";

const CLUSTER_BUS_OFFSET = 10_000;
/** After this long without an answer the others take a node for dead. */
const NODE_TIMEOUT_MS = 1000;

/** A cluster of its own: masters first, then a replica of each. */
export class TestCluster implements AsyncDisposable {
  /** All servers; undefined in place of one that was killed. */
  readonly servers: (EmbeddedServer | undefined)[] = [];
  /** Addresses, as `host:port`. */
  readonly addresses: string[] = [];

  /** Starts `masters` masters, each with a replica, and waits until they agree. */
  static async start(masters = 3): Promise<TestCluster> {
    const cluster = new TestCluster();
    try {
      await Promise.all(Array.from({ length: 2 * masters }, () => cluster.#startNode()));
      await cluster.#join(masters);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lets `run` use a client of one node. */
  async on<T>(index: number, run: (client: RedisClient) => Promise<T>): Promise<T> {
    await using client = await connect({ path: this.servers[index]!.path });
    return await run(client);
  }

  /** Ends a node as a crash would. */
  async kill(index: number): Promise<void> {
    const server = this.servers[index]!;
    this.servers[index] = undefined;
    await server.kill("SIGKILL");
    await server[Symbol.asyncDispose]();
  }

  /** Waits until a node that is left says what is wanted. */
  async until(index: number, wanted: (client: RedisClient) => Promise<boolean>): Promise<void> {
    await this.on(index, async (client) => {
      while (!await wanted(client));
    });
  }

  /** Stops all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server?.[Symbol.asyncDispose]()));
  }

  async #startNode(): Promise<void> {
    const port = freePort();
    const config = {
      ...{ "cluster-enabled": "yes", "cluster-node-timeout": NODE_TIMEOUT_MS },
      ...{ "cluster-replica-validity-factor": 0, "repl-diskless-sync-delay": 0 },
    };
    this.servers.push(await startServer({ port, config }));
    this.addresses.push(`127.0.0.1:${port}`);
  }

  async #join(masters: number): Promise<void> {
    const slots = 16_384 / masters;
    const ids: string[] = [];
    for (let i = 0; i < masters; i++) {
      const range = [Math.ceil(i * slots), Math.ceil((i + 1) * slots) - 1] as const;
      ids.push(
        await this.on(i, async (client) => {
          await client.clusterAddslotsrange([range]);
          await client.clusterSetConfigEpoch(i + 1);
          return await client.clusterMyid();
        }),
      );
    }
    await this.on(0, async (client) => {
      for (const address of this.addresses.slice(1)) {
        const [host, port] = address.split(":");
        await client.clusterMeet(host!, Number(port));
      }
    });
    for (let i = masters; i < 2 * masters; i++) {
      await this.until(
        i,
        async (client) => (await client.clusterNodes()).includes(ids[i - masters]!),
      );
      await this.on(i, (client) => client.clusterReplicate(ids[i - masters]!));
    }
    for (const [i] of this.servers.entries()) {
      await this.until(i, (client) => isWhole(client, masters));
    }
  }
}

/** Every slot has a master, and every master a replica that is up to date. */
async function isWhole(client: RedisClient, masters: number): Promise<boolean> {
  if (!(await client.clusterInfo()).includes("cluster_state:ok")) return false;
  const rows = await client.clusterSlots() as unknown[][];
  if (rows.length !== masters || !rows.every((row) => row.length >= 4)) return false;
  const info = await client.info("replication");
  return info.includes("role:master") || info.includes("master_link_status:up");
}

function freePort(): number {
  for (;;) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    if (port + CLUSTER_BUS_OFFSET > 65_535) continue;
    try {
      using _bus = Deno.listen({ hostname: "127.0.0.1", port: port + CLUSTER_BUS_OFFSET });
      return port;
    } catch {
      // Taken: another one.
    }
  }
}
