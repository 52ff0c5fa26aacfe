// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { LocalFs } from "../fs/local_fs.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { parsePaxRecords, parseTarHeader } from "../fs/tar_header.ts";
import { TarFs } from "../fs/tar_fs.ts";
import { readWhole, writeAllAt, writeWhole } from "../fs/whole_file.ts";
import { pattern, testConformance, writeFixture } from "./fs_conformance.ts";
import { type TemporaryFolder, temporaryFolder } from "./fs_temporary_folder.ts";
import { leakTest } from "./leak.ts";

// The archives are those of GNU tar, in each of the formats that it writes.
const FORMATS = ["v7", "ustar", "gnu", "oldgnu", "pax"];

async function tar(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("tar", { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** The archive of the folder `files`. */
async function archive(folder: TemporaryFolder, format: string): Promise<TarFs> {
  await tar(`--format=${format}`, "-C", folder.path("files"), "-cf", folder.path("tar"), ".");
  return await TarFs.open(await new LocalFs().open(folder.path("tar")));
}

for (const format of FORMATS) {
  testConformance(
    `TarFs of ${format}`,
    { writable: false, directories: true, links: true },
    async () => {
      const folder = await temporaryFolder();
      await Deno.mkdir(folder.path("files"));
      await writeFixture(new LocalFs(), (name) => folder.path(`files/${name}`));
      const system = await archive(folder, format);
      return {
        system,
        path: (name) => name,
        async [Symbol.asyncDispose]() {
          system[Symbol.dispose]();
          await folder[Symbol.asyncDispose]();
        },
      };
    },
  );
}

leakTest("TarFs knows names and targets of any length, and of any characters", async () => {
  const names = [
    "a".repeat(100),
    "b".repeat(101),
    "ä漢\u{1f600}".repeat(12),
    `${"c".repeat(150)}/${"d".repeat(90)}`,
    `${"e".repeat(200)}/${"f".repeat(200)}/${"g".repeat(200)}`,
    "with space\nand line",
  ];
  for (const format of ["gnu", "pax"]) {
    await using folder = await temporaryFolder();
    for (const [i, name] of names.entries()) {
      const path = folder.path(`files/${name}`);
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(path, pattern(i + 1, i));
      await Deno.symlink(`${"../".repeat(40)}${name}`, folder.path(`files/link ${i}`));
    }
    using system = await archive(folder, format);
    for (const [i, name] of names.entries()) {
      assertEquals(await readWhole(system, name), pattern(i + 1, i), `${format} ${name}`);
      assertEquals(await readWhole(system, `link ${i}`), pattern(i + 1, i));
      assertEquals(await system.readLink(`link ${i}`), `${"../".repeat(40)}${name}`);
    }
  }
});

leakTest("TarFs tells mode, time, and that two names are one file", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("files"));
  await Deno.writeFile(folder.path("files/a"), pattern(1_000, 1));
  await Deno.chmod(folder.path("files/a"), 0o640);
  await Deno.utime(folder.path("files/a"), 1_000_000_000, 1_234_567_890);
  await Deno.link(folder.path("files/a"), folder.path("files/z"));
  for (const format of FORMATS) {
    using system = await archive(folder, format);
    const info = await system.stat("a");
    assertEquals(info.mode! & 0o777, 0o640);
    assertEquals(info.mtime, new Date(1_234_567_890_000));
    assertEquals((await system.stat("z")).ino, info.ino);
    assertEquals(await readWhole(system, "z"), pattern(1_000, 1));
  }
});

leakTest("TarFs finds what is behind a file of more than 8 GiB", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("files"));
  await Deno.truncate(await create(folder.path("files/a")), 9 * 2 ** 30);
  await Deno.writeFile(folder.path("files/b"), pattern(100, 1));
  for (const format of ["gnu", "pax"]) {
    // Only the headers are wanted: the archive itself is made of holes where tar writes zeros.
    const system = await sparseArchive(folder, format);
    assertEquals((await system.stat("a")).size, 9 * 2 ** 30);
    assertEquals(await readWhole(system, "b"), pattern(100, 1));
    system[Symbol.dispose]();
  }
});

async function create(path: string): Promise<string> {
  (await Deno.create(path)).close();
  return path;
}

