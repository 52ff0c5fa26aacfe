// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connect } from "../net/connect.ts";
import { listen } from "../net/listen.ts";
import { checkStream, type Conn, streamBytes } from "./net_chunks.ts";
import { freshAbstractName, onRing } from "./net_pair.ts";
import { type RandomInteger, randomLength, seededRandom } from "./net_random.ts";

/** How much load, and for how long. */
export interface SoakOptions {
  /** Connections at any time. */
  connections: number;
  /** How long new ones are made; those that are open then are ended in order. */
  seconds: number;
}

/** How often each thing happened. */
export type SoakCounts = Record<Ending | "megabytes" | "timeouts", number>;

/** How a connection comes to its end. */
type Ending = typeof ENDINGS[number];

// deno-fmt-ignore
const ENDINGS = [
  "graceful",    // The client ends its half, reads to the end and closes.
  "midMessage",  // The client closes with an echo under way.
  "reset",       // The client resets.
  "byServer",    // The server closes at some byte.
] as const;

/** Exchanges of a connection: few for most, so that connecting and closing get their share. */
const EXCHANGES_MAX = 40;
const EXCHANGE_BYTES_MAX = 20_000;
const READ_TIMEOUT_MS = 2;
/** The stream of a connection and the bytes after which the server closes it. */
const HEADER_BYTES = 8;
const NEVER = 0xffff_ffff;

/**
 * Keeps many clients busy with an echo server in this process, over TCP and Unix sockets by turns.
 * Both ends check every byte by its position in the stream of the connection. Connections end in
 * every way there is and are replaced; a client now and then gives a read up and goes on.
 *
 * @returns How often each thing happened, once every connection has ended
 * @throws {Error} At the first wrong byte or unexpected end
 */
export async function startSoak(options: SoakOptions): Promise<SoakCounts> {
  return await new Soak(options).run();
}

