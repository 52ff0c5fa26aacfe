// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { cPeer, denoPeer, withArguments } from "./programs.ts";
import { Missing } from "./suite.ts";

/** What one run of the echo load is to do. */
export interface EchoLoadOptions {
  /** Port of the server on 127.0.0.1, or `PORT` where another program fills it in. */
  readonly port: number | "PORT";
  /** Whether to send datagrams, which only the C generator can. */
  readonly datagrams?: boolean;
  /** Connections to open. */
  readonly connections: number;
  /** Bytes of a message. */
  readonly size: number;
  /** Length of the measured window: 1 s at least, for CPU time comes in steps of 10 ms. */
  readonly seconds: number;
  /** Time under load before the window. */
  readonly warmupSeconds: number;
  /** Messages per second in total; a closed loop when left out, idle connections when 0. */
  readonly rate?: number;
}

/** The load generator that this machine can run. */
export interface EchoLoad {
  /** The generator without arguments. */
  readonly generator: CommandLine;
  /** Which generator it is, for the head of the table. */
  readonly note: string;
}

/** The C generator, or the one in Deno where it cannot be compiled. */
export async function findEchoLoad(): Promise<EchoLoad> {
  const generator = await cPeer("echo_load");
  if (!(generator instanceof Missing)) return { generator, note: "load: echo_load.c" };
  return {
    generator: denoPeer("echo_load.ts"),
    note: `load: echo_load.ts, a slower generator in Deno (${generator.reason})`,
  };
}

/** The command line of one run. */
export function echoLoadCommand(load: EchoLoad, options: EchoLoadOptions): CommandLine {
  const { port, datagrams, connections, size, seconds, warmupSeconds, rate } = options;
  const numbers = [port, connections, size, seconds, warmupSeconds];
  if (rate !== undefined) numbers.push(rate);
  const host = datagrams ? "udp:127.0.0.1" : "127.0.0.1";
  return withArguments(load.generator, host, ...numbers.map(String));
}
