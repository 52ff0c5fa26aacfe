// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// A server process that is killed: what its callers see, and that they go on with the next one.
import { assert, assertEquals } from "@std/assert";
import { type Client, RpcError, RpcPool } from "../rpc/mod.ts";
import { sleep } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { everything } from "./rpc_services.ts";

const PROGRAM = new URL("./rpc_server_process.ts", import.meta.url).pathname;
const DEADLINE_MS = 8_000;
/** Of a call's end against its deadline, on a busy machine. */
const SLACK_MS = 1_000;

class ServerProcess {
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(port: number, log: string): Promise<ServerProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", PROGRAM, `${port}`, log],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return new ServerProcess(child, Number(new TextDecoder().decode(value)));
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

interface Ended {
  readonly ms: number;
  readonly error: unknown;
}

/** How a call ended, and after how long; a call that gives an answer has no error. */
async function ending(call: Promise<unknown>): Promise<Ended> {
  const startMs = performance.now();
  const error = await call.then(() => undefined, (error) => error);
  return { ms: performance.now() - startMs, error };
}

/** Calls of every kind, one after the other until told to end. */
class Load {
  readonly answered: number[] = [];
  readonly ended: Promise<Ended>[] = [];
  received = 0;
  #over = false;
  #last = 0;
  readonly #client: Client<typeof everything.methods>;

  constructor(client: Client<typeof everything.methods>) {
    this.#client = client;
  }

  end(): void {
    this.#over = true;
  }

  /** Calls a method that is not idempotent, each time with another number. */
  async call(): Promise<void> {
    while (!this.#over) {
      const own = this.#last++;
      const data = new Uint8Array([own & 255, own >>> 8, 0]);
      const call = this.#client.blob({ data }, { timeoutMs: DEADLINE_MS }).then((reply) => {
        assertEquals(reply.data, data);
        this.answered.push(own);
      });
      this.ended.push(ending(call));
      await this.ended.at(-1);
      await sleep(1);
    }
  }

  async read(): Promise<void> {
    const replies = this.#client.count({ value: 2 ** 32 - 1 }, { timeoutMs: DEADLINE_MS });
    for await (const { value } of replies) assertEquals(value, this.received++);
  }

  async *endless(): AsyncGenerator<{ value: number }> {
    while (!this.#over) {
      yield { value: 1 };
      await sleep(1);
    }
  }
}

leakTest("kill -9 of a server: every call ends in time, the next server answers", async () => {
  const log = await Deno.makeTempFile();
  const first = await ServerProcess.start(0, log);
  using pool = new RpcPool({
    servers: [`127.0.0.1:${first.port}`],
    backoff: { firstMs: 10, mostMs: 50 },
    breaker: { openMs: 20 },
  });
  const client = pool.client(everything);
  assertEquals(await client.echo({ text: "up" }), { text: "up" });
  const options = { timeoutMs: DEADLINE_MS };
  const load = new Load(client);
  const { answered } = load;
  const callers = Array.from({ length: 8 }, () => load.call());
  const middle = [
    ...Array.from({ length: 20 }, () => ending(client.hang({ text: "" }, options))),
    ending(load.read()),
    ending(client.sum(load.endless(), options)),
  ];
  while (answered.length < 50 || load.received < 1000) await sleep(1);
  await first.kill();
  for (const { ms, error } of await Promise.all(middle)) {
    assert(error instanceof RpcError && error.code === "UNAVAILABLE", `${error}`);
    assert(ms < DEADLINE_MS + SLACK_MS, `a call took ${ms} ms`);
  }

  const second = await ServerProcess.start(first.port, log);
  const before = answered.length;
  while (answered.length < before + 50) await sleep(1);
  load.end();
  await Promise.all(callers);
  assertEquals(await client.sum([{ value: 1 }], options), { value: 1 });
  for (const { ms, error } of await Promise.all(load.ended)) {
    assert(ms < DEADLINE_MS + SLACK_MS, `a call took ${ms} ms`);
    if (error !== undefined) assert(error instanceof RpcError, `${error}`);
  }
  // Neither served nor answered twice, whatever was tried again.
  const served = (await Deno.readTextFile(log)).trim().split("\n");
  assertEquals(new Set(served).size, served.length);
  assertEquals(new Set(answered).size, answered.length);
  await second.kill();
  await Deno.remove(log);
});
