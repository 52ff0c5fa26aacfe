// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { CachedFs } from "../fs/cached_fs.ts";
import { LocalFs } from "../fs/local_fs.ts";
import { readWhole } from "../fs/whole_file.ts";
import { pattern } from "./fs_conformance.ts";
import { temporaryFolder } from "./fs_temporary_folder.ts";

/** Bytes of a block of the cache. */
export const BLOCK_BYTES = 4_096;
/** Bytes of each file. */
export const FILE_BYTES = 300_001;
/** How many files there are. */
export const FILES = 8;
/** Bytes that the cache may take up: room for a twentieth of the files. */
export const QUOTA_BYTES = 30 * BLOCK_BYTES + 24_576;

const PROGRAM = new URL("fs_cache_program.ts", import.meta.url);
/** The program is killed at a random moment up to so long after it began to work. */
const LIFE_MS_MAX = 60;

/**
 * Kills a program that uses a cache, again and again on the same cache. Each time no byte that the
 * cache then gives may differ from the source, and it may take up its quota and one block at most.
 *
 * @returns How many blocks were there to be believed after the kills
 */
export async function killPrograms(kills: number): Promise<number> {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.path("source"));
  for (let i = 0; i < FILES; i++) {
    await Deno.writeFile(folder.path(`source/${i}`), pattern(FILE_BYTES, i));
  }
  let hits = 0;
  for (let kill = 0; kill < kills; kill++) {
    await liveAndDie(folder.path(), kill);
    const used = await usedBytes(folder.path("cache"));
    assert(used <= QUOTA_BYTES + BLOCK_BYTES, `${used} bytes after kill ${kill}`);
    hits += await verify(folder.path());
  }
  return hits;
}

async function liveAndDie(folder: string, seed: number): Promise<void> {
  const program = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM.href, folder, `${seed + 1}`],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = program.stdout.getReader();
  const { done } = await reader.read();
  const output = new Response(program.stderr).text();
  await new Promise((resolve) => setTimeout(resolve, Math.random() * LIFE_MS_MAX));
  if (!done) program.kill("SIGKILL");
  const { signal } = await program.status;
  await reader.cancel();
  assertEquals(signal, "SIGKILL", await output);
}

/** Reads all files through the cache; gives how many blocks it had. */
async function verify(folder: string): Promise<number> {
  // A copy that has room for everything gives all that the kill has left: nothing is evicted.
  await Deno.mkdir(`${folder}/copy`);
  for await (const { name } of Deno.readDir(`${folder}/cache`)) {
    await Deno.copyFile(`${folder}/cache/${name}`, `${folder}/copy/${name}`);
  }
  const hits = await verifyCache(folder, "copy", 2 * FILES * FILE_BYTES);
  await Deno.remove(`${folder}/copy`, { recursive: true });
  await verifyCache(folder, "cache", QUOTA_BYTES);
  const used = await usedBytes(`${folder}/cache`);
  assert(used <= QUOTA_BYTES + BLOCK_BYTES, `${used} bytes`);
  return hits;
}

async function verifyCache(folder: string, name: string, quotaBytes: number): Promise<number> {
  const local = new LocalFs();
  await using cached = await CachedFs.open({
    source: local,
    cache: local,
    folder: `${folder}/${name}`,
    quotaBytes,
    blockBytes: BLOCK_BYTES,
  });
  for (let i = 0; i < FILES; i++) {
    const path = `${folder}/source/${i}`;
    const [expected, actual] = [await Deno.readFile(path), await readWhole(cached, path)];
    assertEquals(actual.length, expected.length);
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    assert(at < 0, `byte ${at} of ${path} is wrong`);
  }
  return cached.statistics().hits;
}

/** What the files of a folder take up: their length, or their blocks where those are more. */
async function usedBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const { size, blocks } = await Deno.stat(`${folder}/${name}`);
    bytes += Math.max(size, (blocks ?? 0) * 512);
  }
  return bytes;
}
