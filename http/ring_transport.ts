// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { receiveNow, sendNow } from "../ffi/socket.ts";
import { StreamFeed } from "../io/stream_feed.ts";
import { TcpConn, UnixConn } from "../net/conn.ts";
import { sendFileAtOnce } from "../net/send_file.ts";
import type { AcceptedSocket } from "../net/stream_socket.ts";
import type { UringStreamSocket } from "../net/uring_socket.ts";
import type { Transport, TransportFilePart, TransportSink } from "./transport.ts";

/** How long a peer may take nothing of a file. */
const FILE_STALL_MS = 75_000;
/** What {@linkcode RingTransport.finishReading} takes from the socket in one call. */
const LAST_BYTES = 16_384;

/** A connection on the ring: blocks are read where they are, responses go to the send queue. */
export class RingTransport implements Transport {
  readonly memory: Uint8Array;
  readonly #accepted: AcceptedSocket<Deno.NetAddr | Deno.UnixAddr>;
  readonly #socket: UringStreamSocket;
  #feed: StreamFeed | null = null;
  #sink: TransportSink | null = null;
  #hold: boolean;
  #closed = false;

  /** Takes over an accepted socket. */
  constructor(accepted: AcceptedSocket<Deno.NetAddr | Deno.UnixAddr>, hold: boolean) {
    this.#accepted = accepted;
    this.#socket = accepted.socket as UringStreamSocket;
    this.#hold = hold;
    this.memory = this.#socket.engine.pool.bytes;
  }

  start(sink: TransportSink): void {
    const { engine, stream } = this.#socket;
    this.#sink = sink;
    this.#feed = new StreamFeed(engine, stream, this.#hold, sink);
  }

  redirect(sink: TransportSink): void {
    this.#sink = sink;
    this.#feed!.redirect(sink);
  }

  pause(): void {
    this.#feed?.pause();
  }

  resume(): void {
    this.#feed?.resume();
  }

  expectBulk(byteLength: number): void {
    this.#feed?.expectBulk(byteLength);
  }

  reserve(byteLength: number): number {
    return this.#socket.stream.sender.reserve(byteLength);
  }

  commit(byteLength: number): void {
    this.#socket.stream.sender.commit(byteLength);
  }

  offer(bytes: Uint8Array): number {
    return this.#socket.stream.sender.offer(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { sender } = this.#socket.stream;
    for (let sent = 0; sent < bytes.length;) {
      sent += await sender.write(sent === 0 ? bytes : bytes.subarray(sent));
    }
  }

  sendAtOnce(bytes: Uint8Array): number {
    const { sender, closed } = this.#socket.stream;
    if (closed || sender.busy || sender.awaited) return 0;
    // An error is told by what is sent next.
    return Math.max(0, sendNow(this.#socket.fd, bytes, bytes.length));
  }

  sendFileAtOnce(head: Uint8Array, part: TransportFilePart): number {
    const { engine, stream } = this.#socket;
    return sendFileAtOnce(engine, stream, head, { ...part, file: part });
  }

  sendFile(part: TransportFilePart): Promise<number> {
    const limits = { signal: undefined, timeoutMs: FILE_STALL_MS };
    return this.#socket.sendFile({ ...part, ...limits, file: part });
  }

  endWriting(): void {
    // One that fails finds the peer gone, which reading tells as well.
    this.#socket.shutdown("write").catch(() => {});
  }

  finishReading(done: () => void): void {
    this.#feed!.stop(() => {
      this.#feed = null;
      if (!this.#closed) this.#takeLast();
      done();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed?.stop();
    this.#socket.close();
  }

  abort(): void {
    if (this.#closed) return;
    this.#socket.setLinger(0);
    this.#socket.stream.sender.discard();
    this.close();
  }

  hold(hold: boolean): void {
    this.#hold = hold;
    this.#feed?.hold(hold);
  }

  handOver(rest: () => Uint8Array): Promise<Deno.Conn> {
    return new Promise((resolve) => {
      this.#feed!.stop(() => {
        const bytes = rest();
        if (bytes.length > 0) this.#socket.stream.receiver.putBack(bytes);
        const { localAddr } = this.#accepted;
        resolve(
          localAddr.transport === "unix"
            ? new UnixConn(this.#accepted as AcceptedSocket<Deno.UnixAddr>)
            : new TcpConn(this.#accepted as AcceptedSocket<Deno.NetAddr>),
        );
      });
    });
  }

  /** What came to the socket and not to the ring. */
  #takeLast(): void {
    const bytes = new Uint8Array(LAST_BYTES);
    const count = receiveNow(this.#socket.fd, bytes, LAST_BYTES);
    if (count > 0) this.#sink!.take(bytes, 0, count);
  }
}
