// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ByteRanges } from "../http/byte_ranges.ts";
import { download } from "../http/download.ts";
import type { DownloadOptions, DownloadProgress } from "../http/download_options.ts";
import { closeIdleConnections } from "../http/fetch.ts";
import { brokenOff, FileServer, randomBytes } from "./http_file_server.ts";
import { leakTest } from "./leak.ts";
import { hasNginx, startNginx } from "./nginx.ts";

const QUICK: DownloadOptions = { partBytes: 100_000, backoff: { firstMs: 1, mostMs: 5 } };

/** A test with a server of some bytes and a folder that is removed; nothing may be left in it. */
function downloadTest(
  name: string,
  body: (server: FileServer, path: string) => Promise<void>,
  content: Uint8Array<ArrayBuffer> = randomBytes(1_000_000),
) {
  leakTest(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await using server = new FileServer(content);
      await body(server, `${folder}/file`);
      closeIdleConnections();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** The file has this content, and nothing else is beside it. */
async function assertDownloaded(path: string, content: Uint8Array) {
  const bytes = await Deno.readFile(path);
  // Not assertEquals: it would take seconds to find where a million bytes differ.
  assert(bytes.length === content.length && bytes.every((byte, i) => byte === content[i]));
  assertEquals(namesBeside(path), ["file"]);
}

function namesBeside(path: string): string[] {
  return [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].map(({ name }) => name).sort();
}

Deno.test("ByteRanges knows what is there, and what is missing", () => {
  const span = fc.tuple(fc.nat(40), fc.nat(10)).map(([start, count]) => [start, start + count]);
  fc.assert(fc.property(fc.array(span), fc.integer({ min: 1, max: 9 }), (spans, pieceBytes) => {
    const ranges = new ByteRanges();
    const there = new Set<number>();
    for (const [start, end] of spans) {
      ranges.add(start!, end!);
      for (let at = start!; at < end!; at++) there.add(at);
    }
    assertEquals(ranges.bytes, there.size);
    const missing = new Set<number>();
    for (const [start, end] of ranges.gaps(60, pieceBytes)) {
      assert(end > start && end - start <= pieceBytes);
      for (let at = start; at < end; at++) missing.add(at);
    }
    assertEquals(
      missing,
      new Set(Array.from({ length: 60 }, (_, i) => i).filter((i) => !there.has(i))),
    );
    const touching = ranges.spans.some(([start], i) => i > 0 && ranges.spans[i - 1]![1] >= start);
    assert(!touching);
  }));
});

downloadTest(
  "download() fetches a file in parts, and tells how far it is",
  async (server, path) => {
    const told: DownloadProgress[] = [];
    const onProgress = (progress: DownloadProgress) => void told.push(progress);
    const done = await download(server.url, path, { ...QUICK, onProgress });
    await assertDownloaded(path, server.content);
    const all = { receivedBytes: 1_000_000, resumedBytes: 0, totalBytes: 1_000_000 };
    assertEquals(done, all);
    assertEquals(told.at(-1), all);
    assert(
      told.every(({ receivedBytes }, i) => i === 0 || receivedBytes >= told[i - 1]!.receivedBytes),
    );
    assertEquals(server.ranges.length, 10);
    assertEquals(server.ranges.includes("bytes=900000-999999"), true);
    assertEquals(server.sentBytes, 1_000_000);
  },
);

downloadTest(
  "download() fetches parts at the same time, but no more than it may",
  async (server, path) => {
    let [now, most] = [0, 0];
    server.interfere = async (request, { ranges }) => {
      if (ranges.length === 1) return;
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 10));
      now--;
      return server.answer(request);
    };
    await download(server.url, path, { ...QUICK, connections: 3 });
    await assertDownloaded(path, server.content);
    assertEquals(most, 3);
  },
);

downloadTest("download() replaces an older file, and makes an empty one", async (server, path) => {
  await Deno.writeTextFile(path, "older and longer than nothing");
  server.content = new Uint8Array();
  assertEquals((await download(server.url, path, QUICK)).totalBytes, 0);
  await assertDownloaded(path, server.content);
});

// Data: what a server is like that can give no parts which belong together.
// deno-fmt-ignore
const WHOLE: readonly (readonly [string, (server: FileServer) => void])[] = [
  ["ignores ranges",             (server) => server.interfere = () => new Response(server.content)],
  ["tells no length either",     (server) => server.interfere = () => new Response(new Blob([server.content]).stream())],
  ["has a weak tag",             (server) => server.tag = 'W/"1"'],
  ["has neither tag nor date",   (server) => server.tag = null],
  ["was changed just now",       (server) => { server.tag = null; server.date = new Date(Date.now() + 60_000).toUTCString(); }],
];

