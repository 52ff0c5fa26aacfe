// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { duplicateDescriptor } from "../ffi/socket.ts";
import { openEngine } from "../io/engine_info.ts";
import { adoptListener } from "../net/inherited_listeners.ts";
import { Listener } from "../net/listener.ts";
import { connect, handOver, listen, takeOver, type TcpListener } from "../net/mod.ts";
import { ringTest } from "./net_pair.ts";
import { REPOSITORY } from "./subprocess.ts";

/** Clients, each of which makes one request after the other. */
const CLIENTS = 8;
/** Requests that each generation answers before it is replaced. */
const ANSWERS = 200;
/** Some ten times what a step takes on a busy machine. */
const STEP_MS_MAX = 6_000;

interface Service extends AsyncDisposable {
  readonly port: number;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

async function start(path: string, generation: number, env: Record<string, string> = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "tests/net_restart_program.ts", path, `${generation}`],
    cwd: REPOSITORY,
    env,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const timer = setTimeout(() => child.kill("SIGKILL"), STEP_MS_MAX);
  const { value } = await lines.read();
  clearTimeout(timer);
  const ended = (async () => {
    while (!(await lines.read()).done);
    return (await child.status).code;
  })();
  if (value === undefined) {
    throw new Error(`Generation ${generation} did not start: ${await ended}`);
  }
  const service: Service = {
    port: Number(value),
    ended,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await ended;
    },
  };
  return service;
}

/** One request; the generation that answered. */
async function ask(port: number, signal: AbortSignal): Promise<number> {
  let step = "refused";
  try {
    using conn = await connect({ hostname: "127.0.0.1", port, signal });
    step = "broken";
    await conn.writeAll(new Uint8Array([1, 2, 3, 4]), { signal });
    const answer = new Uint8Array(5);
    await conn.readFull(answer, { signal });
    assertEquals([...answer.subarray(1)], [1, 2, 3, 4]);
    return answer[0]!;
  } catch (cause) {
    throw new Error(`A request was ${step}: ${cause}`, { cause });
  }
}

/** Requests made one after the other by several clients, until the load is disposed of. */
class Load implements AsyncDisposable {
  /** How many requests each generation has answered. */
  readonly answers = [0, 0, 0, 0];

  readonly #ended = new AbortController();
  readonly #clients: Promise<unknown>;
  #stopped = false;

  constructor(port: number) {
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#run(port)));
    // Whoever waits sees it; nobody may be waiting at this moment.
    this.#clients.catch(() => {});
  }

