// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What the suite `file` works on. */
export const FILE_DATA = {
  /** A file for random reads. */
  random: { name: "random", bytes: 256 * 2 ** 20 },
  /** A folder of small files, named by their number. */
  small: { name: "small", files: 10_000, bytes: 4000 },
  /** A folder of folders. */
  tree: { name: "tree", folders: 1000, files: 99, entries: 100_000 },
  /** A file to read and copy. */
  large: { name: "large", bytes: 2 ** 30 },
} as const;

const MIB = 2 ** 20;

/** Git ignores it. */
const FOLDER = new URL(".build/files/", import.meta.url);

/**
 * Makes what is not there yet, in a folder that git ignores, and reads the files into the page
 * cache.
 *
 * @returns The folder
 */
export async function makeFileData(): Promise<string> {
  const folder = FOLDER.pathname.replace(/\/$/, "");
  const { random, small, tree, large } = FILE_DATA;
  const make = async (name: string, fill: (path: string) => void | Promise<void>) => {
    const path = `${folder}/${name}`;
    const isThere = await Deno.stat(path).then(() => true, () => false);
    if (isThere) return;
    await Deno.remove(`${path}.part`, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
    await fill(`${path}.part`);
    await Deno.rename(`${path}.part`, path);
  };
  await make(random.name, (path) => fillFile(path, random.bytes));
  await make(large.name, (path) => fillFile(path, large.bytes));
  await make(small.name, (path) => {
    Deno.mkdirSync(path);
    for (let i = 0; i < small.files; i++) {
      const bytes = new Uint8Array(1000 + i % (small.bytes - 1000)).fill(i);
      Deno.writeFileSync(`${path}/${i}`, bytes);
    }
  });
  await make(tree.name, (path) => {
    for (let i = 0; i < tree.folders; i++) {
      const inner = `${path}/${i}`;
      Deno.mkdirSync(inner, { recursive: true });
      for (let k = 0; k < tree.files; k++) Deno.writeFileSync(`${inner}/${k}`, new Uint8Array());
    }
  });
  for (const { name } of [random, large]) await readThrough(`${folder}/${name}`);
  return folder;
}

async function fillFile(path: string, byteLength: number): Promise<void> {
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65_536) crypto.getRandomValues(piece.subarray(at, at + 65_536));
  using file = await Deno.create(path);
  for (let at = 0; at < byteLength; at += MIB) await file.write(piece);
}

async function readThrough(path: string): Promise<void> {
  using file = await Deno.open(path);
  const piece = new Uint8Array(MIB);
  while (await file.read(piece) !== null);
}
