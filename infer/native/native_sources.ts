// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Version of the C interface that this release speaks, as in infer.h. */
export const ABI_VERSION = 3;

/** File name of the library for processors. */
export const LIBRARY_NAME = "libinfer_cpu.so";

/** File name of the library for GPUs. */
export const CUDA_LIBRARY_NAME = "libphoton_infer_cuda.so";

/** Where `deno task build` puts what it makes, beside the sources. */
export const BUILD_FOLDER = new URL(".build/", import.meta.url);

/** A C source, and for which processor where not for all, with its flags. */
export interface SourceFile {
  readonly name: string;
  readonly arch?: typeof Deno.build.arch;
  readonly flags?: readonly string[];
}

/** The sources of the library. */
// Data: what one library is made of; the kernels once for each instruction path.
// deno-fmt-ignore
export const SOURCES: readonly SourceFile[] = [
  { name: "batch.c" },
  { name: "context.c" },
  { name: "device.c" },
  { name: "kv_blocks.c" },
  { name: "load.c" },
  { name: "matrix.c" },
  { name: "memory.c" },
  { name: "model.c" },
  { name: "multiply.c" },
  { name: "operators.c" },
  { name: "pool.c" },
  { name: "sample.c", flags: ["-ffp-contract=off"] },
  { name: "shard.c" },
  { name: "source.c" },
  { name: "status.c" },
  { name: "step.c" },
  { name: "step_check.c" },
  { name: "kernels_portable.c" },
  { name: "kernels_avx2.c", arch: "x86_64", flags: ["-mavx2", "-mfma", "-mf16c"] },
  { name: "kernels_vnni.c", arch: "x86_64", flags: ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mfma", "-mf16c"] },
];

/** The headers. */
// Data: what the sources include.
export const HEADERS: readonly string[] = [
  ...["attention_kernels.h", "batch.h", "context.h", "device.h", "float_multiply.h", "half.h"],
  ...["infer.h", "int8_avx2.h", "int8_portable.h", "int8_vnni.h", "kernels.h", "kv_blocks.h"],
  ...["matrix.h", "memory.h", "model.h", "multiply.h", "pack_kernels.h", "pool.h"],
  ...["row_kernels.h", "sample_math.h", "shard.h", "source.h", "status.h", "step_check.h"],
  ...["test_check.h", "vector.h"],
];

/** The sources of the library for GPUs. */
// Data: what cuda/ compiles, beside what both libraries share.
export const CUDA_SOURCES: readonly string[] = [
  ...["cuda/attend.cu", "cuda/attend_rows.cu", "cuda/attention_operator.cu"],
  ...["cuda/communicator.cu", "cuda/host_communicator.cu", "cuda/nccl.cu"],
  ...[
    "cuda/context.cu",
    "cuda/context_bytes.cu",
    "cuda/cublaslt.cu",
    "cuda/device.cu",
    "cuda/draw.cu",
  ],
  ...["cuda/draw_operator.cu", "cuda/draw_step.cu", "cuda/elementwise.cu"],
  ...["cuda/group_wait.cu"],
  ...["cuda/large.cu", "cuda/large_room.cu", "cuda/large_tiles.cu"],
  ...["cuda/embed.cu", "cuda/graph.cu", "cuda/kv.cu", "cuda/linear.cu", "cuda/load.cu"],
  ...["cuda/logit_rules.cu"],
  ...["cuda/matrix.cu", "cuda/narrow_float.cu", "cuda/narrow_int8.cu", "cuda/operators.cu"],
  ...["cuda/pack.cu", "cuda/place.cu"],
  ...["cuda/resident.cu", "cuda/resident_half.cu", "cuda/resident_int8.cu"],
  ...["cuda/resident_room.cu", "cuda/round.cu"],
  ...["cuda/step.cu", "cuda/step_pack.cu", "cuda/wide_half.cu"],
  ...["cuda/wide_int8.cu"],
];

/** C sources that the library for GPUs shares with that for processors. */
export const CUDA_SHARED: readonly string[] = [
  ...["model.c", "shard.c", "source.c", "status.c", "step_check.c"],
];

/** Its headers. */
// Data: what cuda/ includes.
export const CUDA_HEADERS: readonly string[] = [
  ...["cuda/attend.cuh", "cuda/attend_block.cuh", "cuda/attend_chunk.cuh"],
  ...["cuda/attend_part.cuh"],
  ...["cuda/attend_plan.cuh", "cuda/attend_tile.cuh", "cuda/context.cuh"],
  ...["cuda/communicator.cuh", "cuda/group.h"],
  ...["cuda/cublaslt.cuh", "cuda/large.cuh"],
  ...["cuda/device.cuh", "cuda/draw.cuh", "cuda/draw.h", "cuda/draw_step.cuh"],
  ...["cuda/elementwise.cuh"],
  ...[
    "cuda/embed.cuh",
    "cuda/embed_token.cuh",
    "cuda/intrinsics.cuh",
    "cuda/kv.cuh",
    "cuda/kv_put.cuh",
  ],
  ...["cuda/launch.cuh", "cuda/linear.cuh", "cuda/load.cuh", "cuda/matrix.cuh"],
  ...["cuda/logit_rules.cuh", "cuda/logit_rules.h"],
  ...["cuda/narrow.cuh", "cuda/narrow_math.cuh", "cuda/pack.cuh", "cuda/place.cuh"],
  ...["cuda/place_head.cuh", "cuda/resident.cuh", "cuda/resident_block.cuh"],
  ...["cuda/resident_room.cuh"],
  ...["cuda/round.cuh", "cuda/sample_draw.cuh", "cuda/sample_select.cuh", "cuda/step_pack.cuh"],
  ...[
    "cuda/step_view.cuh",
    "cuda/top_logits.cuh",
    "cuda/transfer.cuh",
    "cuda/wide.cuh",
    "cuda/wide_sender.cuh",
  ],
];
