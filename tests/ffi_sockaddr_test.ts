// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  AddressFamily,
  addressFamily,
  decodeScopedHost,
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKADDR_BYTES_MAX,
  type SocketAddress,
} from "../ffi/sockaddr.ts";

const SEED = 1918;

type OsError = Error & { code: string };

Deno.test("encodeSocketAddress() writes a sockaddr_in", () => {
  assertEquals(
    encoded(tcp("192.0.2.1", 8080)),
    [2, 0, 0x1f, 0x90, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
});

Deno.test("encodeSocketAddress() writes a sockaddr_in6 with the zone as its scope", () => {
  const host = [0xfe, 0x80, ...new Array(13).fill(0), 1];
  const expected = [10, 0, 0, 80, 0, 0, 0, 0, ...host, 0x0d, 0x0c, 0x0b, 0x0a];
  assertEquals(encoded(tcp(`fe80::1%${0x0a0b0c0d}`, 80)), expected);
  assertEquals(encoded(tcp(`[fe80::1%${0x0a0b0c0d}]`, 80)), expected);
});

Deno.test("encodeSocketAddress() writes a path with its NUL", () => {
  assertEquals(encoded(unix("/a")), [1, 0, 0x2f, 0x61, 0]);
});

Deno.test("encodeSocketAddress() writes an abstract name without a closing NUL", () => {
  assertEquals(encoded(unix("\0a")), [1, 0, 0, 0x61]);
});

Deno.test("encodeSocketAddress() writes the family only for an empty path or name", () => {
  assertEquals(encoded(unix("")), [1, 0]);
  assertEquals(encoded(unix("\0")), [1, 0]);
});

Deno.test("encodeSocketAddress() leaves nothing of what the buffer held", () => {
  const buffer = new Uint8Array(SOCKADDR_BYTES_MAX).fill(0xff);
  const length = encodeSocketAddress(tcp("::1", 80), buffer);
  assertEquals([...buffer.subarray(0, length)], encoded(tcp("::1", 80)));
});

Deno.test("encodeSocketAddress() refuses a host that is no address", () => {
  for (const host of ["localhost", "127.1", "", "::1%lo", "::1%1.5", "::1%4294967296"]) {
    assertThrows(() => encoded(tcp(host, 80)), TypeError, "Cannot encode an address");
  }
});

Deno.test("encodeSocketAddress() refuses a port as Deno does", () => {
  for (const port of [-1, 65536, 1.5, NaN]) {
    const theirs = assertThrows(() => Deno.listen({ hostname: "127.0.0.1", port })) as Error;
    const ours = assertThrows(() => encoded(tcp("127.0.0.1", port))) as Error;
    assertEquals([ours.constructor, ours.message], [theirs.constructor, theirs.message]);
  }
});

Deno.test("encodeSocketAddress() refuses a path as Deno does", () => {
  const long = "x".repeat(108);
  for (const path of [long, `\0${long}`, "/a\0b", "é".repeat(54)]) {
    const theirs = assertThrows(() => Deno.listen({ transport: "unix", path })) as OsError;
    const ours = assertThrows(() => encoded(unix(path))) as OsError;
    assertEquals(
      [ours.constructor, ours.message, ours.code],
      [theirs.constructor, theirs.message, theirs.code],
    );
  }
});

Deno.test("encodeSocketAddress() takes the longest path and the longest name", () => {
  assertEquals(encoded(unix("x".repeat(107))).length, 110);
  assertEquals(encoded(unix(`\0${"x".repeat(107)}`)).length, 110);
});

Deno.test("decodeSocketAddress() reads the unnamed address as Deno shows it", () => {
  for (const length of [0, 2]) {
    const address = decodeSocketAddress(Uint8Array.of(1, 0, 0x61), length) as Deno.UnixAddr;
    assertEquals<unknown>(address, { transport: "unix", path: null });
  }
});

Deno.test("decodeSocketAddress() reads a path that fills all 108 bytes", () => {
  const bytes = Uint8Array.from([1, 0, ...new Array(108).fill(0x61)]);
  assertEquals(decodeSocketAddress(bytes, 110), unix("a".repeat(108)));
  // The kernel reports one byte more than the structure has for such a path.
  assertEquals(decodeSocketAddress(bytes, 111), unix("a".repeat(108)));
});

Deno.test("decodeSocketAddress() keeps a byte order mark", () => {
  assertEquals(roundTrip(unix("\uFEFFa")), unix("\uFEFFa"));
});

Deno.test("decodeSocketAddress() leaves the scope out", () => {
  assertEquals(roundTrip(tcp("fe80::1%7", 80)), tcp("fe80::1", 80));
});

Deno.test("decodeSocketAddress() refuses another family", () => {
  const netlink = Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  assertThrows(() => decodeSocketAddress(netlink, 12), Deno.errors.NotSupported, "family is 16");
});

Deno.test("decodeSocketAddress() gives the transport it is told", () => {
  const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
  const length = encodeSocketAddress(tcp("127.0.0.1", 53), bytes);
  assertEquals(decodeSocketAddress(bytes, length, "udp").transport, "udp");
});

Deno.test("decodeScopedHost() keeps the scope as a numeric zone", () => {
  for (const host of ["192.0.2.1", "::1", "fe80::1%7", `fe80::1%${0xffffffff}`]) {
    const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
    encodeSocketAddress(tcp(host, 0), bytes);
    assertEquals(decodeScopedHost(bytes), host);
  }
});

Deno.test("decodeScopedHost() gives nothing for a Unix address", () => {
  assertEquals(decodeScopedHost(Uint8Array.of(1, 0)), undefined);
});

Deno.test("addressFamily() names the socket's domain", () => {
  assertEquals(addressFamily(tcp("127.0.0.1", 1)), AddressFamily.inet);
  assertEquals(addressFamily(tcp("[::1]", 1)), AddressFamily.inet6);
  assertEquals(addressFamily(unix("/a")), AddressFamily.unix);
  assertThrows(() => addressFamily(tcp("localhost", 1)), TypeError);
});

Deno.test("decodeSocketAddress() reads what encodeSocketAddress() writes", () => {
  const port = fc.integer({ min: 0, max: 65535 });
  const host = fc.oneof(fc.ipV4(), fc.ipV6().map((text) => new URL(`http://[${text}]`).hostname));
  const internet = fc.tuple(host, port).map(([hostname, port]) => tcp(hostname, port));
  const character = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
  const text = fc.array(character, { minLength: 1, maxLength: 26 }).map((all) => all.join(""));
  const path = text.filter((path) => !path.includes("\0"));
  const unixes = fc.oneof(path, text.map((name) => `\0${name}`)).map(unix);
  fc.assert(
    fc.property(fc.oneof(internet, unixes), (address) => {
      const expected = "path" in address ? address : tcp(canonical(address.hostname), address.port);
      assertEquals(roundTrip(address), expected);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

function tcp(hostname: string, port: number): Deno.NetAddr {
  return { transport: "tcp", hostname, port };
}

function unix(path: string): Deno.UnixAddr {
  return { transport: "unix", path };
}

function encoded(address: SocketAddress): number[] {
  const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
  return [...bytes.subarray(0, encodeSocketAddress(address, bytes))];
}

function roundTrip(address: SocketAddress): SocketAddress {
  const bytes = Uint8Array.from(encoded(address));
  return decodeSocketAddress(bytes, bytes.length);
}

/** Mapped addresses apart, the form of the URL standard is that of RFC 5952. */
function canonical(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, "");
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host);
  if (!mapped) return host;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
