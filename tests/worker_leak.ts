// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineStatistics } from "../io/engine_info.ts";
import "./warm_up.ts";

/** What is still open after this long is a leak. */
const LEAK_WAIT_MS_MAX = 2_000;
const POLL_INTERVAL_MS = 5;

/**
 * Registers a test that starts workers and must leave nothing of them: no thread, no descriptor,
 * no operation in flight.
 *
 * Unlike `leakTest` it counts descriptors by kind, as Deno itself leaves an epoll and its eventfd
 * of a worker that was terminated, until the next one is.
 */
export function workerTest(name: string, body: () => void | Promise<void>): void {
  Deno.test(name, async () => {
    const before = countDescriptors();
    await body();
    const deadline = performance.now() + LEAK_WAIT_MS_MAX;
    let leaks = findLeaks(before);
    while (leaks.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      leaks = findLeaks(before);
    }
    if (leaks.length > 0) throw new Error(`Cannot end the test cleanly: ${leaks.join(", ")}`);
  });
}

function findLeaks(before: ReadonlyMap<string, number>): string[] {
  const now = countDescriptors();
  const more = (kind: string) => (now.get(kind) ?? 0) - (before.get(kind) ?? 0);
  const leaks: string[] = [];
  for (const kind of now.keys()) {
    const ofDeno = kind === EVENTFD ? Math.max(0, more(EPOLL)) : 0;
    if (kind !== EPOLL && more(kind) > ofDeno) leaks.push(`${more(kind)} more of ${kind}`);
  }
  const { pending, leased } = engineStatistics();
  if (pending > 0) leaks.push(`operations in flight: ${pending}`);
  if (leased > 0) leaks.push(`buffers leased: ${leased}`);
  return leaks;
}

const EPOLL = "anon_inode:[eventpoll]";
const EVENTFD = "anon_inode:[eventfd]";
const PHOTON_THREAD = "thread of a pool";

/** Open descriptors by what they point at, without numbers, and threads of pools. */
function countDescriptors(): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (kind: string) => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const { name } of entriesOf("/proc/self/fd")) {
    const target = read(() => Deno.readLinkSync(`/proc/self/fd/${name}`));
    if (target && !/_cache_v\d+/.test(target)) count(target.replace(/:\[\d+\]$/, ""));
  }
  for (const { name } of entriesOf("/proc/self/task")) {
    const thread = read(() => Deno.readTextFileSync(`/proc/self/task/${name}/comm`));
    if (thread?.startsWith("worker-")) count(PHOTON_THREAD);
  }
  return counts;
}

function entriesOf(path: string): Deno.DirEntry[] {
  return read(() => [...Deno.readDirSync(path)]) ?? [];
}

/** Undefined when it is gone meanwhile, as threads and the descriptor that lists them. */
function read<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
