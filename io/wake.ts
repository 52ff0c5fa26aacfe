// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Socket } from "node:net";
import process from "node:process";
import { noteClosed } from "../ffi/descriptor_table.ts";
import {
  closeDescriptor,
  duplicateDescriptor,
  openEventfd,
  openSocketPair,
  signalEventfd,
} from "../ffi/socket.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { WakeRelay } from "./wake_relay.ts";

/** What Deno's loop polls: the ring's own eventfd, or a socket that a relay writes to. */
export type WakePath = "eventfd" | "relay";

/**
 * Wakes Deno's loop when the ring has completions, with no thread of its own:
 *
 * ```
 *   ring --signals--> eventfd --epoll--> Deno's loop
 *                     (adopted by node:net)
 * ```
 *
 * `node:net` adopts it because that needs no permission beside FFI, can be unreferenced, and wakes
 * in 6 us (measured; a `Deno.UnixConn` needs net permission). By number it takes sockets and pipes
 * only; but a pipe's handle reads whatever it has opened, and a socket takes it with the handle.
 * A Deno whose handles do not (before 2.8) gets a {@linkcode WakeRelay} and its socket instead.
 */
export class WakeChannel {
  /** To be registered with the main ring. */
  readonly eventfd: number;

  readonly #pool: BufferPool;
  readonly #onWake: () => void;
  #socket: Socket;
  #adopted: number;
  #relay: WakeRelay | undefined;
  #referenced = false;
  #closed = false;

  /** Opens the channel; `onWake` runs as a macrotask whenever a wake has come through. */
  constructor(pool: BufferPool, onWake: () => void, path: WakePath = "eventfd") {
    this.#pool = pool;
    this.#onWake = onWake;
    this.eventfd = openEventfd("nonblocking");
    this.#adopted = duplicateDescriptor(this.eventfd);
    const handle = path === "eventfd" ? openPipeHandle(this.#adopted) : null;
    if (handle) {
      this.#socket = this.#listen({ handle }).once("error", () => this.#fallBack());
    } else {
      closeDescriptor(this.#adopted);
      [this.#socket, this.#adopted, this.#relay] = this.#openRelay();
    }
  }

  /** Lets the next completion wake Deno's loop. */
  arm(): void {
    this.#relay?.arm();
  }

  /** Wakes by way of Deno's loop: it polls everything it has to before the wake is seen. */
  yieldToDeno(): void {
    if (this.#relay) this.#relay.wake();
    else signalEventfd(this.eventfd);
  }

  /** A wake that is awaited keeps the process alive. */
  ref(): void {
    if (!this.#referenced) this.#socket.ref();
    this.#referenced = true;
  }

  /** A wake that is awaited does not keep the process alive. */
  unref(): void {
    if (this.#referenced) this.#socket.unref();
    this.#referenced = false;
  }

  /** Closes everything; no wake comes after. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#relay?.close();
    // Deno closes it, but not when it terminates a worker.
    noteClosed(this.#adopted);
    this.#socket.destroy();
    closeDescriptor(this.eventfd);
  }

  /** Reads into one buffer of ours: node's streams cost 60 us more for a wake when cold. */
  #listen(source: SocketSource): Socket {
    const callback = (count: number, bytes: Uint8Array) => {
      this.#relay?.arrived(bytes.subarray(0, count));
      this.#onWake();
      return true;
    };
    const onread = { buffer: new Uint8Array(WAKE_BYTES_MAX), callback };
    const { Socket } = netModule();
    const socket = new Socket({ ...source, readable: true, writable: false, onread });
    socket.unref();
    return socket.resume();
  }

  #openRelay(): [Socket, adopted: number, WakeRelay] {
    const [denoEnd, ourEnd] = openSocketPair("nonblocking");
    const relay = new WakeRelay(this.#pool, this.eventfd, ourEnd);
    return [this.#listen({ fd: denoEnd }), denoEnd, relay];
  }

  /** The handle does not read an eventfd; it has closed its descriptor. */
  #fallBack(): void {
    if (this.#closed) return;
    noteClosed(this.#adopted);
    [this.#socket, this.#adopted, this.#relay] = this.#openRelay();
    if (this.#referenced) this.#socket.ref();
    // Whoever waits for a wake finds out what happened, and arms the relay.
    this.#onWake();
  }
}

/** An eventfd's counter; of the relay, one byte from a yield and one from a completion. */
const WAKE_BYTES_MAX = 8;

/** What node's `Socket` reads from; its types know the descriptor only. */
interface SocketSource {
  fd?: number;
  handle?: PipeHandle;
}

/** A handle as `node:net` has it inside its sockets. */
interface PipeHandle {
  /** Takes the descriptor over; 0 when it could. */
  open(fd: number): number;
}

/** For a pipe's handle: neither a server nor one that passes descriptors on. */
const PIPE_SOCKET = 0;

/** A handle that has opened the descriptor, or null where this Deno's handles do not do that. */
function openPipeHandle(fd: number): PipeHandle | null {
  const Handle = pipeHandleClass();
  if (Handle?.prototype.open === undefined) return null;
  const handle = new Handle(PIPE_SOCKET);
  return handle.open(fd) === 0 ? handle : null;
}

type PipeHandleClass = new (kind: number) => PipeHandle;
let pipeHandle: PipeHandleClass | null | undefined;

/** The class of node's pipe handles. Nothing exports it, so it is taken from a socket. */
function pipeHandleClass(): PipeHandleClass | null {
  if (pipeHandle !== undefined) return pipeHandle;
  const [denoEnd, ourEnd] = openSocketPair("nonblocking");
  const { Socket } = netModule();
  const socket: { _handle?: PipeHandle | null } & Socket = new Socket({ fd: denoEnd });
  pipeHandle = socket._handle?.constructor as PipeHandleClass | undefined ?? null;
  noteClosed(denoEnd);
  socket.destroy();
  closeDescriptor(ourEnd);
  return pipeHandle;
}

/** Loaded at the first sleep: the module costs 16 ms, and nothing before needs it. */
function netModule(): typeof import("node:net") {
  return process.getBuiltinModule("node:net");
}
