// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { OpenFlag } from "../ffi/file.ts";
import { FsFile } from "../fs/fs_file.ts";
import { copyFile, create, open, readFile, stat, writeFile, writeFileAtomic } from "../fs/mod.ts";
import { RingFiles } from "../fs/ring_files.ts";
import { UringFile } from "../fs/uring_file.ts";
import { uringOpen } from "../fs/uring_open.ts";
import { type EntryFault, EntryFaults, ringOnly, TestEngine } from "./faulty_ring.ts";
import { inFolder } from "./fs_folder.ts";
import { leakTest } from "./leak.ts";
import { onRing } from "./net_pair.ts";
import { patternBytes } from "./transfer.ts";

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;

leakTest(
  "a full disk is told, and the atomic writer leaves the old file",
  () =>
    inTinyDisk(async (disk) => {
      const path = `${disk}/file`;
      await writeFile(path, patternBytes(1000));
      const large = patternBytes(3_000_000);
      for (
        const write of [() => writeFileAtomic(path, large), () => writeFile(`${disk}/b`, large)]
      ) {
        const error = await assertRejects(write);
        assertEquals((error as Error & { code: string }).code, "ENOSPC");
      }
      assertEquals(await readFile(path), patternBytes(1000));
      const names = [...Deno.readDirSync(disk)].map(({ name }) => name);
      assertEquals(names.toSorted(), ["b", "file"]);
      await Deno.remove(`${disk}/b`);
      using file = await create(`${disk}/c`);
      let written = 0;
      const filling = async () => {
        for (;;) written += await file.writeAt(large.subarray(0, 300_000), written);
      };
      await assertRejects(filling, Error, "No space left on device (os error 28)");
      assert(written > 500_000 && written < 1_100_000, `${written} bytes were written`);
      const p = new Uint8Array(300_000);
      assertEquals(await file.readAt(p, 0), 300_000);
      assertEquals(p, large.subarray(0, 300_000));
    }),
  { ignore: !isRoot },
);

leakTest(
  "a copy that fails or is aborted leaves no file that it made",
  () =>
    inTinyDisk(async (disk) => {
      const source = `${disk}/../source`;
      Deno.writeFileSync(source, patternBytes(3_000_000));
      const error = await assertRejects(() => copyFile(source, `${disk}/copy`));
      assertEquals((error as Error & { code: string }).code, "ENOSPC");
      if (onRing) assertEquals([...Deno.readDirSync(disk)], []);
      const aborted = copyFile(source, `${disk}/copy`, { signal: AbortSignal.abort("stop") });
      assertEquals(await aborted.catch((reason) => reason), "stop");
    }),
  { ignore: !isRoot },
);

leakTest(
  "an aborted copy ends between two pieces and removes its file",
  () =>
    inFolder(async (folder) => {
      {
        using file = await create(`${folder}/a`);
        for (let at = 0; at < 250; at++) await file.write(patternBytes(1_000_000));
      }
      const controller = new AbortController();
      const copying = copyFile(`${folder}/a`, `${folder}/b`, { signal: controller.signal });
      setTimeout(() => controller.abort("stop"), 30);
      const outcome = await copying.catch((reason) => reason);
      // A disk whose files share blocks is faster than any abort.
      if (outcome === "stop") await assertRejects(() => stat(`${folder}/b`), Deno.errors.NotFound);
    }),
  { ignore: !onRing },
);

