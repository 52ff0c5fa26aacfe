// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What {@linkcode startServer} is told. */
export interface ServerOptions {
  /** The program: `redis-server` on the PATH by default. */
  program?: string;
  /** Also listens on 127.0.0.1: a port, or true for one that is free. */
  port?: number | true;
  /** More settings, as in `redis.conf`: `{ "maxmemory": "10mb" }`. */
  config?: Record<string, string | number>;
  /** Longest time until it is ready: 10 000 ms by default. */
  startTimeoutMs?: number;
}

const START_TIMEOUT_MS = 10_000;
/** After this long a server that was asked to stop is stopped. */
const STOP_TIMEOUT_MS = 3000;
/** What is kept of its output, for messages. */
const OUTPUT_CHARS_MAX = 4000;

/**
 * Starts a server of one's own: on a Unix socket in a private folder, without persistence, gone
 * when it is disposed. For examples, tests and programs that need a cache and nothing else.
 *
 * @throws {Deno.errors.NotFound} when `redis-server` is not installed
 * @throws {Deno.errors.NotCapable} without permission to run it
 *
 * @example A server for one block
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * assertEquals(await client.ping(), "PONG");
 * ```
 */
export async function startServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const folder = await Deno.makeTempDir({ prefix: "photon-redis-" });
  try {
    for (let attempt = 1;; attempt++) {
      const port = options.port === true ? freePort() : options.port ?? 0;
      const server = spawn(options, folder, port);
      try {
        await server.ready(options.startTimeoutMs ?? START_TIMEOUT_MS);
        return server;
      } catch (error) {
        await server.kill("SIGKILL");
        // Somebody else may have taken the port in between.
        if (options.port !== true || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    throw error;
  }
}

const PORT_ATTEMPTS = 5;

function spawn(options: ServerOptions, folder: string, port: number): EmbeddedServer {
  const program = options.program ?? "redis-server";
  const path = `${folder}/redis.sock`;
  const config: Record<string, string | number> = {
    port,
    bind: "127.0.0.1",
    unixsocket: path,
    dir: folder,
    save: "",
    appendonly: "no",
    daemonize: "no",
    "enable-debug-command": "local",
    ...options.config,
  };
  const args = Object.entries(config).flatMap(([name, value]) => [`--${name}`, String(value)]);
  try {
    const command = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    return new EmbeddedServer(command.spawn(), { folder, path, port });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot start a Redis server: ${program} is not installed (on Debian: apt-get install ` +
        "redis-server); or give the URL of a server that runs",
    );
  }
}

/**
 * A server that {@linkcode startServer} started.
 *
 * @example On a TCP port as well
 * ```ts
 * import { connect, type EmbeddedServer, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server: EmbeddedServer = await startServer({ port: true });
 * await using client = await connect({ port: server.port });
 * assertEquals(await client.ping(), "PONG");
 * ```
 */
export class EmbeddedServer implements AsyncDisposable {
  /** Address of its Unix socket. */
  readonly url: string;
  /** Path of its Unix socket. */
  readonly path: string;
  /** Its TCP port on 127.0.0.1, or 0. */
  readonly port: number;
  /** Its process. */
  readonly pid: number;

  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #started = Promise.withResolvers<void>();
  readonly #output: Promise<void>;
  readonly #killWithUs = () => this.#signal("SIGKILL");
  #tail = "";

  /** Watches over a process. */
  constructor(child: Deno.ChildProcess, place: { folder: string; path: string; port: number }) {
    this.#child = child;
    this.#folder = place.folder;
    this.path = place.path;
    this.port = place.port;
    this.url = `redis+unix://${place.path}`;
    this.pid = child.pid;
    this.#output = this.#watch();
    this.#started.promise.catch(() => {});
    addEventListener("unload", this.#killWithUs);
  }

  /** Waits until it takes connections. */
  async ready(timeoutMs: number): Promise<void> {
    const late = setTimeout(() => {
      const reason = `Cannot start a Redis server: not ready within ${timeoutMs} ms`;
      this.#started.reject(new Deno.errors.TimedOut(reason));
    }, timeoutMs);
    try {
      await this.#started.promise;
    } finally {
      clearTimeout(late);
    }
  }

  /** Ends it by a signal, as a crash would, and keeps its folder. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    removeEventListener("unload", this.#killWithUs);
    this.#signal(signal);
    const force = setTimeout(() => this.#signal("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#output;
    await this.#child.status;
    clearTimeout(force);
  }

  /** Stops it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGTERM");
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Reads what it says to the end, so that it never has to wait for us. */
  async #watch(): Promise<void> {
    await Promise.all([this.#follow(this.#child.stdout), this.#follow(this.#child.stderr)]);
    const said = this.#tail.trim().split("\n").slice(-3).join(" / ");
    this.#started.reject(new Error(`Cannot start a Redis server: it ended with: ${said}`));
  }

  async #follow(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of output.pipeThrough(new TextDecoderStream())) {
      this.#tail = (this.#tail + text).slice(-OUTPUT_CHARS_MAX);
      if (/ready to accept connections/i.test(this.#tail)) this.#started.resolve();
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
