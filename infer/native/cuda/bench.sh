#!/bin/sh
# Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
# On a machine with an NVIDIA GPU: builds the CUDA library, checks every operator and whole models
# against the library for processors and the golden fixtures, and times it: alone, and from
# TypeScript through the engine. Run anywhere in a checkout; results go into bench/results/.
#
#     infer/native/cuda/bench.sh [--no-tests] [--sanitize] [--leaks] [--all] [--transformers]
#                                [--tiny]
#
#     RESULTS, BUILD   where results and programs go instead
#     DENO             Deno, where it is not on the PATH
#     CARRIED          an archive of bench/carry.sh with Deno and its packages, for machines
#                      without a network; the library in it is taken as it is
#     PHOTON_INFER_CUDA_LIBRARY   a library that is taken as it is, without building one
#     NVCC, PYTHON     the compiler, and the Python for transformers
#
#     --sanitize      memcheck and racecheck over every operator and random steps
#     --leaks         a hundred thousand random operators and steps, and device memory after them
#     --all           also without cuBLASLt, prompts in W8A8, keys and values in INT8 and FP8
#     --transformers  beside Hugging Face transformers, where PYTHON has them and torch with CUDA
#     --tiny          the engine, and transformers, with a tiny model: to see that all of it runs
set -eu
cd "$(dirname "$0")/../../.."
nvcc=${NVCC:-nvcc}
if ! "$nvcc" --version >/dev/null 2>&1; then
  echo "There is no nvcc: set NVCC to its path" >&2
  exit 1
fi
tests=1
sanitize=0
leaks=0
all=0
transformers=0
tiny=
for option in "$@"; do
  case $option in
    --no-tests) tests=0 ;;
    --sanitize) sanitize=1 ;;
    --leaks) leaks=1 ;;
    --all) all=1 ;;
    --transformers) transformers=1 ;;
    --tiny) tiny=--tiny ;;
    *) echo "There is no option $option" >&2; exit 1 ;;
  esac
done

build=${BUILD:-infer/native/.build}
library=${PHOTON_INFER_CUDA_LIBRARY:-}
deno=${DENO:-deno}
if [ -n "${CARRIED:-}" ]; then
  carried=$(mktemp -d)
  trap 'rm -rf "$carried"' EXIT
  tar -C "$carried" -xf "$CARRIED"
  deno=$carried/deno
  export DENO_DIR="$carried/deno_dir"
  if [ -z "$library" ] && [ -f "$carried/libphoton_infer_cuda.so" ]; then
    library=$carried/libphoton_infer_cuda.so
  fi
fi
if ! "$deno" --version >/dev/null 2>&1; then
  echo "No tests, and nothing through the engine: there is no Deno (DENO or CARRIED names one)" >&2
  deno=
  tests=0
fi
if [ -z "$library" ]; then
  library=$PWD/$build/libphoton_infer_cuda.so
  if [ -n "$deno" ]; then
    NVCC=$nvcc "$deno" run -A infer/build.ts
  elif [ ! -f "$library" ]; then
    echo "There is no library: build it with Deno, or name it in PHOTON_INFER_CUDA_LIBRARY" >&2
    exit 1
  fi
fi
export PHOTON_INFER_CUDA_LIBRARY="$library"
mkdir -p $build
lib=$(dirname "$nvcc")/../lib
# A program linked with the library: its name, then its source.
link() {
  "$nvcc" -std=c++17 -O2 -arch=native -cudart=static -L"$lib" -o "$build/$1" "$2" \
    "$library" -Xlinker -rpath="$(dirname "$library")"
}
link cuda_speed infer/native/cuda/bench/speed.cu

# Operators, models and perplexity on the GPU, the very tests that run on the emulation elsewhere.
if [ $tests = 1 ]; then
  "$deno" test -A --preload=tests/warm_up.ts --v8-flags=--expose-gc \
    tests/infer_cuda_*_test.ts tests/infer_cuda_*_soak.ts
  "$deno" test -A --preload=tests/warm_up.ts --v8-flags=--expose-gc --filter perplexity \
    tests/infer_cuda_soak.ts
fi
# Programs in C: a tool that looks at every access is slow enough without an engine of JavaScript.
if [ $sanitize = 1 ] || [ $leaks = 1 ]; then
  link cuda_operators infer/native/test_operators.c
  link cuda_random_steps infer/native/cuda/bench/random_steps.cu
  link cuda_resident_steps infer/native/cuda/bench/resident_steps.cu
fi
if [ $sanitize = 1 ]; then
  for tool in memcheck racecheck; do
    for use in never always; do
      export PHOTON_INFER_CUBLASLT=$use
      compute-sanitizer --tool $tool --error-exitcode 1 $build/cuda_operators
      compute-sanitizer --tool $tool --error-exitcode 1 $build/cuda_random_steps 400
    done
    compute-sanitizer --tool $tool --error-exitcode 1 $build/cuda_resident_steps 6
  done
  unset PHOTON_INFER_CUBLASLT
fi
# Kernels are loaded at once, so that memory they take is not held for a leak.
if [ $leaks = 1 ]; then
  CUDA_MODULE_LOADING=EAGER $build/cuda_random_steps 100000
  $build/cuda_resident_steps 100
fi

results=${RESULTS:-bench/results}
mkdir -p "$results"
name=$results/infer_cuda_$(date +%Y%m%d_%H%M)
result=$name.jsonl
$build/cuda_speed | tee "$result"
if [ -n "$deno" ]; then
  "$deno" run -A bench/infer_cuda_speed.ts $tiny --timeline "${name}_timeline.json" | tee -a "$result"
fi
if [ $all = 1 ]; then
  PHOTON_INFER_CUBLASLT=never $build/cuda_speed | tee -a "$result"
  $build/cuda_speed w8a8 | tee -a "$result" || echo "W8A8 is left out" >&2
  for kv in int8 fp8; do $build/cuda_speed cuda $kv | tee -a "$result"; done
  if [ -n "$deno" ]; then
    for kv in int8 float8; do
      "$deno" run -A bench/infer_cuda_speed.ts $tiny --kv $kv | tee -a "$result"
    done
  fi
fi
if [ $transformers = 1 ]; then
  "${PYTHON:-python3}" infer/native/cuda/bench/transformers_speed.py $tiny | tee -a "$result"
fi
if [ -n "$deno" ]; then "$deno" run -A bench/infer_cuda_report.ts "$result"; fi
echo "kept in $result"
