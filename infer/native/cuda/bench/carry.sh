#!/bin/sh
# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# For a machine with a GPU but no network: puts Deno, the packages that tests and the engine need,
# and the CUDA library, where it was built here, into one archive of some 36 MB for bench.sh. Needs
# zstd there, too, or another suffix: tar compresses by it.
#
#     infer/native/cuda/bench/carry.sh FILE.tar.zst
set -eu
cd "$(dirname "$0")/../../../.."
archive=${1:?Name an archive, such as carried.tar.zst}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
deno=${DENO:-deno}
DENO_DIR=$folder/deno_dir "$deno" cache --quiet infer/build.ts bench/infer_cuda_speed.ts \
  bench/peers/infer_cuda_steps.ts tests/infer_cuda_*_test.ts tests/infer_cuda_*soak.ts
# Packages, not what was made of our own files.
find "$folder/deno_dir" -mindepth 1 -maxdepth 1 ! -name npm -exec rm -rf {} +
cp "$("$deno" eval 'console.log(Deno.execPath())')" "$folder/deno"
library=infer/native/.build/libphoton_infer_cuda.so
if [ -f $library ]; then cp $library "$folder"; fi
# Its own default leaves too much for what may travel to such a machine.
ZSTD_CLEVEL=${ZSTD_CLEVEL:-19} tar -C "$folder" -caf "$archive" .
