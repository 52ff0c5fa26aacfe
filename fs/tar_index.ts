// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RandomAccessFile } from "./file_system.ts";
import {
  parsePaxRecords,
  parseTarHeader,
  parseTarText,
  TAR_BLOCK_BYTES,
  type TarHeader,
} from "./tar_header.ts";
import { newDirectory, newFile, newLink, type TreeDirectory, type TreeNode } from "./tree.ts";
import { readFullAt } from "./whole_file.ts";

/** Where the bytes of a file are in the archive. */
export interface TarContent {
  /** Where they begin. */
  readonly offset: number;
  /** How many there are. */
  readonly byteLength: number;
}

/** Bytes of an extended header; there is no reason for more. */
const EXTENDED_BYTES_MAX = 1 << 20;
/** Entries of an archive: what is known of each is kept in memory. */
const ENTRIES_MAX = 4_000_000;

/**
 * Reads all headers of an archive.
 *
 * Names that lead out of the archive lead to its root instead, as those of an absolute path do. Of
 * two entries with the same name the later one counts. Devices and pipes are left out.
 *
 * @throws {Deno.errors.InvalidData} when it is no archive, or ends too early
 */
export async function indexTar(file: RandomAccessFile): Promise<TreeDirectory<TarContent>> {
  const root = newDirectory<TarContent>(0o755);
  const hardLinks: { name: string; target: string }[] = [];
  const blocks = new BlockReader(file);
  const global = new Map<string, string>();
  let extended = new Map<string, string>();
  for (let count = 0;; count++) {
    const header = await blocks.header();
    if (header === undefined) break;
    if (count >= ENTRIES_MAX) {
      throw new Deno.errors.InvalidData(
        `Cannot read the archive: more than ${ENTRIES_MAX} entries`,
      );
    }
    if (EXTENSIONS.includes(header.type)) {
      const bytes = await blocks.content(header.size);
      if (header.type === "g") {
        for (const [key, value] of parsePaxRecords(bytes)) global.set(key, value);
      } else if (header.type === "x") extended = new Map([...extended, ...parsePaxRecords(bytes)]);
      else extended.set(header.type === "L" ? "path" : "linkpath", parseTarText(bytes));
      continue;
    }
    const entry = extend(header, new Map([...global, ...extended]));
    extended = new Map();
    const content = { offset: blocks.offset, byteLength: entry.size };
    blocks.skip(entry.size);
    if (entry.type === "1") hardLinks.push(entry);
    else add(root, entry, content);
  }
  for (const { name, target } of hardLinks) link(root, name, target);
  return root;
}

/** Types of what says more about the next entry, or about all that follow. */
const EXTENSIONS: readonly string[] = ["x", "g", "L", "K"];
/** A file; the last one is one that the kernel may keep in one piece. */
const FILES: readonly string[] = ["0", "7"];

function extend(header: TarHeader, records: ReadonlyMap<string, string>): TarHeader {
  if (records.has("GNU.sparse.major") || records.has("GNU.sparse.map") || header.type === "S") {
    throw new Deno.errors.NotSupported("Cannot read the archive: it has sparse files");
  }
  const size = Number(records.get("size") ?? header.size);
  if (!(Number.isSafeInteger(size) && size >= 0)) {
    throw new Deno.errors.InvalidData("Cannot read the archive: a size is none");
  }
  return {
    ...header,
    name: records.get("path") ?? header.name,
    target: records.get("linkpath") ?? header.target,
    mtime: Number(records.get("mtime") ?? header.mtime),
    // What is no file has no content, whatever it says.
    size: FILES.includes(header.type) || !/[1-6]/.test(header.type) ? size : 0,
  };
}

