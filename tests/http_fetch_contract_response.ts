// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { answer, type Fetch, type FetchCases, ok, WireServer } from "./http_fetch_contract_case.ts";

/** What a response tells beside its body. */
export const headCases: FetchCases = {
  async "fetch() gives a Response"(fetch) {
    await given(fetch, ok("text"), async (response) => {
      assert(response instanceof Response);
      assertEquals(Object.prototype.toString.call(response), "[object Response]");
      assertEquals(await response.text(), "text");
    });
  },
  async "fetch() tells status, text and whether it is well"(fetch) {
    await given(fetch, answer("404 Not Found", "Content-Length: 0"), async (response) => {
      assertEquals([response.status, response.statusText, response.ok], [
        404,
        "Not Found",
        false,
      ]);
      await response.body?.cancel();
    });
  },
  async "fetch() tells the URL, and that nothing was redirected"(fetch) {
    await using server = new WireServer(() => ok());
    const response = await fetch(`${server.origin}/path?query#fragment`);
    assertEquals(response.url, `${server.origin}/path?query`);
    assertEquals([response.redirected, response.type], [false, "basic"]);
    await response.body?.cancel();
  },
  async "fetch() fills in the status text"(fetch) {
    await given(fetch, answer("200", "Content-Length: 0"), async (response) => {
      assertEquals(response.statusText, "OK");
      await response.body?.cancel();
    });
  },
  async "fetch() takes any status of three digits"(fetch) {
    await given(fetch, answer("999 Odd", "Content-Length: 2") + "ok", async (response) => {
      assertEquals([response.status, response.ok, await response.text()], [999, false, "ok"]);
    });
  },
  async "headers are found in any case"(fetch) {
    await given(fetch, ok("", "X-Name: value"), async ({ headers, body }) => {
      assertEquals([headers.get("x-NAME"), headers.has("X-name")], ["value", true]);
      assertEquals([headers.get("other"), headers.has("other")], [null, false]);
      await body?.cancel();
    });
  },
  async "headers of one name are joined"(fetch) {
    await given(fetch, ok("", "A: 1", "a: 2"), async ({ headers, body }) => {
      assertEquals(headers.get("a"), "1, 2");
      await body?.cancel();
    });
  },
  async "headers are iterated in order of their names"(fetch) {
    await given(fetch, ok("", "B: 1", "A: 2"), async ({ headers, body }) => {
      assertEquals([...headers], [["a", "2"], ["b", "1"], ["content-length", "0"]]);
      assertEquals([...headers.keys()], ["a", "b", "content-length"]);
      await body?.cancel();
    });
  },
  async "headers keep cookies apart"(fetch) {
    const octets = ok("", "Set-Cookie: a=1", "Set-Cookie: b=2, c");
    await given(fetch, octets, async ({ headers, body }) => {
      assertEquals(headers.getSetCookie(), ["a=1", "b=2, c"]);
      await body?.cancel();
    });
  },
  async "headers cannot be changed"(fetch) {
    await given(fetch, ok(), async ({ headers, body }) => {
      assertThrows(() => headers.set("a", "b"), TypeError);
      assertThrows(() => headers.append("a", "b"), TypeError);
      assertThrows(() => headers.delete("content-length"), TypeError);
      await body?.cancel();
    });
  },
  async "headers are Headers"(fetch) {
    await given(fetch, ok("", "A: 1"), async ({ headers, body }) => {
      assert(headers instanceof Headers);
      assertEquals(new Headers(headers).get("a"), "1");
      await body?.cancel();
    });
  },
  async "headers hold octets above ASCII"(fetch) {
    await given(fetch, ok("", "A: caf\xe9"), async ({ headers, body }) => {
      assertEquals(headers.get("a"), "caf\u00e9");
      await body?.cancel();
    });
  },
  async "headers may have no value"(fetch) {
    await given(fetch, ok("", "A:", "B:   "), async ({ headers, body }) => {
      assertEquals([headers.get("a"), headers.get("b")], ["", ""]);
      await body?.cancel();
    });
  },
  async "a response can be made from it"(fetch) {
    await given(fetch, ok("text", "A: 1"), async (response) => {
      const made = new Response(response.body, response);
      assertEquals([made.status, made.headers.get("a"), await made.text()], [200, "1", "text"]);
    });
  },
  async "a response is read after the server closed"(fetch) {
    await using server = new WireServer(async (_, peer) => {
      await peer.send(ok("text"));
      peer.close();
    });
    const response = await fetch(server.origin);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(await response.text(), "text");
  },
};

