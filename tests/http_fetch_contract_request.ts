// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ask, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** What leaves for what is asked. */
export const requestCases: FetchCases = {
  ...methodCases(),
  ...refusedCases(),
  ...contentCases(),

  async "fetch() with a URL object asks for it"(fetch) {
    const { line } = await ask((origin) => fetch(new URL("/a?b=c", origin)));
    assertEquals(line, "GET /a?b=c HTTP/1.1");
  },
  async "fetch() with a Request takes method, fields and body of it"(fetch) {
    const { line, headers, body } = await ask((origin) =>
      fetch(new Request(origin + "/r", { method: "PUT", headers: { "x-a": "b" }, body: "text" }))
    );
    assertEquals(line, "PUT /r HTTP/1.1");
    assertEquals([headers["x-a"], headers["content-length"], body], ["b", "4", "text"]);
  },
  async "fetch() with a Request and options takes those of the options first"(fetch) {
    const { method, headers, body } = await ask((origin) =>
      fetch(new Request(origin, { method: "POST", body: "old", headers: { a: "1" } }), {
        method: "PUT",
        body: "new",
        headers: { b: "2" },
      })
    );
    assertEquals([method, headers.a, headers.b, body], ["PUT", undefined, "2", "new"]);
  },
  async "fetch() with a Request marks its body as used"(fetch) {
    const requests: Request[] = [];
    await ask((origin) => {
      requests.push(new Request(origin, { method: "POST", body: "text" }));
      return fetch(requests[0]!);
    });
    assert(requests[0]!.bodyUsed);
  },
  async "fetch() with a Request whose body was used rejects"(fetch) {
    const request = new Request("http://127.0.0.1:9999/", { method: "POST", body: "text" });
    await request.text();
    await assertRejects(() => fetch(request), TypeError);
  },
  async "fetch() with an object takes its text as the URL"(fetch) {
    const { target } = await ask((origin) =>
      fetch({ toString: () => `${origin}/text` } as unknown as string)
    );
    assertEquals(target, "/text");
  },
  async "fetch() does not send the fragment"(fetch) {
    assertEquals((await ask((origin) => fetch(`${origin}/a#b`))).target, "/a");
  },
  async "fetch() asks for / where the URL has no path"(fetch) {
    assertEquals((await ask((origin) => fetch(origin))).target, "/");
  },
  async "fetch() encodes what is not ASCII in path and query"(fetch) {
    assertEquals((await ask((origin) => fetch(`${origin}/ä?ö=ü`))).target, "/%C3%A4?%C3%B6=%C3%BC");
  },
  async "fetch() names the host with its port"(fetch) {
    let host = "";
    const { headers } = await ask((origin) => {
      host = new URL(origin).host;
      return fetch(origin);
    });
    assertEquals(headers.host, host);
  },
  async "fetch() sends credentials of the URL as Authorization"(fetch) {
    const { headers } = await ask((origin) => fetch(origin.replace("//", "//us%20er:p%40ss@")));
    assertEquals(headers.authorization, `Basic ${btoa("us er:p@ss")}`);
  },
  async "fetch() asks for any type, any language and what it can decode"(fetch) {
    const { headers } = await ask((origin) => fetch(origin));
    assertEquals(
      [headers.accept, headers["accept-language"], headers["accept-encoding"]],
      ["*/*", "*", "gzip,br"],
    );
    assertEquals(headers["user-agent"], `Deno/${Deno.version.deno}`);
  },
  async "fetch() leaves these fields to the caller"(fetch) {
    const own = {
      "accept": "a/b",
      "accept-language": "de",
      "accept-encoding": "identity",
      "user-agent": "me",
    };
    const { headers } = await ask((origin) => fetch(origin, { headers: own }));
    for (const [name, value] of Object.entries(own)) assertEquals(headers[name], value);
  },
  async "fetch() takes fields as Headers"(fetch) {
    const headers = new Headers([["X-A", "1"], ["x-a", "2"]]);
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "1, 2");
  },
  async "fetch() takes fields as pairs, and joins those of one name"(fetch) {
    const headers: [string, string][] = [["X-A", "1"], ["x-a", "2"]];
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "1, 2");
  },
  async "fetch() trims values"(fetch) {
    const headers = { "x-a": "  value\t" };
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "value");
  },
  async "fetch() sends octets above ASCII in values"(fetch) {
    const headers = { "x-a": "caf\u00e9" };
    assertEquals((await ask((origin) => fetch(origin, { headers }))).headers["x-a"], "caf\u00e9");
  },
  async "fetch() sends an empty value"(fetch) {
    const { headers } = await ask((origin) => fetch(origin, { headers: { "x-a": "" } }));
    assertEquals(headers["x-a"], "");
  },
  async "fetch() does not let the caller name another host"(fetch) {
    const { headers } = await ask((origin) => fetch(origin, { headers: { host: "example.com" } }));
    assertMatch(headers.host!, /^127\.0\.0\.1:/);
  },
  async "fetch() does not let the caller say a length"(fetch) {
    const { headers, body } = await ask((origin) =>
      fetch(origin, { method: "POST", body: "text", headers: { "content-length": "99" } })
    );
    assertEquals([headers["content-length"], body], ["4", "text"]);
  },
  async "fetch() with keepalive, mode, cache and credentials asks all the same"(fetch) {
    const { line } = await ask((origin) =>
      fetch(origin, { keepalive: true, mode: "cors", cache: "no-store", credentials: "include" })
    );
    assertEquals(line, "GET / HTTP/1.1");
  },
  async "fetch() of a data: URL gives what is in it"(fetch) {
    const response = await fetch("data:text/plain,hello%20world");
    assertEquals(await response.text(), "hello world");
    assertEquals(response.headers.get("content-type"), "text/plain");
  },
  async "fetch() of a blob: URL gives the blob"(fetch) {
    const url = URL.createObjectURL(new Blob(["blob"]));
    assertEquals(await (await fetch(url)).text(), "blob");
    URL.revokeObjectURL(url);
  },
  async "fetch() asks twice on one connection"(fetch) {
    await using server = new WireServer(() => ok("ok"));
    for (let round = 0; round < 3; round++) await (await fetch(server.origin)).text();
    assertEquals(server.connections, 1);
  },
  async "fetch() asks at the same time on several connections"(fetch) {
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    await using server = new WireServer(async () => {
      if (++waiting === 8) all.resolve();
      await all.promise;
      return ok("ok");
    });
    const texts = await Promise.all(
      Array.from({ length: 8 }, async () => await (await fetch(server.origin)).text()),
    );
    assertEquals([texts.length, server.connections], [8, 8]);
  },
};

