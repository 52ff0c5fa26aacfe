// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RingBuffer } from "../thread/ring_buffer.ts";
import { Batch, Command, type Request } from "./command.ts";
import type { Conn } from "./dial.ts";
import { ClientClosedError, ConnectionLostError, ReplyError } from "./redis_error.ts";
import { PushMessage, type Reply } from "./reply.ts";
import { INCOMPLETE, ReplyDecoder, type ReplyLimits } from "./reply_decoder.ts";
import { RequestEncoder } from "./request_encoder.ts";

/** Commands on the wire whose reply has not come; more wait on this side. */
export const IN_FLIGHT_MAX = 16_384;
/** Bytes that are encoded ahead of the socket; commands beyond wait as they are. */
export const WRITE_BYTES_MAX = 256 * 1024;

/** Replies that are handed out in one go; with 512 in flight 1.5 to 3 times as fast as all. */
const REPLIES_A_ROUND = 256;
/** A write of this size is worth a system call at once, and not at the end of the turn. */
const HURRY_BYTES_MIN = 1024;

/** From here on a read is bulk data. */
const BULK_BYTES_MIN = 16_384;

/** Settings of one connection. */
export interface ConnectionOptions {
  /** Bounds of replies. */
  limits?: ReplyLimits | undefined;
  /** Commands in flight at most: {@linkcode IN_FLIGHT_MAX} by default. */
  inFlightMax?: number | undefined;
}

/** What a lost connection leaves behind. */
export interface Remains {
  /** Why it was lost. */
  readonly reason: unknown;
  /** Commands that reached the wire and have no reply. */
  readonly sent: Command[];
  /** Commands that did not leave. */
  readonly unsent: Command[];
}

/**
 * One connection to a server: commands in, replies out, in order.
 *
 * Everything that is sent in one turn leaves in one write, without being asked to. Replies are
 * handed out as they come: the first belongs to the oldest command.
 */
export class Connection {
  /** Takes what the server says by itself; dropped when null. */
  onPush: ((message: PushMessage) => void) | null = null;
  /** Takes replies that no command waits for: `MONITOR`, and pub/sub in RESP2. */
  onStray: ((reply: Reply) => void) | null = null;
  /** Told once when the connection is gone. Without it all that waits is rejected. */
  onLost: ((remains: Remains) => void) | null = null;
  /** Version of the protocol that was settled. */
  protocol: 2 | 3 = 2;
  /** Strings of pushes and stray replies as bytes. */
  strayAsBytes = false;

  readonly #conn: Conn;
  readonly #decoder: ReplyDecoder;
  readonly #encoder = new RequestEncoder();
  readonly #unsent = new RingBuffer<Command>();
  readonly #sent = new RingBuffer<Command>();
  readonly #inFlightMax: number;
  #flushing = false;
  /** The last read was large: the server is busy with few replies, and should get the next. */
  #isBulk = false;
  #closed = false;
  readonly #flush = () => this.#write();

  /** Takes over an open stream. */
  constructor(conn: Conn, options: ConnectionOptions = {}) {
    this.#conn = conn;
    this.#decoder = new ReplyDecoder(options.limits);
    this.#inFlightMax = options.inFlightMax ?? IN_FLIGHT_MAX;
    this.#read();
  }

  /** Whether it was closed or lost. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Commands without a reply. */
  get pending(): number {
    return this.#sent.size + this.#unsent.size;
  }

  /** Commands that were not sent yet. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /** Sends a command with everything else of this turn. */
  send(command: Command): void {
    if (this.#closed) {
      command.reject(new ConnectionLostError(command.definition.name, "not sent"));
      return;
    }
    this.#unsent.push(command);
    this.#flushLater();
  }

