// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serve, staticFiles, type StaticFilesOptions, type StaticProgress } from "../http/mod.ts";
import { parseRanges } from "../http/range_header.ts";
import { get } from "./http_contract_case.ts";
import { RawClient, type RawResponse } from "./http_raw_client.ts";
import { engineInfo } from "../io/engine_info.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";

const RUN_LIMIT_MS = 90_000;
const BODY = "0123456789abcdefghij";
const MODIFIED = new Date("2026-01-02T03:04:05.678Z");
const LARGE_BYTES = 3_000_000;

/** Serves a folder with a few files while `use` runs. */
async function withFiles(
  use: (client: RawClient, folder: string) => Promise<void>,
  options: StaticFilesOptions = {},
): Promise<void> {
  const parent = await Deno.makeTempDir();
  const folder = `${parent}/site`;
  try {
    await Deno.mkdir(`${folder}/sub/.hidden`, { recursive: true });
    await Deno.mkdir(`${folder}/.well-known`);
    const write = (path: string, text: string) => Deno.writeTextFile(`${parent}/${path}`, text);
    await write("secret.txt", "secret");
    await write("site/a.txt", BODY);
    await Deno.utime(`${folder}/a.txt`, MODIFIED, MODIFIED);
    await write("site/empty", "");
    await write("site/sp ace é.html", "<p>");
    await write("site/sub/index.html", "index");
    await write("site/sub/.hidden/x", "hidden");
    await write("site/.env", "hidden");
    await write("site/.well-known/x", "known");
    await write("site/style.css", "plain css");
    await write("site/style.css.gz", "gz css");
    await write("site/style.css.br", "br css");
    await Deno.symlink("../secret.txt", `${folder}/escape`);
    await Deno.symlink(parent, `${folder}/out`);
    await Deno.symlink("a.txt", `${folder}/inside`);
    await Deno.symlink("/dev/zero", `${folder}/zero`);
    await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
    using files = await staticFiles(folder, options);
    await using server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, files);
    using client = await RawClient.open(server.addr);
    await use(client, folder);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

leakTest("staticFiles() gives a file with its validators", () =>
  withFiles(async (client) => {
    const { status, headers, body } = await client.ask(get("/a.txt?x=1"));
    assertEquals([status, body], [200, BODY]);
    assertEquals(headers["content-type"], "text/plain; charset=UTF-8");
    assertEquals(headers["content-length"], "20");
    assertEquals(headers["accept-ranges"], "bytes");
    assertEquals(headers["last-modified"], "Fri, 02 Jan 2026 03:04:05 GMT");
    assertMatch(headers.etag!, /^"[^"]+"$/);
    const head = await client.ask(get("/a.txt").replace("GET", "HEAD"));
    assertEquals([head.headers.etag, head.headers["content-length"]], [headers.etag, "20"]);
    const other = await client.ask(get("/sp%20ace%20%C3%A9.html"));
    assertEquals([other.body, other.headers["content-type"]], ["<p>", "text/html; charset=UTF-8"]);
    assertEquals((await client.ask(get("/empty"))).headers["content-length"], "0");
    const link = await client.ask(get("/inside"));
    assertEquals([link.status, link.body], [200, BODY]);
    const post = await client.ask("POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assertEquals([post.status, post.headers.allow], [405, "GET, HEAD"]);
  }));

// Data: what RFC 9110 sections 14.1 and 14.2 have for a file of 20 bytes.
// deno-fmt-ignore
const RANGES: [range: string, status: number, contentRange: string | undefined, body: string][] = [
  ["bytes=0-4",         206, "bytes 0-4/20",   "01234"],
  ["bytes=0-0",         206, "bytes 0-0/20",   "0"],
  ["bytes=5-",          206, "bytes 5-19/20",  BODY.slice(5)],
  ["bytes=-3",          206, "bytes 17-19/20", "hij"],
  ["bytes=-100",        206, "bytes 0-19/20",  BODY],
  ["bytes=10-100",      206, "bytes 10-19/20", BODY.slice(10)],
  ["bytes=19-19",       206, "bytes 19-19/20", "j"],
  ["BYTES = 1-2",       206, "bytes 1-2/20",   "12"],
  ["bytes=20-",         416, "bytes */20",     ""],
  ["bytes=100-200",     416, "bytes */20",     ""],
  ["bytes=-0",          416, "bytes */20",     ""],
  ["bytes=20-,30-",     416, "bytes */20",     ""],
  ["bytes=30-40, 2-3",  206, "bytes 2-3/20",   "23"],
  ["bytes=4-2",         200, undefined,        BODY],
  ["bytes=a-b",         200, undefined,        BODY],
  ["bytes=",            200, undefined,        BODY],
  ["bytes=--1",         200, undefined,        BODY],
  ["bytes=1",           200, undefined,        BODY],
  ["lines=1-2",         200, undefined,        BODY],
  ["bytes=0-19,0-19",   200, undefined,        BODY],
  [`bytes=${"0-0,".repeat(40)}`, 200, undefined, BODY],
];

leakTest("staticFiles() answers ranges as RFC 9110 has it", () =>
  withFiles(async (client) => {
    for (const [range, status, contentRange, body] of RANGES) {
      const response = await client.ask(get("/a.txt", `Range: ${range}`));
      assertEquals(response.status, status, range);
      assertEquals(response.headers["content-range"], contentRange, range);
      assertEquals(response.body, body, range);
    }
    const head = await client.ask(get("/a.txt", "Range: bytes=0-4").replace("GET", "HEAD"));
    assertEquals(head.status, 200);
  }));

leakTest("staticFiles() answers several ranges in parts", () =>
  withFiles(async (client) => {
    const { status, headers, body } = await client.ask(get("/a.txt", "Range: bytes=0-1, 5-6,-2"));
    assertEquals(status, 206);
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(headers["content-type"]!)![1];
    const parts = body.split(`--${boundary}`);
    assertEquals(parts.at(-1), "--\r\n");
    assertEquals(parts.slice(1, -1).map((part) => part.trim().split("\r\n\r\n")), [
      ["Content-Type: text/plain; charset=UTF-8\r\nContent-Range: bytes 0-1/20", "01"],
      ["Content-Type: text/plain; charset=UTF-8\r\nContent-Range: bytes 5-6/20", "56"],
      ["Content-Type: text/plain; charset=UTF-8\r\nContent-Range: bytes 18-19/20", "ij"],
    ]);
  }));

// Data: conditions by RFC 9110 section 13; E is the file's tag, D its date.
// deno-fmt-ignore
const CONDITIONS: [lines: string[], status: number][] = [
  [["If-None-Match: E"], 304],
  [["If-None-Match: W/E"], 304],
  [['If-None-Match: "x", E'], 304],
  [["If-None-Match: *"], 304],
  [['If-None-Match: "x"'], 200],
  [["If-Modified-Since: D"], 304],
  [["If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"], 200],
  [["If-Modified-Since: Sat, 03 Jan 2026 00:00:00 GMT"], 304],
  [["If-Modified-Since: Fri Jan  2 03:04:05 2026"], 304],
  [["If-Modified-Since: nonsense"], 200],
  [['If-None-Match: "x"', "If-Modified-Since: D"], 200],
  [["If-None-Match: E", "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT"], 304],
  [["If-Match: E"], 200],
  [["If-Match: *"], 200],
  [['If-Match: "x"'], 412],
  [["If-Match: W/E"], 412],
  [["If-Unmodified-Since: D"], 200],
  [["If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT"], 412],
  [["If-Match: E", "If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT"], 200],
  [['If-Match: "x"', "If-None-Match: E"], 412],
  [["If-None-Match: E", "Range: bytes=0-1"], 304],
  [["If-Range: E", "Range: bytes=0-1"], 206],
  [["If-Range: W/E", "Range: bytes=0-1"], 200],
  [['If-Range: "x"', "Range: bytes=0-1"], 200],
  [["If-Range: D", "Range: bytes=0-1"], 206],
  [["If-Range: Thu, 01 Jan 2026 00:00:00 GMT", "Range: bytes=0-1"], 200],
  [['If-Range: "x"', "Range: bytes=50-"], 200],
];

leakTest("staticFiles() keeps the conditions of RFC 9110", () =>
  withFiles(async (client) => {
    const { headers } = await client.ask(get("/a.txt"));
    for (const [lines, status] of CONDITIONS) {
      const filled = lines.map((line) =>
        line.replace(/\bE$/, headers.etag!).replace(/\bD$/, headers["last-modified"]!)
      );
      const response = await client.ask(get("/a.txt", ...filled));
      assertEquals(response.status, status, filled.join("; "));
      assertEquals(response.headers.etag, headers.etag);
      if (status === 304) assertEquals(response.body, "");
    }
  }));

// Data: paths that lead out, hide, or are no files.
// deno-fmt-ignore
const REFUSED = [
  "/../secret.txt", "/sub/../../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt",
  "/.%2e/secret.txt", "/..%5csecret.txt", "/sub/%2e%2e/%2e%2e/secret.txt", "/a.txt%00", "/a.txt%00.html", "/%00",
  "/a.txt/", "/a.txt/x", "/%ff", "/%", "/%zz", "/escape", "/out/secret.txt", "/zero", "/pipe",
  "/.env", "/%2eenv", "/sub/.hidden/x", "/nothing", "/sub/nothing", "//etc/passwd", "/etc/passwd", `/${"x".repeat(5000)}`,
  "/proc/self/environ", "/sub%2findex.html",
];

leakTest(
  "staticFiles() gives nothing that is outside, hidden or no file",
  () =>
    withFiles(async (client) => {
      for (const path of REFUSED) {
        const response = await client.ask(get(path));
        assertEquals([response.status, response.body], [404, ""], path);
      }
      assertEquals((await client.ask(get("/.well-known/x"))).body, "known");
      // A server that stops is not one that refuses.
      assertEquals((await client.ask(get("/a.txt"))).body, BODY);
    }),
);

leakTest("staticFiles() gives hidden names when it is told to", () =>
  withFiles(async (client) => {
    assertEquals((await client.ask(get("/.env"))).body, "hidden");
    assertEquals((await client.ask(get("/../secret.txt"))).status, 404);
  }, { dotFiles: true }));

leakTest(
  "staticFiles() gives the index of a folder, and lists none by itself",
  () =>
    withFiles(async (client) => {
      assertEquals((await client.ask(get("/sub/"))).body, "index");
      const moved = await client.ask(get("/sub?a=b"));
      assertEquals([moved.status, moved.headers.location], [301, "./sub/?a=b"]);
      assertEquals((await client.ask(get("/"))).status, 404);
    }),
);

leakTest(
  "staticFiles() lists a folder when it is told to, escaped and without hidden names",
  () =>
    withFiles(async (client, folder) => {
      await Deno.writeTextFile(`${folder}/<b>&"'.txt`, "");
      const { status, body, headers } = await client.ask(get("/"));
      assertEquals([status, headers["content-type"]], [200, "text/html; charset=UTF-8"]);
      assert(body.includes('<a href="./sub/">sub/</a>'));
      assert(body.includes("&lt;b&gt;&amp;&quot;&#39;.txt") && !body.includes("<b>"));
      assert(!body.includes(".env"));
      assertEquals((await client.ask(get("/sub/"))).body, "index");
    }, { listing: true }),
);

leakTest(
  "staticFiles() gives what was compressed before to who takes it",
  () =>
    withFiles(async (client) => {
      const ask = (accept: string): Promise<RawResponse> =>
        client.ask(get("/style.css", ...accept === "" ? [] : [`Accept-Encoding: ${accept}`]));
      for (
        const [accept, body, encoding] of [
          ["br, gzip", "br css", "br"],
          ["gzip", "gz css", "gzip"],
          ["gzip;q=0", "plain css", undefined],
          ["zstd", "plain css", undefined],
          ["", "plain css", undefined],
        ] as const
      ) {
        const response = await ask(accept);
        assertEquals(
          [response.body, response.headers["content-encoding"]],
          [body, encoding],
          accept,
        );
        assertEquals(response.headers["content-type"], "text/css; charset=UTF-8");
        assertEquals(response.headers.vary, "Accept-Encoding");
      }
      assert((await ask("br")).headers.etag !== (await ask("")).headers.etag);
    }, { precompressed: true }),
);

leakTest("staticFiles() tells how far a large file is", async () => {
  const told: StaticProgress[] = [];
  await withFiles(async (client, folder) => {
    await Deno.writeFile(`${folder}/large`, new Uint8Array(LARGE_BYTES));
    await client.send(get("/large"));
    await client.until("\r\n\r\n");
    await client.atLeast(LARGE_BYTES);
    const last = told.at(-1)!;
    assertEquals(last, { path: "large", sentBytes: LARGE_BYTES, totalBytes: LARGE_BYTES });
    assert(told.length > 10);
  }, { onProgress: (progress) => told.push(progress) });
});

leakTest(
  "staticFiles() sends large files whole to a slow reader",
  () =>
    withFiles(async (client, folder) => {
      const bytes = Uint8Array.from({ length: LARGE_BYTES }, (_, index) => index % 251);
      await Deno.writeFile(`${folder}/large`, bytes);
      const [head] = [await client.ask(get("/large", "Range: bytes=1000000-2000000"))];
      assertEquals(head!.body.length, 1_000_001);
      for (let i = 0; i < head!.body.length; i += 997) {
        assertEquals(head!.body.charCodeAt(i), (1_000_000 + i) % 251);
      }
      assertEquals((await client.ask(get("/a.txt"))).body, BODY);
    }),
);

leakTest(
  "a client that leaves in the middle leaves no file open",
  () =>
    withFiles(async (client, folder) => {
      await Deno.writeFile(`${folder}/large`, new Uint8Array(20_000_000));
      await client.send(get("/large"));
      await client.until("\r\n\r\n");
    }),
);

leakTest(
  "a file that is cut while it is sent breaks the response off",
  () =>
    withFiles(async (client, folder) => {
      await Deno.writeFile(`${folder}/large`, new Uint8Array(30_000_000));
      await client.send(get("/large"));
      await client.until("\r\n\r\n");
      await Deno.truncate(`${folder}/large`, 1000);
      assert((await client.rest()).length < 30_000_000);
    }),
);

leakTest(
  "staticFiles() keeps to a prefix, and says how to cache",
  () =>
    withFiles(async (client) => {
      const { status, headers } = await client.ask(get("/assets/a.txt"));
      assertEquals([status, headers["cache-control"]], [200, "max-age=60"]);
      assertEquals((await client.ask(get("/a.txt"))).status, 404);
      assertEquals((await client.ask(get("/assetsa.txt"))).status, 404);
    }, { prefix: "/assets", cacheControl: (path) => path === "a.txt" ? "max-age=60" : undefined }),
);

leakTest("staticFiles() rejects when there is no such folder", async () => {
  await assertRejects(() => staticFiles("/nowhere/at/all"), Deno.errors.NotFound);
  await assertRejects(() => staticFiles(new URL(import.meta.url)));
});

Deno.test("parseRanges() never gives more than the whole", () => {
  assertEquals(parseRanges("bytes=0-", 0), []);
  assertEquals(parseRanges("bytes=-5", 0), []);
  assertEquals(parseRanges("bytes=0-999999999999999", 10), [{ first: 0, last: 9 }]);
});

if (!Deno.env.has("PHOTON_ENGINE") && engineInfo().engine === "uring") {
  Deno.test("staticFiles() holds with PHOTON_ENGINE=deno", () =>
    runTestFiles(["tests/http_static_files_test.ts"], { PHOTON_ENGINE: "deno" }, RUN_LIMIT_MS));
}
