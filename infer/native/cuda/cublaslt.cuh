// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// cuBLASLt, opened at run time where it is installed: nothing is linked with it, and its headers
// are not needed. What is declared here is its documented C interface (CUDA Toolkit, cuBLAS API
// reference, chapter 3), the same in versions 12 and 13.
#ifndef INFER_CUDA_CUBLASLT_CUH
#define INFER_CUDA_CUBLASLT_CUH

#include "launch.cuh"

// Data: numbers of that interface.
enum {
  CUBLASLT_DONE = 0,               // CUBLAS_STATUS_SUCCESS
  CUBLASLT_F32 = 0,                // CUDA_R_32F
  CUBLASLT_F16 = 2,                // CUDA_R_16F
  CUBLASLT_INT8 = 3,               // CUDA_R_8I
  CUBLASLT_INT32 = 10,             // CUDA_R_32I
  CUBLASLT_BF16 = 14,              // CUDA_R_16BF
  CUBLASLT_COMPUTE_F32 = 68,       // CUBLAS_COMPUTE_32F
  CUBLASLT_COMPUTE_INT32 = 72,     // CUBLAS_COMPUTE_32I
  CUBLASLT_TURNED = 1,             // CUBLAS_OP_T
  CUBLASLT_DESC_TURN_A = 3,        // CUBLASLT_MATMUL_DESC_TRANSA, int32_t
  CUBLASLT_WORKSPACE_BYTES = 1,    // CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t
  CUBLASLT_ALIGNMENT_A = 5,        // CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t; then
                                   // those of B, C and D
};

struct cublaslt_algorithm {
  uint64_t words[8];
};

struct cublaslt_result {
  cublaslt_algorithm algorithm;
  size_t workspace_bytes;
  int state;
  float waves;
  int reserved[4];
};

// Data: the calls that are used. Descriptors and handles are addresses.
#define CUBLASLT_CALLS(CALL)                                                                     \
  CALL(get_version, "cublasLtGetVersion", size_t, (void))                                        \
  CALL(get_status_string, "cublasLtGetStatusString", const char *, (int))                        \
  CALL(create, "cublasLtCreate", int, (void **))                                                 \
  CALL(destroy, "cublasLtDestroy", int, (void *))                                                \
  CALL(desc_create, "cublasLtMatmulDescCreate", int, (void **, int compute, int scale))          \
  CALL(desc_destroy, "cublasLtMatmulDescDestroy", int, (void *))                                 \
  CALL(desc_set, "cublasLtMatmulDescSetAttribute", int, (void *, int, const void *, size_t))     \
  CALL(layout_create, "cublasLtMatrixLayoutCreate", int,                                         \
       (void **, int type, uint64_t rows, uint64_t columns, int64_t stride))                     \
  CALL(layout_destroy, "cublasLtMatrixLayoutDestroy", int, (void *))                             \
  CALL(preference_create, "cublasLtMatmulPreferenceCreate", int, (void **))                      \
  CALL(preference_destroy, "cublasLtMatmulPreferenceDestroy", int, (void *))                     \
  CALL(preference_set, "cublasLtMatmulPreferenceSetAttribute", int,                              \
       (void *, int, const void *, size_t))                                                      \
  CALL(find_algorithm, "cublasLtMatmulAlgoGetHeuristic", int,                                    \
       (void *, void *desc, void *a, void *b, void *c, void *d, void *preference, int wanted,    \
        cublaslt_result *, int *found))                                                          \
  CALL(multiply, "cublasLtMatmul", int,                                                          \
       (void *, void *desc, const void *alpha, const void *a, void *a_layout, const void *b,     \
        void *b_layout, const void *beta, const void *c, void *c_layout, void *d,                \
        void *d_layout, const cublaslt_algorithm *, void *workspace, size_t bytes, cudaStream_t))

#define CUBLASLT_MEMBER(name, symbol, result, parameters) result(*name) parameters;

// Products whose algorithm is known; more begin again at none.
#define CUBLASLT_PLANS_MAX 256
#define CUBLASLT_WORKSPACE ((size_t)32 << 20)
#define CUBLASLT_REASON_BYTES 256

// A product in rows: d [tokens][rows] (+)= inputs [tokens][columns] * weights [rows][columns]^T.
struct cublaslt_shape {
  int type; // of weights and inputs: CUBLASLT_F16, _BF16 or _INT8; d is F32, of INT8 it is INT32
  int rows;
  int tokens;
  int columns;
  int input_stride;  // numbers from a token's to the next's
  int output_stride;
  int alignment;     // bytes that the output's address is a multiple of; the others have 128
};

struct cublaslt_plan {
  cublaslt_shape shape;
  void *weights, *inputs, *output; // layouts
  cublaslt_algorithm algorithm;
};

struct cublaslt {
  void *file; // NULL: it is not there, or not to be used
  void *handle;
  char reason[CUBLASLT_REASON_BYTES]; // why not
  void *workspace;                    // CUBLASLT_WORKSPACE
  void *descs[2];                     // of F16 and BF16, of INT8
  void *preference;
  cublaslt_plan plans[CUBLASLT_PLANS_MAX];
  int plan_count;
  CUBLASLT_CALLS(CUBLASLT_MEMBER)
};

// Opens it: the file in the environment variable PHOTON_INFER_CUBLASLT_LIBRARY, or the one that the
// system finds. False with a reason where it cannot.
bool cublaslt_open(cublaslt *made);

void cublaslt_close(cublaslt *library);

// Its version, or why it is not there; a text that JSON takes.
void cublaslt_describe(const cublaslt *library, char *text, size_t size);

// Finds how a product is done. NULL: the library cannot.
const cublaslt_plan *cublaslt_find(cublaslt *library, const cublaslt_shape &shape);

// Starts a product: of floats times `factor`, and added to what is there with `is_added`.
cudaError_t cublaslt_run(cublaslt *library, const cublaslt_plan &plan, float factor, bool is_added,
                         const void *weights, const void *inputs, void *output,
                         cudaStream_t stream);

#endif
