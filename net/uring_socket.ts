// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  encryptByKernel,
  isKernelSuite,
  type RecordKeys,
  sendGoodbyeByKernel,
} from "../ffi/kernel_tls.ts";
import {
  type KeepAlive,
  type PeerCredentials,
  peerCredentials,
  setKeepAlive,
  setLinger,
  setSocketOption,
} from "../ffi/socket_option.ts";
import { shutdownSocket } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { FdStream } from "../io/fd_stream.ts";
import type { Taken } from "../io/read_request.ts";
import { waitFor } from "../io/wait_for.ts";
import { uringSendFile } from "./send_file.ts";
import type { FilePart, ShutdownHow, StreamSocket } from "./stream_socket.ts";

/** A connected stream socket on the ring. */
export class UringStreamSocket implements StreamSocket {
  /** The engine that it is on. */
  readonly engine: Engine;
  /** The stream over the descriptor. */
  readonly stream: FdStream;
  #saying: AbortController | null = null;

  /** Takes over a connected socket. */
  constructor(engine: Engine, fd: number) {
    this.engine = engine;
    this.stream = new FdStream(engine, fd, "socket");
  }

  get fd(): number {
    return this.stream.fd;
  }

  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.stream.receiver.read(p, signal);
  }

  readShared(p: Uint8Array, taken: Taken, signal?: AbortSignal): Promise<number | null> {
    return this.stream.receiver.read(p, signal, false, taken);
  }

  get reading(): boolean {
    return this.stream.receiver.awaited;
  }

  peek(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.stream.receiver.read(p, signal, true);
  }

  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.stream.sender.write(p, signal);
  }

  writeNow(bytes: Uint8Array): number {
    return this.stream.sender.writeNow(bytes);
  }

  /** Buffers written in one turn leave in one send, so they need no joining. */
  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    return this.stream.sender.writev(buffers, signal);
  }

  sendFile(part: FilePart): Promise<number> {
    return uringSendFile(this.engine, this.stream, part);
  }

  async shutdown(how: ShutdownHow): Promise<void> {
    if (how !== "read") await this.stream.sender.end();
    if (!this.stream.closed) shutdownSocket(this.fd, how);
  }

  close(): void {
    this.#saying?.abort(new Deno.errors.Interrupted("operation canceled"));
    this.stream.close();
  }

  ref(): void {
    this.stream.receiver.hold(true);
  }

  unref(): void {
    this.stream.receiver.hold(false);
  }

  setNoDelay(noDelay: boolean): void {
    setSocketOption(this.fd, "noDelay", noDelay);
  }

  setKeepAlive(keepAlive: boolean | KeepAlive): void {
    setKeepAlive(this.fd, keepAlive);
  }

  setBufferSizes(sizes: { receiveBytes?: number; sendBytes?: number }): void {
    const { receiveBytes, sendBytes } = sizes;
    if (receiveBytes !== undefined) setSocketOption(this.fd, "receiveBufferBytes", receiveBytes);
    if (sendBytes !== undefined) setSocketOption(this.fd, "sendBufferBytes", sendBytes);
  }

  setLinger(seconds: number | undefined): void {
    setLinger(this.fd, seconds);
  }

  setZeroCopy(byteLengthMin: number): void {
    this.stream.zeroCopyBytesMin = byteLengthMin;
  }

  async encrypt(keys: RecordKeys): Promise<boolean> {
    if (!isKernelSuite(keys.suite)) return false;
    await this.stream.sender.drained();
    return !this.stream.closed && encryptByKernel(this.fd, keys);
  }

  async sayGoodbye(): Promise<void> {
    if (this.stream.sender.busy) await this.stream.sender.drained();
    const { signal } = this.#saying ??= new AbortController();
    while (!this.stream.closed && !sendGoodbyeByKernel(this.fd)) {
      await waitFor(this.fd, { writable: true }, { signal });
    }
  }

  peerCredentials(): PeerCredentials {
    return peerCredentials(this.fd);
  }
}