function methodCases(): FetchCases {
  const sent = {
    "get": "GET",
    "Post": "POST",
    "put": "PUT",
    "delete": "DELETE",
    "options": "OPTIONS",
    "head": "HEAD",
    "patch": "patch",
    "PROPFIND": "PROPFIND",
  };
  const cases: FetchCases = {};
  for (const [given, expected] of Object.entries(sent)) {
    cases[`fetch() with the method ${given} sends ${expected}`] = async (fetch) => {
      const { method } = await ask((origin) => fetch(origin, { method: given }), () => ok());
      assertEquals(method, expected);
    };
  }
  for (const method of ["CONNECT", "TRACE", "track", "A B", ""]) {
    cases[`fetch() with the method "${method}" rejects with TypeError`] = async (fetch) => {
      await assertRejects(() => fetch("http://127.0.0.1:9999/", { method }), TypeError);
    };
  }
  return cases;
}

function refusedCases(): FetchCases {
  const nowhere = "http://127.0.0.1:9999/";
  const refused: Record<string, [string, RequestInit?]> = {
    "no URL": ["nonsense"],
    "an empty URL": [""],
    "a scheme that is not known": ["ftp://127.0.0.1/"],
    "a blocked port": ["http://127.0.0.1:25/"],
    "GET and a body": [nowhere, { body: "text" }],
    "HEAD and a body": [nowhere, { method: "HEAD", body: "text" }],
    "a field name that is none": [nowhere, { headers: { "a b": "c" } }],
    "a field value with a line end": [nowhere, { headers: { a: "b\r\nc: d" } }],
    "a field value beyond Latin-1": [nowhere, { headers: { a: "\u20ac" } }],
    "a redirect mode that is none": [nowhere, { redirect: "maybe" as "follow" }],
    "a signal that is none": [nowhere, { signal: {} as AbortSignal }],
    "a port that is none": ["http://127.0.0.1:99999/"],
  };
  const cases: FetchCases = {};
  for (const [what, [url, init]] of Object.entries(refused)) {
    cases[`fetch() with ${what} rejects with TypeError`] = async (fetch) => {
      await assertRejects(() => fetch(url, init), TypeError);
    };
  }
  return cases;
}

/** What is sent of a body: its content, type and length; -1 for chunks. */
type Sent = [content: string, type: string | undefined, byteLength: number];

function contentCases(): FetchCases {
  const bytes = Uint8Array.of(0, 1, 254, 255);
  const text = "\0\x01\xfe\xff";
  const form = new FormData();
  form.set("a", "b");
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
  const cases: FetchCases = {
    async "fetch() sends a form with its boundary"(fetch) {
      const { headers, body } = await ask((origin) =>
        fetch(origin, { method: "POST", body: form })
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
