// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KeepAlive, PeerCredentials } from "../ffi/socket_option.ts";
import { notSupported } from "../io/portable.ts";
import { DenoReceiver } from "./deno_receiver.ts";
import { DenoSender } from "./deno_sender.ts";
import { checkPortableOptions } from "./portable.ts";
import { denoSendFile } from "./send_file.ts";
import type { FilePart, ShutdownHow, StreamSocket } from "./stream_socket.ts";

/**
 * A connected stream socket of the portable engine: one of Deno's own connections.
 *
 * What Deno has no way to do throws `Deno.errors.NotSupported`, as `PORTABLE_GAPS` lists.
 */
export class DenoStreamSocket implements StreamSocket {
  /** Deno tells no descriptor. */
  readonly fd = -1;

  readonly #conn: Deno.Conn;
  readonly #receiver: DenoReceiver;
  readonly #sender: DenoSender;

  /** Takes over an open connection. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.#receiver = new DenoReceiver(conn);
    this.#sender = new DenoSender(conn);
  }

  /** Takes the connection out; whatever uses this socket must have ended. */
  detach(): Deno.Conn {
    if (this.#receiver.busy) throw new Deno.errors.Busy("TCP stream is currently in use");
    return this.#conn;
  }

  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#receiver.read(p, signal);
  }

  peek(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#receiver.read(p, signal, true);
  }

  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#sender.write(p, signal);
  }

  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    return this.#sender.writev(buffers, signal);
  }

  sendFile(part: FilePart): Promise<number> {
    return denoSendFile(this.#sender, part);
  }

  /** Deno ends the writing half only; the reading half then ends on this side of the kernel. */
  async shutdown(how: ShutdownHow): Promise<void> {
    if (how !== "write") this.#receiver.end();
    if (how !== "read") await this.#sender.closeWrite();
  }

  close(): void {
    const reason = new Deno.errors.Interrupted("operation canceled");
    this.#receiver.close(reason);
    this.#sender.close(reason);
    this.#conn.close();
  }

  ref(): void {
    this.#receiver.hold(true);
  }

  unref(): void {
    this.#receiver.hold(false);
  }

  setNoDelay(noDelay: boolean): void {
    tcp(this.#conn).setNoDelay(noDelay);
  }

  setKeepAlive(keepAlive: boolean | KeepAlive): void {
    checkPortableOptions({ keepAlive });
    tcp(this.#conn).setKeepAlive(keepAlive !== false);
  }

  setBufferSizes(sizes: { receiveBytes?: number; sendBytes?: number }): void {
    if ((sizes.receiveBytes ?? sizes.sendBytes) !== undefined) throw notSupported("bufferSizes");
  }

  setLinger(seconds: number | undefined): void {
    if (seconds !== undefined) throw notSupported("linger");
  }

  peerCredentials(): PeerCredentials {
    throw notSupported("peerCredentials");
  }
}

function tcp(conn: Deno.Conn): Deno.TcpConn {
  if ("setNoDelay" in conn) return conn as Deno.TcpConn;
  throw notSupported("tcpOptions");
}
