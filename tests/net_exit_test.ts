// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { listen } from "../net/listen.ts";
import { leakTest } from "./leak.ts";
import { PHOTON_NET, runProgram } from "./subprocess.ts";
import { patternBytes, readToEnd } from "./transfer.ts";

// The end of a process: what it has written arrives, and what it only waits for does not hold it.

const BYTES = 3_000_000;

/** Ways for a program to end after its last write. */
const ENDINGS: Record<string, string> = {
  "closes and ends": "conn.close();",
  "closes its writing half and ends": "await conn.closeWrite();",
  "ends without closing": "",
  "ends while it waits for an unreferenced read": "conn.unref(); conn.read(new Uint8Array(1));",
  "calls Deno.exit() at once": "Deno.exit();",
  "closes and calls Deno.exit() at once": "conn.close(); Deno.exit();",
};

for (const [name, ending] of Object.entries(ENDINGS)) {
  leakTest(`a program that ${name} has delivered what it wrote`, async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const program = runProgram(
      `${PHOTON_NET}
        import { patternBytes } from "${new URL("transfer.ts", import.meta.url)}";
        const conn = await connect({ port: ${listener.addr.port} });
        await conn.writeAll(patternBytes(${BYTES}));
        ${ending}`,
      ["-A"],
    );
    using conn = await listener.accept();
    const received = await readToEnd(conn);
    assertEquals(received.length, BYTES);
    assertEquals(received, patternBytes(BYTES));
    const { code, stderr } = await program;
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  });
}

/** Waiting that must not hold a process. */
const UNHELD: Record<string, string> = {
  "an unreferenced read": "conn.unref(); conn.read(new Uint8Array(1));",
  "an unreferenced read with a timeout":
    "conn.setReadTimeout(60_000); conn.unref(); conn.read(new Uint8Array(1));",
  "an unreferenced peek": "conn.unref(); conn.peek(new Uint8Array(1));",
  "an accept that was given up": `
    const abort = new AbortController();
    const accepting = listener.accept({ signal: abort.signal });
    abort.abort();
    await accepting.catch(() => {});`,
  "a read that was given up after many": `
    for (let turn = 0; turn < 8; turn++) {
      const reading = conn.read(new Uint8Array(1));
      await peer.write(new Uint8Array(1));
      await reading;
    }
    const abort = new AbortController();
    const reading = conn.read(new Uint8Array(1), { signal: abort.signal });
    abort.abort();
    await reading.catch(() => {});`,
};

for (const [name, waiting] of Object.entries(UNHELD)) {
  Deno.test(`a program that has nothing left but ${name} ends`, async () => {
    const { code, stdout, stderr } = await runProgram(
      `${PHOTON_NET}
        const listener = listen({ hostname: "127.0.0.1", port: 0 });
        const [conn, peer] = await Promise.all([connect(listener.addr), listener.accept()]);
        ${waiting}
        console.log("last");`,
      ["-A"],
    );
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "last\n", stderr: "" });
  });
}

Deno.test("a program that waits for a timeout of its read stays until then", async () => {
  const { code, stdout, stderr } = await runProgram(
    `${PHOTON_NET}
      const listener = listen({ hostname: "127.0.0.1", port: 0 });
      const [conn] = await Promise.all([connect(listener.addr), listener.accept()]);
      conn.setReadTimeout(50);
      console.log(await conn.read(new Uint8Array(1)).catch((error) => error.name));`,
    ["-A"],
  );
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "TimedOut\n", stderr: "" });
});
