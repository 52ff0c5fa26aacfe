// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { serve, upgradeWebSocket, WebSocket } from "../http/mod.ts";
import { messageListeners, MessageNotice } from "../http/websocket_event.ts";
import { leakTest } from "./leak.ts";

/** A socket whose peer sends back what it gets, while `use` runs. */
async function withEcho(use: (socket: WebSocket) => Promise<void>): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using server = serve(options, (request) => {
    const { socket, response } = upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/`);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => socket.onopen = resolve);
  await use(socket);
  socket.close();
  await socket.closed;
}

/** What a handler can see of an event, while it is told and afterwards. */
function observe(event: MessageEvent, socket: EventTarget): Record<string, unknown> {
  const { currentTarget, target, srcElement } = event;
  return {
    isEvent: event instanceof MessageEvent && event instanceof Event,
    tag: Object.prototype.toString.call(event),
    members: Object.keys(event).sort(),
    texts: [event.type, event.data, event.origin, event.lastEventId],
    targets: [currentTarget, target, srcElement].map((one) => one === null ? null : one === socket),
    path: event.composedPath().map((one) => one === socket),
    phase: event.eventPhase,
    flags: [event.bubbles, event.cancelable, event.composed, event.isTrusted],
    rest: [event.ports, event.source, event.timeStamp, event.defaultPrevented, event.cancelBubble],
    constructor: event.constructor.name,
  };
}

/** The next message of a socket, as its handler sees it then and later, however many listen. */
async function seen(socket: WebSocket, listens: boolean, inHandler: boolean): Promise<unknown[]> {
  const events: unknown[] = [];
  const listener = () => {};
  if (listens) socket.addEventListener("message", listener);
  const event = await new Promise<MessageEvent>((resolve) => {
    socket.onmessage = function (event) {
      events.push(this === socket, messageListeners(socket));
      if (inHandler) events.push(observe(event, socket));
      resolve(event);
    };
    socket.send("hello");
  });
  events.push(observe(event, socket));
  socket.removeEventListener("message", listener);
  return events;
}

leakTest(
  "the only handler is called with what looks like a MessageEvent",
  () =>
    withEcho(async (socket) => {
      for (const inHandler of [true, false]) {
        const [isSocket, count, ...alone] = await seen(socket, false, inHandler);
        const [, beside, ...listening] = await seen(socket, true, inHandler);
        assertEquals([isSocket, count, beside], [true, 1, 2]);
        assertEquals(alone, listening);
      }
    }),
);

leakTest(
  "listeners beside the handler are called, however they came, in their order",
  () =>
    withEcho(async (socket) => {
      const order: string[] = [];
      const next = () =>
        new Promise<void>((resolve) => {
          socket.onmessage = () => {
            order.push("handler");
            queueMicrotask(resolve);
          };
          socket.send("x");
        });
      await next();
      EventTarget.prototype.addEventListener.call(socket, "message", () => order.push("once"), {
        once: true,
      });
      await next();
      await next();
      assertEquals(order, ["handler", "once", "handler", "handler"]);
      socket.onmessage = null;
      const heard = new Promise((resolve) => {
        socket.addEventListener("message", resolve, { once: true });
      });
      socket.send("y");
      assertEquals((await heard as MessageEvent).data, "y");
    }),
);

leakTest("an event can be given on, stopped, and looked at", () =>
  withEcho(async (socket) => {
    const event = await new Promise<MessageEvent>((resolve) => {
      socket.onmessage = (event) => {
        event.stopImmediatePropagation();
        event.preventDefault();
        resolve(event);
      };
      socket.send(new Uint8Array([1, 2, 3]));
    });
    assertEquals(new Uint8Array(event.data), new Uint8Array([1, 2, 3]));
    assertEquals([event.target === socket, event.currentTarget, event.cancelBubble], [
      ...[true, null, true],
    ]);
    assert(Deno.inspect(event).startsWith("MessageEvent {"), Deno.inspect(event));
    const other = new EventTarget();
    const fresh = new MessageEvent("message", { data: event.data });
    assertEquals(new Uint8Array(fresh.data), new Uint8Array([1, 2, 3]));
    const heard: unknown[] = [];
    other.addEventListener("message", (event) => heard.push(event.target === other));
    socket.onmessage = (event) => {
      queueMicrotask(() => {
        other.dispatchEvent(event);
        heard.push(event.target === other);
      });
    };
    socket.send("again");
    await new Promise((resolve) => other.addEventListener("message", resolve));
    await Promise.resolve();
    assertEquals(heard, [true, true]);
  }));

leakTest(
  "what a handler throws is reported, and the next message comes",
  () =>
    withEcho(async (socket) => {
      const reported = Promise.withResolvers<unknown>();
      const onError = (event: ErrorEvent) => {
        event.preventDefault();
        reported.resolve(event.error);
      };
      globalThis.addEventListener("error", onError, { once: true });
      const failure = new Error("of the handler");
      const second = new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
          if (data === "first") throw failure;
          resolve(data);
        };
      });
      socket.send("first");
      socket.send("second");
      assertEquals([await reported.promise, await second], [failure, "second"]);
    }),
);

leakTest(
  "a buffer that was given away is refused, and one that came can be changed",
  () =>
    withEcho(async (socket) => {
      const receive = (data: ArrayBuffer) =>
        new Promise<ArrayBuffer>((resolve) => {
          socket.onmessage = ({ data }) => resolve(data);
          socket.send(data);
        });
      const buffer = await receive(new Uint8Array([1, 2, 3]).buffer);
      new Uint8Array(buffer)[0] = 9;
      const again = await receive(buffer);
      assertEquals([again !== buffer, [...new Uint8Array(again)]], [true, [9, 2, 3]]);
      again.transfer();
      let refused: unknown;
      try {
        socket.send(again);
      } catch (error) {
        refused = error;
      }
      assert(refused instanceof TypeError);
    }),
);

Deno.test("messageListeners() finds what Deno keeps", () => {
  const target = new EventTarget();
  assertEquals(messageListeners(target), 0);
  target.addEventListener("message", () => {});
  assertEquals(messageListeners(target), 1);
  MessageNotice.tell(target, (event) => assertEquals(event.data, 1), 1, "");
});
