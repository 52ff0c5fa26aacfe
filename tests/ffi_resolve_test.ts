// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { libc } from "../ffi/libc.ts";
import { resolveHost } from "../ffi/resolve.ts";

const MISSING = "no-such-host.invalid";

// Opened before the first test: it stays open, which the sanitizers would report.
libc();

Deno.test("resolveHost() gives an address back as it is", async () => {
  for (const host of ["192.0.2.1", "2001:db8::1", "fe80::1%7", "::ffff:192.0.2.1"]) {
    assertEquals(await resolveHost(host), [host]);
  }
});

Deno.test("resolveHost() takes the brackets off an address", async () => {
  assertEquals(await resolveHost("[::1]"), ["::1"]);
});

Deno.test("resolveHost() resolves localhost to loopback, each address once", async () => {
  const addresses = await resolveHost("localhost");
  assert(addresses.length > 0);
  assertEquals(new Set(addresses).size, addresses.length);
  for (const address of addresses) assert(address === "::1" || address.startsWith("127."), address);
});

Deno.test("resolveHost() starts with the address that Deno connects to", async () => {
  const [first] = await resolveHost("localhost");
  using listener = Deno.listen({ hostname: first!, port: 0 });
  using conn = await Deno.connect({ hostname: "localhost", port: listener.addr.port });
  assertEquals((conn.remoteAddr as Deno.NetAddr).hostname, first);
});

Deno.test("resolveHost() reads short and octal forms as the system does", async () => {
  assertEquals(await resolveHost("127.1"), ["127.0.0.1"]);
  assertEquals(await resolveHost("0177.0.0.1"), ["127.0.0.1"]);
});

Deno.test("resolveHost() turns the name of an interface into its number", async () => {
  const [address] = await resolveHost("fe80::1%lo");
  assert(/^fe80::1%[1-9][0-9]*$/.test(address!), address);
});

Deno.test("resolveHost() rejects an unknown host as Deno.connect() does", async () => {
  const theirs = await assertRejects(() => Deno.connect({ hostname: MISSING, port: 1 }));
  const ours = await assertRejects(() => resolveHost(MISSING));
  assert(ours instanceof Error && theirs instanceof Error);
  assertEquals([ours.constructor, ours.message], [theirs.constructor, theirs.message]);
});

Deno.test("resolveHost() rejects a name that contains a NUL", async () => {
  await assertRejects(() => resolveHost("local\0host"), TypeError, "its name contains a NUL");
});

Deno.test("resolveHost() serves many calls at once", async () => {
  const expected = await resolveHost("localhost");
  const answers = await Promise.all(Array.from({ length: 64 }, () => resolveHost("localhost")));
  for (const answer of answers) assertEquals(answer, expected);
});
