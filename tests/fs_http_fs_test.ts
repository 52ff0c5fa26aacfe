// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import { HttpFs, type HttpFsOptions } from "../fs/http_fs.ts";
import { MemoryFs } from "../fs/memory_fs.ts";
import { readFullAt, readWhole } from "../fs/whole_file.ts";
import { FIXTURE, pattern, testConformance } from "./fs_conformance.ts";
import { leakTest } from "./leak.ts";

/** What a server answers a request with. */
type Handler = (request: Request) => Response | Promise<Response>;

/** A server, and the file system of its files. */
async function serve(handler: Handler, options: HttpFsOptions = {}) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  // A client of its own, whose connections end with it.
  const client = Deno.createHttpClient({});
  await Promise.resolve();
  return {
    system: new HttpFs(`http://127.0.0.1:${server.addr.port}/base/`, {
      fetch: (request) => fetch(request, { client }),
      ...options,
    }),
    path: (name: string) => name,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.shutdown();
    },
  };
}

/** Answers as a good server does. */
function answer(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  more: HeadersInit = {},
): Response {
  const headers = new Headers(more);
  headers.set("content-length", `${bytes.length}`);
  if (request.method === "HEAD") return new Response(null, { headers });
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (range === null) return new Response(bytes, { headers });
  const [start, end] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)];
  if (start >= bytes.length) {
    headers.set("content-length", "0");
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  headers.set("content-length", `${end - start}`);
  return new Response(bytes.subarray(start, end), { status: 206, headers });
}

function fixture(request: Request): Response {
  const name = decodeURIComponent(new URL(request.url).pathname.replace("/base/", ""));
  const content = FIXTURE[name];
  if (content instanceof Uint8Array) return answer(request, content.slice());
  return new Response("none", { status: 404 });
}

testConformance(
  "HttpFs",
  { writable: false, directories: false, links: false },
  () => serve(fixture),
);

leakTest("HttpFs asks below its base only, and escapes what is no part of an address", async () => {
  const paths: string[] = [];
  await using server = await serve((request) => {
    paths.push(new URL(request.url).pathname + new URL(request.url).search);
    return answer(request, pattern(1, 1));
  });
  for (const path of ["../../x", "/x", "a b/ä", "a?b#c", "%2e%2e/x", "a/./b//../c"]) {
    await server.system.stat(path);
  }
  assertEquals(paths, [
    "/base/x",
    "/base/x",
    "/base/a%20b/%C3%A4",
    "/base/a%3Fb%23c",
    "/base/%252e%252e/x",
    "/base/a/c",
  ]);
});

leakTest("HttpFs sends its headers, and no request for what lies behind the end", async () => {
  const seen: string[] = [];
  await using server = await serve((request) => {
    const { headers } = request;
    seen.push([headers.get("authorization"), headers.get("range"), request.method].join(" "));
    return answer(request, pattern(10, 1));
  }, { headers: { authorization: "secret" } });
  using file = await server.system.open("a");
  const into = new Uint8Array(20);
  assertEquals(await file.readAt(into, 4), 6);
  assertEquals(await file.readAt(into, 10), null);
  assertEquals(seen, ["secret  HEAD", "secret bytes=4-9 GET"]);
});

leakTest("HttpFs makes do with a server that knows no HEAD", async () => {
  await using server = await serve((request) =>
    request.method === "HEAD"
      ? new Response(null, { status: 405 })
      : answer(request, pattern(1_000, 1))
  );
  assertEquals(await readWhole(server.system, "a"), pattern(1_000, 1));
});

leakTest("HttpFs reads the beginning of a file where there are no ranges", async () => {
  const content = pattern(200_000, 1);
  await using server = await serve((request) => {
    const headers = { "content-length": `${content.length}` };
    return new Response(request.method === "HEAD" ? null : content, { headers });
  });
  using file = await server.system.open("a");
  const into = new Uint8Array(100);
  assertEquals(await readFullAt(file, into, 5_000), 100);
  assertEquals(into, content.subarray(5_000, 5_100));
  await assertRejects(() => file.readAt(into, 150_000), Deno.errors.NotSupported);
});

leakTest("HttpFs rejects when the file changes while it is open", async () => {
  const changes: [HeadersInit, HeadersInit, number][] = [
    [{ etag: '"1"' }, { etag: '"2"' }, 10],
    [{ "last-modified": "Sat, 01 Jan 2022 00:00:00 GMT" }, {
      "last-modified": "Sun, 02 Jan 2022 00:00:00 GMT",
    }, 10],
    [{}, {}, 9],
    [{}, {}, 2],
  ];
  for (const [before, after, byteLength] of changes) {
    let changed = false;
    await using server = await serve((request) =>
      changed
        ? answer(request, pattern(byteLength, 2), after)
        : answer(request, pattern(10, 1), before)
    );
    using file = await server.system.open("a");
    changed = true;
    await assertRejects(() => file.readAt(new Uint8Array(5), 5), Deno.errors.InvalidData);
  }
});

