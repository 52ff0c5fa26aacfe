// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatIpv4,
  formatIpv6,
  isIpAddress,
  parseIpv4,
  parseIpv6,
  withoutBrackets,
} from "../ffi/ip_address.ts";

const SEED = 5952;

// Data: an IPv6 text and the one form that RFC 5952 has for it.
// deno-fmt-ignore
const CANONICAL = [
  ["::",                                      "::"],
  ["0:0:0:0:0:0:0:0",                         "::"],
  ["::1",                                     "::1"],
  ["1::",                                     "1::"],
  ["1:2:3:4:5:6:7::",                         "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8",                         "0:2:3:4:5:6:7:8"],
  ["2001:0DB8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1",                    "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1",                      "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1",                    "2001:db8::1:0:0:1"],
  ["::ffff:192.0.2.1",                        "::ffff:192.0.2.1"],
  ["::FFFF:c000:201",                         "::ffff:192.0.2.1"],
  ["64:ff9b::192.0.2.33",                     "64:ff9b::c000:221"],
  ["::192.0.2.1",                             "::c000:201"],
] as const;

const NO_IPV4 = [
  "",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.",
  " 1.2.3.4",
  "0x1.2.3.4",
  "1.2.3.-4",
];

const NO_IPV6 = [
  "",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  ":1::",
  "1::2:",
  "12345::",
  "g::",
  "1.2.3.4",
  "1.2.3.4::",
  "::1.2.3",
  "::1.2.3.4:5",
  "::1.2.3.256",
  "::1%",
  "[::1]",
];

Deno.test("formatIpv6() gives the one form of RFC 5952", () => {
  for (const [text, canonical] of CANONICAL) {
    assertEquals(formatIpv6(parseIpv6(text)!.bytes, 0), canonical);
  }
});

Deno.test("parseIpv4() takes dotted decimal numbers only", () => {
  for (const text of NO_IPV4) assertEquals(parseIpv4(text), undefined, text);
});

Deno.test("parseIpv6() takes the forms of RFC 4291 only", () => {
  for (const text of NO_IPV6) assertEquals(parseIpv6(text), undefined, text);
});

Deno.test("parseIpv6() tells the zone apart", () => {
  assertEquals(parseIpv6("fe80::1%eth0")!.zone, "eth0");
  assertEquals(parseIpv6("fe80::1")!.zone, "");
});

Deno.test("isIpAddress() tells addresses from names", () => {
  for (const text of ["127.0.0.1", "::1", "fe80::1%eth0"]) assertEquals(isIpAddress(text), true);
  for (const text of ["localhost", "127.1", "[::1]", ""]) assertEquals(isIpAddress(text), false);
});

Deno.test("withoutBrackets() leaves a host without brackets alone", () => {
  assertEquals(withoutBrackets("[::1]"), "::1");
  for (const host of ["::1", "[::1", "::1]", "example.com"]) {
    assertEquals(withoutBrackets(host), host);
  }
});

Deno.test("parseIpv4() reads what formatIpv4() writes", () => {
  const addresses = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(addresses, (bytes) => {
      assertEquals([...parseIpv4(formatIpv4(bytes, 0))!], [...bytes]);
    }),
    { seed: SEED },
  );
});

Deno.test("parseIpv6() reads what formatIpv6() writes", () => {
  // Zero groups are likely, so that every place and length of a run comes up.
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const addresses = fc.array(group, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(addresses, (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]));
      assertEquals([...parseIpv6(formatIpv6(bytes, 0))!.bytes], [...bytes]);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

Deno.test("formatIpv6() agrees with the URL standard's serializer", () => {
  const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
  const addresses = fc.array(group, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(addresses, (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255]));
      const text = formatIpv6(bytes, 0);
      // The URL standard has no dotted form.
      if (text.includes(".")) return;
      assertEquals(`[${text}]`, new URL(`http://[${text}]`).hostname);
    }),
    { seed: SEED, numRuns: 1000 },
  );
});

Deno.test("parseIpv6() agrees with the URL standard's parser on any text", () => {
  const text = fc.string({ unit: fc.constantFrom(..."0:1:af.:"), maxLength: 24 });
  fc.assert(
    fc.property(text, (candidate) => {
      assertEquals(parseIpv6(candidate) !== undefined, URL.canParse(`http://[${candidate}]`));
    }),
    { seed: SEED, numRuns: 5000 },
  );
});
