// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Exchanges what a path of the test of SubFs leads through, as fast as it can, until its standard
// input ends: `root/folder` for a link to `outside`, or `root/folder/deep` out of the root and
// back. Arguments: the folder, and `link` or `move`.

const [folder, kind] = Deno.args as [string, string];
const root = `${folder}/root`;
const [place, aside] = kind === "link"
  ? [`${root}/folder`, `${root}/aside`]
  : [`${root}/folder/deep`, `${folder}/outside/deep`];
let stopped = false;
Deno.stdin.read(new Uint8Array(1)).then(() => stopped = true);
Deno.stdout.writeSync(new Uint8Array([1]));
while (!stopped) {
  for (let i = 0; i < 50; i++) {
    Deno.renameSync(place, aside);
    if (kind === "link") {
      Deno.symlinkSync("../outside", place);
      Deno.removeSync(place);
    }
    Deno.renameSync(aside, place);
  }
  // The end of the input is seen in between only.
  await new Promise((resolve) => setTimeout(resolve, 0));
}
