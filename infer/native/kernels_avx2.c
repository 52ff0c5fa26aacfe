// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The kernels of one instruction path; the build gives the file its flags.
#define INFER_PATH_AVX2
#include "row_kernels.h"
#include "pack_kernels.h"
#include "int8_avx2.h"
#include "float_multiply.h"
#include "attention_kernels.h"

const kernels kernels_avx2 = {
    .name = "avx2",
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
