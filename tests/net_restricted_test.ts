// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { Op } from "../ffi/abi.ts";
import { mapMemory } from "../ffi/memory.ts";
import { Ring, SQE_WORDS } from "../ffi/ring.ts";
import { onRing } from "./net_pair.ts";
import { runTestFiles } from "./subprocess.ts";

const RUN_LIMIT_MS = 60_000;
const EACCES = "EACCES";
const AT_FDCWD = -100;

/** Runs one entry on a ring and gives its result. */
function runEntry(ring: Ring, fields: readonly number[]): number {
  const at = ring.sqe();
  ring.sqes.fill(0, at, at + SQE_WORDS);
  ring.sqes.set(fields, at);
  ring.submit(1);
  let answer = NaN;
  ring.reap((_low, _high, result) => answer = result);
  return answer;
}

function open(restricted: boolean): Ring {
  return Ring.open({ submissions: 8, completions: 16, ...(restricted && { restricted: "net" }) });
}

/** Fields of an entry that opens a file for reading. */
function openEntry(op: number): number[] {
  const memory = mapMemory(4096);
  memory.bytes.set(new TextEncoder().encode("/etc/hostname\0"));
  const { addressLow, addressHigh } = memory;
  // OPENAT2 takes a struct open_how, of zeros here, behind the path.
  const how = op === Op.OPENAT2 ? [addressLow + 1024, addressHigh] : [0, 0];
  const length = op === Op.OPENAT2 ? 24 : 0;
  return [op, AT_FDCWD, ...how, addressLow, addressHigh, length, 0];
}

// Data: what a file needs; each works on a ring that is not restricted.
// deno-fmt-ignore
const FILE_OPERATIONS = {
  OPENAT: openEntry(Op.OPENAT), OPENAT2: openEntry(Op.OPENAT2),
} as const;

for (const [name, entry] of Object.entries(FILE_OPERATIONS)) {
  Deno.test({
    name: `a ring that is restricted to net refuses ${name}`,
    ignore: !onRing,
    fn: () => {
      using free = open(false);
      const fd = runEntry(free, entry);
      assertEquals(fd >= 0, true, `the operation itself must work, got ${fd}`);
      assertEquals(runEntry(free, [Op.CLOSE, fd]), 0);
      using ring = open(true);
      assertEquals(runEntry(ring, entry), -13, EACCES);
    },
  });
}

Deno.test({
  name: "a ring that is restricted to net refuses every other operation on files",
  ignore: !onRing,
  fn: () => {
    using ring = open(true);
    const { READ, WRITE, FSYNC, STATX, SPLICE, UNLINKAT, RENAMEAT, MKDIRAT, SYMLINKAT } = Op;
    const { LINKAT, FALLOCATE, FADVISE, FTRUNCATE } = Op;
    const operations = [READ, WRITE, FSYNC, STATX, SPLICE, UNLINKAT, RENAMEAT, MKDIRAT];
    for (const op of [...operations, SYMLINKAT, LINKAT, FALLOCATE, FADVISE, FTRUNCATE]) {
      assertEquals(runEntry(ring, [op, 0]), -13, `operation ${op}`);
    }
    // What sockets need is there.
    assertEquals(runEntry(ring, [Op.NOP, -1]), 0);
    // Nor can a file be let in by its number.
    assertThrows(() => ring.registry.registerFiles([0]), Deno.errors.PermissionDenied);
  },
});

Deno.test({
  name: "sockets hold with PHOTON_RESTRICTED=net",
  ignore: !onRing || Deno.env.has("PHOTON_RESTRICTED"),
  fn: async () => {
    const files = ["net_conn", "net_listener", "net_datagram", "net_copy"];
    const env = { PHOTON_RESTRICTED: "net", PHOTON_DATAGRAM_RUN: "1" };
    await runTestFiles(files.map((name) => `tests/${name}_test.ts`), env, RUN_LIMIT_MS);
  },
});
