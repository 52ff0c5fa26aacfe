// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { LocalFs } from "../fs/local_fs.ts";
import { open } from "../fs/open.ts";
import { readDir } from "../fs/read_dir.ts";
import { lstat, stat } from "../fs/stat.ts";
import { SubFs } from "../fs/sub_fs.ts";
import { engineInfo } from "../io/engine_info.ts";
import { longestDelayMs, mountSlow } from "./fs_slow_mount.ts";
import { leakTest } from "./leak.ts";

const DELAY_S = 0.5;
/** Much less than the server takes, much more than a busy machine does. */
const LATE_MS_MAX = 200;

leakTest("a file system whose server hangs does not stop the event loop", async () => {
  const mount = await mountSlow(DELAY_S);
  if (typeof mount === "string") return console.log(`not run, no FUSE here: ${mount}`);
  await using _mount = mount;
  const local = new LocalFs();
  const sub = engineInfo().engine === "uring" ? await SubFs.open(mount.folder) : undefined;
  using file = await open(mount.slow);
  const calls: Record<string, () => Promise<unknown>> = {
    stat: () => stat(mount.slow),
    lstat: () => lstat(mount.slow),
    fstat: () => file.stat(),
    "LocalFs.stat": () => local.stat(mount.slow),
    readDir: () => Array.fromAsync(readDir(mount.folder)),
    ...(sub === undefined ? {} : { "SubFs.stat": () => sub.stat("slow") }),
  };
  for (const [name, call] of Object.entries(calls)) {
    const lateMs = await longestDelayMs(call);
    assert(lateMs < LATE_MS_MAX, `${name}: a timer was ${lateMs} ms late`);
  }
  assertEquals((await stat(mount.fast)).size, 8);
  await sub?.[Symbol.asyncDispose]();
});
