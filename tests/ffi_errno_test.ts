// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { Errno, errnoName, osError } from "../ffi/errno.ts";

Deno.test("osError() gives what Deno throws when nothing listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const theirs = await Deno.connect({ hostname: "127.0.0.1", port }).catch((error) => error);
  assertSameError(osError(Errno.ECONNREFUSED), theirs);
});

Deno.test("osError() gives what Deno throws when an address is taken", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const theirs = assertThrows(() => Deno.listen({ ...listener.addr, transport: "tcp" }));
  assertSameError(osError(Errno.EADDRINUSE), theirs);
});

Deno.test("osError() gives what Deno throws for an invalid argument", async () => {
  const theirs = await Deno.connect({ transport: "unix", path: "" }).catch((error) => error);
  assertSameError(osError(Errno.EINVAL), theirs);
  assertInstanceOf(osError(Errno.EINVAL), TypeError);
});

Deno.test("osError() appends the detail as Deno's file functions do", () => {
  const path = "/tmp/photon-has-no-such-file";
  const theirs = assertThrows(() => Deno.openSync(path));
  assertSameError(osError(Errno.ENOENT, `open '${path}'`), theirs);
});

Deno.test("osError() gives a plain Error where Deno has no class", () => {
  const error = osError(Errno.EMFILE);
  assertEquals(error.constructor, Error);
  assertEquals(error.message, "Too many open files (os error 24)");
});

Deno.test("osError() takes the negative number of a completion", () => {
  assertSameError(osError(-Errno.ECONNRESET), osError(Errno.ECONNRESET));
});

Deno.test("osError() gives a plain Error for a number that Linux does not have", () => {
  for (const number of [0, 41, 58, 134, 524]) {
    const error = osError(number);
    assertEquals(error.constructor, Error);
    assertEquals(error.message, `Unknown error ${number} (os error ${number})`);
    assertEquals(error.code, "UNKNOWN");
  }
});

Deno.test("Errno has the numbers of the table", () => {
  for (const [name, number] of Object.entries(Errno)) assertEquals(errnoName(number), name);
});

Deno.test("osError() has a class, a code and a text for all of Linux's numbers", () => {
  for (let number = 1; number <= 133; number++) {
    if (number === 41 || number === 58) continue;
    const error = osError(number);
    assert(/^E[A-Z0-9]+$/.test(error.code), `code of ${number} is ${error.code}`);
    assert(/^[A-Z.].+ \(os error \d+\)$/.test(error.message), error.message);
  }
});

function assertSameError(ours: Error & { code?: string }, theirs: unknown): void {
  assertInstanceOf(theirs, Error);
  assertEquals(ours.constructor, theirs.constructor);
  assertEquals(ours.message, theirs.message);
  assertEquals(ours.code, (theirs as Error & { code?: string }).code);
}
