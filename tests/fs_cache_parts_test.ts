// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CacheJournal } from "../fs/cache_journal.ts";
import { type CacheRecord, decodeRecords, encodeRecord } from "../fs/cache_record.ts";
import { replay } from "../fs/cache_replay.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { RecencyList } from "../fs/recency_list.ts";
import { FaultyFs } from "./fs_faulty_fs.ts";
import { leakTest } from "./leak.ts";

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const version = fc.record({
  size: fc.nat(),
  mtimeMs: fc.oneof(fc.double(), fc.constant(NaN)),
  dev: fc.nat(),
  ino: fc.oneof(fc.nat(), fc.constant(NaN)),
});
const record: fc.Arbitrary<CacheRecord> = fc.oneof(
  fc.record({ kind: fc.constant("head" as const), blockBytes: word, format: word }),
  fc.record({ kind: fc.constant("file" as const), id: word, path: fc.string(), version }),
  fc.record({
    kind: fc.constant("block" as const),
    slot: word,
    file: word,
    block: word,
    byteLength: word,
    check: word,
  }),
  fc.record({ kind: fc.constant("free" as const), slot: word }),
  fc.record({ kind: fc.constant("drop" as const), file: word }),
);

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("decodeRecords() gives what was encoded, up to where the bytes were cut off", () => {
  fc.assert(fc.property(fc.array(record, { maxLength: 8 }), (records) => {
    const parts = records.map(encodeRecord);
    const bytes = concatenate(parts);
    assertEquals(decodeRecords(bytes), { records, byteLength: bytes.length });
    let whole = 0;
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (at >= end + parts[whole]!.length) end += parts[whole++]!.length;
      const decoded = decodeRecords(bytes.subarray(0, at));
      assertEquals([decoded.records.length, decoded.byteLength], [whole, end]);
    }
  }));
});

Deno.test("decodeRecords() ends where a byte was changed", () => {
  fc.assert(fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
    const bytes = encodeRecord(value);
    bytes[at % bytes.length]! ^= change;
    assertEquals(decodeRecords(bytes).records, []);
  }));
});

Deno.test("replay() takes the later of two that contradict each other", () => {
  const state = { size: 10, mtimeMs: 1, dev: 2, ino: 3 };
  const block = { kind: "block", byteLength: 10, check: 1 } as const;
  const records: CacheRecord[] = [
    { kind: "file", id: 1, path: "a", version: state },
    { ...block, slot: 0, file: 1, block: 0 },
    { ...block, slot: 1, file: 1, block: 1 },
    { ...block, slot: 2, file: 1, block: 0 },
    { kind: "free", slot: 1 },
    { kind: "file", id: 7, path: "b", version: state },
    { ...block, slot: 5, file: 7, block: 0 },
    { kind: "drop", file: 7 },
    { ...block, slot: 6, file: 99, block: 0 },
    { kind: "file", id: 8, path: "c", version: state },
    { ...block, slot: 8, file: 8, block: 0 },
    { kind: "file", id: 9, path: "c", version: { ...state, size: 11 } },
    { ...block, slot: 9, file: 9, block: 0 },
  ];
  const { entries, uses, lastId } = replay(records);
  assertEquals(lastId, 9);
  assertEquals(entries.map(({ id }) => id).sort(), [1, 9]);
  assertEquals([...uses.keys()], [2, 9]);
});

Deno.test("RecencyList gives its numbers in the order of their last use", () => {
  const step = fc.record({ use: fc.boolean(), index: fc.nat(9) });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const list = new RecencyList(10);
    let expected: number[] = [];
    for (const { use, index } of steps) {
      expected = expected.filter((other) => other !== index);
      if (use) expected.push(index);
      if (use) list.use(index);
      else list.remove(index);
      assertEquals([...list], expected);
      assertEquals(list.size, expected.length);
    }
    for (const index of list) list.remove(index);
    assertEquals([...list], []);
  }));
});

leakTest(
  "CacheJournal is written anew when it is full, and keeps what the snapshot says",
  async () => {
    const system = new MemoryFs();
    const free = (slot: number): CacheRecord => ({ kind: "free", slot });
    const options = {
      system,
      path: "journal",
      blockBytes: 512,
      byteLengthMax: 200,
      snapshot: () => [free(77)],
    };
    const { journal } = await CacheJournal.open(options);
    for (let i = 0; i < 100; i++) {
      await journal.append([free(i)]);
      assert(journal.byteLength <= 200);
    }
    await journal.close();
    const again = await CacheJournal.open(options);
    const [head, first] = again.records;
    assertEquals(head!.kind, "head");
    assertEquals(first, free(77));
    assertEquals(again.records.at(-1), free(99));
    await again.journal.close();
  },
);

leakTest("CacheJournal rejects for ever once a write has failed", async () => {
  const system = new FaultyFs(new MemoryFs());
  const { journal } = await CacheJournal.open({
    system,
    path: "journal",
    blockBytes: 512,
    byteLengthMax: 1_000,
    snapshot: () => [],
  });
  system.failing = "write";
  const outcomes = await Promise.allSettled(
    [1, 2].map((slot) => journal.append([{ kind: "free", slot }])),
  );
  assertEquals(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
  system.failing = undefined;
  assert(journal.failed);
  const late = await Promise.allSettled([journal.append([])]);
  assertEquals(late[0]!.status, "rejected");
  await journal.close();
});
