// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The kernels of one instruction path; the build gives the file its flags.
#define INFER_PATH_PORTABLE
#include "row_kernels.h"
#include "pack_kernels.h"
#include "int8_portable.h"
#include "float_multiply.h"
#include "attention_kernels.h"

const kernels kernels_portable = {
    .name = "portable",
    .rms_norm = rms_norm,
    .rope = rope,
    .swiglu = swiglu,
    .add = add,
    .quantize = quantize,
    .pack = pack,
    .multiply = multiply,
    .put = put,
    .attend = attend,
};
