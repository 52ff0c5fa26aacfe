// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { engineInfo } from "../io/mod.ts";
import { connect, listen } from "../net/mod.ts";

/** The functions that Deno and this library both have: all of the demo is written against them. */
export interface NetApi {
  /** Connects over TCP. */
  connect(options: Deno.ConnectOptions): Promise<Deno.TcpConn>;
  /** Connects to a Unix socket. */
  connect(options: Deno.UnixConnectOptions): Promise<Deno.UnixConn>;
  /** Listens on TCP. */
  listen(options: Deno.TcpListenOptions & { transport?: "tcp" }): Deno.TcpListener;
  /** Listens on a Unix socket. */
  listen(options: Deno.UnixListenOptions & { transport: "unix" }): Deno.UnixListener;
}

/** Who is measured: this library, and Deno itself. */
export type Subject = "ours" | "Deno";

/** Changing the import is all there is between the two. */
export const APIS: Readonly<Record<Subject, NetApi>> = { ours: { connect, listen }, Deno };

/** What runs underneath, in words: the engine and why it is this one, or Deno's version. */
export function describeSubject(subject: Subject): string {
  if (subject === "Deno") return `Deno ${Deno.version.deno}`;
  const { engine, reason } = engineInfo();
  return engine === "uring" ? `uring: ${reason}` : `deno, the portable one: ${reason}`;
}
