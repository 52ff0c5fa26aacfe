// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Most bytes that {@linkcode Transport.reserve} is asked for. */
export const RESERVE_BYTES_MAX = 4096;

/** Part of an open file. */
export interface TransportFilePart {
  /** Its descriptor. */
  readonly fd: number;
  /** Where to begin, in bytes. */
  readonly offset: number;
  /** How many bytes. */
  readonly length: number;
}

/** Who takes what arrives on a {@linkcode Transport}. */
export interface TransportSink {
  /** Takes bytes where they are; they are gone when the call returns. */
  take(bytes: Uint8Array, start: number, end: number): void;
  /** The peer sent its last byte (null), or the stream failed. Called once at most. */
  ended(error: Error | null): void;
  /** Where bulk data is wanted, for transports that can bring it there; null for nowhere. */
  room?(byteLength: number): Uint8Array | null;
  /** So many bytes were brought where there was {@linkcode room}. */
  filled?(byteLength: number): void;
}

/**
 * The stream under a protocol connection: bytes come without being asked for, and leave together.
 *
 * Three implementations: on the ring (`ring_transport.ts`), TLS on the ring, over the first
 * (`tls_transport.ts`), and over the sockets of the portable engine (`socket_transport.ts`).
 */
export interface Transport {
  /** Begins to bring bytes. */
  start(sink: TransportSink): void;
  /** Brings what comes from now on to another sink, for a protocol that takes over. */
  redirect(sink: TransportSink): void;
  /** Brings no more until {@linkcode resume}, save what is on its way. */
  pause(): void;
  /** Goes on. */
  resume(): void;
  /** How much is to come at least, 0 when no more is; a hint, which not every transport takes. */
  expectBulk?(byteLength: number): void;
  /** What {@linkcode reserve} points into. */
  readonly memory: Uint8Array;
  /**
   * Makes room for so many bytes to be written in place, at most `RESERVE_BYTES_MAX`; -1 when there
   * is none. {@linkcode commit} has to follow at once.
   */
  reserve(byteLength: number): number;
  /** Queues what was written there: one byte at least. */
  commit(byteLength: number): void;
  /** Queues what there is room for and says how much; -1 when the peer takes no more. */
  offer(bytes: Uint8Array): number;
  /** Queues all, waiting for room; rejects when the peer takes no more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends as much as there is room for, if nothing waits: how much that was. */
  sendAtOnce?(bytes: Uint8Array): number;
  /**
   * Sends a head and as much of a part of a file as there is room for: how many bytes of the file
   * that were, or -1 when not even the head left. Where it is missing, files are read and written.
   */
  sendFileAtOnce?(head: Uint8Array, part: TransportFilePart): number;
  /** Sends a part of a file behind all that was queued, without bringing it here. */
  sendFile?(part: TransportFilePart): Promise<number>;
  /** Sends the end of the stream behind all that was queued. Bytes still come. */
  endWriting(): void;
  /** Brings what the kernel has by now, and then calls back; no more comes. */
  finishReading(done: () => void): void;
  /** Closes; what was queued still leaves. */
  close(): void;
  /** Closes at once: the peer reads a reset. */
  abort(): void;
  /** Whether waiting for bytes keeps the process alive. */
  hold(hold: boolean): void;
  /** Gives the connection away, with bytes in front that were taken by the time it is done. */
  handOver(rest: () => Uint8Array): Promise<Deno.Conn>;
}
