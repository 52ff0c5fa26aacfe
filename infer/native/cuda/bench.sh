#!/bin/sh
# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# On a machine with an NVIDIA GPU: builds the CUDA library, checks every operator and whole models
# against the library for processors and the golden fixtures, and times it. Run anywhere in a
# checkout; results go into bench/results/.
#
#     infer/native/cuda/bench.sh [--no-tests] [--sanitize]
set -eu
cd "$(dirname "$0")/../../.."
nvcc=${NVCC:-nvcc}
if ! "$nvcc" --version >/dev/null 2>&1; then
  echo "There is no nvcc: set NVCC to its path" >&2
  exit 1
fi
tests=1
sanitize=0
for option in "$@"; do
  case $option in
    --no-tests) tests=0 ;;
    --sanitize) sanitize=1 ;;
    *) echo "There is no option $option" >&2; exit 1 ;;
  esac
done

NVCC=$nvcc deno task build
build=infer/native/.build
library=$PWD/$build/libphoton_infer_cuda.so
lib=$(dirname "$nvcc")/../lib
"$nvcc" -std=c++17 -O2 -cudart=static -L"$lib" -o $build/cuda_speed infer/native/cuda/bench/speed.cu \
  "$library" -Xlinker -rpath="$PWD/$build"

# Operators and models on the GPU, the very tests that run on the emulation elsewhere.
check() {
  PHOTON_INFER_CUDA_LIBRARY=$library "$@" deno test -A --preload=tests/warm_up.ts \
    --v8-flags=--expose-gc tests/infer_cuda_*_test.ts
}
if [ $tests = 1 ]; then check env; fi
if [ $sanitize = 1 ]; then
  for tool in memcheck racecheck; do
    check compute-sanitizer --tool $tool --error-exitcode 1 --target-processes all
  done
fi

mkdir -p bench/results
result=bench/results/infer_cuda_$(date +%Y%m%d_%H%M).jsonl
$build/cuda_speed | tee "$result"
echo "kept in $result"
