// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { codingsOf } from "../http/content_coding.ts";
import { DeadlineTimer } from "../http/deadline_timer.ts";
import { PendingBytes } from "../http/pending_bytes.ts";
import { BODY_KEPT_BYTES, RequestBody } from "../http/request_body.ts";
import { ResponseReader } from "../http/response_parts.ts";
import { ResponseWriter } from "../http/response_writer.ts";
import { TurnClock } from "../http/turn_clock.ts";

Deno.test("codingsOf() knows the codings that can be undone, and no other name", () => {
  assertEquals(codingsOf("GZip, identity, br"), ["gzip", "br"]);
  for (const field of ["", "identity", "gzip, zstd", "constructor", "toString", "__proto__"]) {
    assertEquals(codingsOf(field), null, field);
  }
});

Deno.test("ResponseReader knows this Deno's internals", () => {
  assertEquals(new ResponseReader().usesInternals, true);
  assertEquals(new ResponseReader(false).usesInternals, false);
});

Deno.test("ResponseReader reads the same with and without the internals", async () => {
  const responses: readonly (() => Response)[] = [
    () => new Response("text", { status: 201, headers: { a: "b" } }),
    () =>
      new Response(new Uint8Array([116, 101, 120, 116]), { headers: { "content-type": "x/y" } }),
    () => new Response(new Blob(["text"]).stream()),
    () => new Response(null, { status: 204 }),
  ];
  for (const make of responses) {
    const [known, open] = [new ResponseReader(), new ResponseReader(false)].map((reader) =>
      reader.read(make())
    );
    assertEquals(known!.status, open!.status);
    const lower = known!.headers.map(([name, value]) => [name.toLowerCase(), value]);
    assertEquals(lower.toSorted(), open!.headers.map(([...pair]) => pair).toSorted());
    const text = (body: BodyInit | null) => new Response(body).text();
    assertEquals(await text(known!.body as BodyInit), await text(open!.body as BodyInit));
  }
});

Deno.test("ResponseWriter puts the length of text right that is not ASCII", () => {
  const writer = new ResponseWriter();
  const clock = new TurnClock(null);
  const frame = { framing: 0, minor: 1, keepAlive: true, clock };
  for (
    const [text, length] of [["a", 1], ["é", 2], ["€".repeat(40), 120], ["😀".repeat(30), 120]]
  ) {
    writer.text(text as string, "text/plain", frame, true);
    const written = new TextDecoder().decode(writer.takeAll().slice());
    assertMatch(written, new RegExp(`content-length: ${length}\\r\\n`));
    assertEquals(written.split("\r\n\r\n")[1], text);
  }
});

Deno.test("ResponseWriter grows with what is written", () => {
  const writer = new ResponseWriter();
  for (let i = 0; i < 100; i++) writer.octets(new Uint8Array(10_000).fill(i));
  const all = writer.takeAll();
  assertEquals([all.length, all[0], all[999_999]], [1_000_000, 0, 99]);
  assertEquals(writer.length, 0);
});

Deno.test("TurnClock tells the date of RFC 9110", () => {
  const clock = new TurnClock(null);
  const field = new TextDecoder().decode(clock.dateField);
  assertMatch(field, /^date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n$/);
  assertEquals(new TextDecoder().decode(clock.dateEnd), `${field}\r\n`);
});

Deno.test("PendingBytes keeps what is added, whatever is taken", () => {
  const pending = new PendingBytes();
  const expected: number[] = [];
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: i % 50 }, (_, at) => (i + at) % 256);
    pending.append(bytes, 0, bytes.length);
    expected.push(...bytes);
    const taken = Math.min(pending.length, i % 37);
    pending.start += taken;
    expected.splice(0, taken);
    assertEquals([...pending.takeAll()], expected);
  }
});

Deno.test("RequestBody makes the peer wait, and tells when it need not", async () => {
  const told: string[] = [];
  const body = new RequestBody({
    wanted: () => told.push("wanted"),
    drained: () => told.push("drained"),
  });
  const reading = body.read();
  assertEquals(told, ["wanted"]);
  const bytes = new Uint8Array(BODY_KEPT_BYTES);
  body.push(bytes, 0, 10);
  assertEquals((await reading)?.length, 10);
  body.push(bytes, 0, bytes.length);
  assertEquals(body.full, true);
  assertEquals((await body.read())?.length, BODY_KEPT_BYTES);
  assertEquals(told.at(-1), "drained");
  body.push(bytes, 0, 5);
  body.end();
  assertEquals((await body.readAll()).length, 5);
  assertEquals(await body.read(), null);
});

Deno.test("RequestBody.fail() rejects reads, and streams", async () => {
  const body = new RequestBody({ wanted() {}, drained() {} });
  const stream = body.stream();
  body.push(new Uint8Array(5), 0, 5);
  body.fail(new TypeError("cut off"));
  await assertRejects(() => body.read(), TypeError, "cut off");
  await assertRejects(() => new Response(stream).bytes(), TypeError, "cut off");
});

Deno.test("DeadlineTimer sweeps at the nearest deadline, and again as the sweep says", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sweeps: number[] = [];
  const timer = new DeadlineTimer(null, () => {
    sweeps.push(performance.now());
    if (sweeps.length === 2) resolve();
    return sweeps.length === 1 ? performance.now() + 10 : Infinity;
  });
  const nowMs = performance.now();
  timer.note(nowMs + 60_000, nowMs);
  timer.note(nowMs + 10, nowMs);
  // Unreferenced, it does not wait for itself.
  const keep = setTimeout(() => {}, 10_000);
  await promise;
  clearTimeout(keep);
  timer.stop();
  assertEquals(sweeps.length, 2);
  assertInstanceOf(timer, DeadlineTimer);
});
