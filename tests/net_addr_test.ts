// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  checkConnectOptions,
  checkListenOptions,
  checkPort,
  type ConnectOptions,
  type TcpListenOptions,
} from "../net/addr.ts";

function connectWith(options: unknown) {
  return checkConnectOptions(options as ConnectOptions);
}

function listenWith(options: unknown) {
  return checkListenOptions(options as TcpListenOptions);
}

/** What a function throws, in the form `TypeError: message`, or what it returns. */
function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return String(error);
  }
}

/** Ports that Deno refuses for both, each without opening anything. */
// deno-fmt-ignore
const BAD_PORTS = [-1, 65536, 1.5, NaN, Infinity, "x", "", "-1", "1.5", true, {}, [], 1e21, 2 ** 32 + 80];

Deno.test("checkPort() refuses what Deno refuses, in Deno's words", () => {
  for (const port of BAD_PORTS) {
    const expected = outcome(() => Deno.listen({ port } as Deno.TcpListenOptions));
    assertEquals(outcome(() => checkPort(port)), expected);
  }
});

Deno.test("checkPort() takes numeric text", () => {
  assertEquals([checkPort("80"), checkPort(" 443 "), checkPort("0x50")], [80, 443, 80]);
});

Deno.test("checkPort() takes 0 only where the kernel may choose", () => {
  assertEquals(checkPort(0), 0);
  assertThrows(() => checkPort(0, 1), RangeError, "Invalid port (out of range): 0");
});

Deno.test("checkConnectOptions() refuses the ports that Deno.connect() refuses", async () => {
  for (const port of [...BAD_PORTS, undefined, null, 0]) {
    const options = { port } as ConnectOptions;
    const expected = await Deno.connect(options).catch(String);
    assertEquals(outcome(() => checkConnectOptions(options)), expected);
  }
});

Deno.test("checkConnectOptions() fills in Deno's defaults", () => {
  assertEquals(connectWith({ port: 80 }), {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: 80,
    autoSelectFamily: true,
    attemptDelayMs: 250,
    tcpFastOpen: false,
    resolver: undefined,
    signal: undefined,
    socketOptions: {},
  });
});

Deno.test("checkConnectOptions() takes null for every default", () => {
  const options = {
    hostname: null,
    transport: null,
    signal: null,
    autoSelectFamily: null,
    autoSelectFamilyAttemptDelay: null,
  };
  assertEquals(connectWith({ port: 80, ...options }), connectWith({ port: 80 }));
});

Deno.test("checkConnectOptions() looks at the signal first", () => {
  const reason = new Error("Mine");
  const error = assertThrows(() => connectWith({ signal: AbortSignal.abort(reason) }));
  assertStrictEquals(error, reason);
});

Deno.test("checkConnectOptions() refuses a signal that is none", () => {
  assertThrows(() => connectWith({ port: 80, signal: {} }), TypeError, "signal must be");
});

Deno.test("checkConnectOptions() takes a delay below zero for none", () => {
  for (const autoSelectFamilyAttemptDelay of [0, -5, NaN]) {
    const request = connectWith({ port: 80, autoSelectFamilyAttemptDelay });
    assertEquals("attemptDelayMs" in request && request.attemptDelayMs, 0);
  }
});

Deno.test("checkConnectOptions() refuses a delay that is no number", () => {
  assertThrows(
    () => connectWith({ port: 80, autoSelectFamilyAttemptDelay: "5" }),
    TypeError,
    "autoSelectFamilyAttemptDelay must be a number",
  );
});

Deno.test("checkConnectOptions() keeps the socket options that are set and nothing else", () => {
  const socketOptions = {
    noDelay: false,
    keepAlive: { idleSeconds: 5 },
    receiveBufferBytes: 4096,
    lingerSeconds: 0,
  };
  assertEquals(connectWith({ port: 80, ...socketOptions }).socketOptions, socketOptions);
});

// deno-fmt-ignore
const BAD_SOCKET_OPTIONS: [options: Record<string, unknown>, errorClass: typeof TypeError | typeof RangeError][] = [
  [{ receiveBufferBytes: "4096" },             TypeError],
  [{ receiveBufferBytes: 0 },                  RangeError],
  [{ sendBufferBytes: 2 ** 31 },               RangeError],
  [{ sendBufferBytes: 1.5 },                   RangeError],
  [{ lingerSeconds: -1 },                      RangeError],
  [{ keepAlive: { idleSeconds: 0 } },          RangeError],
  [{ keepAlive: { intervalSeconds: 32_768 } }, RangeError],
  [{ keepAlive: { probeCount: 128 } },         RangeError],
  [{ keepAlive: { probeCount: "3" } },         TypeError],
];

for (const [options, errorClass] of BAD_SOCKET_OPTIONS) {
  Deno.test(`socket options ${JSON.stringify(options)} are refused`, () => {
    const [name] = Object.keys(options);
    assertThrows(() => connectWith({ port: 80, ...options }), errorClass, `Cannot set ${name}`);
    assertThrows(() => listenWith({ port: 0, ...options }), errorClass, `Cannot set ${name}`);
  });
}

Deno.test("checkListenOptions() fills in Deno's defaults", () => {
  assertEquals(listenWith({}), {
    transport: "tcp",
    hostname: "0.0.0.0",
    port: 0,
    tcpBacklog: 511,
    reusePort: false,
    reuseAddress: true,
    tcpFastOpen: false,
    socketOptions: {},
  });
});

Deno.test("checkListenOptions() makes an i32 of the backlog, as Deno does", () => {
  for (const [tcpBacklog, expected] of [[1.5, 1], [NaN, 0], [2 ** 32 + 5, 5], [-1, -1]]) {
    const request = listenWith({ tcpBacklog });
    assertEquals("tcpBacklog" in request && request.tcpBacklog, expected);
  }
  assertThrows(() => listenWith({ tcpBacklog: "5" }), TypeError, "tcpBacklog must be a number");
});

Deno.test("an unknown transport is refused", () => {
  const message = "Unsupported transport: 'udp'";
  assertThrows(() => connectWith({ transport: "udp", port: 80 }), TypeError, message);
  assertThrows(() => listenWith({ transport: "udp", port: 80 }), TypeError, message);
});

Deno.test("a Unix address needs a path", () => {
  const transport = "unix";
  assertThrows(() => connectWith({ transport }), TypeError, "Cannot connect: path must be");
  assertThrows(() => listenWith({ transport, path: null }), TypeError, "Cannot listen: path must");
});

Deno.test("a Unix address keeps its path as it is given", () => {
  const request = { transport: "unix", path: "\0name", socketOptions: { sendBufferBytes: 4096 } };
  const options = { transport: "unix", path: "\0name", sendBufferBytes: 4096, port: 80 };
  assertEquals(listenWith(options) as unknown, request);
  assertEquals(connectWith(options) as unknown, { ...request, signal: undefined });
});

Deno.test("options must be an object", () => {
  for (const options of [undefined, null]) {
    assertThrows(() => connectWith(options), TypeError);
    assertThrows(() => listenWith(options), TypeError);
  }
});
