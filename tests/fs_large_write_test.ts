// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { create, type FsFile, open } from "../fs/mod.ts";
import { inFolder } from "./fs_folder.ts";
import { leakTest } from "./leak.ts";
import { ringTest } from "./net_pair.ts";
import { patternBytes } from "./transfer.ts";

const LARGE = patternBytes(3_000_000);

const writes: Record<string, (file: FsFile, p: Uint8Array) => Promise<number>> = {
  write: (file, p) => file.write(p),
  writeAt: (file, p) => file.writeAt(p, 0),
};

for (const [name, write] of Object.entries(writes)) {
  ringTest(
    `${name}() writes a large buffer as it was that is transferred meanwhile`,
    () =>
      inFolder(async (folder) => {
        const path = `${folder}/file`;
        using file = await create(path);
        const p = LARGE.slice();
        const writing = write(file, p);
        p.buffer.transfer(0);
        assertEquals(await writing, LARGE.length);
        assertEquals(Deno.readFileSync(path), LARGE);
      }),
  );
}

leakTest(
  "large buffers of shared and of resizable memory are written",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      const resizable = new ArrayBuffer(LARGE.length, { maxByteLength: LARGE.length * 2 });
      for (const memory of [new SharedArrayBuffer(LARGE.length), resizable]) {
        const p = new Uint8Array(memory);
        p.set(LARGE);
        using file = await create(path);
        assertEquals(await file.write(p as Uint8Array<ArrayBuffer>), LARGE.length);
        assertEquals(Deno.readFileSync(path), LARGE);
      }
    }),
);

leakTest("large writes at once append, one behind the other", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "head");
    using file = await open(path, { append: true });
    const pieces = [LARGE.subarray(0, 300_000), LARGE.subarray(300_000, 300_007), LARGE];
    const counts = await Promise.all(pieces.map((piece) => file.write(piece)));
    assertEquals(counts, pieces.map(({ length }) => length));
    const found = Deno.readFileSync(path);
    assertEquals(found.subarray(4, 300_011), LARGE.subarray(0, 300_007));
    assertEquals(found.subarray(300_011), LARGE);
  }));

ringTest(
  "no call waits for a large write at the cursor but those at the cursor",
  () =>
    inFolder(async (folder) => {
      const p = new Uint8Array(300_000_000);
      const file = await create(`${folder}/file`);
      let written = false;
      const writing = file.write(p).then(() => written = true);
      // By then it is on its way in its thread, for 100 ms and more.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const beside = file.writeAt(p.subarray(0, 300_000), 0);
      file.close();
      await Promise.resolve();
      assertEquals(written, false);
      await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(written, false);
      await Promise.all([writing, beside]);
    }),
);

leakTest("a large write says why a full disk takes none of it", async () => {
  using file = await open("/dev/full", { write: true });
  const error = await assertRejects(() => file.write(LARGE), Error, "No space left on device");
  assertEquals((error as Error & { code: string }).code, "ENOSPC");
});
