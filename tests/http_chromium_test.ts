// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A browser against our server, without a network: Debian's Chromium, driven by playwright-core.

import { assert, assertEquals } from "@std/assert";
import { type Browser, chromium, type Page } from "playwright-core";
import { eventStream, serve, staticFiles, upgradeWebSocket } from "../http/mod.ts";

const PROGRAM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(exists);
const VIDEO_SECONDS = 3;
/** A browser would ask for an icon otherwise. */
const PAGE = '<!DOCTYPE html><title>test</title><link rel="icon" href="data:,">';

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Opens a page of a server of ours. */
async function withPage(
  handler: Deno.ServeHandler,
  use: (page: Page, origin: string) => Promise<void>,
): Promise<void> {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) =>
      new URL(request.url).pathname === "/"
        ? new Response(PAGE, { headers: { "content-type": "text/html" } })
        : handler(request, info as Deno.ServeHandlerInfo<Deno.NetAddr>),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const browser: Browser = await chromium.launch({
    executablePath: PROGRAM!,
    args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/`);
    await use(page, origin);
  } finally {
    await browser.close();
  }
}

function browserTest(name: string, run: () => Promise<void>): void {
  const ignored = PROGRAM === undefined;
  const reason = ignored ? " (Chromium is not installed)" : "";
  // The driver keeps pipes of its own for as long as it likes.
  const options = { sanitizeOps: false, sanitizeResources: false, ignore: ignored };
  Deno.test({ name: `Chromium: ${name}${reason}`, fn: run, ...options });
}

browserTest("fetch reads a response while it is being sent, and sends one", async () => {
  const go = Promise.withResolvers<void>();
  await withPage(async (request) => {
    if (request.method === "POST") return new Response(await request.text());
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("first "));
        await go.promise;
        controller.enqueue(new TextEncoder().encode("second"));
        controller.close();
      },
    });
    return new Response(body);
  }, async (page) => {
    await page.evaluate(async () => {
      const { body } = await fetch("/stream");
      const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
      Object.assign(globalThis, { reader });
    });
    const next = () =>
      page.evaluate(() =>
        (globalThis as unknown as { reader: ReadableStreamDefaultReader<string> }).reader.read()
      );
    assertEquals(await next(), { done: false, value: "first " });
    go.resolve();
    assertEquals(await next(), { done: false, value: "second" });
    assertEquals((await next()).done, true);
    const echo = await page.evaluate(async () =>
      (await fetch("/echo", { method: "POST", body: "x".repeat(300_000) })).text()
    );
    assertEquals(echo.length, 300_000);
  });
});

browserTest("EventSource comes back with Last-Event-ID", async () => {
  const ids: (string | null)[] = [];
  await withPage((request) => {
    ids.push(request.headers.get("last-event-id"));
    const first = 2 * ids.length - 1;
    return eventStream([
      { data: `event ${first}`, id: `${first}`, retry: 20 },
      { data: `event ${first + 1}`, id: `${first + 1}`, event: "kind" },
    ]);
  }, async (page) => {
    const events = await page.evaluate(() =>
      new Promise<string[]>((resolve) => {
        const source = new EventSource("/events");
        const seen: string[] = [];
        const note = ({ data, lastEventId, type }: MessageEvent) => {
          seen.push(`${type} ${lastEventId} ${data}`);
          if (seen.length < 4) return;
          source.close();
          resolve(seen);
        };
        source.onmessage = note;
        source.addEventListener("kind", note);
      })
    );
    assertEquals(events, [
      ...["message 1 event 1", "kind 2 event 2", "message 3 event 3", "kind 4 event 4"],
    ]);
    assertEquals(ids.slice(0, 2), [null, "2"]);
  });
});

for (const compression of [false, true]) {
  const how = compression ? ", compressed" : "";
  browserTest(`WebSocket echoes text and bytes${how}`, async () => {
    await withPage((request) => {
      const { socket, response } = upgradeWebSocket(request, { protocol: "echo", compression });
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    }, async (page, origin) => {
      const result = await page.evaluate((url) =>
        new Promise<unknown[]>((resolve) => {
          const socket = new WebSocket(url, ["echo"]);
          socket.binaryType = "arraybuffer";
          const seen: unknown[] = [];
          socket.onopen = () => {
            socket.send("häl€lo 😀");
            socket.send("x".repeat(100_000));
            socket.send(new Uint8Array(70_000).fill(7));
          };
          socket.onmessage = ({ data }) => {
            if (typeof data === "string") seen.push(data.length > 100 ? data.length : data);
            else seen.push([data.byteLength, new Uint8Array(data)[69_999]]);
            if (seen.length === 3) socket.close(3001, "done");
          };
          socket.onclose = ({ code, wasClean }) => {
            resolve([...seen, code, wasClean, socket.protocol, socket.extensions]);
          };
        }), `${origin.replace("http", "ws")}/socket`);
      const extensions = compression ? "permessage-deflate" : "";
      assertEquals(result, [
        ...["häl€lo 😀", 100_000, [70_000, 7], 3001, true, "echo", extensions],
      ]);
    });
  });
}

browserTest("a video asks for ranges, and plays from its middle", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/video.wav`, soundFile());
    using files = await staticFiles(folder);
    const ranges: string[] = [];
    await withPage(async (request) => {
      const range = request.headers.get("range");
      const response = await files(request);
      if (range !== null) ranges.push(`${range} ${response.status}`);
      return response;
    }, async (page) => {
      const time = await page.evaluate((seconds) =>
        new Promise<number>((resolve, reject) => {
          const { document } = globalThis as unknown as { document: PageDocument };
          const video = document.createElement("video");
          video.onerror = () => reject(new Error(video.error?.message));
          video.onloadedmetadata = () => video.currentTime = seconds - 1;
          video.onseeked = () => resolve(video.currentTime);
          video.src = "/video.wav";
        }), VIDEO_SECONDS);
      assertEquals(time, VIDEO_SECONDS - 1);
      assert(
        ranges.length > 0 && ranges.every((range) => /^bytes=\d+-\d* (?:206|304)$/.test(range)),
        `${ranges}`,
      );
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** What is used of a page: Deno's types have none. */
interface PageDocument {
  createElement(name: "video"): {
    src: string;
    currentTime: number;
    readonly error: { readonly message: string } | null;
    onerror: () => void;
    onloadedmetadata: () => void;
    onseeked: () => void;
  };
}

/** A few seconds of a tone as PCM: what every Chromium plays, with or without codecs. */
function soundFile(): Uint8Array {
  const rate = 44_100;
  const samples = rate * VIDEO_SECONDS;
  const bytes = new Uint8Array(44 + 2 * samples);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string) =>
    new TextEncoder().encodeInto(value, bytes.subarray(at));
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples, true);
  for (let i = 0; i < samples; i++) view.setInt16(44 + 2 * i, 8000 * Math.sin(i / 16), true);
  return bytes;
}
