// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { connect } from "../net/connect.ts";
import type { RpcChannelOptions } from "./channel_options.ts";
import type { ClientSession } from "./client_session.ts";
import type { SessionEvents } from "./endpoint.ts";
import { openSession } from "./open_session.ts";

/** Connects to `host:port`, `[v6]:port` or `unix:/path`. */
export async function dialAddress(address: string, signal: AbortSignal): Promise<Duplex> {
  if (address.startsWith("unix:")) {
    return await connect({ transport: "unix", path: address.slice(5), signal });
  }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address);
  if (match === null) throw new TypeError(`Cannot connect: ${address} is no address with a port`);
  return await connect({ hostname: match[1] ?? match[2], port: Number(match[3]), signal });
}

/**
 * Speaks over a connection once the server has answered: whatever fails before was seen by nobody,
 * and may be called again.
 */
export async function greeted(
  conn: Duplex,
  channel: RpcChannelOptions,
  events: SessionEvents,
  signal: AbortSignal,
): Promise<ClientSession> {
  let session: ClientSession | undefined = undefined;
  session = openSession(conn, channel, () => events.ended(session), () => events.draining(session));
  const giveUp = () => session?.close();
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  // The photon framing has no greeting.
  if (channel.framing !== "photon") await session.ping();
  signal.removeEventListener("abort", giveUp);
  return session;
}
