// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineStatistics } from "../io/engine_info.ts";
// What the engine keeps open must be open before the first count.
import "./warm_up.ts";

/** What a leak test may set beside its name and body; descriptors can be read with `-A` only. */
export type LeakTestOptions = Omit<Deno.TestDefinition, "name" | "fn" | "permissions">;

/** A `close` may finish in a later turn; what is still open after this long is a leak. */
const LEAK_WAIT_MS_MAX = 2_000;
const POLL_INTERVAL_MS = 5;

/**
 * Registers a test that also fails when it leaves an operation in flight, a leased buffer, or an
 * open descriptor, each named with what it points at.
 *
 * Deno's sanitizers see Deno's resources only; this sees what the library opens by itself. The
 * descriptors are the whole process's, so it does not go together with `deno test --parallel`.
 */
export function leakTest(
  name: string,
  body: (t: Deno.TestContext) => void | Promise<void>,
  options: LeakTestOptions = {},
): void {
  Deno.test({ ...options, name, fn: (t) => withoutLeaks(() => body(t)) });
}

/**
 * Runs a body and waits until all that it opened is closed.
 *
 * @throws {Error} that names what is still open after {@linkcode LEAK_WAIT_MS_MAX}; an error of the
 * body comes first, as it is
 */
export async function withoutLeaks(body: () => void | Promise<void>): Promise<void> {
  const before = openDescriptors();
  await body();
  const deadline = performance.now() + LEAK_WAIT_MS_MAX;
  let leaks = findLeaks(before);
  while (leaks.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    leaks = findLeaks(before);
  }
  if (leaks.length > 0) throw new Error(`Cannot end the test cleanly: ${leaks.join(", ")}`);
}

/** What is open now and was not before, in words. */
function findLeaks(before: ReadonlyMap<string, string>): string[] {
  const { pending, leased } = engineStatistics();
  const leaks = [...openDescriptors()]
    .filter(([fd, target]) => before.get(fd) !== target)
    .map(([fd, target]) => `descriptor ${fd} (${target}) is open`);
  if (pending > 0) leaks.push(`operations in flight: ${pending}`);
  if (leased > 0) leaks.push(`buffers leased: ${leased}`);
  return leaks;
}

// Deno opens the databases of its own caches when it first needs them.
const DENO_CACHE_REGEXP = /_cache_v\d+(?:-wal|-shm|-journal)?$/;

/** Every open descriptor of the process with what it points at; empty where there is no /proc. */
function openDescriptors(): Map<string, string> {
  const targets = new Map<string, string>();
  for (const fd of descriptorNumbers()) {
    const target = readTarget(`/proc/self/fd/${fd}`);
    if (target && !DENO_CACHE_REGEXP.test(target)) targets.set(fd, target);
  }
  return targets;
}

function descriptorNumbers(): string[] {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Undefined when it was closed meanwhile, as the descriptor that lists the folder always is. */
function readTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
