// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  readableFrom,
  type Reader,
  readFull,
  writableFrom,
  writeAll,
  type Writer,
} from "../io/byte_stream.ts";
import { memoryDuplex } from "../io/memory_duplex.ts";

/** Gives the results one after the other, and counts what it is asked for. */
class ScriptedReader implements Reader {
  readonly sizes: number[] = [];
  closed = 0;
  readonly #results: (number | null | Error)[];

  constructor(...results: (number | null | Error)[]) {
    this.#results = results;
  }

  read(p: Uint8Array): Promise<number | null> {
    this.sizes.push(p.length);
    const result = this.#results.shift() ?? null;
    if (result instanceof Error) return Promise.reject(result);
    if (result !== null) p.fill(7, 0, result);
    return Promise.resolve(result);
  }

  close(): void {
    this.closed++;
  }
}

/** Takes at most so many bytes at a time. */
class ScriptedWriter implements Writer {
  readonly chunks: Uint8Array[] = [];
  closed = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  write(p: Uint8Array): Promise<number> {
    const chunk = p.slice(0, this.#bytesMax);
    this.chunks.push(chunk);
    return Promise.resolve(chunk.length);
  }

  close(): void {
    this.closed++;
  }
}

Deno.test("readableFrom() reads nothing before it is asked to", async () => {
  const reader = new ScriptedReader(3);
  const stream = readableFrom(reader);
  const chunks = stream.getReader();
  await null;
  assertEquals(reader.sizes, []);
  await chunks.read();
  assertEquals(reader.sizes, [65_536]);
});

Deno.test("readableFrom() gives buffers of chunkSize to reads without one", async () => {
  const reader = new ScriptedReader(3);
  const { value } = await readableFrom(reader, { chunkSize: 10 }).getReader().read();
  assertEquals(value, new Uint8Array([7, 7, 7]));
  assertEquals(value?.buffer.byteLength, 10);
});

Deno.test("readableFrom() reads into the buffer of a BYOB reader", async () => {
  const reader = new ScriptedReader(3);
  const byob = readableFrom(reader).getReader({ mode: "byob" });
  const { value } = await byob.read(new Uint8Array(new ArrayBuffer(16), 4, 8));
  assertEquals(reader.sizes, [8]);
  assertEquals([value?.byteOffset, value?.length, value?.buffer.byteLength], [4, 3, 16]);
});

Deno.test("readableFrom() gives a BYOB reader its buffer back at the end", async () => {
  const reader = new ScriptedReader(null);
  const stream = readableFrom(reader).getReader({ mode: "byob" });
  const { done, value } = await stream.read(new Uint8Array(8));
  assertEquals([done, value?.length, value?.buffer.byteLength], [true, 0, 8]);
  await stream.closed;
});

Deno.test("readableFrom() has closed the reader when the end is seen", async () => {
  const reader = new ScriptedReader(null);
  await readableFrom(reader).getReader().read();
  assertEquals(reader.closed, 1);
});

Deno.test("readableFrom() closes the reader and fails when a read fails", async () => {
  const reader = new ScriptedReader(new Deno.errors.ConnectionReset("reset"));
  const stream = readableFrom(reader).getReader();
  await assertRejects(() => stream.read(), Deno.errors.ConnectionReset, "reset");
  await assertRejects(() => stream.closed, Deno.errors.ConnectionReset, "reset");
  assertEquals(reader.closed, 1);
});

Deno.test("readableFrom() closes the reader on cancel() under a pending read", async () => {
  const [left, right] = memoryDuplex();
  const stream = readableFrom(right).getReader();
  const pending = stream.read();
  await stream.cancel();
  assertEquals((await pending).done, true);
  assertThrows(() => right.close(), Deno.errors.BadResource);
  left.close();
});

Deno.test("readableFrom() leaves the reader open without autoClose", async () => {
  const reader = new ScriptedReader(null);
  await readableFrom(reader, { autoClose: false }).getReader().read();
  await readableFrom(reader, { autoClose: false }).cancel();
  assertEquals(reader.closed, 0);
});

Deno.test("readableFrom() takes a reader that cannot be closed", async () => {
  const stream = readableFrom({ read: () => Promise.resolve(null) });
  assertEquals(await new Response(stream).text(), "");
});

Deno.test("readableFrom() does not take a read of 0 bytes for the end", async () => {
  const { value } = await readableFrom(new ScriptedReader(0, 0, 2)).getReader().read();
  assertEquals(value?.length, 2);
});

Deno.test("readableFrom() fails when a reader never gives a byte", async () => {
  const stream = readableFrom({ read: () => Promise.resolve(0) }).getReader();
  await assertRejects(() => stream.read(), Error, "100 reads in a row gave no byte");
});

Deno.test("readableFrom() refuses a chunkSize that is not a positive integer", () => {
  for (const chunkSize of [0, -1, 1.5, NaN]) {
    assertThrows(() => readableFrom(new ScriptedReader(), { chunkSize }), RangeError, "chunkSize");
  }
});

Deno.test("writableFrom() writes each chunk whole", async () => {
  const writer = new ScriptedWriter(2);
  const stream = writableFrom(writer).getWriter();
  await stream.write(new Uint8Array([1, 2, 3, 4, 5]));
  assertEquals(writer.chunks.map((chunk) => [...chunk]), [[1, 2], [3, 4], [5]]);
});

Deno.test("writableFrom() takes any view and any buffer", async () => {
  const writer = new ScriptedWriter(9);
  const stream = writableFrom(writer).getWriter() as WritableStreamDefaultWriter<unknown>;
  await stream.write(new Uint8Array([1, 2]).buffer);
  await stream.write(new DataView(new Uint8Array([3, 4, 5]).buffer, 1));
  assertEquals(writer.chunks.map((chunk) => [...chunk]), [[1, 2], [4, 5]]);
});

Deno.test("writableFrom() refuses text, and closes the writer", async () => {
  const writer = new ScriptedWriter(9);
  const stream = writableFrom(writer).getWriter() as WritableStreamDefaultWriter<unknown>;
  const closed = assertRejects(() => stream.closed, TypeError);
  await assertRejects(() => stream.write("text"), TypeError, "Cannot write the chunk");
  await closed;
  assertEquals(writer.closed, 1);
});

Deno.test("writableFrom() closes the writer on close()", async () => {
  const writer = new ScriptedWriter(9);
  await writableFrom(writer).close();
  assertEquals(writer.closed, 1);
});

Deno.test("writableFrom() closes the writer on abort() under a stalled write", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 1 });
  const stream = writableFrom(left).getWriter();
  const stalled = assertRejects(() => stream.write(new Uint8Array(8)), Error, "enough");
  const closed = assertRejects(() => stream.closed, Error, "enough");
  await stream.abort(new Error("enough"));
  await stalled;
  await closed;
  assertThrows(() => left.close(), Deno.errors.BadResource);
  right.close();
});