leakTest("HttpFs tells by its number that an entity tag has changed", async () => {
  let tag = '"1"';
  await using server = await serve((request) => answer(request, pattern(10, 1), { etag: tag }));
  const before = await server.system.stat("a");
  assertEquals((await server.system.stat("a")).ino, before.ino);
  tag = '"2"';
  assertEquals((await server.system.stat("a")).ino === before.ino, false);
});

leakTest("HttpFs believes an answer for as long as it is told to", async () => {
  let asked = 0;
  let tag = '"1"';
  await using server = await serve((request) => {
    if (request.method === "HEAD") asked++;
    return answer(request, pattern(10, 1), { etag: tag });
  }, { trustMs: 60_000 });
  for (let i = 0; i < 3; i++) {
    assertEquals((await server.system.stat("a")).size, 10);
    assertEquals(await readWhole(server.system, "a"), pattern(10, 1));
  }
  assertEquals(asked, 1);
  tag = '"2"';
  await assertRejects(() => readWhole(server.system, "a"), Deno.errors.InvalidData);
  assertEquals(await readWhole(server.system, "a"), pattern(10, 1));
  await server.system.stat("b");
  assertEquals(asked, 3);
});

leakTest("HttpFs asks again when the server says so, and gives up in the end", async () => {
  let failures = 2;
  await using server = await serve((request) =>
    failures-- > 0 ? new Response("later", { status: 503 }) : answer(request, pattern(10, 1))
  );
  assertEquals((await server.system.stat("a")).size, 10);
  failures = 3;
  await assertRejects(() => server.system.stat("a"), Deno.errors.Http, "503");
});

leakTest("HttpFs says why a file cannot be had", async () => {
  let status = 403;
  await using server = await serve(() => new Response(null, { status }), { retries: 0 });
  await assertRejects(() => server.system.open("a"), Deno.errors.PermissionDenied);
  status = 500;
  await assertRejects(() => server.system.open("a"), Deno.errors.Http, "500");
  await assertRejects(() => server.system.readLink("a"), Deno.errors.NotSupported);
  await assertRejects(async () => {
    for await (const _ of server.system.readDir("a"));
  }, Deno.errors.NotSupported);
  assertThrows(() => new HttpFs("file:///tmp"), TypeError);
});

leakTest("HttpFs gives no byte that a strange answer does not have", async () => {
  const content = pattern(10, 1);
  const ranged = (range: string, body: Uint8Array<ArrayBuffer> | null, status = 206) =>
    new Response(body, { status, headers: { "content-range": range } });
  const answers: [string, () => Response, number | (new (...values: never[]) => Error)][] = [
    ["fewer bytes than it says", () => ranged("bytes 2-6/10", content.subarray(2, 4)), 2],
    ["more bytes than it says", () => ranged("bytes 2-6/10", content.subarray(2)), 5],
    ["no bytes", () => ranged("bytes 2-6/10", null), Deno.errors.UnexpectedEof],
    ["bytes from elsewhere", () => ranged("bytes 3-7/10", content), Deno.errors.NotSupported],
    ["bytes of another length", () => ranged("bytes 2-6/11", content), Deno.errors.InvalidData],
    ["a range that is none", () => ranged("2-6", content), Deno.errors.NotSupported],
    ["an unknown length", () => ranged("bytes 2-6/*", content.subarray(2, 7)), 5],
    ["nothing any more", () => ranged("bytes */3", null, 416), Deno.errors.InvalidData],
    ["two ranges", () => new Response(content, { status: 206 }), Deno.errors.NotSupported],
    ["success without content", () => new Response(null, { status: 204 }), Error],
    ["a redirect to nowhere", () => new Response(null, { status: 304 }), Deno.errors.Http],
  ];
  for (const [what, strange, expected] of answers) {
    await using server = await serve((request) =>
      request.method === "HEAD" ? answer(request, content) : strange()
    );
    using file = await server.system.open("a");
    const into = new Uint8Array(5);
    if (typeof expected !== "number") {
      await assertRejects(() => file.readAt(into, 2), expected, undefined, what);
    } else {
      assertEquals(await file.readAt(into, 2), expected, what);
      assertEquals(into.subarray(0, expected), content.subarray(2, 2 + expected), what);
    }
  }
});

leakTest("HttpFs ends the reads of a file that is closed", async () => {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Response>();
  await using server = await serve((request) => {
    if (request.method === "HEAD") return answer(request, pattern(10, 1));
    asked.resolve();
    return held.promise;
  });
  const file = await server.system.open("a");
  const reading = assertRejects(() => file.readAt(new Uint8Array(5), 0), Deno.errors.BadResource);
  await asked.promise;
  file.close();
  await reading;
  held.resolve(new Response());
});

leakTest("CachedFs over HttpFs asks for every byte once", async () => {
  const content = pattern(300_000, 1);
  let sent = 0;
  await using server = await serve((request) => {
    const response = answer(request, content, { etag: '"1"' });
    if (request.method === "GET") sent += Number(response.headers.get("content-length"));
    return response;
  });
  await using cached = await CachedFs.open({
    source: server.system,
    cache: new MemoryFs(),
    folder: "cache",
    quotaBytes: 1 << 20,
  });
  for (let i = 0; i < 3; i++) {
    assertEquals(await readWhole(cached, "a"), content);
    await cached.flush();
  }
  assertEquals(sent, content.length);
});