  /** Waits for a step of the test; rejects when a request fails or the step takes too long. */
  async during<T>(step: Promise<T>, name: string): Promise<T> {
    const limit = Promise.withResolvers<never>();
    const late = () => limit.reject(new Error(`${name} takes too long; answers: ${this.answers}`));
    const timer = setTimeout(late, STEP_MS_MAX);
    try {
      return await Promise.race([step, limit.promise, this.#clients.then(() => limit.promise)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when a generation has answered enough requests. */
  async answered(generation: number): Promise<void> {
    let waiting = true;
    const enough = async () => {
      while (waiting && this.answers[generation]! < ANSWERS) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const step = enough();
    try {
      await this.during(step, `${ANSWERS} answers of generation ${generation}`);
    } finally {
      waiting = false;
      await step;
    }
  }

  /** Ends every client after its request; rejects when one failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.during(this.#clients, "the last requests");
  }

  async [Symbol.asyncDispose]() {
    this.#stopped = true;
    this.#ended.abort();
    await Promise.allSettled([this.#clients]);
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopped) this.answers[await ask(port, this.#ended.signal)]!++;
  }
}

ringTest("a restart under load refuses no connection and breaks none", async () => {
  const path = `${await Deno.makeTempDir()}/restart.sock`;
  await using first = await start(path, 1);
  const { port } = first;
  await using load = new Load(port);
  await load.answered(1);
  await using second = await start(path, 2);
  assertEquals(await load.during(first.ended, "the end of generation 1"), 0);
  await load.answered(2);
  await using third = await start(path, 3);
  assertEquals(await load.during(second.ended, "the end of generation 2"), 0);
  assertEquals(third.port, port);
  await load.answered(3);
  await load.stop();
});

ringTest("handOver() goes on when a successor dies before it is ready", async () => {
  const path = `${await Deno.makeTempDir()}/restart.sock`;
  using web = listen({ hostname: "127.0.0.1", port: 0 });
  const handing = handOver({ web }, path);
  const dying = await takeOver(path);
  for (const listener of dying.listeners.values()) listener.close();
  const conn = await connect({ transport: "unix", path });
  conn.close();
  // The one that does not answer is still connected: it has to go first.
  await assertRejects(() => takeOver(path, { signal: AbortSignal.timeout(20) }));
  await dying.ready();
  await handing;
  await assertRejects(() => web.accept(), Deno.errors.BadResource);
});

ringTest("a listener that is handed over still gives what it had accepted", async () => {
  const path = `${await Deno.makeTempDir()}/restart.sock`;
  using web = listen({ hostname: "127.0.0.1", port: 0 });
  const first = web.accept();
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => connect({ port: web.addr.port })),
  );
  (await first).close();
  const handing = handOver({ web }, path);
  const taken = await takeOver(path);
  await taken.ready();
  await handing;
  const successor = taken.listeners.get("web") as TcpListener;
  let count = 1;
  for await (const conn of web) {
    conn.close();
    count++;
  }
  while (count < clients.length) {
    (await successor.accept()).close();
    count++;
  }
  for (const client of clients) client.close();
  successor.close();
});

ringTest("a connection that has woken the one who retires is not left waiting", async () => {
  using old = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = old.addr;
  const socket = Listener.socketOf(old);
  using successor = adoptListener(duplicateDescriptor(socket.fd)) as TcpListener;
  const [last, next] = [old.accept(), successor.accept()];
  next.catch(() => {});
  // Both wait in the kernel, and a connection wakes the first of them only.
  openEngine().submitNow();
  const source = `(await Deno.connect({ port: ${port} })).close()`;
  const { success } = new Deno.Command(Deno.execPath(), { args: ["eval", source] }).outputSync();
  assert(success);
  // This thread stood still meanwhile: the old one was woken and has accepted nothing.
  const retired = socket.retire!();
  (await last).close();
  await retired;
  await assertRejects(() => old.accept(), Deno.errors.BadResource);
  using _client = await connect({ port });
  (await next).close();
});

ringTest("inheritedListeners() finds what systemd hands over", async () => {
  // A shell stands in for systemd: it opens the socket by passing ours on as descriptor 3.
  using web = listen({ hostname: "127.0.0.1", port: 0 });
  const source = `
    import { inheritedListeners } from "${new URL("net/mod.ts", REPOSITORY)}";
    const listeners = inheritedListeners();
    console.log(JSON.stringify([...listeners].map(([name, { addr }]) => [name, addr.port])));
    console.log(inheritedListeners().size, Deno.env.has("LISTEN_FDS"));
    for (const listener of listeners.values()) listener.close();`;
  const script = `import os, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
t = socket.socket(socket.AF_UNIX); t.bind("\\0photon-" + str(os.getpid())); t.listen()
port = s.getsockname()[1]
a, b = os.dup(s.fileno()), os.dup(t.fileno())
os.dup2(a, 3); os.dup2(b, 4)
os.set_inheritable(3, True); os.set_inheritable(4, True)
print(port, flush=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web")
os.execv(sys.argv[1], sys.argv[1:])`;
  const program = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(program, source);
  const child = await new Deno.Command("python3", {
    args: ["-c", script, Deno.execPath(), "run", "-A", "--no-check", program],
    cwd: REPOSITORY,
  }).output().catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  await Deno.remove(program);
  if (child === null) return;
  const [port, found, again] = new TextDecoder().decode(child.stdout).split("\n");
  const stderr = new TextDecoder().decode(child.stderr);
  assertEquals([found, again], [`[["web",${port}],["unknown",null]]`, "0 false"], stderr);
  assert(web.addr.port > 0);
});
