// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The engine under every file and socket, and streams to build on: which engine runs and why, its
 * memory, readiness of any descriptor, byte streams over readers and writers, and test doubles.
 *
 * ```ts
 * import { engineInfo } from "@photon/std/io";
 *
 * const { engine, reason } = engineInfo();
 * console.log(`${engine}: ${reason}`);
 * ```
 *
 * @module
 */
export { BufferPool, LARGE_BLOCK_BYTES, type Lease, SMALL_BLOCK_BYTES } from "./buffer_pool.ts";
export type { BufferRing } from "./buffer_ring.ts";
export {
  type Closer,
  type Duplex,
  readableFrom,
  type ReadableFromOptions,
  type Reader,
  readFull,
  writableFrom,
  type WritableFromOptions,
  writeAll,
  type Writer,
} from "./byte_stream.ts";
export { Engine, type EngineOptions, type EngineStatistics } from "./engine.ts";
export type { ExclusiveOptions } from "./driver.ts";
export { type EngineInfo, engineInfo, engineStatistics, openEngine } from "./engine_info.ts";
export { type Fault, type FaultKind, type FaultPlan, FaultyStream } from "./faulty_stream.ts";
export type { FileHandle } from "./file_handle.ts";
export type { Flushable } from "./flush_list.ts";
export {
  MemoryConn,
  memoryDuplex,
  type MemoryDuplexOptions,
  type MemoryTransferOptions,
} from "./memory_duplex.ts";
export type { TurnCounts, TurnSource, Wake } from "./reactor.ts";
export type { Completion } from "./slot_table.ts";
export type { Control } from "./submissions.ts";
export { type Timer, TimerQueue, TIMERS_MAX } from "./timers.ts";
export { type ReadyEvents, waitFor, type WaitForOptions } from "./wait_for.ts";
