// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ask, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** The content of requests. */
export const contentCases: FetchCases = {
  async "fetch() sends a form with its boundary"(fetch) {
    const { headers, body } = await ask((origin) =>
      fetch(origin, { method: "POST", body: aForm() })
    );
    const boundary = /^multipart\/form-data; ?boundary=(.+)$/.exec(headers["content-type"]!)![1]!;
    assertEquals(Number(headers["content-length"]), body.length);
    assert(body.startsWith(`--${boundary}\r\n`) && body.includes('name="a"\r\n\r\nb\r\n'));
  },
  async "fetch() sends the content type that the caller says"(fetch) {
    const headers = { "Content-Type": "a/b" };
    const request = await ask((origin) => fetch(origin, { method: "POST", body: "x", headers }));
    assertEquals(request.headers["content-type"], "a/b");
  },
  async "fetch() sends the bytes as they were when it was called"(fetch) {
    const changing = Uint8Array.of(65, 66);
    const { body } = await ask((origin) => {
      const asked = fetch(origin, { method: "POST", body: changing });
      changing.fill(90);
      return asked;
    });
    assertEquals(body, "AB");
  },
  async "fetch() sends a MiB of bytes"(fetch) {
    const body = new Uint8Array(1_048_576).fill(120);
    const request = await ask((origin) => fetch(origin, { method: "POST", body }));
    assertEquals(request.body, "x".repeat(1_048_576));
  },
  async "fetch() sends a stream while it is made"(fetch) {
    let piece = 0;
    const body = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (piece === 5) controller.close();
        else controller.enqueue(new Uint8Array(100_000).fill(48 + piece++));
      },
    });
    const request = await ask((origin) => fetch(origin, { method: "POST", body }));
    const expected = [0, 1, 2, 3, 4].map((digit) => String(digit).repeat(100_000)).join("");
    assert(request.body === expected);
  },
  async "fetch() with a locked stream rejects"(fetch) {
    const body = new Blob(["x"]).stream();
    body.getReader();
    const init = { method: "POST", body };
    await assertRejects(() => fetch("http://127.0.0.1:9999/", init), TypeError);
  },
  async "fetch() rejects when the stream of its body fails"(fetch) {
    await using server = new WireServer(() => ok());
    const body = new ReadableStream({
      pull: (controller) => controller.error(new Error("No more")),
    });
    await assertRejects(() => fetch(server.origin, { method: "POST", body }));
  },
  async "fetch() rejects when the stream of its body gives text"(fetch) {
    await using server = new WireServer(() => ok());
    const body = new ReadableStream({ pull: (controller) => controller.enqueue("text") });
    await assertRejects(() => fetch(server.origin, { method: "POST", body }), TypeError);
  },
  async "fetch() sends no length with DELETE and no body"(fetch) {
    const { headers } = await ask((origin) => fetch(origin, { method: "DELETE" }));
    assertEquals(headers["content-length"], undefined);
  },
  async "fetch() sends a Request's text with its length"(fetch) {
    const { headers } = await ask((origin) =>
      fetch(new Request(origin, { method: "POST", body: new URLSearchParams({ a: "b" }) }))
    );
    assertEquals([headers["content-length"], headers["transfer-encoding"]], ["3", undefined]);
  },
};

/** What is sent of a body: its content, type and length; -1 for chunks. */
type Sent = [content: string, type: string | undefined, byteLength: number];

/** What is sent of each kind of body. */
export function sentCases(): FetchCases {
  const bytes = Uint8Array.of(0, 1, 254, 255);
  const text = "\0\x01\xfe\xff";
  const bodies: Record<string, [() => BodyInit | null, Sent]> = {
    "a text": [() => "h\u00e9", ["h\xc3\xa9", "text/plain;charset=UTF-8", 3]],
    "an empty text": [() => "", ["", "text/plain;charset=UTF-8", 0]],
    "bytes": [() => bytes, [text, undefined, 4]],
    "a part of bytes": [() => bytes.subarray(1, 3), ["\x01\xfe", undefined, 2]],
    "an ArrayBuffer": [() => bytes.buffer, [text, undefined, 4]],
    "a DataView": [() => new DataView(bytes.buffer, 2), ["\xfe\xff", undefined, 2]],
    "16-bit numbers": [() => Uint16Array.of(1, 2), ["\x01\0\x02\0", undefined, 4]],
    "a Blob": [() => new Blob(["blob"]), ["blob", undefined, 4]],
    "a Blob with a type": [() => new Blob(["b"], { type: "a/b" }), ["b", "a/b", 1]],
    "URLSearchParams": [
      () => new URLSearchParams({ a: "b c" }),
      ["a=b+c", "application/x-www-form-urlencoded;charset=UTF-8", 5],
    ],
    "a stream": [() => new Blob(["stream"]).stream(), ["stream", undefined, -1]],
    "an empty stream": [() => new Blob([]).stream(), ["", undefined, -1]],
    "no body": [() => null, ["", undefined, 0]],
  };
  const cases: FetchCases = {};
  for (const [what, [body, [content, type, byteLength]]] of Object.entries(bodies)) {
    cases[`fetch() sends ${what} with its type and length`] = async (fetch) => {
      const init = { method: "POST", body: body() };
      const { headers, body: received } = await ask((origin) => fetch(origin, init));
      assertEquals(received, content);
      assertEquals(headers["content-type"], type);
      const chunked = headers["transfer-encoding"] === "chunked";
      assertEquals(chunked ? -1 : Number(headers["content-length"]), byteLength);
    };
  }
  return cases;
}

function aForm(): FormData {
  const form = new FormData();
  form.set("a", "b");
  return form;
}
