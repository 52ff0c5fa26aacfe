// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertRejects } from "@std/assert";
import { leakTest, withoutLeaks } from "./leak.ts";

leakTest("leakTest() passes when everything was closed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  await client.write(new Uint8Array(1));
  await server.read(new Uint8Array(1));
});

leakTest("leakTest() gives the body the context of the test", async (t) => {
  await t.step("a step", () => {});
});

Deno.test("withoutLeaks() names the file that stays open", async () => {
  let file: Deno.FsFile | undefined;
  const leaving = withoutLeaks(async () => {
    file = await Deno.open("/dev/zero");
  });
  await assertRejects(() => leaving, Error, "(/dev/zero) is open");
  file?.close();
});

Deno.test("withoutLeaks() waits for what is closed a little later", async () => {
  await withoutLeaks(async () => {
    const file = await Deno.open("/dev/zero");
    setTimeout(() => file.close(), 20);
  });
});

Deno.test("withoutLeaks() lets an error of the body come first", async () => {
  let file: Deno.FsFile | undefined;
  const failing = withoutLeaks(async () => {
    file = await Deno.open("/dev/zero");
    throw new RangeError("Out of patience");
  });
  await assertRejects(() => failing, RangeError, "Out of patience");
  file?.close();
});
