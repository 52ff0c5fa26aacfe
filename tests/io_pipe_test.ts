// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import { openPipe, type Pipe } from "../io/pipe.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS } from "./net_moments.ts";
import { patternBytes, readExactly, readToEnd, writeAll } from "./transfer.ts";

const { BadResource, BrokenPipe, Interrupted } = Deno.errors;

const ringOnly = { ignore: engineInfo().engine !== "uring" };

/** More than the writer's queue and the kernel take while nobody reads. */
const LARGE_BYTES = 8 * 1024 * 1024;

pipeTest("read() gives what write() took", async ({ reader, writer }) => {
  assertEquals(await writer.write(new Uint8Array([1, 2, 3])), 3);
  assertEquals(await readExactly(reader, 3), new Uint8Array([1, 2, 3]));
});

pipeTest("read() waits for the first byte", async ({ reader, writer }) => {
  const reading = reader.read(new Uint8Array(8));
  await writer.write(new Uint8Array([1, 2]));
  assertEquals(await reading, 2);
});

pipeTest("read() takes no more than it is asked for", async ({ reader, writer }) => {
  await writer.write(new Uint8Array([1, 2, 3]));
  assertEquals(await reader.read(new Uint8Array(2)), 2);
  assertEquals(await readExactly(reader, 1), new Uint8Array([3]));
});

pipeTest("8 MiB arrive, every byte in its place", async ({ reader, writer }) => {
  const sent = patternBytes(LARGE_BYTES);
  const writing = writer.writeAll(sent).then(() => writer.close());
  const received = await readToEnd(reader);
  assertEquals(await digest(received), await digest(sent));
  await writing;
});

pipeTest("read() gives null, again and again, when the writer is closed", async (pipe) => {
  await pipe.writer.write(new Uint8Array([1]));
  pipe.writer.close();
  assertEquals(await readExactly(pipe.reader, 1), new Uint8Array([1]));
  assertEquals(await pipe.reader.read(new Uint8Array(8)), null);
  assertEquals(await pipe.reader.read(new Uint8Array(8)), null);
});

pipeTest("a read that waits gives null when the writer is closed", async ({ reader, writer }) => {
  const reading = reader.read(new Uint8Array(8));
  writer.close();
  assertEquals(await reading, null);
});

pipeTest("what was written before close() arrives", async ({ reader, writer }) => {
  const sent = patternBytes(150_000);
  await writeAll(writer, sent);
  writer.close();
  assertEquals(await readToEnd(reader), sent);
});

pipeTest("write() rejects with BrokenPipe when the reader is closed", async (pipe) => {
  pipe.reader.close();
  await assertRejects(async () => {
    for (;;) {
      await pipe.writer.write(new Uint8Array(1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }, BrokenPipe);
});

pipeTest("write() waits while nobody reads", async ({ reader, writer }) => {
  const sent = patternBytes(LARGE_BYTES);
  let done = false;
  const writing = writer.writeAll(sent).then(() => done = true);
  const head = await readExactly(reader, 1_000_000);
  assert(!done);
  const tail = await readExactly(reader, LARGE_BYTES - 1_000_000);
  await writing;
  assertEquals(head, sent.slice(0, 1_000_000));
  assertEquals(await digest(tail), await digest(sent.slice(1_000_000)));
});

pipeTest("an aborted read loses no byte, whenever it comes", async ({ reader, writer }) => {
  for (const moment of MOMENTS) {
    const abort = new AbortController();
    const first = new Uint8Array(1);
    const reading = reader.read(first, { signal: abort.signal }).catch(() => 0);
    await writer.write(new Uint8Array([moment]));
    await atMoment(moment, () => abort.abort());
    const won = await reading;
    if (won === 0) await reader.read(first);
    assertEquals(first[0], moment);
  }
});

pipeTest("a write that waits can be given up", async ({ reader, writer }) => {
  const abort = new AbortController();
  const filling = (async () => {
    for (;;) await writer.write(new Uint8Array(65_536), { signal: abort.signal });
  })();
  await reader.read(new Uint8Array(1));
  abort.abort(new Error("enough"));
  await assertRejects(() => filling, Error, "enough");
  reader.close();
});

pipeTest("close() rejects a read that waits with Interrupted", async ({ reader }) => {
  const reading = reader.read(new Uint8Array(8));
  reader.close();
  await assertRejects(() => reading, Interrupted);
});

pipeTest("calls on a closed end reject with BadResource", async ({ reader, writer }) => {
  reader.close();
  writer.close();
  await assertRejects(() => reader.read(new Uint8Array(1)), BadResource);
  await assertRejects(() => writer.write(new Uint8Array(1)), BadResource);
  assertThrows(() => reader.close(), BadResource);
  assertThrows(() => writer.close(), BadResource);
});

pipeTest("calls with something else than bytes reject with TypeError", async (pipe) => {
  await assertRejects(() => pipe.reader.read("bytes" as never), TypeError);
  await assertRejects(() => pipe.writer.write([1] as never), TypeError);
});

pipeTest("an empty buffer is read into and written at once", async ({ reader, writer }) => {
  assertEquals(await reader.read(new Uint8Array()), 0);
  assertEquals(await writer.write(new Uint8Array()), 0);
});

pipeTest("readable and writable carry a stream", async ({ reader, writer }) => {
  const sent = patternBytes(1_000_000);
  const sending = ReadableStream.from([sent.slice(0, 10), sent.slice(10)]).pipeTo(writer.writable);
  assertEquals(await new Response(reader.readable).bytes(), sent);
  await sending;
  assertThrows(() => reader.close(), BadResource);
  assertThrows(() => writer.close(), BadResource);
});

pipeTest("an end is no terminal and has a descriptor", ({ reader, writer }) => {
  assert(!reader.isTerminal() && !writer.isTerminal());
  assert(reader.fd > 2 && writer.fd > 2);
});

/** Registers a test with a pipe of its own, which is closed after it. */
function pipeTest(name: string, body: (pipe: Pipe) => void | Promise<void>): void {
  const run = async () => {
    using pipe = openPipe();
    await body(pipe);
  };
  leakTest(`openPipe(): ${name}`, run, ringOnly);
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toHex();
}
