// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import {
  type Advice,
  AlignedFile,
  type AllocateMode,
  create,
  FileReader,
  getAttribute,
  listAttributes,
  LocalFs,
  MemoryFs,
  open,
  removeAttribute,
  setAttribute,
  writeAllAt,
  writeFile,
  writeFileAtomic,
  writeWhole,
} from "../fs/mod.ts";
import { writeAll } from "../io/mod.ts";
import { leakTest } from "./leak.ts";
import { onRing } from "./net_pair.ts";
import { inFolder } from "./fs_folder.ts";
import { seededRandom } from "./net_random.ts";
import { patternBytes } from "./transfer.ts";

const { NotSupported, InvalidData, BadResource } = Deno.errors;

leakTest("readAt() and writeAt() leave the cursor where it is", () =>
  inFolder(async (folder) => {
    using file = await create(`${folder}/file`);
    await file.write(bytes("hello"));
    assertEquals(await file.writeAt(bytes("J"), 0), 1);
    assertEquals(await file.writeAt(bytes("!"), 7), 1);
    const p = new Uint8Array(10);
    assertEquals([await file.readAt(p, 0), await file.readAt(p, 8)], [8, null]);
    assertEquals(new TextDecoder().decode(p.subarray(0, 8)), "Jello\0\0!");
    assertEquals(await file.seek(0, Deno.SeekMode.Current), 5);
    for (const position of [-1, 0.5, NaN]) {
      await assertRejects(() => file.readAt(p, position), RangeError, "position must be");
    }
  }));

// Deno refuses them too, and leaves the file open.
leakTest("writeFile() refuses streams of what has no bytes", () =>
  inFolder(async (folder) => {
    for (const chunk of ["text", 5]) {
      const stream = ReadableStream.from([chunk as unknown as Uint8Array]);
      await assertRejects(() => writeFile(`${folder}/file`, stream), TypeError, "ArrayBuffer");
    }
  }), { ignore: !onRing });

leakTest("what is no Uint8Array is not written as nothing", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "before");
    const buffer = new ArrayBuffer(3) as unknown as Uint8Array;
    const memory = new MemoryFs();
    using file = await memory.open("file", { write: true, create: true });
    for (
      const write of [
        () => writeFileAtomic(path, buffer),
        () => writeWhole(new LocalFs(), path, buffer),
        () => writeAllAt(file, buffer, 0),
        () => file.writeAt(buffer, 0),
        () => writeAll({ write: (p) => Promise.resolve(p.length) }, buffer),
      ]
    ) await assertRejects(write, TypeError, "Uint8Array");
    assertEquals(Deno.readTextFileSync(path), "before");
    const chunks = ReadableStream.from([new ArrayBuffer(3) as unknown as Uint8Array]);
    await writeFileAtomic(path, chunks);
    assertEquals(Deno.statSync(path).size, 3);
  }));

leakTest("allocate() and advise() refuse what there is not", () =>
  inFolder(async (folder) => {
    using file = await create(`${folder}/file`);
    await assertRejects(() => file.allocate("other" as AllocateMode, 0, 10), TypeError, "other");
    await assertRejects(() => file.advise("other" as Advice), TypeError, "other");
    assertEquals((await file.stat()).size, 0);
  }), { ignore: !onRing });

leakTest(
  "a read whose buffer is transferred meanwhile is no end of the file",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      Deno.writeFileSync(path, patternBytes(100_000));
      for (const size of [100, 50_000, 500_000]) {
        using file = await open(path);
        const p = new Uint8Array(size);
        const reading = file.read(p).catch((error) => error);
        structuredClone(p.buffer, { transfer: [p.buffer] });
        const outcome = await reading;
        if (!(outcome instanceof TypeError)) assertGreater(outcome, 0);
      }
    }),
  { ignore: !onRing },
);

leakTest("an open file keeps no large memory that was read into", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeFileSync(path, patternBytes(600_000));
    using file = await open(path);
    const memory = await (async () => {
      const p = new Uint8Array(1_000_000);
      await file.read(p);
      assertEquals(await file.readAt(p.subarray(0, 100_000), 0), 100_000);
      return new WeakRef(p.buffer);
    })();
    // What a turn has dereferenced is kept until its end.
    await new Promise((resolve) => setTimeout(resolve));
    (globalThis as unknown as { gc(): void }).gc();
    assertEquals(memory.deref(), undefined);
  }));

