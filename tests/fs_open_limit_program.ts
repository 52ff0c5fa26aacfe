// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Opens a file until the process may open no more, and says what came of it.

import { type FsFile, open, readTextFile } from "../fs/mod.ts";

const [path] = Deno.args;
// A small file takes no descriptor of the process, so a read works at the limit too.
await readTextFile(path!);
const held: FsFile[] = [];
let code: unknown;
while (code === undefined) {
  try {
    held.push(await open(path!));
  } catch (error) {
    code = error instanceof Error && "code" in error ? error.code : error;
  }
}
held.pop()!.close();
await new Promise((resolve) => setTimeout(resolve, 20));
using file = await open(path!);
const p = new Uint8Array(5);
await file.read(p);
const text = new TextDecoder().decode(p);
for (const one of held) one.close();
console.log(code, text, await readTextFile(path!));
