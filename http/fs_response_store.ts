// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { joinPath, pathText } from "../fs/path.ts";
import { mkdir, remove } from "../fs/path_operations.ts";
import { readDir } from "../fs/read_dir.ts";
import { readFile } from "../fs/read_file.ts";
import { stat } from "../fs/stat.ts";
import { writeFileAtomic } from "../fs/write_file_atomic.ts";
import type { StoredResponse } from "./cache_policy.ts";
import type { ResponseStore } from "./response_store.ts";

/** What {@linkcode FsResponseStore} takes. */
export interface FsResponseStoreOptions {
  /**
   * Bytes of all files; beyond, those go that were not used for longest.
   *
   * @default {1073741824}
   */
  bytesMax?: number;
}

/**
 * Keeps responses in a folder, which outlives the program: a file for each URL, which is replaced
 * as a whole, so that one that is torn is never seen. Several programs may share a folder; each
 * counts the bytes that it knows of.
 *
 * ```
 *   HASH-OF-THE-URL    {"version":1,"key":"https://…","variants":[{…,"bodyBytes":5}]} LF
 *                      hello
 * ```
 *
 * @example A folder of one's own
 * ```ts
 * import { FsResponseStore } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new FsResponseStore(await Deno.makeTempDir(), { bytesMax: 1_000_000 });
 * assertEquals(await store.get("http://localhost/"), []);
 * ```
 */
export class FsResponseStore implements ResponseStore {
  readonly #folder: string;
  readonly #bytesMax: number;
  /** Bytes of each file, in the order of their last use. */
  readonly #files = new Map<string, number>();
  #bytes = 0;
  #opening: Promise<void> | null = null;

  /** Keeps them in this folder, which is made if there is none. */
  constructor(folder: string | URL, { bytesMax = 1_073_741_824 }: FsResponseStoreOptions = {}) {
    this.#folder = pathText(folder);
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept for a key. */
  async get(key: string): Promise<readonly StoredResponse[]> {
    await this.#open();
    const name = await nameOf(key);
    const bytes = await readFile(joinPath(this.#folder, name)).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    });
    if (bytes === null) return [];
    this.#use(name, bytes.length);
    return decode(bytes, key);
  }

  /** Replaces what is kept for a key. */
  async set(key: string, responses: readonly StoredResponse[]): Promise<void> {
    await this.#open();
    const bytes = encode(key, responses);
    if (responses.length === 0 || bytes.length > this.#bytesMax) return await this.delete(key);
    const name = await nameOf(key);
    await writeFileAtomic(joinPath(this.#folder, name), bytes);
    this.#use(name, bytes.length);
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      await this.#remove(oldest);
    }
  }

  /** Forgets a key. */
  async delete(key: string): Promise<void> {
    await this.#open();
    await this.#remove(await nameOf(key));
  }

  /** Forgets all. */
  async clear(): Promise<void> {
    await this.#open();
    for (const name of [...this.#files.keys()]) await this.#remove(name);
  }

  /** Looks at what there is, once. */
  #open(): Promise<void> {
    return this.#opening ??= this.#scan().catch((error) => {
      this.#opening = null;
      throw error;
    });
  }

  async #scan(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const found: { name: string; usedMs: number; bytes: number }[] = [];
    for await (const { name, isFile } of readDir(this.#folder)) {
      if (!isFile || !FILE_REGEXP.test(name)) continue;
      const info = await stat(joinPath(this.#folder, name)).catch(() => null);
      if (info === null) continue;
      const usedMs = info.mtime?.getTime() ?? 0;
      if (!name.startsWith(".")) found.push({ name, usedMs, bytes: info.size });
      // What a program was writing that has been killed; others may be writing just now.
      else if (Date.now() - usedMs > ORPHAN_MS) await this.#remove(name);
    }
    found.sort((a, b) => a.usedMs - b.usedMs);
    for (const { name, bytes } of found) this.#use(name, bytes);
  }

  #use(name: string, bytes: number): void {
    this.#bytes += bytes - (this.#files.get(name) ?? 0);
    this.#files.delete(name);
    this.#files.set(name, bytes);
  }

  async #remove(name: string): Promise<void> {
    this.#bytes -= this.#files.get(name) ?? 0;
    this.#files.delete(name);
    await remove(joinPath(this.#folder, name)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** Files of ours, and what `writeFileAtomic` writes before it has their name. */
const FILE_REGEXP = /^(?:[0-9a-f]{64}|\.[0-9a-f]{50,64}\.[0-9a-f-]{36})$/;
const ORPHAN_MS = 60_000;
const LF = 0x0a;

async function nameOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function encode(key: string, responses: readonly StoredResponse[]): Uint8Array<ArrayBuffer> {
  const variants = responses.map(({ body, ...rest }) => ({ ...rest, bodyBytes: body.length }));
  const head = new TextEncoder().encode(`${JSON.stringify({ version: 1, key, variants })}\n`);
  const bytes = new Uint8Array(responses.reduce((sum, { body }) => sum + body.length, head.length));
  bytes.set(head);
  let at = head.length;
  for (const { body } of responses) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}

/** The responses of a file; none where it is of another version or key, or no file of ours. */
function decode(bytes: Uint8Array<ArrayBuffer>, key: string): StoredResponse[] {
  try {
    const end = bytes.indexOf(LF);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    if (head.version !== 1 || head.key !== key) return [];
    let at = end + 1;
    return head.variants.map(({ bodyBytes, ...rest }: SavedResponse): StoredResponse => {
      const body = bytes.slice(at, at += bodyBytes);
      if (body.length !== bodyBytes) throw new RangeError("Cannot read a response: it is cut off");
      return { ...rest, body };
    });
  } catch {
    // It is made anew.
    return [];
  }
}

type SavedResponse = Omit<StoredResponse, "body"> & { readonly bodyBytes: number };
