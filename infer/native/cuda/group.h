// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Several GPUs as one device: tensor parallelism.
#ifndef INFER_CUDA_GROUP_H
#define INFER_CUDA_GROUP_H

#include "../infer.h"

#ifdef __cplusplus
extern "C" {
#endif

// Most GPUs of a device.
#define INFER_GROUP_MAX 16

// Opens the first `count` GPUs (of those that CUDA_VISIBLE_DEVICES names) as one device: every
// model on it is cut among them, see shard.h, and every other call is as with one GPU.
// `communicator`: how their sums meet:
//
//     "nccl"  NCCL, opened at run time: libnccl.so.2, or what PHOTON_INFER_NCCL_LIBRARY names
//     "host"  copies through pinned memory of the host, added in the order of the GPUs. Only so may
//             there be fewer GPUs than `count`, which then have several parts each
//     ""      NCCL, else the host; infer_device_describe says why not NCCL
//
// `path`: as for infer_device_open.
INFER_API int32_t infer_cuda_open_group(int32_t count, const char *communicator, const char *path,
                                        infer_device **device);

#ifdef __cplusplus
}
#endif

#endif