class Soak {
  readonly #connections: number;
  readonly #deadline: number;
  readonly #listeners = [
    listen({ hostname: "127.0.0.1", port: 0 }),
    listen({ transport: "unix", path: freshAbstractName() }),
  ] as const;
  readonly #served = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #counts: SoakCounts = {
    graceful: 0,
    midMessage: 0,
    reset: 0,
    byServer: 0,
    megabytes: 0,
    timeouts: 0,
  };
  #bytes = 0;
  #streams = 0;

  constructor({ connections, seconds }: SoakOptions) {
    this.#connections = connections;
    this.#deadline = performance.now() + seconds * 1000;
  }

  async run(): Promise<SoakCounts> {
    const serving = this.#listeners.map((listener) => this.#serveAll(listener));
    const clients = Array.from({ length: this.#connections }, () => this.#keepConnected());
    await Promise.race([Promise.all(clients), this.#failed.promise]);
    for (const listener of this.#listeners) listener.close();
    await Promise.all(serving);
    await Promise.race([Promise.all(this.#served), this.#failed.promise]);
    this.#counts.megabytes = Math.floor(this.#bytes / 1e6);
    return this.#counts;
  }

  /** Replaces each connection that ends. */
  async #keepConnected(): Promise<void> {
    while (performance.now() < this.#deadline) {
      const stream = this.#streams++;
      const client = new SoakClient(stream, seededRandom(stream), this.#deadline);
      this.#counts[await client.run(await this.#dial(stream))]++;
      this.#bytes += client.position;
      this.#counts.timeouts += client.timeouts;
    }
  }

  #dial(stream: number): Promise<Conn> {
    const [tcp, unix] = this.#listeners;
    if (stream % 2 === 0) return connect({ port: tcp.addr.port });
    return connect({ transport: "unix", path: unix.addr.path });
  }

  async #serveAll(listener: AsyncIterable<Conn>): Promise<void> {
    for await (const conn of listener) {
      const serving = serve(conn).catch((error) => this.#failed.reject(error))
        .finally(() => this.#served.delete(serving));
      this.#served.add(serving);
    }
  }
}

/** One connection from its first byte to its end. */
class SoakClient {
  readonly #stream: number;
  readonly #random: RandomInteger;
  readonly #deadline: number;
  /** Bytes that were echoed. */
  position = 0;
  /** Reads that were given up. */
  timeouts = 0;

  constructor(stream: number, random: RandomInteger, deadline: number) {
    this.#stream = stream;
    this.#random = random;
    this.#deadline = deadline;
  }

  /** Talks to the server, and says how the connection ended. */
  async run(conn: Conn): Promise<Ending> {
    const random = this.#random;
    const ending = ENDINGS[random(ENDINGS.length)];
    const exchanges = 1 + random(EXCHANGES_MAX);
    const limit = ending === "byServer" ? random(exchanges * EXCHANGE_BYTES_MAX / 4) : NEVER;
    try {
      await conn.writeAll(new Uint8Array(new Uint32Array([this.#stream, limit]).buffer));
      for (let i = 0; i < exchanges && performance.now() < this.#deadline; i++) {
        await this.#exchange(conn);
      }
      return await this.#end(conn, ending);
    } catch (error) {
      if (ending !== "byServer" || !isEndOfConnection(error)) throw error;
      return ending;
    } finally {
      conn[Symbol.dispose]();
    }
  }

  /** Sends a piece and reads its echo. */
  async #exchange(conn: Conn): Promise<void> {
    const length = randomLength(this.#random, EXCHANGE_BYTES_MAX);
    const writing = conn.writeAll(streamBytes(this.#stream, this.position, length));
    // Whatever comes of the write, the echo is checked first.
    const written = writing.then(() => null, (error: unknown) => error);
    await this.#readEcho(conn, length);
    const error = await written;
    if (error) throw error;
  }

  async #readEcho(conn: Conn, length: number): Promise<void> {
    const buffer = new Uint8Array(length);
    for (let received = 0; received < length;) {
      conn.setReadTimeout(this.#random(8) === 0 ? READ_TIMEOUT_MS : 0);
      try {
        const count = await conn.read(buffer.subarray(received));
        if (count === null) throw new Deno.errors.UnexpectedEof("The server has closed");
        checkStream(this.#stream, this.position, buffer.subarray(received, received + count));
        received += count;
        this.position += count;
      } catch (error) {
        if (!(error instanceof Deno.errors.TimedOut)) throw error;
        this.timeouts++;
      }
    }
  }

  async #end(conn: Conn, ending: Ending): Promise<Ending> {
    conn.setReadTimeout(0);
    if (ending === "graceful" || ending === "byServer") {
      await conn.closeWrite();
      const rest = await conn.read(new Uint8Array(1));
      if (rest !== null) throw new Error(`Stream ${this.#stream} has bytes that nobody sent`);
      // The limit may lie behind all that was sent.
      return "graceful";
    }
    await conn.writeAll(streamBytes(this.#stream, this.position, EXCHANGE_BYTES_MAX));
    // The portable engine cannot ask for it; there, unread bytes bring a reset about as well.
    if (ending === "reset" && onRing) conn.setLinger(0);
    return ending;
  }
}

/** Checks what comes and sends it back, until the peer ends or the connection is to be closed. */
async function serve(conn: Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    if (await conn.readFull(buffer.subarray(0, HEADER_BYTES)) === null) return;
    const [stream, limit] = new Uint32Array(buffer.slice(0, HEADER_BYTES).buffer);
    for (let position = 0; position < limit;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      checkStream(stream, position, buffer.subarray(0, count));
      await conn.writeAll(buffer.subarray(0, count));
      position += count;
    }
  } catch (error) {
    if (!isEndOfConnection(error)) throw error;
  } finally {
    conn[Symbol.dispose]();
  }
}

/** A peer that left, in one of the ways it may. */
function isEndOfConnection(error: unknown): boolean {
  const { BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof } = Deno.errors;
  return [BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof]
    .some((kind) => error instanceof kind);
}
