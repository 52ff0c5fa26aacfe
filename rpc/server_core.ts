// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { clearAlarm, setAlarm } from "../thread/alarm.ts";
import { bindMethods, type BoundMethod, type Implementation } from "./handlers.ts";
import { MESSAGE_BYTES_MAX, WINDOW_BYTES } from "./limits.ts";
import { NATIVE_PREFACE } from "./native_frame.ts";
import { NativeServerSession } from "./native_server.ts";
import { PHOTON_MAGIC_BYTES } from "./photon_frame.ts";
import { PhotonServerSession } from "./photon_server.ts";
import { RpcError } from "./rpc_error.ts";
import type { RpcListener, ServeOptions } from "./serve_options.ts";
import type { ServerLimits, ServerOwner, ServerSession } from "./server_session.ts";

/** The connections of a server: accepts them, finds out what they speak, counts their calls. */
export class ServerCore implements ServerOwner {
  /** For its connections. */
  readonly limits: ServerLimits;
  /** Resolves when it has ended and all connections are closed. */
  readonly finished: Promise<void>;

  readonly #listener: RpcListener;
  readonly #options: ServeOptions;
  readonly #methods: Map<number, Map<number, BoundMethod>>;
  readonly #sessions = new Set<ServerSession>();
  readonly #greeting = new Set<Duplex>();
  #calls = 0;
  #draining = false;
  #accepting = true;
  #finish!: () => void;

  /** Accepts at once. */
  constructor(
    listener: RpcListener,
    implementations: readonly Implementation[],
    options: ServeOptions,
  ) {
    this.#listener = listener;
    this.#options = options;
    this.#methods = bindMethods(implementations, options.interceptors ?? []);
    const { messageBytesMax = MESSAGE_BYTES_MAX, windowBytes = WINDOW_BYTES } = options;
    this.limits = { messageBytesMax, windowBytes, compression: options.compression };
    this.finished = new Promise((resolve) => this.#finish = resolve);
    const { signal } = options;
    signal?.addEventListener("abort", () => void this.shutdown(), { once: true });
    if (signal?.aborted) void this.shutdown();
    void this.#accept();
  }

  /** Calls being served. */
  get calls(): number {
    return this.#calls;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sessions.size + this.#greeting.size;
  }

  /**
   * Takes no more calls, answers those that are there, and closes all connections; those that
   * still serve when the grace is over as well.
   */
  async shutdown(): Promise<void> {
    this.#draining = true;
    this.#closeListener();
    for (const conn of this.#greeting) closeQuietly(conn);
    const { shutdownGraceMs = SHUTDOWN_GRACE_MS } = this.#options;
    const alarm = shutdownGraceMs < Infinity
      ? setAlarm(performance.now() + shutdownGraceMs, () => this.close())
      : undefined;
    await Promise.all([...this.#sessions].map((session) => session.drain()));
    this.#finishWhenEmpty();
    await this.finished;
    if (alarm !== undefined) clearAlarm(alarm);
  }

  /** Ends everything at once. */
  close(): void {
    this.#draining = true;
    this.#closeListener();
    for (const conn of this.#greeting) closeQuietly(conn);
    for (const session of [...this.#sessions]) session.close();
    this.#finishWhenEmpty();
  }

  /** For connections. */
  find(serviceId: number, methodId: number): BoundMethod | RpcError {
    const methods = this.#methods.get(serviceId);
    const bound = methods?.get(methodId);
    if (bound !== undefined) return bound;
    const what = methods === undefined ? `service ${serviceId}` : `method ${methodId}`;
    return new RpcError("UNIMPLEMENTED", `Cannot serve call: there is no ${what}`, {
      unserved: true,
    });
  }

  /** For connections. */
  enter(callsOfConnection: number): RpcError | null {
    const { callsPerConnectionMax = 1024, callsMax = 65_536 } = this.#options;
    if (callsOfConnection >= callsPerConnectionMax || this.#calls >= callsMax) return TOO_MANY;
    this.#calls++;
    return null;
  }

  /** For connections. */
  left(): void {
    this.#calls--;
  }

  /** For connections. */
  ended(session: ServerSession, error: unknown): void {
    this.#sessions.delete(session);
    if (error !== null) this.#options.onConnectionError?.(error);
    this.#finishWhenEmpty();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) void this.#greet(conn);
    } catch (error) {
      if (!this.#draining) this.#options.onConnectionError?.(error);
    }
    this.#accepting = false;
    this.#finishWhenEmpty();
  }

  /** Finds out which framing a client speaks, and serves it. */
  async #greet(conn: Duplex): Promise<void> {
    if (this.#draining) return closeQuietly(conn);
    this.#greeting.add(conn);
    let first: Uint8Array | null = null;
    const limit = setTimeout(() => closeQuietly(conn), GREETING_MS_MAX);
    try {
      first = await readPreface(conn);
    } catch (error) {
      if (!this.#draining) this.#options.onConnectionError?.(error);
    }
    clearTimeout(limit);
    this.#greeting.delete(conn);
    const session = first === null || this.#draining ? null : this.#open(conn, first);
    if (session === null) {
      closeQuietly(conn);
      return this.#finishWhenEmpty();
    }
    this.#sessions.add(session);
    await session.run(
      session instanceof NativeServerSession ? first!.subarray(PREFACE_BYTES) : first!,
    );
  }

  #open(conn: Duplex, first: Uint8Array): ServerSession | null {
    if (startsWith(first, NATIVE_PREFACE)) {
      return new NativeServerSession(conn, this, this.#options.keepAlive);
    }
    if (startsWith(first, PHOTON_MAGIC_BYTES)) return new PhotonServerSession(conn, this);
    this.#options.onConnectionError?.(
      new Deno.errors.InvalidData("Cannot serve: not an RPC client"),
    );
    return null;
  }

  #closeListener(): void {
    try {
      this.#listener.close();
    } catch {
      // Closed by whoever gave it to us.
    }
  }

  #finishWhenEmpty(): void {
    if (!this.#accepting && this.connections === 0) this.#finish();
  }
}

const TOO_MANY = new RpcError("RESOURCE_EXHAUSTED", "Cannot serve call: too many are in flight", {
  unserved: true,
});
/** Time that calls have to end when the server shuts down, by default. */
const SHUTDOWN_GRACE_MS = 10_000;
const PREFACE_BYTES = 8;
/** Time that a client has to say which framing it speaks. */
const GREETING_MS_MAX = 10_000;
const FIRST_READ_BYTES = 4096;

/** The first bytes, eight at least; null when the client left without a word. */
async function readPreface(conn: Duplex): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(FIRST_READ_BYTES);
  let length = 0;
  while (length < PREFACE_BYTES) {
    const count = await conn.read(bytes.subarray(length));
    if (count === null) return null;
    length += count;
  }
  return bytes.subarray(0, length);
}

function startsWith(bytes: Uint8Array, preface: Uint8Array): boolean {
  return preface.every((byte, index) => bytes[index] === byte);
}

function closeQuietly(conn: Duplex): void {
  try {
    conn.close();
  } catch {
    // It is closed.
  }
}
