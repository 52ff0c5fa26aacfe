// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { FrameLink } from "../rpc/frame_link.ts";
import { type Tagged, TagTable } from "../rpc/tag_table.ts";
import { leakTest } from "./leak.ts";

const RUNS = 300;

class Entry implements Tagged<Entry> {
  readonly tag: number;
  nextOfSlot: Entry | null = null;

  constructor(tag: number) {
    this.tag = tag;
  }
}

Deno.test("TagTable holds what a Map would", () => {
  const tag = fc.oneof(fc.nat(20), fc.nat(5).map((n) => n * 64), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), tag), { maxLength: 200 }), (steps) => {
      const table = new TagTable<Entry>();
      const model = new Map<number, Entry>();
      for (const [adds, tag] of steps) {
        assertEquals(table.get(tag) === model.get(tag), true);
        if (adds && !model.has(tag)) {
          const entry = new Entry(tag);
          table.add(entry);
          model.set(tag, entry);
        } else {
          assertEquals(table.take(tag) === model.get(tag), true);
          model.delete(tag);
        }
        assertEquals(table.size, model.size);
      }
      const tags = table.entries().map(({ tag }) => tag);
      assertEquals(tags.toSorted(), [...model.keys()].toSorted());
      for (const entry of model.values()) assertEquals(table.take(entry.tag) === entry, true);
      assertEquals([table.size, table.entries()], [0, []]);
    }),
    { numRuns: RUNS },
  );
});

/** A connection that keeps each write apart, and answers writes when it is told to. */
class Writes {
  readonly written: number[] = [];
  readonly #answers: (() => void)[] = [];

  read(): Promise<null> {
    return new Promise(() => {});
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(bytes.length);
    return new Promise((resolve) => this.#answers.push(() => resolve(bytes.length)));
  }

  async answer(): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

function linkOver(conn: Writes): FrameLink {
  const shape = { headBytes: 4, frameBytes: () => 4 };
  const receiver = { frame() {}, ended() {} };
  return new FrameLink(conn, shape, receiver, { frameBytesMax: 100 });
}

function append(link: FrameLink, count: number): void {
  for (let index = 0; index < count; index++) {
    link.writer.u32(index);
    link.flush();
  }
}

leakTest("FrameLink sends a turn's frames in one write, sixteen of them at once", async () => {
  const conn = new Writes();
  const link = linkOver(conn);
  append(link, 15);
  assertEquals(conn.written, []);
  await Promise.resolve();
  assertEquals(conn.written, [60]);
  await conn.answer();
  append(link, 16);
  assertEquals(conn.written, [60, 64]);
  // The writer is busy: what comes now leaves together when it is free.
  append(link, 40);
  await Promise.resolve();
  assertEquals(conn.written, [60, 64]);
  await conn.answer();
  assertEquals(conn.written, [60, 64, 160]);
  await conn.answer();
  await link.flushed();
  append(link, 1);
  await Promise.resolve();
  assertEquals(conn.written, [60, 64, 160, 4]);
  link.end(null);
});
