// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Something that the portable engine cannot do; a key of {@linkcode PORTABLE_GAPS}. */
export type PortableGap = keyof typeof PORTABLE_GAPS;

/**
 * What the portable engine cannot do, because Deno's own API has no way to do it: the action that
 * fails, and why.
 */
// Data: one row a gap; every row is thrown by a test.
// deno-fmt-ignore
export const PORTABLE_GAPS = {
  peerCredentials:  ["read the peer credentials", "Deno does not tell who is at the other end of a Unix socket"],
  keepAliveTimings: ["set keep-alive timings", "Deno.TcpConn.setKeepAlive() only turns probes on and off"],
  bufferSizes:      ["set buffer sizes", "Deno has no such socket option"],
  linger:           ["set linger", "Deno has no such socket option"],
  tcpFastOpen:      ["use TCP fast open", "Deno has no such socket option"],
  noReuseAddress:   ["listen without reuseAddress", "Deno.listen() sets SO_REUSEADDR on every TCP socket"],
  reusePort:        ["listen with reusePort", "Deno.listen() takes it only with the --unstable-net flag"],
  tcpOptions:       ["set a TCP option", "a Unix socket has none"],
  listenDatagram:   ["open a datagram socket", "Deno.listenDatagram() exists only with the --unstable-net flag"],
  datagramReusePort: ["listen for datagrams with reusePort", "Deno has no such option"],
  handOver:         ["hand a listener over", "Deno tells no descriptor"],
  listenShared:     ["share a listener between workers", "Deno tells no descriptor"],
  sendFile:         ["send this file", "its descriptor was not opened by node:fs"],
  allocate:         ["allocate", "Deno has no fallocate()"],
  advise:           ["advise the kernel", "Deno has no fadvise()"],
  syncRange:        ["write a range to the disk", "Deno has no sync_file_range()"],
  extendedAttributes: ["use extended attributes", "Deno has no such calls"],
  alignedFile:      ["open a file past the page cache", "Deno has no O_DIRECT"],
  pipe:             ["open a pipe", "Deno has no such call"],
  subFs:            ["open a SubFs", "Deno has no way to keep a path below a directory"],
  tlsOptions:       ["use this TLS option", "Deno's own TLS does not have it"],
  tlsReload:        ["reload certificates", "Deno.listenTls() keeps those that it was given"],
  tlsAccept:        ["begin TLS as a server on an open connection", "Deno has no such call"],
  tlsStream:        ["begin TLS on this connection", "Deno.startTls() takes TCP connections only"],
} as const satisfies Record<string, readonly [action: string, reason: string]>;

/**
 * The error for something that the portable engine cannot do.
 *
 * @param gap What was asked for
 * @returns The error, to be thrown by the caller
 */
export function notSupported(gap: PortableGap): Deno.errors.NotSupported {
  const [action, reason] = PORTABLE_GAPS[gap];
  return new Deno.errors.NotSupported(`Cannot ${action} on the portable engine: ${reason}`);
}
