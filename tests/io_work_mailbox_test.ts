// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  MAILBOX_BYTES_MIN,
  mailboxMemory,
  MailboxReader,
  MailboxWord,
  MailboxWriter,
  messageBytesMax,
} from "../io/work_mailbox.ts";

Deno.test("a mailbox gives messages once and in order, for whatever sizes and pauses", () => {
  const step = fc.oneof(fc.record({ write: fc.nat(500) }), fc.record({ read: fc.nat(6) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer(), (steps, start) => {
      const model: Int32Array[] = [];
      const { writer, reader, message } = mailbox(start & ~3);
      for (const step of steps) {
        if ("write" in step) {
          const words = Int32Array.from({ length: (step.write + 3) >> 2 }, (_, at) => at * 7 + 1);
          if (writer.write(words, step.write)) model.push(words);
          continue;
        }
        for (let count = 0; count < step.read; count++) {
          const expected = model.shift();
          const byteLength = reader.read();
          if (!expected) assertEquals(byteLength, -1);
          else assertEquals(message.subarray(0, (byteLength + 3) >> 2), expected);
        }
      }
      assertEquals(reader.ready, model.length > 0);
    }),
    { seed: 5, numRuns: 500 },
  );
});

Deno.test("an empty mailbox takes the largest message wherever the last one ended", () => {
  for (let place = 0; place < MAILBOX_BYTES_MIN; place += 4) {
    const { writer, reader, bytesMax } = mailbox(place);
    assert(writer.write(new Int32Array((bytesMax + 3) >> 2), bytesMax));
    assertEquals(reader.read(), bytesMax);
  }
});

Deno.test("a full mailbox refuses a message and takes it once there is room", () => {
  const { writer, reader } = mailbox(0);
  const words = new Int32Array(25);
  let count = 0;
  while (writer.write(words, 100)) count++;
  assertEquals(count, Math.floor(MAILBOX_BYTES_MIN / 104));
  reader.read();
  reader.read();
  assert(writer.write(words, 100));
});

Deno.test("mailboxMemory() refuses a capacity that is no power of two", () => {
  assertThrows(() => mailboxMemory(3000), RangeError);
  assertThrows(() => mailboxMemory(512), RangeError);
});

/** A mailbox whose counters stand somewhere, as after a long use. */
function mailbox(start: number) {
  const memory = mailboxMemory(MAILBOX_BYTES_MIN);
  const words = new Int32Array(memory);
  words[MailboxWord.head] = words[MailboxWord.tail] = start;
  const bytesMax = messageBytesMax(memory);
  const message = new Int32Array((bytesMax + 3) >> 2);
  return {
    writer: new MailboxWriter(memory),
    reader: new MailboxReader(memory, message),
    message,
    bytesMax,
  };
}
