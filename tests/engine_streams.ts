// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { closeDescriptor, openPipe, openSocketPair } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { FdStream } from "../io/fd_stream.ts";
import type { FdKind } from "../io/receiver.ts";
import type { ByteConn } from "./transfer.ts";

/** One end of a connection on an engine of the test's own. */
export class EngineConn implements ByteConn, Disposable {
  readonly stream: FdStream;

  /** Takes over a descriptor. */
  constructor(engine: Engine, fd: number, kind: FdKind = "socket") {
    this.stream = new FdStream(engine, fd, kind);
  }

  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.stream.receiver.read(p, signal);
  }

  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.stream.sender.write(p, signal);
  }

  [Symbol.dispose](): void {
    this.stream.close();
  }
}

/** Two connected ends; disposing closes both. */
export interface EnginePair extends Disposable {
  readonly near: EngineConn;
  readonly far: EngineConn;
}

/** Connects two ends by a Unix socket pair, each on the engine it is given. */
export function socketPairOn(engine: Engine, farEngine: Engine = engine): EnginePair {
  const [near, far] = openSocketPair();
  return pairOf(new EngineConn(engine, near), new EngineConn(farEngine, far));
}

/** Connects two ends by a pipe: `near` reads, `far` writes. */
export function pipeOn(engine: Engine): EnginePair {
  const [reader, writer] = openPipe();
  return pairOf(new EngineConn(engine, reader, "pipe"), new EngineConn(engine, writer, "pipe"));
}

/** A pipe for raw system calls; disposing closes what is still open of it. */
export class RawPipe implements Disposable {
  readonly reader: number;
  readonly writer: number;

  /** Opens the pipe. */
  constructor() {
    [this.reader, this.writer] = openPipe();
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.reader);
    closeDescriptor(this.writer);
  }
}

function pairOf(near: EngineConn, far: EngineConn): EnginePair {
  return {
    near,
    far,
    [Symbol.dispose]() {
      near[Symbol.dispose]();
      far[Symbol.dispose]();
    },
  };
}
