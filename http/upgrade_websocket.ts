// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { exchangeOf } from "./exchange.ts";
import { WebSocket } from "./websocket.ts";
import { acceptDeflate } from "./websocket_extension.ts";
import { acceptKey, hasWord } from "./websocket_handshake.ts";
import { checkWebSocketLimits, type WebSocketLimits } from "./websocket_options.ts";

/** Options of {@linkcode upgradeWebSocket}. */
export interface UpgradeWebSocketOptions
  extends Omit<Deno.UpgradeWebSocketOptions, "socket" | "head">, WebSocketLimits {}

/** What {@linkcode upgradeWebSocket} gives. */
export interface WebSocketUpgrade extends Deno.WebSocketUpgrade {
  /** To be returned from the handler. */
  response: Response;
  /** The socket; its `open` event comes when the response has left. */
  socket: WebSocket;
}

/**
 * Answers a WebSocket handshake (RFC 6455 section 4.2). Drop-in for
 * {@linkcode Deno.upgradeWebSocket}, for requests of this library's `serve`.
 *
 * A peer that gives no sign for `idleTimeout` seconds (30 by default, 0 for any) is asked for one
 * after half of it, and given up at its end.
 *
 * @throws {TypeError} when the request does not ask for it, or is not one of `serve`
 * @throws {Deno.errors.Http} when it was upgraded already
 * @throws {RangeError} when a limit is out of its range
 *
 * @example Count what is said
 * ```ts
 * import { serve, upgradeWebSocket, WebSocket } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = upgradeWebSocket(request);
 *   (async () => {
 *     let count = 0;
 *     for await (const _ of socket) socket.send(`${++count}`);
 *   })();
 *   return response;
 * });
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
 * socket.onopen = () => socket.send("one");
 * const event = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
 * assertEquals(event.data, "1");
 * socket.close();
 * await socket.closed;
 * ```
 */
export function upgradeWebSocket(
  request: Request,
  options: UpgradeWebSocketOptions = {},
): WebSocketUpgrade {
  const { headers } = request;
  const limits = checkWebSocketLimits(options);
  const key = checkHandshake(headers);
  const { protocol = "", idleTimeout = 30 } = options;
  if (protocol !== "" && !hasProtocol(headers.get("sec-websocket-protocol"), protocol)) {
    throw new TypeError(
      `Protocol '${protocol}' not in the request's protocol list (non negotiable)`,
    );
  }
  const exchange = exchangeOf(request);
  if (exchange === undefined) {
    throw new TypeError("Cannot upgrade request: it must come from serve");
  }
  if (exchange.successor !== null) throw new Deno.errors.Http("Already upgraded");
  const { compression } = limits;
  const deflate = compression === null
    ? null
    : acceptDeflate(headers.get("sec-websocket-extensions"), compression);
  const entrance = WebSocket.entrance({ protocol, deflate, limits, idleTimeout });
  exchange.successor = {
    takeOver: (transport, rest) => entrance.open(transport, rest, false),
    ended: (error) => entrance.ended(error),
    fail: (error) => entrance.fail(error),
  };
  const fields: Record<string, string> = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-accept": acceptKey(key),
  };
  if (protocol !== "") fields["sec-websocket-protocol"] = protocol;
  if (deflate !== null) fields["sec-websocket-extensions"] = deflate.header;
  return {
    response: new Response(null, { status: 101, headers: fields }),
    socket: entrance.socket,
  };
}

/** Checks what Deno checks, in its words, and gives the key. */
function checkHandshake(headers: Headers): string {
  if (!hasWord(headers.get("upgrade"), "websocket")) {
    throw new TypeError("Invalid Header: 'upgrade' header must contain 'websocket'");
  }
  if (!hasWord(headers.get("connection"), "upgrade")) {
    throw new TypeError("Invalid Header: 'connection' header must contain 'Upgrade'");
  }
  const key = headers.get("sec-websocket-key");
  if (key === null) {
    throw new TypeError("Invalid Header: 'sec-websocket-key' header must be set");
  }
  return key;
}

function hasProtocol(list: string | null, protocol: string): boolean {
  return list !== null && list.split(",").some((name) => name.trim() === protocol);
}
