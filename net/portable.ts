// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import type { SocketOptions } from "./socket_options.ts";

/**
 * Refuses the socket options that the portable engine does not have.
 *
 * @param options Checked options
 * @throws {Deno.errors.NotSupported} When one is set
 */
export function checkPortableOptions(options: SocketOptions): void {
  const { keepAlive, receiveBufferBytes, sendBufferBytes, lingerSeconds } = options;
  const timings = typeof keepAlive === "object" ? Object.values(keepAlive) : [];
  if (timings.some((timing) => timing !== undefined)) throw notSupported("keepAliveTimings");
  if ((receiveBufferBytes ?? sendBufferBytes) !== undefined) throw notSupported("bufferSizes");
  if ((lingerSeconds ?? null) !== null) throw notSupported("linger");
}