for (const [what, prepare] of WHOLE) {
  downloadTest(`download() takes the whole from a server that ${what}`, async (server, path) => {
    prepare(server);
    const done = await download(server.url, path, QUICK);
    await assertDownloaded(path, server.content);
    assertEquals(done.totalBytes, 1_000_000);
    assert(server.ranges.length <= 2);
  });
}

downloadTest("download() takes parts by a date that is old enough", async (server, path) => {
  server.tag = null;
  server.date = "Sun, 06 Nov 1994 08:49:37 GMT";
  await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
  assertEquals(server.ranges.length, 10);
});

downloadTest("download() goes on at the byte where a part broke off", async (server, path) => {
  let broken = 0;
  server.interfere = (request) => {
    if (broken++ % 2 === 0) return brokenOff(server.answer(request), 60_000);
  };
  server.pauseMs = 1;
  await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
  assert(server.sentBytes < 1_500_000, `${server.sentBytes}`);
});

downloadTest("download() begins anew where the whole broke off", async (server, path) => {
  server.tag = null;
  server.interfere = (request, { ranges }) => {
    if (ranges.length < 4) return brokenOff(server.answer(request), 60_000);
  };
  await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
});

downloadTest("download() waits and asks again when a server is busy", async (server, path) => {
  let busy = 6;
  server.interfere = () => {
    if (busy-- > 0 && busy % 2 === 0) return new Response("busy", { status: 503 });
  };
  await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
});

downloadTest("download() gives up after so many failures without a byte", async (server, path) => {
  server.interfere = () => new Response("busy", { status: 503 });
  const options = { ...QUICK, triesMax: 3 };
  await assertRejects(() => download(server.url, path, options), Deno.errors.Http, "503");
  assertEquals([server.ranges.length, namesBeside(path)], [3, []]);
});

downloadTest("download() gives up at once on what does not pass", async (server, path) => {
  server.interfere = () => new Response("no", { status: 404 });
  await assertRejects(() => download(server.url, path, QUICK), Deno.errors.NotFound);
  server.interfere = () => new Response("no", { status: 403 });
  await assertRejects(() => download(server.url, path, QUICK), Deno.errors.PermissionDenied);
  assertEquals([server.ranges.length, namesBeside(path)], [2, []]);
});

downloadTest(
  "download() begins anew when the content changes, and then has the new one",
  async (server, path) => {
    server.interfere = (_, { ranges }) => {
      if (ranges.length !== 5) return;
      server.content = randomBytes(700_000, 2);
      server.tag = '"2"';
    };
    const done = await download(server.url, path, QUICK);
    await assertDownloaded(path, server.content);
    assertEquals(done.totalBytes, 700_000);
  },
);

downloadTest("download() gives up on a content that changes all the time", async (server, path) => {
  server.interfere = (_, { ranges }) => void (server.tag = `"${ranges.length}"`);
  await assertRejects(() => download(server.url, path, QUICK), TypeError, "content changes");
});

downloadTest("download() refuses more bytes than it asked for", async (server, path) => {
  server.interfere = (request, { ranges }) => {
    if (ranges.length === 1) return;
    const { headers } = server.answer(request);
    headers.set("content-length", "200000");
    return new Response(randomBytes(200_000), { status: 206, headers });
  };
  await assertRejects(() => download(server.url, path, QUICK), TypeError, "content changes");
});

downloadTest("download() takes a server that sends nothing as a failure", async (server, path) => {
  let stalled = 0;
  server.interfere = (request, { ranges }) => {
    if (ranges.length === 1 || stalled++ > 2) return;
    const { headers, status } = server.answer(request);
    if (stalled === 1) return new Promise(() => {});
    return new Response(new ReadableStream(), { headers, status });
  };
  await download(server.url, path, { ...QUICK, stallTimeoutMs: 100 });
  await assertDownloaded(path, server.content);
});

downloadTest("download() ends with its signal, and is gone on with", async (server, path) => {
  server.pauseMs = 2;
  const aborter = new AbortController();
  let told = 0;
  const onProgress = () => ++told === 1 && aborter.abort(new Error("enough"));
  const { signal } = aborter;
  await assertRejects(
    () => download(server.url, path, { ...QUICK, signal, onProgress }),
    Error,
    "enough",
  );
  assertEquals(namesBeside(path), ["file.part", "file.part.json"]);
  const sent = server.sentBytes;
  const done = await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
  assert(done.resumedBytes > 0 && done.resumedBytes <= sent);
});