/** The ways to read a body whole. */
export const readingCases: FetchCases = {
  async "text() decodes UTF-8"(fetch) {
    await given(fetch, ok("\xc3\xa4\xe2\x82\xac"), async (response) => {
      assertEquals(await response.text(), "\u00e4\u20ac");
    });
  },
  async "text() leaves a byte order mark out"(fetch) {
    await given(fetch, ok("\xef\xbb\xbftext"), async (response) => {
      assertEquals(await response.text(), "text");
    });
  },
  async "text() replaces what is no UTF-8"(fetch) {
    await given(fetch, ok("a\xffb"), async (response) => {
      assertEquals(await response.text(), "a\ufffdb");
    });
  },
  async "text() of nothing is empty"(fetch) {
    await given(fetch, ok(), async (response) => assertEquals(await response.text(), ""));
  },
  async "text() of a long body is all of it"(fetch) {
    const text = "0123456789".repeat(50_000);
    await given(fetch, ok(text), async (response) => assert(await response.text() === text));
  },
  async "json() parses"(fetch) {
    await given(fetch, ok('{"a":[1,null]}'), async (response) => {
      assertEquals(await response.json(), { a: [1, null] });
    });
  },
  async "json() of what is none rejects with SyntaxError"(fetch) {
    await given(fetch, ok("{"), async (response) => {
      await assertRejects(() => response.json(), SyntaxError);
      assert(response.bodyUsed);
    });
  },
  async "json() of nothing rejects with SyntaxError"(fetch) {
    await given(fetch, ok(), async (response) => {
      await assertRejects(() => response.json(), SyntaxError);
    });
  },
  async "bytes() gives the octets"(fetch) {
    await given(fetch, ok("\0\xff"), async (response) => {
      assertEquals(await response.bytes(), Uint8Array.of(0, 255));
    });
  },
  async "arrayBuffer() gives the octets and no more"(fetch) {
    await given(fetch, ok("\0\xff"), async (response) => {
      assertEquals(new Uint8Array(await response.arrayBuffer()), Uint8Array.of(0, 255));
    });
  },
  async "blob() has the content type"(fetch) {
    await given(fetch, ok("text", "Content-Type: text/plain"), async (response) => {
      const blob = await response.blob();
      assertEquals([blob.type, blob.size, await blob.text()], ["text/plain", 4, "text"]);
    });
  },
  async "formData() parses what a form sends"(fetch) {
    const type = "Content-Type: application/x-www-form-urlencoded";
    await given(fetch, ok("a=b+c&d=", type), async (response) => {
      assertEquals([...await response.formData()], [["a", "b c"], ["d", ""]]);
    });
  },
  async "formData() parses parts"(fetch) {
    const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';
    const type = "Content-Type: multipart/form-data; boundary=x";
    await given(fetch, ok(body, type), async (response) => {
      assertEquals([...await response.formData()], [["a", "b"]]);
    });
  },
  async "formData() of what is none rejects with TypeError"(fetch) {
    await given(fetch, ok("text"), async (response) => {
      await assertRejects(() => response.formData(), TypeError);
    });
  },
  async "bodyUsed tells whether it was read"(fetch) {
    await given(fetch, ok("text"), async (response) => {
      assertEquals(response.bodyUsed, false);
      await response.text();
      assertEquals(response.bodyUsed, true);
    });
  },
  async "a body is read once, a long one as well"(fetch) {
    await given(fetch, ok("x".repeat(200_000)), async (response) => {
      await response.text();
      await assertRejects(() => response.text(), TypeError);
    });
  },
  async "clone() gives the same once more"(fetch) {
    await given(fetch, ok("text", "A: 1"), async (response) => {
      const copy = response.clone();
      assertEquals([copy.status, copy.url, copy.type], [200, response.url, "basic"]);
      assertEquals([copy.headers.get("a"), await copy.text()], ["1", "text"]);
      assertEquals(await response.text(), "text");
    });
  },
  async "clone() of a long body gives all of it twice"(fetch) {
    const text = "x".repeat(300_000);
    await given(fetch, ok(text), async (response) => {
      const copy = response.clone();
      const [left, right] = await Promise.all([response.text(), copy.text()]);
      assert(left === text && right === text);
    });
  },
  async "clone() of what was read throws"(fetch) {
    await given(fetch, ok("text"), async (response) => {
      await response.text();
      assertThrows(() => response.clone(), TypeError);
    });
  },
};

/** What each of them does the second time. */
export function rereadCases(): FetchCases {
  const cases: FetchCases = {};
  const readers = ["text", "json", "bytes", "arrayBuffer", "blob"] as const;
  for (const reader of readers) {
    cases[`${reader}() of what was read rejects with TypeError`] = async (fetch) => {
      await given(fetch, ok("1"), async (response) => {
        await response[reader]();
        await assertRejects(() => response[reader](), TypeError);
      });
    };
  }
  return cases;
}

/** Fetches while a server gives these octets. */
export async function given(
  fetch: Fetch,
  octets: string,
  use: (response: Response) => Promise<void>,
): Promise<void> {
  await using server = new WireServer(() => octets);
  await use(await fetch(`${server.origin}/path?query`));
}
