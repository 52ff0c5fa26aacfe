// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

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
export type SubjectName = "ours" | "Deno";

/** Changing the import is all there is between the two. */
export const SUBJECTS: Readonly<Record<SubjectName, NetApi>> = { ours: { connect, listen }, Deno };
