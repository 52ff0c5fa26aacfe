// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What Deno's WebSockets do, as cases: all hold for Deno's own, for ours, and for one of each.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { serve, upgradeWebSocket, WebSocket as PhotonWebSocket } from "../http/mod.ts";
import { leakTest } from "./leak.ts";

/** What is tested: a server's side, and a client's. */
interface Subject {
  serve: typeof Deno.serve;
  upgrade: typeof Deno.upgradeWebSocket;
  WebSocket: typeof WebSocket;
}

type Cases = Record<string, (subject: Subject) => void | Promise<void>>;

const ours = { serve: serve as unknown as typeof Deno.serve, upgrade: upgradeWebSocket };
const theirs = { serve: Deno.serve, upgrade: Deno.upgradeWebSocket };
const Photon = PhotonWebSocket as unknown as typeof WebSocket;

// Data: each server with each client.
// deno-fmt-ignore
const SUBJECTS: Record<string, Subject> = {
  "Deno":                        { ...theirs, WebSocket },
  "Photon":                      { ...ours, WebSocket: Photon },
  "Photon server, Deno client":  { ...ours, WebSocket },
  "Deno server, Photon client":  { ...theirs, WebSocket: Photon },
};

/** Connects a client to a handler of sockets, and waits for the end of both. */
async function withPair(
  { serve, upgrade, WebSocket }: Subject,
  onServer: (socket: WebSocket) => void,
  onClient: (socket: WebSocket) => void,
  options: Deno.UpgradeWebSocketOptions = {},
  protocols: string[] = [],
): Promise<{ client: CloseEvent; server: CloseEvent }> {
  const serverClosed = Promise.withResolvers<CloseEvent>();
  await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = upgrade(request, options);
    socket.addEventListener("close", serverClosed.resolve);
    onServer(socket);
    return response;
  });
  const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}/path?x=1`, protocols);
  const clientClosed = new Promise<CloseEvent>((resolve) => {
    socket.addEventListener("close", resolve);
  });
  onClient(socket);
  return { client: await clientClosed, server: await serverClosed.promise };
}

const echo = (socket: WebSocket) => {
  socket.onmessage = ({ data }) => socket.send(data);
};

function closing({ code, reason, wasClean }: CloseEvent): unknown[] {
  return [code, reason, wasClean];
}

const CASES: Cases = {
  "text comes back as text, with the origin of its server": async (subject) => {
    const seen: unknown[] = [];
    await withPair(subject, echo, (socket) => {
      socket.onopen = () => socket.send("häl€lo");
      socket.onmessage = ({ data, origin }) => {
        seen.push(data, new URL(origin).protocol);
        socket.close();
      };
    });
    assertEquals(seen, ["häl€lo", "ws:"]);
  },
  "bytes come as a Blob, or as an ArrayBuffer when that is asked for": async (subject) => {
    const seen: unknown[] = [];
    await withPair(subject, (socket) => {
      assertEquals(socket.binaryType, "arraybuffer");
      socket.onmessage = ({ data }) => {
        assert(data instanceof ArrayBuffer);
        socket.send(data);
      };
    }, (socket) => {
      assertEquals(socket.binaryType, "blob");
      socket.onopen = () => socket.send(new Uint8Array([1, 2, 3]).subarray(1));
      socket.onmessage = ({ data }) => {
        seen.push(data instanceof Blob ? data.size : data.byteLength);
        if (seen.length === 2) return socket.close();
        socket.binaryType = "arraybuffer";
        socket.send(new ArrayBuffer(5));
      };
    });
    assertEquals(seen, [2, 5]);
  },
  "what the client closes with comes to both": async (subject) => {
    const { client, server } = await withPair(subject, () => {}, (socket) => {
      socket.onopen = () => socket.close(3001, "bye");
    });
    assertEquals(closing(server), [3001, "bye", true]);
    assertEquals(client.code, 3001);
    assert(client.wasClean);
  },
  "what the server closes with comes to the client": async (subject) => {
    const { client, server } = await withPair(subject, (socket) => {
      socket.onopen = () => socket.close(4000, "enough");
    }, () => {});
    assertEquals(closing(client), [4000, "enough", true]);
    assert(server.wasClean);
  },
  "close() without a code": async (subject) => {
    const { server } = await withPair(subject, () => {}, (socket) => {
      socket.onopen = () => socket.close();
    });
    assert(server.wasClean);
    assert(server.code === 1005 || server.code === 1000, String(server.code));
  },
  "readyState goes from 0 to 3": async (subject) => {
    const states: number[] = [];
    await withPair(subject, () => {}, (socket) => {
      states.push(socket.readyState);
      socket.onopen = () => {
        states.push(socket.readyState);
        socket.close();
        states.push(socket.readyState);
      };
      socket.onclose = () => states.push(socket.readyState);
    });
    assertEquals(states, [0, 1, 2, 3]);
  },
  "the protocol is agreed on": async (subject) => {
    const seen: string[] = [];
    await withPair(
      subject,
      // Deno's own server does not tell its socket.
      () => {},
      (socket) =>
        socket.onopen = () => {
          seen.push(socket.protocol);
          socket.close();
        },
      { protocol: "b" },
      ["a", "b"],
    );
    assertEquals(seen, ["b"]);
  },
  "many messages come in order": async (subject) => {
    const seen: string[] = [];
    await withPair(subject, echo, (socket) => {
      socket.onopen = () => {
        for (let i = 0; i < 500; i++) socket.send(`${i}`);
      };
      socket.onmessage = ({ data }) => {
        if (seen.push(data) === 500) socket.close();
      };
    });
    assertEquals(seen, Array.from({ length: 500 }, (_, i) => `${i}`));
  },
  "a message of a mebibyte comes whole": async (subject) => {
    let length = 0;
    await withPair(subject, echo, (socket) => {
      socket.binaryType = "arraybuffer";
      socket.onopen = () => socket.send(new Uint8Array(1_048_576));
      socket.onmessage = ({ data }) => {
        length = data.byteLength;
        socket.close();
      };
    });
    assertEquals(length, 1_048_576);
  },
  "a listener that is taken away is not called": async (subject) => {
    let calls = 0;
    await withPair(subject, echo, (socket) => {
      const listener = () => calls++;
      socket.addEventListener("message", listener);
      socket.removeEventListener("message", listener);
      socket.onmessage = () => calls += 10;
      socket.onmessage = () => {
        calls += 100;
        socket.close();
      };
      socket.addEventListener("open", () => socket.send("x"), { once: true });
    });
    assertEquals(calls, 100);
  },
  "wrong arguments are told in the same words": ({ WebSocket, upgrade }) => {
    const told = (run: () => unknown) => {
      const error = assertThrows(run, DOMException) as DOMException;
      return `${error.name}: ${error.message}`;
    };
    const fragments = "SyntaxError: Fragments are not allowed in a WebSocket URL";
    assertEquals(told(() => new WebSocket("ws://localhost/#a")), fragments);
    assertEquals(told(() => new WebSocket("nonsense")), "SyntaxError: Invalid URL: 'nonsense'");
    assert(told(() => new WebSocket("ftp://localhost/")).startsWith("SyntaxError: Only ws & wss"));
    assertEquals(
      told(() => new WebSocket("ws://localhost/", ["a", "a"])),
      "SyntaxError: Cannot supply the same protocol multiple times",
    );
    assertEquals(
      told(() => new WebSocket("ws://localhost/", "a b")),
      "SyntaxError: Invalid protocol value",
    );
    const headers = { upgrade: "websocket", connection: "upgrade" };
    const refused = (init: HeadersInit) =>
      (assertThrows(() => upgrade(new Request("http://a", { headers: init }))) as Error).message;
    assert(refused({}).includes("'upgrade' header must contain 'websocket'"));
    assert(refused({ upgrade: "websocket" }).includes("'connection' header must contain"));
    assert(refused(headers).includes("'sec-websocket-key' header must be set"));
  },
};

for (const [label, subject] of Object.entries(SUBJECTS)) {
  for (const [name, run] of Object.entries(CASES)) {
    leakTest(`[${label}] ${name}`, async () => await run(subject));
  }
}
