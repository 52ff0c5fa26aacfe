// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { abortable } from "../net/abortable.ts";

Deno.test("abortable() leaves no rejection to nobody, however late it was aborted", async () => {
  const seen: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    seen.push(event.reason);
  };
  addEventListener("unhandledrejection", note);
  try {
    for (const isLate of [false, true]) {
      const controller = new AbortController();
      const { promise, reject } = Promise.withResolvers<void>();
      if (!isLate) controller.abort();
      const waiting = abortable(promise, controller.signal);
      if (isLate) controller.abort();
      await assertRejects(() => waiting, DOMException);
      reject(new Error("too late to be of interest"));
      await new Promise((resolve) => setTimeout(resolve));
    }
  } finally {
    removeEventListener("unhandledrejection", note);
  }
  assertEquals(seen, []);
});