/** The archive of the small file, behind the first header of that of the large one. */
async function sparseArchive(folder: TemporaryFolder, format: string): Promise<TarFs> {
  const head = await new Deno.Command("sh", {
    args: ["-c", `tar --format=${format} -C "$0" -cf - a | head -c 4096`, folder.path("files")],
    stderr: "null",
  }).output();
  let at = 0;
  for (let header; (header = parseTarHeader(head.stdout.subarray(at))!).type !== "0";) {
    at += 512 + Math.ceil(header.size / 512) * 512;
  }
  const small = await new Deno.Command("tar", {
    args: [`--format=${format}`, "-C", folder.path("files"), "-cf", "-", "b"],
  }).output();
  const memory = new MemoryFs();
  using file = await memory.open("tar", { write: true, create: true });
  await writeAllAt(file, head.stdout.subarray(0, at + 512), 0);
  await writeAllAt(file, small.stdout, at + 512 + 9 * 2 ** 30);
  return await TarFs.open(await memory.open("tar"));
}

leakTest("TarFs keeps names that lead out of the archive inside", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("files"));
  await Deno.writeFile(folder.path("files/a"), pattern(10, 1));
  await Deno.symlink("/../../../../b", folder.path("files/escape"));
  const names = ["s,^,../../../,", "s,^,/x/../,"];
  for (const transform of names) {
    const args = ["-P", `--transform=flags=rh;${transform}`, "-C", folder.path("files")];
    await tar(...args, "-cf", folder.path("tar"), "a", "escape");
    using system = await TarFs.open(await new LocalFs().open(folder.path("tar")));
    assertEquals(await readWhole(system, "a"), pattern(10, 1));
    await assertRejects(() => readWhole(system, "escape"), Deno.errors.NotFound);
  }
});

leakTest("TarFs says that it does not know sparse files", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("files"));
  await Deno.truncate(await create(folder.path("files/a")), 1 << 20);
  for (const format of ["gnu", "pax"]) {
    await tar(
      `--format=${format}`,
      "-S",
      "-C",
      folder.path("files"),
      "-cf",
      folder.path("tar"),
      "a",
    );
    await assertRejects(
      async () => await TarFs.open(await new LocalFs().open(folder.path("tar"))),
      Deno.errors.NotSupported,
      "sparse",
    );
  }
});

leakTest("TarFs.open() refuses what is no archive, or ends too early", async () => {
  const memory = new MemoryFs();
  const cases: Record<string, Uint8Array> = {
    empty: new Uint8Array(),
    short: new Uint8Array(100).fill(65),
    text: new Uint8Array(1_024).fill(65),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    await writeWhole(memory, name, bytes);
    await assertRejects(
      async () => await TarFs.open(await memory.open(name)),
      Deno.errors.InvalidData,
      "Cannot read the archive",
    );
  }
  await writeWhole(memory, "zeros", new Uint8Array(1_024));
  using nothing = await TarFs.open(await memory.open("zeros"));
  for await (const { name } of nothing.readDir("/")) throw new Error(name);
});

leakTest("TarFs reads a damaged archive, or says that it is damaged", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("files"));
  await writeFixture(new LocalFs(), (name) => folder.path(`files/${name}`));
  await Deno.writeFile(folder.path(`files/${"n".repeat(150)}`), pattern(10, 1));
  await tar("--format=pax", "-C", folder.path("files"), "-cf", folder.path("tar"), ".");
  const whole = await Deno.readFile(folder.path("tar"));
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
      const memory = new MemoryFs();
      const damaged = cut ? whole.slice(0, at) : whole.with(at, byte);
      await writeWhole(memory, "tar", damaged);
      try {
        using system = await TarFs.open(await memory.open("tar"));
        await readWhole(system, "hello").catch((error) => assert(error instanceof Error));
      } catch (error) {
        const isExpected = error instanceof Deno.errors.InvalidData ||
          error instanceof Deno.errors.NotSupported;
        assert(isExpected, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("parsePaxRecords() takes what is whole, and nothing else", () => {
  const parse = (text: string) => parsePaxRecords(new TextEncoder().encode(text));
  assertEquals([...parse("11 path=ab\n12 size=abc\n")], [["path", "ab"], ["size", "abc"]]);
  assertEquals(parse("13 path=ä=b\n").get("path"), "ä=b");
  for (
    const text of ["11 path=ab", "99 path=ab\n", "x path=ab\n", "0 a=\n", "5 abc\n", "-1 a=b\n"]
  ) {
    let error: unknown;
    try {
      parse(text);
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof Deno.errors.InvalidData, text);
  }
});