function add(root: TreeDirectory<TarContent>, entry: TarHeader, content: TarContent): void {
  const isDirectory = entry.type === "5" ||
    (FILES.includes(entry.type) && entry.name.endsWith("/"));
  const names = namesOf(entry.name);
  const mtime = new Date(entry.mtime * 1_000);
  const last = names.pop();
  const directory = enter(root, names);
  const before = last === undefined ? root : directory.entries.get(last);
  if (isDirectory) {
    const node = before?.kind === "directory" ? before : newDirectory(entry.mode, directory);
    if (last !== undefined) directory.entries.set(last, node);
    Object.assign(node, { mode: entry.mode, mtime });
    return;
  }
  const node = entry.type === "2"
    ? newLink(entry.target)
    : FILES.includes(entry.type)
    ? newFile(entry.mode, content)
    : undefined;
  if (node === undefined || last === undefined) return;
  node.mtime = mtime;
  directory.entries.set(last, node);
}

/** A second name for a file that is there already, or nothing when there is none. */
function link(root: TreeDirectory<TarContent>, name: string, target: string): void {
  let node: TreeNode<TarContent> | undefined = root;
  for (const part of namesOf(target)) {
    node = node?.kind === "directory" ? node.entries.get(part) : undefined;
  }
  const names = namesOf(name);
  const last = names.pop();
  if (node === undefined || node.kind === "directory" || last === undefined) return;
  enter(root, names).entries.set(last, node);
}

/** The directory at a path; those that no entry names are made, in place of what is none. */
function enter(
  root: TreeDirectory<TarContent>,
  names: readonly string[],
): TreeDirectory<TarContent> {
  let directory = root;
  for (const name of names) {
    const next = directory.entries.get(name);
    if (next?.kind === "directory") directory = next;
    else {
      const made = newDirectory<TarContent>(0o755, directory);
      directory.entries.set(name, made);
      directory = made;
    }
  }
  return directory;
}

function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/** Reads headers and what extends them, several at a time where contents are small. */
class BlockReader {
  readonly #file: RandomAccessFile;
  readonly #window = new Uint8Array(64 * TAR_BLOCK_BYTES);
  #windowOffset = 0;
  #windowBytes = 0;
  /** Where the next block is. */
  offset = 0;

  constructor(file: RandomAccessFile) {
    this.#file = file;
  }

  /** The next header; undefined at the end of the archive. */
  async header(): Promise<TarHeader | undefined> {
    const block = await this.#block();
    if (block === undefined) {
      // An archive may lack the zeros at its end, but not its beginning.
      if (this.offset > 0) return undefined;
      throw new Deno.errors.InvalidData("Cannot read the archive: it is empty");
    }
    this.offset += TAR_BLOCK_BYTES;
    return parseTarHeader(block);
  }

  /** The content of the entry whose header was the last one. */
  async content(byteLength: number): Promise<Uint8Array> {
    if (byteLength > EXTENDED_BYTES_MAX) {
      throw new Deno.errors.InvalidData("Cannot read the archive: an extended header is too long");
    }
    const bytes = new Uint8Array(byteLength);
    const count = await readFullAt(this.#file, bytes, this.offset);
    if (count < byteLength) throw endError();
    this.skip(byteLength);
    return bytes;
  }

  skip(byteLength: number): void {
    this.offset += Math.ceil(byteLength / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }

  async #block(): Promise<Uint8Array | undefined> {
    const at = this.offset - this.#windowOffset;
    if (at < 0 || at + TAR_BLOCK_BYTES > this.#windowBytes) {
      this.#windowOffset = this.offset;
      this.#windowBytes = await readFullAt(this.#file, this.#window, this.offset);
      if (this.#windowBytes === 0) return undefined;
      if (this.#windowBytes < TAR_BLOCK_BYTES) throw endError();
      return this.#window.subarray(0, TAR_BLOCK_BYTES);
    }
    return this.#window.subarray(at, at + TAR_BLOCK_BYTES);
  }
}

function endError(): Deno.errors.InvalidData {
  return new Deno.errors.InvalidData("Cannot read the archive: it ends too early");
}