Deno.test({
  name: "an error of the disk is told, once for each call",
  ...ringOnly,
  fn: () =>
    inFolder(async (folder) => {
      let failing = false;
      // A no-op that completes with a number of our choice (since 6.10).
      const fault: EntryFault = (sqes, at) => {
        if (!failing || ![READ, WRITE, FSYNC].includes(sqes[at]! & 0xff)) return;
        sqes[at] = 0;
        sqes[at + 6] = -5;
        sqes[at + 7] = 1;
      };
      const calls = new EntryFaults(fault);
      await using test = new TestEngine({ ring: { calls } });
      calls.attach(test.engine.ring);
      const files = new RingFiles(test.engine);
      const path = `${folder}/file`;
      const { fd } = await uringOpen(files, path, OpenFlag.RDWR | OpenFlag.CREAT, 0o600, "open");
      const uring = new UringFile(files, fd, false);
      const file = new FsFile(uring);
      const large = patternBytes(2_000_000);
      assertEquals(await file.writeAt(large, 0), large.length);
      failing = true;
      for (
        const call of [
          () => file.readAt(new Uint8Array(100), 0),
          () => file.read(new Uint8Array(500_000)),
          () => file.writeAt(new Uint8Array(100), 0),
          () => file.write(large.subarray(0, 200_000)),
          () => file.sync(),
        ]
      ) {
        const error = await assertRejects(call, Error, "Input/output error (os error 5)");
        assertEquals((error as Error & { code: string }).code, "EIO");
      }
      failing = false;
      assertEquals(await file.readAt(new Uint8Array(100), 0), 100);
      file.close();
    }),
});

leakTest("too many open files are told, and the next open works", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "hello");
    const program = new Deno.Command("sh", {
      args: ["-c", `ulimit -n 300; exec ${Deno.execPath()} run -A --no-check ${PROGRAM} ${path}`],
    });
    const { stdout, stderr } = await program.output();
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stdout), "EMFILE hello hello\n", decoder.decode(stderr));
  }));

leakTest("a file that others cut while it is read ends there", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeFileSync(path, patternBytes(5_000_000));
    using file = await open(path);
    const p = new Uint8Array(100_000);
    assertEquals(await file.read(p), 100_000);
    Deno.truncateSync(path, 150_000);
    assertEquals(await file.read(p), 50_000);
    assertEquals(await file.read(p), null);
    Deno.truncateSync(path, 0);
    assertEquals(await file.readAt(p, 0), null);
    Deno.writeFileSync(path, patternBytes(3_000_000));
    const reading = readFile(path);
    Deno.truncateSync(path, 1000);
    const bytes = await reading;
    assert(bytes.length >= 1000 && bytes.length <= 3_000_000);
  }));

leakTest(
  "a server that does not answer keeps nobody else waiting",
  () =>
    inFolder(async (folder) => {
      await using _mount = await mountHanging(folder, HANG_MS);
      // The first call has the kernel ask for the name, the others find it in memory.
      for (const call of [stat, stat, readFile]) {
        let isOver = false;
        const calling = Promise.resolve(call(`${folder}/file`)).catch(() => {}).finally(() => {
          isOver = true;
        });
        let turns = 0;
        const start = performance.now();
        while (performance.now() - start < HANG_MS / 2) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          turns++;
        }
        // Of about 200; one turn would be left if the thread had waited.
        assert(turns > 20, `${turns} turns of the loop while ${call.name} hung`);
        assertEquals(isOver, false, call.name);
        await calling;
      }
    }),
  { ignore: !isRoot || !hasFuse() },
);

const READ = 22;
const WRITE = 23;
const FSYNC = 3;
const HANG_MS = 600;
const PROGRAM = new URL("fs_open_limit_program.ts", import.meta.url).pathname;

function hasFuse(): boolean {
  try {
    return Deno.statSync("/dev/fuse").isCharDevice === true;
  } catch {
    return false;
  }
}

/** A disk of one mebibyte in memory. */
function inTinyDisk(body: (disk: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const disk = `${folder}/disk`;
    Deno.mkdirSync(disk);
    await command("mount", "-t", "tmpfs", "-o", "size=1m", "tiny", disk);
    try {
      await body(disk);
    } finally {
      await command("umount", "-l", disk);
    }
  });
}

async function mountHanging(folder: string, hangMs: number): Promise<AsyncDisposable> {
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", new URL("ffi_hanging_mount.ts", import.meta.url).pathname],
      ...[folder, String(hangMs)],
    ],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "mounted\n");
  return {
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      await command("umount", "-l", folder);
      try {
        server.kill("SIGKILL");
      } catch (error) {
        // Without its mount it may have ended by itself.
        if (!(error instanceof TypeError)) throw error;
      }
      await server.status;
    },
  };
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}
