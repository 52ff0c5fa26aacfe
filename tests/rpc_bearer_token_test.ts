// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import {
  bearerTokenClientInterceptor,
  bearerTokenInterceptor,
  type BearerTokenOptions,
  clientOf,
  interceptCalls,
  type InterceptedCall,
} from "../rpc/mod.ts";
import { leakTest } from "./leak.ts";
import { rejectsWith } from "./rpc_network.ts";
import { everything, pairOf } from "./rpc_services.ts";

/** A server with a guard, and a client of it for each token. */
function guarded(options: BearerTokenOptions, onCall: () => void = () => {}) {
  const pair = pairOf({
    serve: { interceptors: [bearerTokenInterceptor(options)] },
    handlers: { echo: (request) => (onCall(), request) },
  });
  const withToken = (token: string | (() => string)) =>
    clientOf(everything, interceptCalls(pair.channel, bearerTokenClientInterceptor(token)));
  return { pair, withToken };
}

leakTest("a call without a good token is UNAUTHENTICATED, and no handler sees it", async () => {
  let seen = 0;
  const { pair, withToken } = guarded({ tokens: ["first", "second"] }, () => seen++);
  await using _pair = pair;
  for (const token of ["", "firs", "first ", "firsT", "firstfirst", "secondsecond", "ünknown"]) {
    await rejectsWith("UNAUTHENTICATED", () => withToken(token).echo({ text: "" }));
  }
  for (const authorization of ["first", "Basic first", "bearer first", "Bearer"]) {
    const metadata = { authorization };
    await rejectsWith("UNAUTHENTICATED", () => pair.client.echo({ text: "" }, { metadata }));
  }
  await rejectsWith("UNAUTHENTICATED", () => pair.client.echo({ text: "" }));
  await rejectsWith("UNAUTHENTICATED", () => Array.fromAsync(pair.client.count({ value: 1 })));
  assertEquals(seen, 0);
});

leakTest("a call with a good token is served, streams as well", async () => {
  const { pair, withToken } = guarded({ tokens: ["first", "second"] });
  await using _pair = pair;
  for (const token of ["first", "second"]) {
    const client = withToken(token);
    assertEquals(await client.echo({ text: "a" }), { text: "a" });
    assertEquals((await Array.fromAsync(client.count({ value: 3 }))).length, 3);
  }
});

leakTest("a token is asked for with every call, and joins the call's own metadata", async () => {
  const tokens = ["one", "two"];
  const seen: string[] = [];
  const check = (token: string, { context }: InterceptedCall) => {
    seen.push(`${token} ${context.metadata["user"]}`);
    return true;
  };
  const { pair, withToken } = guarded({ tokens: check });
  await using _pair = pair;
  const client = withToken(() => tokens.shift()!);
  for (const user of ["ada", "bob"]) await client.echo({ text: "" }, { metadata: { user } });
  assertEquals(seen, ["one ada", "two bob"]);
});

leakTest("tokens may be checked elsewhere, in a while", async () => {
  const tokens = (token: string) => Promise.resolve(token === "good");
  const { pair, withToken } = guarded({ tokens });
  await using _pair = pair;
  assertEquals(await withToken("good").echo({ text: "a" }), { text: "a" });
  assertEquals((await Array.fromAsync(withToken("good").count({ value: 2 }))).length, 2);
  await rejectsWith("UNAUTHENTICATED", () => withToken("bad").echo({ text: "a" }));
});

leakTest("services that are open need no token", async () => {
  const { pair } = guarded({ tokens: ["first"], open: [everything] });
  await using _pair = pair;
  assertEquals(await pair.client.echo({ text: "a" }), { text: "a" });
});

Deno.test("bearerTokenInterceptor() takes no empty token", () => {
  assertThrows(() => bearerTokenInterceptor({ tokens: ["a", ""] }), RangeError, "empty");
});
