// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { temporaryFolder } from "./fs_temporary_folder.ts";

/** Files of a mounted file system whose server takes its time. */
export interface SlowMount extends AsyncDisposable {
  /** The directory that it is mounted on. */
  readonly folder: string;
  /** A file whose `getattr` takes as long as was asked for. */
  readonly slow: string;
  /** A file that is answered for at once. */
  readonly fast: string;
}

/**
 * Mounts a FUSE file system that hangs. Its server is a program of its own, in Python.
 *
 * @param delaySeconds How long `getattr` takes
 * @returns Why it cannot be mounted, where it cannot: without Python, FUSE or the right to mount
 */
export async function mountSlow(delaySeconds: number): Promise<SlowMount | string> {
  const folder = await temporaryFolder();
  const script = new URL("peers/slow_fuse.py", import.meta.url).pathname;
  let server: Deno.ChildProcess;
  try {
    await Deno.stat("/dev/fuse");
    const args = [script, folder.path(), `${delaySeconds}`];
    const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    server = new Deno.Command("python3", { args, ...streams }).spawn();
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    return String(error);
  }
  const output = server.stdout.getReader();
  const { value } = await output.read();
  const word = new TextDecoder().decode(value).trim();
  async function end(): Promise<string> {
    await server.stdin.close().catch(() => {});
    await output.cancel();
    const errors = await new Response(server.stderr).text();
    await server.status;
    await folder[Symbol.asyncDispose]();
    return errors;
  }
  if (word !== "ready") return `${word} ${await end()}`;
  return {
    folder: folder.path(),
    slow: folder.path("slow"),
    fast: folder.path("fast"),
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

/** The longest that a timer of 1 ms was late while something went on, in milliseconds. */
export async function longestDelayMs(run: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last - 1);
    last = now;
  }, 1);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return Math.max(longestMs, performance.now() - last - 1);
}
