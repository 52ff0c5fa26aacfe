// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { StopStrings } from "../infer/mod.ts";

/** Text and stop where the first stop text is complete, found one character at a time. */
function expected(text: string, stops: string[]): [shown: string, stop: string | undefined] {
  for (let end = 1; end <= text.length; end++) {
    const ended = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const stop = ended.sort((a, b) => b.length - a.length)[0];
    if (stop !== undefined) return [text.slice(0, end - stop.length), stop];
  }
  return [text, undefined];
}

Deno.test("a stop text is found however the answer is cut", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 14 });
  const stops = fc.array(
    fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 8 }), stops, (pieces, stops) => {
      const checker = new StopStrings(stops);
      let shown = "";
      for (const piece of pieces) shown += checker.push(piece);
      const [text, stop] = expected(pieces.join(""), stops);
      assertEquals(checker.stopped, stop);
      assertEquals(shown + checker.flush(), text);
    }),
    { numRuns: 3000, seed: 13 },
  );
});

Deno.test("no more is held back than what may begin a stop text", () => {
  const stops = new StopStrings(["<end>", "STOP"]);
  assertEquals(stops.push("hello <"), "hello ");
  assertEquals(stops.push("e"), "");
  assertEquals(stops.push("x ST"), "<ex ");
  assertEquals(stops.push("ST"), "ST");
  assertEquals(stops.push("OP and more"), "");
  assertEquals(stops.stopped, "STOP");
  assertEquals(stops.push("even more"), "");
  assertEquals(stops.flush(), "");
});

Deno.test("what is shown is never taken back", () => {
  const stops = new StopStrings(["aab"]);
  assertEquals([..."aaab"].map((letter) => stops.push(letter)), ["", "", "a", ""]);
  assertEquals(stops.stopped, "aab");
});

Deno.test("includeStop gives the stop text with the answer", () => {
  const stops = new StopStrings(["\n"], { includeStop: true });
  assertEquals(stops.push("line\nnext"), "line\n");
});

Deno.test("text before the least length does not end the answer", () => {
  const stops = new StopStrings(["."]);
  assertEquals(stops.pass("a. b"), "a. b");
  assertEquals(stops.push("c.d"), "c");
  assert(stops.stopped === ".");
});

Deno.test("without stop texts all is shown at once", () => {
  const stops = new StopStrings([]);
  assertEquals(stops.push("anything"), "anything");
  assertEquals(stops.flush(), "");
});
