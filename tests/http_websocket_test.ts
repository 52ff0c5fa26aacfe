// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve, upgradeWebSocket, WebSocket } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";
import { WebSocketPeer } from "./http_websocket_peer.ts";
import { runTestFiles } from "./subprocess.ts";
import { tlsTest } from "./tls_pair.ts";

const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };
const RUN_LIMIT_MS = 120_000;

/** Serves WebSockets while `use` runs. */
async function withServer(
  onSocket: (socket: WebSocket) => void,
  use: (port: number) => Promise<void>,
  options: Parameters<typeof upgradeWebSocket>[1] = {},
): Promise<void> {
  await using server = serve(OPTIONS, (request) => {
    const { socket, response } = upgradeWebSocket(request, options);
    onSocket(socket);
    return response;
  });
  await use(server.addr.port);
}

function event<T extends Event>(target: EventTarget, type: string): Promise<T> {
  return new Promise((resolve) =>
    target.addEventListener(type, (event) => resolve(event as T), { once: true })
  );
}

leakTest("both sides of ours compress when both want to", async () => {
  const compression = { minBytes: 0 };
  await withServer((socket) => socket.onmessage = ({ data }) => socket.send(data), async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { compression });
    await event(socket, "open");
    assertEquals(socket.extensions, "permessage-deflate");
    const messages = ["hello hello hello", "", "x".repeat(100_000), "hello hello hello"];
    const received: unknown[] = [];
    for (const message of messages) socket.send(message);
    for await (const data of socket) if (received.push(data) === messages.length) break;
    assertEquals(received, messages);
    socket.close(3001, "bye");
    const { code, reason, wasClean } = await socket.closed;
    assertEquals([code, reason, wasClean], [3001, "", true]);
  }, { compression });
});

leakTest("a message above messageBytesMax fails with 1009, also in fragments", async () => {
  await withServer(() => {}, async (port) => {
    for (const fin of [true, false]) {
      using peer = await WebSocketPeer.open(port);
      await peer.frame(1, "x".repeat(60), { fin });
      if (!fin) await peer.frame(0, "x".repeat(60));
      else await peer.frame(1, "x".repeat(101));
      const close = await peer.next();
      assert(close.kind === "close" && close.code === 1009, JSON.stringify(close));
      assertEquals((await peer.next()).kind, "end");
    }
  }, { messageBytesMax: 100 });
});

leakTest("frames of a client that are not masked fail with 1002", async () => {
  await withServer(() => {}, async (port) => {
    using peer = await WebSocketPeer.open(port);
    await peer.frame(1, "plain", { masked: false });
    const close = await peer.next();
    assert(close.kind === "close" && close.code === 1002, JSON.stringify(close));
  });
});

leakTest(
  "send() to a peer that does not read queues up to bufferedBytesMax, then ends",
  async () => {
    const ended = Promise.withResolvers<[CloseEvent, number, string]>();
    await withServer((socket) => {
      socket.onmessage = () => {
        const piece = new Uint8Array(65_536);
        let most = 0;
        let message = "";
        socket.onerror = (event) => message = (event as ErrorEvent).message;
        while (socket.readyState === WebSocket.OPEN) {
          socket.send(piece);
          most = Math.max(most, socket.bufferedAmount);
        }
        socket.closed.then((close) => ended.resolve([close, most, message]));
      };
    }, async (port) => {
      using peer = await WebSocketPeer.open(port);
      await peer.frame(1, "begin");
      const [close, most, message] = await ended.promise;
      assertEquals([close.code, close.wasClean], [1006, false]);
      assert(most <= 1_048_576 + 65_546, `${most} bytes were queued`);
      assert(message.includes("unread"), message);
    }, { bufferedBytesMax: 1_048_576 });
  },
);

