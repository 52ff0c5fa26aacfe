// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { connect, listen, type TcpListener, type UnixListener } from "../net/mod.ts";
import { leakTest } from "./leak.ts";
import { freshAbstractName } from "./net_pair.ts";
import { seededRandom } from "./net_random.ts";

/** Connects that race their abort, TCP and Unix together. */
const RACES = 10_000;
/** Races at a time. */
const AT_ONCE = 50;

/** Accepts and closes whatever comes, until the listener is closed. */
async function acceptAll(listener: TcpListener | UnixListener): Promise<void> {
  for await (const conn of listener) conn.close();
}

/** The moments at which a connect is given up: before it begins to long after it is done. */
const MOMENTS: readonly ((abort: () => void) => void)[] = [
  (abort) => abort(),
  (abort) => queueMicrotask(abort),
  (abort) => void Promise.resolve().then(() => {}).then(() => {}).then(abort),
  (abort) => void setTimeout(abort, 0),
  (abort) => void setTimeout(abort, 1),
  () => {},
];

leakTest("10 000 connects that race their abort end one way or the other", async () => {
  const random = seededRandom(7);
  const path = freshAbstractName();
  const tcp = listen({ hostname: "127.0.0.1", port: 0 });
  const unix = listen({ transport: "unix", path });
  const accepting = [acceptAll(tcp), acceptAll(unix)];
  const reason = new Error("given up");
  const counts = { won: 0, lost: 0 };

  async function race(): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = random(10) < 7
      ? connect({ hostname: "127.0.0.1", port: tcp.addr.port, signal })
      : connect({ transport: "unix", path, signal });
    MOMENTS[random(MOMENTS.length)]!(() => controller.abort(reason));
    try {
      (await connecting).close();
      counts.won++;
    } catch (error) {
      assert(error === reason, String(error));
      counts.lost++;
    }
  }

  for (let begun = 0; begun < RACES; begun += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, race));
  }
  assertEquals(counts.won + counts.lost, RACES);
  // Both must have happened, or nothing was raced.
  assert(counts.won > RACES / 10 && counts.lost > RACES / 10, JSON.stringify(counts));
  tcp.close();
  unix.close();
  await Promise.all(accepting);
  // Timers of aborts that came too late.
  await new Promise((resolve) => setTimeout(resolve, 5));
});
