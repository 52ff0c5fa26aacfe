// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// How kernels are started: always through `launch`, never with angle brackets, so that one place
// sets the overlap of kernels and the host can run them as functions.
#ifndef INFER_CUDA_LAUNCH_CUH
#define INFER_CUDA_LAUNCH_CUH

#include "intrinsics.cuh"

// Shared memory that a block has without asking.
#define SHARED_BYTES_FREE (48 << 10)

// Grid, block, bytes of dynamic shared memory. With `overlaps` the kernel may begin before the
// earlier one ends (sm_90; see wait_for_earlier_kernels). With `is_together` all blocks run at
// once, so that they may wait for each other, or the launch fails.
struct launch_shape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes;
  cudaStream_t stream;
  bool overlaps;
  bool is_together = false;
};

#define RETURN_IF_FAILED(call)                  \
  do {                                          \
    cudaError_t error_ = (call);                \
    if (error_ != cudaSuccess) return error_;   \
  } while (0)

// Kernels take one struct by value.
#ifdef INFER_CUDA_ON_HOST

template <typename A>
static inline cudaError_t launch(const launch_shape &shape, void (*kernel)(A), const A &argument) {
  if (!host::is_entered(shape.stream)) return cudaErrorInvalidResourceHandle;
  return host::enqueue(shape.stream, [=] {
    host::run_grid(shape.grid, shape.block, shape.shared_bytes, [&] { kernel(argument); },
                   shape.is_together);
  });
}

#else

template <typename A>
static inline cudaError_t launch(const launch_shape &shape, void (*kernel)(A), const A &argument) {
  if (shape.shared_bytes > SHARED_BYTES_FREE) {
    RETURN_IF_FAILED(cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shape.shared_bytes));
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = shape.stream;
  cudaLaunchAttribute attribute = {};
  if (shape.is_together) {
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
  } else {
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
  }
  config.attrs = &attribute;
  config.numAttrs = shape.is_together || shape.overlaps ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, argument);
}

#endif

#endif