downloadTest(
  "download() does not go on with parts of another content, or what is no state",
  async (server, path) => {
    const state = { version: 1, url: server.url, size: 1_000_000, tag: '"0"', date: null };
    const states = [
      JSON.stringify({ ...state, done: [[0, 500_000]] }),
      JSON.stringify({ ...state, tag: '"1"', done: [[0, 900_000]] }),
      JSON.stringify({ ...state, url: "http://other/", tag: '"1"', done: [[0, 500_000]] }),
      JSON.stringify({ ...state, tag: '"1"', done: [[0, 2_000_000]] }),
      JSON.stringify({ ...state, tag: '"1"', done: 7 }),
      "{",
      "",
    ];
    for (const text of states) {
      await Deno.writeFile(`${path}.part`, new Uint8Array(500_000));
      await Deno.writeTextFile(`${path}.part.json`, text);
      assertEquals((await download(server.url, path, QUICK)).resumedBytes, 0);
      await assertDownloaded(path, server.content);
    }
  },
);

downloadTest("download() asks for nothing when all parts are there", async (server, path) => {
  const done = [[0, 1_000_000]];
  const state = { version: 1, url: server.url, size: 1_000_000, tag: '"1"', date: null, done };
  await Deno.writeFile(`${path}.part`, server.content);
  await Deno.writeTextFile(`${path}.part.json`, JSON.stringify(state));
  await download(server.url, path, QUICK);
  await assertDownloaded(path, server.content);
  assertEquals(server.ranges, []);
});

downloadTest("download() holds the content to its integrity", async (server, path) => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-384", server.content));
  const integrity = `sha256-AAAA sha384-${btoa(String.fromCharCode(...digest))}`;
  await download(server.url, path, { ...QUICK, integrity });
  await assertDownloaded(path, server.content);
  server.content = randomBytes(1000, 3);
  const again = download(server.url, path, { ...QUICK, integrity });
  await assertRejects(() => again, Deno.errors.InvalidData, "not as asked");
  await assertDownloaded(path, randomBytes(1_000_000));
});

downloadTest(
  "download() refuses a second one of the same file, and a folder",
  async (server, path) => {
    const { promise: end, resolve: letEnd } = Promise.withResolvers<void>();
    server.interfere = () => end;
    const first = download(server.url, path, QUICK);
    while (server.ranges.length === 0) await new Promise((resolve) => setTimeout(resolve));
    await assertRejects(() => download(server.url, path, QUICK), Deno.errors.Busy);
    letEnd();
    await first;
    await assertDownloaded(path, server.content);
    await Deno.remove(path);
    await Deno.mkdir(path);
    await assertRejects(() => download(server.url, path, QUICK), Deno.errors.IsADirectory);
  },
);

leakTest("download() takes parts of a file of nginx, and goes on with them", async () => {
  const folder = await Deno.makeTempDir();
  const content = randomBytes(3_000_000);
  await Deno.mkdir(`${folder}/www`);
  await Deno.writeFile(`${folder}/www/file`, content);
  {
    await using nginx = await startNginx(folder);
    const path = `${folder}/file`;
    const url = `${nginx.url}/file`;
    const aborter = new AbortController();
    const { signal } = aborter;
    const onProgress = () => aborter.abort(new Error("enough"));
    await assertRejects(
      () => download(url, path, { ...QUICK, signal, onProgress }),
      Error,
      "enough",
    );
    const { resumedBytes, totalBytes } = await download(url, path, QUICK);
    assertEquals(totalBytes, content.length);
    assert(resumedBytes > 0);
    assertEquals(await Deno.readFile(path), content);
    closeIdleConnections();
  }
  await Deno.remove(folder, { recursive: true });
}, { ignore: !hasNginx() });

downloadTest("download() rejects options that make no sense", async (server, path) => {
  for (const options of [{ connections: 0 }, { partBytes: 0.5 }, { triesMax: NaN }]) {
    await assertRejects(() => download(server.url, path, options), RangeError, "must be at least");
  }
});

downloadTest("download() fails with what its progress function throws", async (server, path) => {
  const onProgress = () => {
    throw new Error("no ink");
  };
  await assertRejects(() => download(server.url, path, { ...QUICK, onProgress }), Error, "no ink");
});

downloadTest(
  "download() killed at random twenty times, and gone on with, gives the same file",
  async (server, path) => {
    server.pauseMs = 5;
    const program = new URL("http_download_program.ts", import.meta.url).pathname;
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", program, server.url, path],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    let kills = 0;
    for (let i = 0; i < 20; i++) {
      const child = start();
      const reader = child.stdout.getReader();
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
      child.kill("SIGKILL");
      if ((await child.status).signal === "SIGKILL") kills++;
      await Promise.all([reader.cancel(), child.stderr.cancel()]);
    }
    assertEquals(kills, 20);
    const { done } = JSON.parse(await Deno.readTextFile(`${path}.part.json`));
    const saved = done.reduce((sum: number, [start, end]: number[]) => sum + end! - start!, 0);
    assert(saved > 0);
    server.pauseMs = 0;
    const { resumedBytes } = await download(server.url, path, { partBytes: 1_048_576 });
    await assertDownloaded(path, server.content);
    assertEquals(resumedBytes, saved);
  },
  randomBytes(64 * 1_048_576),
);