leakTest("drained() lets a sender wait for a slow reader", async () => {
  await withServer((socket) => {
    socket.onopen = async () => {
      for (let i = 0; i < 100; i++) {
        socket.send(new Uint8Array(65_536));
        if (socket.bufferedAmount > 0) await socket.drained();
      }
      socket.close();
    };
  }, async (port) => {
    using peer = await WebSocketPeer.open(port);
    for (let i = 0; i < 100; i++) {
      const message = await peer.next();
      assert(message.kind === "message" && message.bytes.length === 65_536);
    }
    assertEquals((await peer.next()).kind, "close");
    await peer.frame(8);
    assertEquals((await peer.next()).kind, "end");
  });
});

leakTest("for await makes the peer wait while nobody takes messages", async () => {
  const go = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<number>();
  await withServer((socket) => {
    const messages = socket[Symbol.asyncIterator]();
    go.promise.then(async () => {
      let count = 0;
      for await (const _ of messages) count++;
      taken.resolve(count);
    });
  }, async (port) => {
    using peer = await WebSocketPeer.open(port);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 300; sent++) await peer.frame(2, new Uint8Array(65_536));
      await peer.frame(8);
    })();
    // Kernel buffers and a mebibyte hold some of the 19; the rest has to wait for the reader.
    for (let before = -1; before !== sent;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert(sent < 290, `${sent} messages were taken while nobody read`);
    go.resolve();
    await sending;
    assertEquals(await taken.promise, 300);
    assertEquals((await peer.next()).kind, "close");
  });
});

leakTest("a peer that gives no sign is pinged, and given up after idleTimeout", async () => {
  const over = Promise.withResolvers<CloseEvent>();
  await withServer((socket) => socket.closed.then(over.resolve), async (port) => {
    using peer = await WebSocketPeer.open(port);
    assertEquals((await peer.next()).kind, "ping");
    await peer.frame(10);
    assertEquals((await peer.next()).kind, "ping");
    const close = await peer.next();
    assertEquals(close, { kind: "close", code: 1001, reason: "No response from ping frame." });
    assertEquals((await peer.next()).kind, "end");
    peer[Symbol.dispose]();
    const { code, wasClean } = await over.promise;
    assertEquals([code, wasClean], [1001, false]);
  }, { idleTimeout: 0.1 });
});

leakTest("ping() is answered by an event", async () => {
  await withServer(() => {}, async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    assertThrows(() => socket.ping(), DOMException);
    await event(socket, "open");
    const pong = event<MessageEvent>(socket, "pong");
    socket.ping(new Uint8Array([1, 2]));
    assertEquals((await pong).data, new Uint8Array([1, 2]));
    assertThrows(() => socket.ping(new Uint8Array(126)), RangeError);
    socket.close();
    await socket.closed;
  });
});

leakTest("terminate() resets, and the iterator of the peer throws", async () => {
  const outcome = Promise.withResolvers<unknown>();
  await withServer((socket) => {
    (async () => {
      for await (const _ of socket) { /* none comes */ }
    })().catch(outcome.resolve);
  }, async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await event(socket, "open");
    socket.terminate();
    assertEquals((await socket.closed).code, 1006);
    assert(await outcome.promise instanceof Error);
  });
});

leakTest("a WebSocket that cannot be opened tells why, and closes with 1006", async () => {
  const socket = new WebSocket("ws://127.0.0.1:1/");
  const [failure, close] = [event<ErrorEvent>(socket, "error"), socket.closed];
  assert((await failure).message.includes("refused"));
  assertEquals((await close).code, 1006);
  await using server = serve(OPTIONS, () => new Response("no"));
  const other = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
  assert((await event<ErrorEvent>(other, "error")).message.includes("200"));
  await other.closed;
});

leakTest("close() while it is being opened gives it up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = new WebSocket(`ws://127.0.0.1:${listener.addr.port}/`);
  using conn = await listener.accept();
  void conn;
  socket.close();
  assertEquals(socket.readyState, WebSocket.CLOSING);
  assertEquals((await socket.closed).code, 1006);
});

