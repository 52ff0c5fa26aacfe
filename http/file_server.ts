// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Serves a folder over HTTP: `deno run -A jsr:@photon/std/http/file-server DIR`.
 *
 * As a module it gives {@linkcode runFileServer}.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { say } from "./serve_log.ts";
import { serve } from "./serve.ts";
import { staticFiles, type StaticProgress } from "./static_files.ts";

const USAGE = `Usage: file-server [DIR] [options]

  DIR              the folder, by default the one that this is run in
  --host HOST      address to listen on, 127.0.0.1 by default
  --port PORT      port, 8000 by default, 0 for any
  --listing        list folders that have no index.html
  --dot-files      serve names with a dot in front
  --precompressed  send FILE.br, FILE.zst or FILE.gz in place of FILE to who takes them
  --progress       say how far large files are`;

/** Responses below this size are not worth a word. */
const PROGRESS_BYTES_MIN = 1_048_576;
/** A line each time that so much more of a response has left. */
const PROGRESS_STEP = 0.1;

/** What a command line asks for. */
interface FileServerOptions {
  readonly root: string;
  readonly hostname: string;
  readonly port: number;
  readonly listing: boolean;
  readonly dotFiles: boolean;
  readonly precompressed: boolean;
  readonly progress: boolean;
}

/**
 * Serves a folder until it is told to stop.
 *
 * @param args The command line
 * @param signal Stops it
 * @param onListen Called when it listens
 * @returns The exit code: 2 when the command line makes no sense
 *
 * @example Serve a folder for a moment
 * ```ts
 * import { runFileServer } from "@photon/std/http/file-server";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a.txt`, "hello");
 * const stop = new AbortController();
 * const code = runFileServer([folder, "--port", "0"], stop.signal, async ({ port }) => {
 *   const response = await fetch(`http://127.0.0.1:${port}/a.txt`);
 *   assertEquals(await response.text(), "hello");
 *   stop.abort();
 * });
 * assertEquals(await code, 0);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function runFileServer(
  args: string[],
  signal?: AbortSignal,
  onListen?: (addr: Deno.NetAddr) => void,
): Promise<number> {
  const options = readOptions(args);
  if (typeof options === "string") {
    say(`${options}\n\n${USAGE}`);
    return 2;
  }
  const { root, hostname, port, listing, dotFiles, precompressed, progress } = options;
  const common = { listing, dotFiles, precompressed };
  const told = new ProgressLines();
  using files = await staticFiles(root, {
    ...common,
    ...progress ? { onProgress: (step: StaticProgress) => told.add(step) } : {},
  });
  const server = serve({
    hostname,
    port,
    onListen: onListen ??
      ((addr) => say(`Serving ${root} on http://${addr.hostname}:${addr.port}/`)),
  }, files);
  const stop = () => void server.shutdown();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  await server.finished;
  return 0;
}

/** Says how far large files are, in steps. */
class ProgressLines {
  /** Steps that were told of a response that is on its way, by its path. */
  readonly #told = new Map<string, number>();

  add({ path, sentBytes, totalBytes }: StaticProgress): void {
    if (totalBytes < PROGRESS_BYTES_MIN) return;
    const step = Math.floor(sentBytes / totalBytes / PROGRESS_STEP);
    const before = this.#told.get(path);
    if (step === before) return;
    if (sentBytes === totalBytes) this.#told.delete(path);
    else this.#told.set(path, step);
    const percent = String(Math.floor(100 * sentBytes / totalBytes)).padStart(3);
    say(`${percent} % of ${(totalBytes / 1_048_576).toFixed(1)} MiB: ${path}`);
  }
}

/** Reads the command line; a text says what is wrong with it. */
function readOptions(args: string[]): FileServerOptions | string {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...{ host: text, port: text, listing: flag, precompressed: flag, progress: flag },
        "dot-files": flag,
        help: { ...flag, short: "h" },
      },
    });
    const port = Number(values.port ?? 8000);
    if (values.help) return "Serves a folder over HTTP";
    if (positionals.length > 1) return "There is one folder at most";
    if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) {
      return "--port must be in 0..65535";
    }
    return {
      root: positionals[0] ?? ".",
      hostname: values.host ?? "127.0.0.1",
      port,
      listing: values.listing,
      dotFiles: values["dot-files"],
      precompressed: values.precompressed,
      progress: values.progress,
    };
  } catch (error) {
    return (error as Error).message;
  }
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => stop.abort());
  }
  try {
    Deno.exit(await runFileServer(Deno.args, stop.signal));
  } catch (error) {
    say(`file-server: ${(error as Error).message}`);
    Deno.exit(1);
  }
}

if (import.meta.main) main();