leakTest("readAt() and writeAt() go beyond 4 GiB", () =>
  inFolder(async (folder) => {
    using file = await create(`${folder}/file`);
    for (const position of [2 ** 32 - 2, 2 ** 32, 2 ** 40 + 1]) {
      await file.writeAt(bytes("abc"), position);
      const p = new Uint8Array(3);
      assertEquals(await file.readAt(p, position), 3);
      assertEquals(p, bytes("abc"));
    }
    const many = Array.from({ length: 32 }, () => new Uint8Array(4096));
    for (let round = 0; round < 20; round++) {
      await Promise.all(many.map((p) => file.readAt(p, 2 ** 32 - 2)));
      assert(many.every((p) => p[0] === 97 && p[3] === 98 || p[2] === 97));
    }
  }));

leakTest(
  "a program runs once it is closed, also after reads for which the ring kept it open",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/program`;
      Deno.copyFileSync("/bin/true", path);
      using file = await open(path, { read: true, write: true });
      const many = Array.from({ length: 100 }, () => new Uint8Array(4096));
      for (let round = 0; round < 10; round++) {
        await Promise.all(many.map((p) => file.readAt(p, 0)));
      }
      file.close();
      assertEquals(new Deno.Command(path).outputSync().code, 0);
    }),
);

leakTest("hundreds of reads at once give each its own bytes", () =>
  inFolder(async (folder) => {
    const data = patternBytes(1_000_000);
    Deno.writeFileSync(`${folder}/file`, data);
    using file = await open(`${folder}/file`);
    const random = seededRandom(7);
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 200 }, async () => {
        const position = random(1_010_000);
        const p = new Uint8Array(1 + random(9000));
        const count = await file.readAt(p, position) ?? 0;
        assertEquals(count, Math.max(0, Math.min(p.length, data.length - position)));
        assertEquals(p.subarray(0, count), data.subarray(position, position + count));
      }));
    }
  }));

leakTest("readv() and writev() take several buffers", () =>
  inFolder(async (folder) => {
    using file = await create(`${folder}/file`);
    assertEquals(await file.writev([bytes("one"), bytes(""), bytes("three")]), 8);
    assertEquals(await file.writev([bytes("X"), bytes("Y")], 1), 2);
    const [a, b] = [new Uint8Array(2), new Uint8Array(9)];
    assertEquals(await file.readv([a, b], 0), 8);
    assertEquals(new TextDecoder().decode(a) + new TextDecoder().decode(b), "oXYthree\0\0\0");
    assertEquals(await file.readv([a]), null);
  }));

leakTest("a lock is waited for until the signal", () =>
  inFolder(async (folder) => {
    using first = await create(`${folder}/file`);
    using second = await open(`${folder}/file`);
    await first.lock(true);
    const controller = new AbortController();
    const waiting = second.lock(true, { signal: controller.signal });
    setTimeout(() => controller.abort("enough"), 20);
    assertEquals(await waiting.catch((reason) => reason), "enough");
    const closed = second.lock(true);
    second.close();
    await assertRejects(() => closed, BadResource);
  }));

leakTest("allocate(), advise() and syncRange() reach the kernel", () =>
  inFolder(async (folder) => {
    using file = await create(`${folder}/file`);
    if (!onRing) {
      await assertRejects(() => file.allocate("extend", 0, 1), NotSupported, "allocate");
      await assertRejects(() => file.advise("random"), NotSupported, "advise");
      await assertRejects(() => file.syncRange(), NotSupported, "range to the disk");
      return;
    }
    await file.allocate("extend", 0, 100_000);
    assertEquals((await file.stat()).size, 100_000);
    await file.allocate("keepSize", 100_000, 100_000);
    assertEquals((await file.stat()).size, 100_000);
    await file.write(patternBytes(100_000));
    await file.sync();
    const full = (await file.stat()).blocks!;
    await file.allocate("punchHole", 4096, 40_960);
    await file.allocate("zeroRange", 50_000, 100);
    const p = new Uint8Array(100_000);
    assertEquals(await file.readAt(p, 0), 100_000);
    const expected = patternBytes(100_000).fill(0, 4096, 45_056).fill(0, 50_000, 50_100);
    assertEquals(p, expected);
    assert((await file.stat()).blocks! < full);
    await file.advise("dontNeed");
    await file.advise("willNeed", { offset: 0, length: 8192 });
    await file.syncRange({ offset: 0, length: 4096 });
    await assertRejects(() => file.advise("random", { offset: -1 }), RangeError);
    assertEquals(await file.readAt(p, 0), 100_000);
    assertEquals(p, expected);
  }));

leakTest("extended attributes are set, listed and removed", () =>
  inFolder(async (folder) => {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "");
    if (!onRing) {
      await assertRejects(() => getAttribute(path, "user.a"), NotSupported, "extended attributes");
      return;
    }
    await setAttribute(path, "user.a", bytes("one"));
    await setAttribute(path, "user.b", new Uint8Array());
    assertEquals((await listAttributes(path)).toSorted(), ["user.a", "user.b"]);
    assertEquals(await getAttribute(path, "user.a"), bytes("one"));
    assertEquals(await getAttribute(path, "user.b"), new Uint8Array());
    await removeAttribute(path, "user.a");
    const error = await assertRejects(() => getAttribute(path, "user.a"));
    assertEquals((error as Error & { code: string }).code, "ENODATA");
    await assertRejects(() => setAttribute(path, "user.c", new Uint8Array(70_000)), RangeError);
  }));

leakTest("FileReader gives the same lines at every split", () =>
  inFolder(async (folder) => {
    const text = "one\r\n\ntwo ä ✓\nthree\r\n\r\nlast";
    Deno.writeTextFileSync(`${folder}/file`, text);
    for (let chunkBytes = 1; chunkBytes <= bytes(text).length + 1; chunkBytes++) {
      using file = await open(`${folder}/file`);
      const lines = await Array.fromAsync(new FileReader(file, { chunkBytes }).lines());
      assertEquals(lines, ["one", "", "two ä ✓", "three", "", "last"]);
    }
  }));

leakTest(
  "FileReader refuses endless lines, and stops when it is left",
  () =>
    inFolder(async (folder) => {
      Deno.writeFileSync(`${folder}/file`, patternBytes(100_000).fill(97));
      using file = await open(`${folder}/file`);
      const reader = new FileReader(file, { lineBytesMax: 70_000, chunkBytes: 1000 });
      await assertRejects(() => Array.fromAsync(reader.lines()), InvalidData, "70000 bytes");
      await file.seek(0, Deno.SeekMode.Start);
      for await (const chunk of new FileReader(file).chunks()) {
        assertEquals(chunk.length, 65_536);
        break;
      }
      const aborted = new FileReader(file, { signal: AbortSignal.abort("stop") });
      await file.seek(0, Deno.SeekMode.Start);
      assertEquals(await Array.fromAsync(aborted.chunks()).catch((reason) => reason), "stop");
    }),
);

leakTest(
  "AlignedFile holds what a file holds, at any position and length",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/file`;
      const writing = { read: true, write: true, create: true };
      if (!onRing) {
        await assertRejects(() => AlignedFile.open(path, writing), NotSupported, "page cache");
        return;
      }
      const random = seededRandom(11);
      let model = new Uint8Array();
      using file = await AlignedFile.open(path, writing);
      for (let step = 0; step < 150; step++) {
        const position = random(3_000_000);
        const length = random(1 + random(1 + random(2_500_000)));
        const kind = random(10);
        if (kind < 5) {
          const data = patternBytes(length + step).subarray(step);
          assertEquals(await file.writeAt(data, position), length);
          if (length > 0 && model.length < position + length) {
            model = resized(model, position + length);
          }
          model.set(data, length > 0 ? position : 0);
        } else if (kind < 6) {
          await file.truncate(position);
          model = resized(model, position);
        } else {
          const p = new Uint8Array(length);
          const count = await file.readAt(p, position);
          const expected = model.subarray(position, position + length);
          assertEquals(count ?? 0, expected.length);
          assertEquals(p.subarray(0, count ?? 0), expected);
        }
        assertEquals(file.size, model.length);
      }
      await file.sync();
      assertEquals(Deno.readFileSync(path), model);
    }, "."),
);

leakTest(
  "AlignedFile keeps apart what is written at once to the same block",
  () =>
    inFolder(async (folder) => {
      if (!onRing) return;
      const path = `${folder}/file`;
      using file = await AlignedFile.open(path, { write: true, create: true });
      const parts = Array.from({ length: 64 }, (_, index) => index);
      await Promise.all(
        parts.map((index) => file.writeAt(new Uint8Array(1000).fill(index), index * 1000)),
      );
      const all = Deno.readFileSync(path);
      assertEquals(all.length, 64_000);
      assert(all.every((value, at) => value === Math.floor(at / 1000)));
    }, "."),
);

function resized(bytes: Uint8Array, byteLength: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(byteLength);
  result.set(bytes.subarray(0, byteLength));
  return result;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
