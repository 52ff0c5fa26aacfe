// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setKeepAlive, setLinger, setSocketOption } from "../ffi/socket_option.ts";
import type { SocketOptions } from "./socket_options.ts";

/**
 * Sets checked options on a descriptor, before it connects or listens: the connections that a
 * listener accepts inherit them.
 *
 * `noDelay` is on unless it is refused: what one turn writes leaves in one send anyway, so waiting
 * for more (Nagle's algorithm) would only add delay.
 */
export function applyOptions(fd: number, transport: "tcp" | "unix", options: SocketOptions): void {
  const { noDelay = true, keepAlive, receiveBufferBytes, sendBufferBytes, lingerSeconds } = options;
  if (transport === "tcp") {
    if (noDelay) setSocketOption(fd, "noDelay", true);
    if (keepAlive !== undefined) setKeepAlive(fd, keepAlive);
  }
  if (receiveBufferBytes !== undefined) {
    setSocketOption(fd, "receiveBufferBytes", receiveBufferBytes);
  }
  if (sendBufferBytes !== undefined) setSocketOption(fd, "sendBufferBytes", sendBufferBytes);
  if (lingerSeconds !== undefined) setLinger(fd, lingerSeconds ?? undefined);
}
