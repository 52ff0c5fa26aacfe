// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Photon for Deno: coroutine-style I/O on io_uring, behind the functions Deno already has.
 *
 * Most programs import one module (`@photon/std/net`) and keep the rest of their code; this entry
 * point gives every module under its own name. Each imports only what lies below it:
 *
 * ```text
 *   infer  model files, tokenizer, chat templates, reference backend
 *    │
 *   redis  protocols: pure codecs and one connection class each
 *   http   requests and responses: pure codecs, one class for a connection
 *   rpc    services: schemas, two framings, calls by tag
 *    │
 *   fs     files and file systems
 *   net    resources: connections and listeners, one class owns one descriptor
 *    │
 *   io     engine: operations in flight, reactor, buffers, byte streams (policy)
 *    │     thread: coroutines and what they need: tasks, locks, channels, time
 *   ffi    io_uring and libc: names, layouts, error numbers (mechanism)
 *    │
 *   kernel
 * ```
 *
 * Nothing native is loaded by an import: the first operation opens the ring or, where the kernel
 * refuses io_uring, falls back to Deno's own API.
 *
 * ```ts
 * import { net } from "@photon/std";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = net.listen({ hostname: "127.0.0.1", port: 0 });
 * assertEquals(listener.addr.transport, "tcp");
 * ```
 *
 * @module
 */

export * as ffi from "./ffi/mod.ts";
export * as fs from "./fs/mod.ts";
export * as http from "./http/mod.ts";
export * as infer from "./infer/mod.ts";
export * as io from "./io/mod.ts";
export * as net from "./net/mod.ts";
export * as redis from "./redis/mod.ts";
export * as rpc from "./rpc/mod.ts";
export * as thread from "./thread/mod.ts";
