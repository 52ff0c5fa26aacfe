// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RecordKeys } from "../ffi/kernel_tls.ts";
import type { KeepAlive, PeerCredentials } from "../ffi/socket_option.ts";
import type { FileHandle } from "../io/file_handle.ts";

/** Which half of a connection {@linkcode StreamSocket.shutdown} ends. */
export type ShutdownHow = "read" | "write" | "both";

/**
 * What a connection needs from the engine under it: one open stream socket.
 *
 * Two implementations exist, one on the ring and one on Deno's own API; `TcpConn` and `UnixConn`
 * add nothing but the rules of `Deno.Conn` on top, so that both engines pass one contract suite.
 */
export interface StreamSocket {
  /** Descriptor number, or -1 where the engine has none to give. */
  readonly fd: number;

  /**
   * Reads at most `p.length` bytes; null at the end of the stream. Calls are answered in order.
   * An aborted read rejects with the signal's reason; bytes it had already won go to the next read.
   */
  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null>;

  /**
   * Reads as {@linkcode read} does into memory that others are read with too: `taken` is called
   * with how many bytes before anything else happens to it. Missing where that cannot be had.
   */
  readShared?(
    p: Uint8Array,
    taken: (count: number) => void,
    signal?: AbortSignal,
  ): Promise<number | null>;

  /** Whether a read waits for its bytes, where the engine can tell. */
  readonly reading?: boolean;

  /** Reads as {@linkcode read} does, and leaves the bytes for the next read. */
  peek(p: Uint8Array, signal?: AbortSignal): Promise<number | null>;

  /** Writes at least one byte of `p` and says how many. Calls are answered in order. */
  write(p: Uint8Array, signal?: AbortSignal): Promise<number>;

  /**
   * Takes at once what there is room for, and says how many bytes that is: the buffer is the
   * caller's again. Where it is missing, that is none.
   */
  writeNow?(bytes: Uint8Array): number;

  /** Writes all of the buffers as one piece, without joining them first where that can be had. */
  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number>;

  /** Sends part of a file, as far as the file goes, and says how many bytes that were. */
  sendFile(part: FilePart): Promise<number>;

  /** Ends one or both halves; what was written before is delivered first. */
  shutdown(how: ShutdownHow): Promise<void>;

  /** Closes; pending calls reject with `Interrupted`. Called once at most. */
  close(): void;

  /** Pending calls keep the process alive (the default). */
  ref(): void;
  /** Pending and future calls do not keep the process alive. */
  unref(): void;

  /** Turns Nagle's algorithm off (true) or on. */
  setNoDelay(noDelay: boolean): void;
  /** Turns keep-alive probes on or off, with timings where given. */
  setKeepAlive(keepAlive: boolean | KeepAlive): void;
  /** Asks for kernel buffers of these sizes. */
  setBufferSizes(sizes: { receiveBytes?: number; sendBytes?: number }): void;
  /** Seconds that undelivered data may live on after `close`; 0 resets, `undefined` is forever. */
  setLinger(seconds: number | undefined): void;
  /** Sends bulk data of so many bytes and more without a copy; Infinity for none. */
  setZeroCopy?(byteLengthMin: number): void;
  /**
   * Has the kernel make records of TLS out of what is written from now on; nothing may be written
   * until it resolves. False when it cannot, or where this is missing.
   */
  encrypt?(keys: RecordKeys): Promise<boolean>;
  /** Behind all that was written, the goodbye of TLS that {@linkcode encrypt} makes a record of. */
  sayGoodbye?(): Promise<void>;
  /** Unix sockets: who the peer is. */
  peerCredentials(): PeerCredentials;
}

/** What {@linkcode StreamSocket.sendFile} sends, checked. */
export interface FilePart {
  /** The file. */
  readonly file: FileHandle;
  /** Where to begin, in bytes. */
  readonly offset: number;
  /** Bytes to send; Infinity for all that follow. */
  readonly length: number;
  /** Gives up. */
  readonly signal: AbortSignal | undefined;
  /** Longest wait for room; 0 for any. */
  readonly timeoutMs: number;
}

/** What a listener needs from the engine under it: one listening socket. */
export interface ListenSocket<A extends Deno.Addr> {
  /** Descriptor number, or -1 where the engine has none to give. */
  readonly fd: number;
  /** The bound address, with the port that was assigned. */
  readonly addr: A;
  /** The next connection. Rejects with `BadResource` when closed while waiting. */
  accept(signal?: AbortSignal): Promise<AcceptedSocket<A>>;
  /** Closes; a pending accept rejects with `BadResource`. Called once at most. */
  close(): void;
  /**
   * Stops accepting, for somebody else listens on: what was accepted is still given, then accepts
   * reject with `BadResource`. Resolves when nothing more will come.
   */
  retire?(): Promise<void>;
  /** A pending accept keeps the process alive (the default). */
  ref(): void;
  /** Pending and future accepts do not keep the process alive. */
  unref(): void;
}

/** One accepted (or connected) stream socket with its two addresses. */
export interface AcceptedSocket<A extends Deno.Addr> {
  /** The open socket. */
  socket: StreamSocket;
  /** This side's address. */
  localAddr: A;
  /** The peer's address. */
  remoteAddr: A;
}
