// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, handOver, listen, takeOver, type TcpListener } from "../net/mod.ts";
import { ringTest } from "./net_pair.ts";
import { REPOSITORY } from "./subprocess.ts";

/** Requests that each client has made when the service has been restarted twice. */
const CLIENTS = 8;

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
  const { value } = await lines.read();
  const ended = (async () => {
    while (!(await lines.read()).done);
    return (await child.status).code;
  })();
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
async function ask(port: number): Promise<number> {
  using conn = await connect({ hostname: "127.0.0.1", port });
  await conn.writeAll(new Uint8Array([1, 2, 3, 4]));
  const answer = new Uint8Array(5);
  await conn.readFull(answer);
  assertEquals([...answer.subarray(1)], [1, 2, 3, 4]);
  return answer[0]!;
}

ringTest("a restart under load refuses no connection and breaks none", async () => {
  const path = `${await Deno.makeTempDir()}/restart.sock`;
  await using first = await start(path, 1);
  const { port } = first;
  const answers = [0, 0, 0, 0];
  let stopped = false;
  const load = Array.from({ length: CLIENTS }, async () => {
    while (!stopped) answers[await ask(port)]!++;
  });
  const answered = async (generation: number) => {
    while (answers[generation]! < 200) {
      // A request that was refused or broken rejects here.
      await Promise.race([Promise.all(load), new Promise((resolve) => setTimeout(resolve, 1))]);
    }
  };
  await answered(1);
  await using second = await start(path, 2);
  assertEquals(await first.ended, 0);
  await answered(2);
  await using third = await start(path, 3);
  assertEquals([await second.ended, third.port], [0, port]);
  await answered(3);
  stopped = true;
  // None of them was refused or broken: each would have rejected.
  await Promise.all(load);
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
