// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CLIENT_HELLO_BYTES_MAX, parseClientHello } from "../net/client_hello.ts";
import { seededRandom } from "./net_random.ts";

const HELLO = { serverName: "example.test", alpnProtocols: ["h2", "http/1.1"] };

Deno.test("parseClientHello() reads host and protocols", () => {
  assertEquals(parseClientHello(hello(HELLO)), HELLO);
  assertEquals(parseClientHello(hello({ serverName: null, alpnProtocols: [] })), {
    serverName: null,
    alpnProtocols: [],
  });
});

Deno.test("parseClientHello() gives the host in lower case", () => {
  const upper = hello({ serverName: "EXAMPLE.test", alpnProtocols: [] });
  assertEquals(parseClientHello(upper), { serverName: "example.test", alpnProtocols: [] });
});

Deno.test("parseClientHello() wants more at every split point", () => {
  const whole = hello(HELLO);
  for (let end = 0; end < whole.length; end++) {
    assertEquals(parseClientHello(whole.subarray(0, end)), "more", `${end} bytes`);
  }
});

Deno.test("parseClientHello() joins fragments of any size, and wants more in between", () => {
  for (const fragmentBytes of [1, 2, 3, 4, 5, 50, 100]) {
    const whole = hello(HELLO, fragmentBytes);
    assertEquals(parseClientHello(whole), HELLO, `fragments of ${fragmentBytes}`);
    for (let end = 0; end < whole.length; end += 7) {
      assertEquals(parseClientHello(whole.subarray(0, end)), "more");
    }
  }
});

Deno.test("parseClientHello() leaves what comes behind", () => {
  const whole = hello(HELLO);
  const longer = new Uint8Array(whole.length + 9);
  longer.set(whole);
  assertEquals(parseClientHello(longer), HELLO);
});

Deno.test("parseClientHello() takes a hello without extensions", () => {
  const body = [3, 3, ...new Uint8Array(32), 0, 0, 2, 0x13, 1, 1, 0];
  assertEquals(parseClientHello(records(message(body), 16_384)), {
    serverName: null,
    alpnProtocols: [],
  });
});

Deno.test("parseClientHello() refuses what is no hello, and one that never ends", () => {
  const text = new TextEncoder();
  assertEquals(parseClientHello(text.encode("GET / HTTP/1.1\r\n")), "invalid");
  assertEquals(parseClientHello(new Uint8Array([22, 2])), "invalid");
  assertEquals(parseClientHello(new Uint8Array([22, 3, 1, 0, 0])), "invalid");
  assertEquals(parseClientHello(new Uint8Array([22, 3, 1, 255, 255, 1])), "invalid");
  assertEquals(parseClientHello(records([2, 0, 0, 0], 16_384)), "invalid");
  assertEquals(parseClientHello(records([1, 255, 255, 255], 16_384)), "invalid");
  const endless = new Uint8Array(CLIENT_HELLO_BYTES_MAX + 5).fill(0);
  endless.set(
    records(message(Array(CLIENT_HELLO_BYTES_MAX - 4).fill(0)), 16_384).subarray(0, endless.length),
  );
  assert(parseClientHello(endless) !== "more");
});

Deno.test("parseClientHello() survives any damage", () => {
  const whole = hello(HELLO);
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1 });
  fc.assert(
    fc.property(damage, (changes) => {
      const bytes = whole.slice();
      for (const [offset, byte] of changes) bytes[offset] = byte;
      parseClientHello(bytes);
    }),
    { seed: 5, numRuns: 2000 },
  );
});

Deno.test("parseClientHello() survives any bytes", () => {
  const random = seededRandom(5);
  for (let length = 0; length < 300; length++) {
    parseClientHello(records(message(Array.from({ length }, () => random(256))), 16_384));
  }
});

interface Hello {
  serverName: string | null;
  alpnProtocols: string[];
}

/** A ClientHello in records, each with so much of it. */
function hello({ serverName, alpnProtocols }: Hello, fragmentBytes = 16_384): Uint8Array {
  const text = (value: string) => [...new TextEncoder().encode(value)];
  const extensions = [
    ...extension(0xaaaa, []),
    ...(serverName === null ? [] : extension(0, long([0, ...long(text(serverName))]))),
    ...extension(10, [0, 2, 0, 29]),
    ...(alpnProtocols.length === 0
      ? []
      : extension(16, long(alpnProtocols.flatMap((name) => [name.length, ...text(name)])))),
  ];
  const random = new Uint8Array(32).fill(7);
  const session = [32, ...new Uint8Array(32)];
  const body = [3, 3, ...random, ...session, 0, 4, 0x13, 1, 0x13, 2, 1, 0, ...long(extensions)];
  return records(message(body), fragmentBytes);
}

function extension(type: number, content: number[]): number[] {
  return [type >> 8, type & 255, ...long(content)];
}

function long(content: number[]): number[] {
  return [content.length >> 8, content.length & 255, ...content];
}

function message(body: number[]): number[] {
  return [1, body.length >> 16, body.length >> 8 & 255, body.length & 255, ...body];
}

function records(message: number[], fragmentBytes: number): Uint8Array {
  const bytes: number[] = [];
  for (let start = 0; start < message.length; start += fragmentBytes) {
    bytes.push(22, 3, 1, ...long(message.slice(start, start + fragmentBytes)));
  }
  return new Uint8Array(bytes);
}
