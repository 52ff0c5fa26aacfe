// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { LocalFs } from "../fs/local_fs.ts";
import { open } from "../fs/open.ts";
import { lstat, stat } from "../fs/stat.ts";
import { longestDelayMs, mountSlow } from "./fs_slow_mount.ts";
import { leakTest } from "./leak.ts";

/** How long the server hangs. */
const DELAY_S = 5;
const LATE_MS_MAX = 5;

leakTest("a getattr that hangs for 5 s makes no timer more than 5 ms late", async () => {
  const mount = await mountSlow(DELAY_S);
  if (typeof mount === "string") return console.log(`not run, no FUSE here: ${mount}`);
  await using _mount = mount;
  const local = new LocalFs();
  using file = await open(mount.slow);
  const calls = {
    stat: () => stat(mount.slow),
    lstat: () => lstat(mount.slow),
    fstat: () => file.stat(),
    local: () => local.stat(mount.slow),
  };
  // What is compiled at its first use is so before it counts.
  for (let i = 0; i < 20; i++) {
    await longestDelayMs(() => Promise.all([stat(mount.fast), local.stat(mount.fast)]));
  }
  for (const [name, call] of Object.entries(calls)) {
    const start = performance.now();
    const lateMs = await longestDelayMs(call);
    const tookMs = performance.now() - start;
    console.log(`${name} took ${tookMs.toFixed(0)} ms, a timer was ${lateMs.toFixed(2)} ms late`);
    assert(lateMs < LATE_MS_MAX, `${name}: a timer was ${lateMs} ms late`);
    assert(name === "stat" || tookMs > 1_000, `${name} did not wait`);
  }
});