leakTest("interim answers come before a WebSocket is open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = new WebSocket(`ws://127.0.0.1:${listener.addr.port}/`);
  const conn = await listener.accept();
  await conn.write(new TextEncoder().encode("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
  using peer = await WebSocketPeer.accept(conn);
  await event(socket, "open");
  await peer.frame(8);
  assertEquals((await socket.closed).code, 1005);
});

leakTest("a server's close() before open says its code and reason", async () => {
  await withServer((socket) => socket.close(4001, "not today"), async (port) => {
    const { code, reason, wasClean } = await new WebSocket(`ws://127.0.0.1:${port}`).closed;
    assertEquals([code, reason, wasClean], [4001, "not today", true]);
  });
  await withServer((socket) => socket.close(), async (port) => {
    assertEquals((await new WebSocket(`ws://127.0.0.1:${port}`).closed).code, 1005);
  });
});

leakTest("an empty message leaves as it is where others are compressed", async () => {
  await withServer((socket) => {
    socket.onopen = () => ["hello hello", "", "hello hello"].forEach((text) => socket.send(text));
  }, async (port) => {
    using peer = await WebSocketPeer.open(port, "Sec-WebSocket-Extensions: permessage-deflate");
    const both = { sendBits: 15, sendAlone: false, receiveBits: 15, receiveAlone: false };
    peer.compress(both);
    for (const text of ["hello hello", "", "hello hello"]) {
      const message = await peer.next();
      assert(message.kind === "message" && message.text === text, JSON.stringify(message));
    }
  }, { compression: { minBytes: 0 } });
});

leakTest("a WebSocket asks with its fields as they are, one octet a character", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const headers = { "x-name": "\xe9\x80" };
  const socket = new WebSocket(`ws://127.0.0.1:${listener.addr.port}/`, { headers });
  using server = new RawClient(await listener.accept());
  assert((await server.until("\r\n\r\n")).includes("x-name: \xe9\x80\r\n"));
  socket.close();
  await socket.closed;
});

leakTest("upgradeWebSocket() tells when the response was another", async () => {
  const failed = Promise.withResolvers<CloseEvent>();
  await using server = serve(OPTIONS, (request) => {
    upgradeWebSocket(request).socket.closed.then(failed.resolve);
    return new Response("no", { status: 403 });
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
  await socket.closed;
  assertEquals((await failed.promise).code, 1006);
});

tlsTest("a WebSocket over TLS", async ({ ca, localhost: { cert, key } }) => {
  await using server = serve({ ...OPTIONS, cert, key }, (request) => {
    const { socket, response } = upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const url = `wss://localhost:${server.addr.port}/`;
  const socket = new WebSocket(url, { caCerts: [ca] });
  socket.onopen = () => socket.send("hello");
  for await (const data of socket) {
    assertEquals(data, "hello");
    break;
  }
  socket.close();
  await socket.closed;
  const stranger = new WebSocket(url);
  assertEquals((await stranger.closed).code, 1006);
});

leakTest("Blob, views and lone surrogates are sent as the standard has it", async () => {
  await withServer((socket) => socket.onmessage = ({ data }) => socket.send(data), async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    assertThrows(() => socket.send("early"), DOMException);
    await event(socket, "open");
    const received: unknown[] = [];
    socket.send(new Uint16Array([1, 2]).subarray(1));
    socket.send(new ArrayBuffer(1));
    socket.send("a\ud800b");
    socket.send(new Blob(["blob"]));
    for await (const data of socket) if (received.push(data) === 4) break;
    const blob = new TextEncoder().encode("blob");
    assertEquals(received, [new Uint8Array([2, 0]), new Uint8Array(1), "a\ufffdb", blob]);
    await assertRejects(async () => {
      const [one, two] = [socket[Symbol.asyncIterator](), socket[Symbol.asyncIterator]()];
      await one.next();
      await two.next();
    }, TypeError);
    socket.close();
    await socket.closed;
  });
});

if (!Deno.env.has("PHOTON_ENGINE") && engineInfo().engine === "uring") {
  Deno.test("WebSockets hold with PHOTON_ENGINE=deno", () =>
    runTestFiles(["tests/http_websocket_test.ts"], { PHOTON_ENGINE: "deno" }, RUN_LIMIT_MS));
}
