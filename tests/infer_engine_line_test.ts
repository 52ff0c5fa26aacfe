// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { MessageWriter } from "../infer/engine/message.ts";
import { LineReader, LineWriter } from "../infer/engine/shared_line.ts";
import { MAILBOX_BYTES_MIN, mailboxMemory } from "../io/work_mailbox.ts";

/** Fields of every kind, some longer than a mailbox. */
const fields = fc.record({
  kind: fc.nat(9),
  id: fc.nat(),
  int: fc.integer(),
  number: fc.double(),
  text: fc.string({ unit: "binary", maxLength: 3000 }),
  ints: fc.array(fc.integer(), { maxLength: 1500 }),
});

type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

function write(to: MessageWriter, { kind, id, int, number, text, ints }: Fields): MessageWriter {
  return to.begin(kind, id).int(int).number(number).text(text).ints(ints);
}

function read(line: LineReader): Fields | null {
  const from = line.read();
  if (from === null) return null;
  const { kind, id } = from;
  const [int, number, text] = [from.int(), from.number(), from.text()];
  return { kind, id, int, number, text, ints: [...from.ints()] };
}

Deno.test("messages of any length pass a line that is smaller than they are, in order", () => {
  const messages = fc.array(fields, { maxLength: 12 });
  fc.assert(
    fc.property(messages, fc.nat(3), (messages, eagerness) => {
      const memory = mailboxMemory(MAILBOX_BYTES_MIN);
      const [writer, reader, message] = [
        new LineWriter(memory),
        new LineReader(memory),
        new MessageWriter(),
      ];
      const received: Fields[] = [];
      const receive = () => {
        for (let one = read(reader); one !== null; one = read(reader)) received.push(one);
      };
      messages.forEach((fields, i) => {
        const { words, byteLength } = write(message, fields);
        let written = writer.write(words, byteLength);
        for (let turns = 0; written * 4 < byteLength; turns++) {
          assert(turns < 100, "no piece has room in an empty line");
          receive();
          written = writer.write(words, byteLength, written);
        }
        if (i % (eagerness + 1) === 0) receive();
      });
      receive();
      const wellFormed = messages.map((one) => ({ ...one, text: one.text.toWellFormed() }));
      assertEquals(received, wellFormed);
      assert(!reader.ready);
    }),
    { seed: 3, numRuns: 300 },
  );
});

Deno.test("a writer gives up when its reader is gone", () => {
  const memory = mailboxMemory(MAILBOX_BYTES_MIN);
  const writer = new LineWriter(memory);
  const message = new MessageWriter().begin(1, 2).ints(new Int32Array(5000));
  let wakes = 0;
  writer.writeAll(message, () => {
    // The closed word of the head, see work_mailbox.ts.
    if (++wakes === 2) Atomics.store(writer.words, 36, 1);
  });
  assertEquals(wakes, 2);
});
