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
export type { DirectBudget } from "./direct_budget.ts";
export type { BulkBlock, BulkBlocks } from "./bulk_blocks.ts";
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
export { Engine, type EngineOptions } from "./engine.ts";
export type { EngineStatistics } from "./engine_statistics.ts";
export type { ExclusiveOptions } from "./driver.ts";
export { type EngineInfo, engineInfo, engineStatistics, openEngine } from "./engine_info.ts";
export { type Fault, type FaultKind, type FaultPlan, FaultyStream } from "./faulty_stream.ts";
export type { FileHandle } from "./file_handle.ts";
export type { Flushable } from "./flush_list.ts";
export { type InputSource, InputStream, type StreamOptions } from "./input_stream.ts";
export {
  MemoryConn,
  memoryDuplex,
  type MemoryDuplexOptions,
  type MemoryTransferOptions,
} from "./memory_duplex.ts";
export type { Inbox, InboxList } from "./inbox.ts";
export type { TurnCounts, TurnSource, Wake } from "./reactor.ts";
export { type OutputSink, OutputStream } from "./output_stream.ts";
export { openPipe, type Pipe } from "./pipe.ts";
export type { Completion } from "./slot_table.ts";
export { standardError, standardInput, standardOutput } from "./standard_streams.ts";
export type { Control, Link, LinkFields } from "./submissions.ts";
export { type Timer, TimerQueue, TIMERS_MAX } from "./timers.ts";
export { type ReadyEvents, waitFor, type WaitForOptions } from "./wait_for.ts";
export {
  blocking,
  BLOCKING_IDLE_MS,
  BLOCKING_QUEUE_MAX,
  BLOCKING_WORKERS_MAX,
} from "./work_blocking.ts";
export {
  type AnyModule,
  type ArgumentsOf,
  type FunctionName,
  type ResultOf,
  type WorkCallOptions,
  type WorkModule,
  workModule,
} from "./work_call.ts";
export {
  openWorkChannel,
  WorkChannel,
  workChannel,
  type WorkChannelEnd,
  type WorkChannelOptions,
} from "./work_channel.ts";
export { type WorkContext, workContext, type WorkMainContext } from "./work_context.ts";
export { WorkerDied } from "./work_error.ts";
export type { LinkMemory } from "./work_link.ts";
export type { MailboxMemory } from "./work_mailbox.ts";
export { WorkPool, type WorkPoolOptions, type WorkPoolStatistics } from "./work_pool.ts";
export { type StartMain, WorkService, type WorkServiceOptions } from "./work_service.ts";
export type { WakePath } from "./wake.ts";
export { WakeKind } from "./work_wake.ts";
