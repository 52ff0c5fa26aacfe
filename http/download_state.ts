// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { HttpState } from "../fs/http_resource.ts";
import { open } from "../fs/open.ts";
import { remove, rename } from "../fs/path_operations.ts";
import { readTextFile } from "../fs/read_file.ts";
import { writeAll } from "../io/byte_stream.ts";
import { ByteRanges } from "./byte_ranges.ts";

/** What is known of a download that is not over. */
export interface DownloadState {
  /** What is downloaded. */
  readonly url: string;
  /** The state of it whose bytes these are. */
  readonly entity: HttpState;
  /** The bytes that are there. */
  readonly done: ByteRanges;
}

/**
 * The file beside a download that says how far it came: JSON that is replaced as a whole.
 *
 * ```json
 * {"version":1,"url":"…","size":1048576,"tag":"\"abc\"","date":null,"done":[[0,65536]]}
 * ```
 */
export class DownloadStateFile {
  readonly #path: string;

  /** The file at a path; there may be none. */
  constructor(path: string) {
    this.#path = path;
  }

  /** What was saved, null where there is nothing that can be gone on with. */
  async load(url: string): Promise<DownloadState | null> {
    const text = await readTextFile(this.#path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "null";
      throw error;
    });
    try {
      return stateOf(JSON.parse(text), url);
    } catch {
      // Whatever it is, nothing can be gone on with.
      return null;
    }
  }

  /** Replaces what was saved: the spans are those that are on the disk. */
  async save({ url, entity }: DownloadState, done: ByteRanges["spans"]): Promise<void> {
    const text = JSON.stringify({ version: 1, url, ...entity, done });
    // A name of its own each time would be left behind by a process that is killed meanwhile.
    using file = await open(this.#newPath, { write: true, create: true, truncate: true });
    await writeAll(file, new TextEncoder().encode(text));
    await file.syncData();
    await rename(this.#newPath, this.#path);
  }

  /** Removes it. */
  async remove(): Promise<void> {
    for (const path of [this.#path, this.#newPath]) {
      await remove(path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  get #newPath(): string {
    return `${this.#path}.new`;
  }
}

interface SavedState extends HttpState {
  readonly version: number;
  readonly url: string;
  readonly done: readonly (readonly [number, number])[];
}

function stateOf(saved: SavedState | null, url: string): DownloadState | null {
  if (saved === null || saved.version !== 1 || saved.url !== url) return null;
  const { size, tag, date } = saved;
  const done = new ByteRanges();
  for (const [start, end] of saved.done) {
    const isSpan = Number.isSafeInteger(start) && Number.isSafeInteger(end);
    if (!isSpan || start < 0 || end > size || start > end) return null;
    done.add(start, end);
  }
  return { url, entity: { size, tag, date }, done };
}
