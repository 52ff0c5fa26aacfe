// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import type { RpcChannelOptions } from "./channel_options.ts";
import type { ClientSession } from "./client_session.ts";
import { MESSAGE_BYTES_MAX, WINDOW_BYTES } from "./limits.ts";
import { NativeClientSession } from "./native_client.ts";
import { PhotonClientSession } from "./photon_client.ts";

/** Speaks over a connection in the framing that is asked for. */
export function openSession(
  conn: Duplex,
  options: RpcChannelOptions,
  ended?: (error: unknown) => void,
  draining?: () => void,
): ClientSession {
  const session = {
    messageBytesMax: options.messageBytesMax ?? MESSAGE_BYTES_MAX,
    windowBytes: options.windowBytes ?? WINDOW_BYTES,
    callsMax: options.callsMax ?? CALLS_MAX,
    keepAlive: options.keepAlive,
    compression: options.compression,
    ended,
    draining,
  };
  return options.framing === "photon"
    ? new PhotonClientSession(conn, session)
    : new NativeClientSession(conn, session);
}

const CALLS_MAX = 65_536;
