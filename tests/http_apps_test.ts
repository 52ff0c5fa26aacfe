// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { getCookie, setCookie } from "hono/cookie";
import { etag } from "hono/etag";
import { streamText } from "hono/streaming";
import { serve } from "../http/mod.ts";
import type { Serve } from "./http_contract_case.ts";
import { exampleApp, resetNotes } from "./http_example_app.ts";
import { leakTest } from "./leak.ts";

type Handler = Deno.ServeHandler<Deno.NetAddr>;
type Call = readonly [path: string, init?: RequestInit];

const JSON_TYPE = { "content-type": "application/json" };

// Data: what is asked of the example, in this order.
const CALLS: readonly Call[] = [
  ["/"],
  ["/who", { headers: { "user-agent": "test" } }],
  ["/notes", { method: "POST", body: '{"text":"first note"}', headers: JSON_TYPE }],
  ["/notes", { method: "POST", body: '{"text":"second"}', headers: JSON_TYPE }],
  ["/notes", { method: "POST", body: "{}", headers: JSON_TYPE }],
  ["/notes", { method: "POST", body: "{", headers: JSON_TYPE }],
  ["/notes?q=note"],
  ["/notes/2"],
  ["/notes/2", { method: "HEAD" }],
  ["/notes/2", { method: "DELETE" }],
  ["/notes/2"],
  ["/form", { method: "POST", body: new URLSearchParams({ a: "1", b: "ü" }) }],
  ["/copy", { method: "POST", body: "x".repeat(100_000), headers: { "x-own": "1" } }],
  ["/events"],
  ["/source"],
  ["/old", { redirect: "manual" }],
  ["/fail"],
  ["/nowhere"],
];

// Data: what is asked of the program with Hono.
const HONO_CALLS: readonly Call[] = [
  ["/"],
  ["/json?name=x"],
  ["/users/7"],
  ["/echo", { method: "POST", body: '{"a":[1,2,{"b":null}]}', headers: JSON_TYPE }],
  ["/text", { method: "PUT", body: "plain" }],
  ["/form", { method: "POST", body: new URLSearchParams({ a: "1" }) }],
  ["/headers", { headers: { "x-own": "1" } }],
  ["/cookie", { headers: { cookie: "a=1; b=2" } }],
  ["/stream"],
  ["/tagged"],
  ["/long", { headers: { "accept-encoding": "gzip" } }],
  ["/clone", { method: "POST", body: "twice" }],
  ["/redirect", { redirect: "manual" }],
  ["/fail"],
  ["/nowhere"],
  ["/users/7", { method: "DELETE" }],
];

leakTest("an app written for Deno.serve answers the same on both", async () => {
  assertEquals(await answers(serve as unknown as Serve, exampleApp, CALLS), await onDeno());

  async function onDeno(): Promise<unknown[]> {
    return await answers(Deno.serve, exampleApp, CALLS);
  }
});

leakTest("an app on Hono answers the same on both", async () => {
  const app = honoApp();
  const handler: Handler = (request, info) => app.fetch(request, { info });
  assertEquals(
    await answers(serve as unknown as Serve, handler, HONO_CALLS),
    await answers(Deno.serve, handler, HONO_CALLS),
  );
});

function honoApp(): Hono {
  const app = new Hono();
  app.use("/tagged", etag());
  app.use("/long", compress());
  app.get("/", (c) => c.text("home"));
  app.get("/json", (c) => c.json({ name: c.req.query("name"), path: c.req.path }));
  app.get("/users/:id", (c) => c.html(`<b>${c.req.param("id")}</b>`));
  app.post("/echo", async (c) => c.json(await c.req.json()));
  app.put("/text", async (c) => c.text((await c.req.text()).toUpperCase(), 201));
  app.post("/form", async (c) => c.json(await c.req.parseBody()));
  app.get("/headers", (c) => {
    c.header("x-answer", c.req.header("X-Own") ?? "none");
    return c.body(null, 204);
  });
  app.get("/cookie", (c) => {
    setCookie(c, "c", "3", { httpOnly: true });
    return c.json(getCookie(c));
  });
  app.get("/stream", (c) =>
    streamText(c, async (stream) => {
      for (const part of ["a", "b", "c"]) await stream.write(part);
    }));
  app.get("/tagged", (c) => c.text("tagged"));
  app.get("/long", (c) => c.text("long ".repeat(1000)));
  app.post("/clone", async (c) => {
    const { raw } = c.req;
    return c.text(`${await raw.clone().text()} ${await raw.text()}`);
  });
  app.get("/redirect", (c) => c.redirect("/", 303));
  app.get("/fail", () => {
    throw new Error("on purpose");
  });
  app.onError((error, c) => c.text(`failed: ${error.message}`, 500));
  return app;
}

/** Status, headers but the date, and body of every answer. */
async function answers(
  serve: Serve,
  handler: Handler,
  calls: readonly Call[],
): Promise<unknown[]> {
  resetNotes();
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    onError: (error) => new Response(String(error), { status: 500 }),
  }, handler);
  const found: unknown[] = [];
  try {
    for (const [path, init] of calls) {
      const response = await fetch(`http://127.0.0.1:${server.addr.port}${path}`, init);
      // Whether a connection goes on is between the two of them.
      const own = ["date", "connection"];
      const headers = [...response.headers].filter(([name]) => !own.includes(name)).map(
        ([name, value]) => [name, value.replace(`:${server.addr.port}`, ":PORT")],
      );
      found.push([path, response.status, headers, await response.text()]);
    }
  } finally {
    await server.shutdown();
  }
  return found;
}
