// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { ServedEntry } from "../fs/served_folder.ts";
import { serve, staticFiles } from "../http/mod.ts";
import { StaticCache } from "../http/static_cache.ts";
import { engineInfo } from "../io/engine_info.ts";
import { get } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";

const RUN_LIMIT_MS = 60_000;
const LARGE_BYTES = 131_072;
/** Further than a file has to be from its last change. */
const LATER_MS = 10_000;

/** Serves a folder, with a clock by which all of its files are old, while `use` runs. */
async function withFiles(
  use: (client: RawClient, folder: string) => Promise<void>,
  wrap?: (response: Response) => Response,
): Promise<void> {
  const parent = await Deno.makeTempDir();
  const folder = `${parent}/site`;
  const now = Date.now;
  Date.now = () => now() + LATER_MS;
  try {
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${parent}/secret.txt`, "0123456789");
    await Deno.writeTextFile(`${folder}/a.txt`, "abcdefghij");
    await Deno.writeTextFile(`${folder}/large`, pattern(LARGE_BYTES));
    using files = await staticFiles(folder);
    await using server = serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      wrap === undefined ? files : async (request) => wrap(await files(request)),
    );
    using client = await RawClient.open(server.addr);
    await use(client, folder);
  } finally {
    Date.now = now;
    await Deno.remove(parent, { recursive: true });
  }
}

function pattern(length: number): string {
  return "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    .repeat(Math.ceil(length / 62)).slice(0, length);
}

leakTest("a file that is kept is answered as it was before", () =>
  withFiles(async (client) => {
    for (const target of ["/a.txt", "/large"]) {
      const first = await client.ask(get(target));
      assertEquals(first.status, 200);
      for (let i = 0; i < 3; i++) {
        const again = await client.ask(get(target));
        assertEquals({ ...again.headers, date: "" }, { ...first.headers, date: "" });
        assertEquals([again.statusLine, again.body], [first.statusLine, first.body]);
      }
      const { etag } = first.headers;
      const head = await client.ask(get(target).replace("GET", "HEAD"));
      assertEquals(head.headers["content-length"], first.headers["content-length"]);
      const same = await client.ask(get(target, `If-None-Match: ${etag}`));
      assertEquals([same.status, same.headers.etag, same.body], [304, etag, ""]);
      assertEquals(same.headers["content-type"], undefined);
      const part = await client.ask(get(target, "Range: bytes=2-4"));
      assertEquals([part.status, part.body], [206, first.body.slice(2, 5)]);
      assertEquals((await client.ask(get(target, 'If-Match: "x"'))).status, 412);
    }
  }));

leakTest(
  "a file that changes is not answered from memory",
  () =>
    withFiles(async (client, folder) => {
      const ask = async () => (await client.ask(get("/a.txt"))).body;
      for (let i = 0; i < 3; i++) assertEquals(await ask(), "abcdefghij");
      await Deno.writeTextFile(`${folder}/a.txt`, "ABCDEFGHIJK");
      for (let i = 0; i < 3; i++) assertEquals(await ask(), "ABCDEFGHIJK");
      await Deno.writeTextFile(`${folder}/b.txt`, "1234567890");
      await Deno.rename(`${folder}/b.txt`, `${folder}/a.txt`);
      for (let i = 0; i < 3; i++) assertEquals(await ask(), "1234567890");
      await Deno.remove(`${folder}/a.txt`);
      await Deno.symlink("../secret.txt", `${folder}/a.txt`);
      assertEquals((await client.ask(get("/a.txt"))).status, 404);
      await Deno.remove(`${folder}/a.txt`);
      assertEquals((await client.ask(get("/a.txt"))).status, 404);
      await Deno.writeTextFile(`${folder}/a.txt`, "back");
      assertEquals(await ask(), "back");
    }),
);

leakTest(
  "requests behind each other are answered in order, to a slow reader too",
  () =>
    withFiles(async (client) => {
      const count = 60;
      const whole = (await client.ask(get("/large"))).body;
      await client.send((get("/large") + get("/a.txt")).repeat(count));
      for (let i = 0; i < count; i++) {
        assert((await client.response()).body === whole, `answer ${i}`);
        assertEquals((await client.response()).body, "abcdefghij");
      }
    }),
);

leakTest(
  "a file's name with a slash behind it is not found, behind requests for the file neither",
  () =>
    withFiles(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask(get("/a.txt"));
      await client.send(get("/a.txt") + get("/a.txt/") + get("/a.txt"));
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await client.response()).status);
      assertEquals(statuses, [200, 404, 200]);
    }),
);

leakTest(
  "what stands around staticFiles() can change a response that is kept",
  () =>
    withFiles(async (client) => {
      for (let i = 0; i < 4; i++) {
        const { headers, body } = await client.ask(get("/a.txt"));
        assertEquals([headers["x-own"], headers["content-length"], body], [
          "1",
          "10",
          "abcdefghij",
        ]);
      }
      assertEquals((await client.ask(get("/large"))).body, pattern(LARGE_BYTES));
    }, (response) => {
      assert(response instanceof Response && response.ok && !response.bodyUsed);
      response.headers.set("x-own", "1");
      return response;
    }),
);

leakTest(
  "HTTP/1.0 and the last request of a connection get the same",
  () =>
    withFiles(async (client) => {
      for (let i = 0; i < 3; i++) await client.ask(get("/a.txt"));
      const old = "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
      const { statusLine, headers, body } = await client.ask(old);
      assertEquals([statusLine, headers.connection], ["HTTP/1.0 200 OK", "keep-alive"]);
      assertEquals(body, "abcdefghij");
      const last = await client.ask(get("/large", "Connection: close"));
      assertEquals([last.headers.connection, last.body], ["close", pattern(LARGE_BYTES)]);
      assertEquals(await client.rest(), "");
    }),
);

/** A file of the kernel's that is all in memory. */
function entryOf(size: number, changedMs: number): ServedEntry {
  const mtime = new Date(changedMs);
  return {
    info: { size, mtime, ctime: mtime } as Deno.FileInfo,
    fd: 1,
    readAt: () => Promise.resolve(null),
    readNow: (into) => into.length,
    close() {},
  };
}

const about = { state: "s", etag: '"e"', modifiedMs: 0, headers: { etag: '"e"' } };

Deno.test("StaticCache keeps small files that are old enough, and so many bytes", async () => {
  const cache = new StaticCache();
  const old = Date.now() - LATER_MS;
  assertEquals(cache.admit("a", entryOf(10, Date.now()), about), null);
  assertEquals(cache.admit("a", entryOf(LARGE_BYTES + 1, old), about), null);
  assertEquals(cache.admit("a", entryOf(0, old), about), null);
  assertEquals(cache.admit("a", { ...entryOf(10, old), readNow: () => 9 }, about), null);
  for (let i = 0; i < 200; i++) assert(cache.admit(`${i}`, entryOf(LARGE_BYTES, old), about));
  assertEquals([cache.current("0"), cache.confirm("0", "s")], [null, null]);
  assert(cache.current("199") !== null);
  await Promise.resolve();
  assertEquals(cache.current("199"), null);
  assert(cache.confirm("199", "s") !== null);
  assertEquals(cache.confirm("199", "another"), null);
  assertEquals(cache.confirm("199", "s"), null);
});

if (!Deno.env.has("PHOTON_ENGINE") && engineInfo().engine === "uring") {
  Deno.test("files are served the same with PHOTON_ENGINE=deno", () =>
    runTestFiles(["tests/http_static_cache_test.ts"], { PHOTON_ENGINE: "deno" }, RUN_LIMIT_MS));
}