Deno.test("writableFrom() leaves the writer open without autoClose", async () => {
  const writer = new ScriptedWriter(9);
  await writableFrom(writer, { autoClose: false }).close();
  await writableFrom(writer, { autoClose: false }).abort();
  assertEquals(writer.closed, 0);
});

Deno.test("readFull() fills the buffer whatever the reads give", async () => {
  const bytes = fc.uint8Array({ maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(bytes, fc.array(fc.nat(50), { maxLength: 8 }), async (sent, splitAt) => {
      const [left, right] = memoryDuplex({ splitAt });
      await writeAll(left, sent);
      const received = new Uint8Array(sent.length);
      assertEquals(await readFull(right, received), sent.length);
      assertEquals([...received], [...sent]);
    }),
    { seed: 3, numRuns: 100 },
  );
});

Deno.test("readFull() gives null when the stream ended before the first byte", async () => {
  assertEquals(await readFull(new ScriptedReader(null), new Uint8Array(4)), null);
});

Deno.test("readFull() rejects with UnexpectedEof when the stream ended midway", async () => {
  await assertRejects(
    () => readFull(new ScriptedReader(2, 1, null), new Uint8Array(8)),
    Deno.errors.UnexpectedEof,
    "Cannot fill the buffer: the stream ended after 3 of 8 bytes",
  );
});

Deno.test("readFull() reads nothing into an empty buffer", async () => {
  const reader = new ScriptedReader(null);
  assertEquals(await readFull(reader, new Uint8Array()), 0);
  assertEquals(reader.sizes, []);
});

Deno.test("writeAll() rejects with WriteZero when the writer takes nothing", async () => {
  await assertRejects(
    () => writeAll({ write: () => Promise.resolve(0) }, new Uint8Array(8)),
    Deno.errors.WriteZero,
    "the writer took 0 of 8 bytes",
  );
});

Deno.test("Deno's own connection is a reader and a writer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ port: listener.addr.port });
  const server = await listener.accept();
  await writeAll(client, new Uint8Array(100_000).fill(9));
  client.close();
  const bytes = await new Response(readableFrom(server)).bytes();
  assertEquals(bytes, new Uint8Array(100_000).fill(9));
});