  /** Sends a request; gives its reply, or throws the error that it is. */
  request({ definition, args }: Request, asBytes = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.send(new Command(definition, args, asBytes, undefined, resolve, reject));
    });
  }

  /** Sends requests with nothing in between; gives all replies, errors among them. */
  batch(requests: readonly Request[], asBytes = false): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.send(new Batch(requests, asBytes, resolve, reject));
    });
  }

  /** Sends a request that has no reply of its own, such as `SUBSCRIBE`. */
  async post({ definition, args }: Request): Promise<void> {
    const encoder = new RequestEncoder();
    encoder.add(definition.head, definition.words, args);
    try {
      await this.#writeAll(encoder.take());
    } catch (error) {
      this.close(error);
      throw new ConnectionLostError(definition.name, "unknown", { cause: error });
    }
  }

  /** Closes at once; what waits for replies learns the reason. */
  close(reason: unknown = new ClientClosedError("Cannot go on: the connection was closed")): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // It is gone already.
    }
    const sent = drain(this.#sent);
    const unsent = drain(this.#unsent);
    if (this.onLost !== null) return this.onLost({ reason, sent, unsent });
    for (const command of sent) command.reject(lost(command, "unknown", reason));
    for (const command of unsent) command.reject(lost(command, "not sent", reason));
  }

  /** Writes what waits, as long as there is something and room for more in flight. */
  async #write(): Promise<void> {
    try {
      while (!this.#closed) {
        this.#encode();
        if (this.#encoder.length === 0) break;
        const bytes = this.#encoder.take();
        const count = await this.#conn.write(bytes);
        if (count >= HURRY_BYTES_MIN || this.#isBulk) this.#conn.hurry?.();
        if (count < bytes.length) await this.#writeAll(bytes.subarray(count));
      }
    } catch (error) {
      this.close(error);
    }
    this.#flushing = false;
  }

  #encode(): void {
    const [unsent, sent, encoder] = [this.#unsent, this.#sent, this.#encoder];
    while (unsent.size > 0 && sent.size < this.#inFlightMax) {
      const command = unsent.shift();
      if (command.isAbandoned) continue;
      try {
        command.encode(encoder);
        sent.push(command);
      } catch (error) {
        command.reject(error);
      }
      if (encoder.length >= WRITE_BYTES_MAX) break;
    }
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(this.#flush);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async #read(): Promise<void> {
    const decoder = this.#decoder;
    try {
      for (;;) {
        const count = await this.#conn.read(decoder.room());
        if (this.#closed) return;
        if (count === null) throw new Deno.errors.UnexpectedEof("The server closed the connection");
        decoder.filled(count);
        this.#isBulk = count >= BULK_BYTES_MIN;
        while (this.#deliver()) await null;
      }
    } catch (error) {
      this.close(error);
    }
  }

  /**
   * Hands out the replies that are there, and lets those go that had to wait for room. After
   * {@linkcode REPLIES_A_ROUND} it stops, and is true: those who were answered go on first, so that
   * the server has work while the rest is decoded.
   */
  #deliver(): boolean {
    const sent = this.#sent;
    const decoder = this.#decoder;
    for (let count = 0; !this.#closed; count++) {
      if (count === REPLIES_A_ROUND) return true;
      const command = sent.peek();
      const reply = decoder.next(command === undefined ? this.strayAsBytes : command.asBytes);
      if (reply === INCOMPLETE) break;
      if (reply instanceof PushMessage) this.onPush?.(reply);
      else if (command === undefined) this.#stray(reply);
      else if (command.take(reply)) sent.shift();
    }
    if (this.#unsent.size > 0) this.#flushLater();
    return false;
  }

  #stray(reply: Reply): void {
    if (this.onStray !== null) this.onStray(reply);
    else this.close(reply instanceof ReplyError ? reply : new Error("Cannot match a reply"));
  }
}

function drain(queue: RingBuffer<Command>): Command[] {
  return Array.from({ length: queue.size }, () => queue.shift());
}

function lost(command: Command, outcome: "unknown" | "not sent", cause: unknown): Error {
  if (cause instanceof ClientClosedError && outcome === "not sent") return cause;
  return new ConnectionLostError(command.definition.name, outcome, { cause });
}
