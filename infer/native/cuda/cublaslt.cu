// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "cublaslt.cuh"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY_VARIABLE "PHOTON_INFER_CUBLASLT_LIBRARY"
// Alignment of the memory that this library allocates, and of its pieces.
#define OWN_ALIGNMENT 128

// Data: by version, the newest first.
static const char *const FILES[] = {"libcublasLt.so.13", "libcublasLt.so.12"};

static bool say(cublaslt *library, const char *what, const char *why) {
  snprintf(library->reason, sizeof library->reason, "%s: %s", what, why ? why : "no reason given");
  return false;
}

static bool open_file(cublaslt *library) {
  const char *chosen = getenv(LIBRARY_VARIABLE);
  bool is_chosen = chosen && *chosen;
  for (const char *name : FILES) {
    library->file = dlopen(is_chosen ? chosen : name, RTLD_LAZY | RTLD_LOCAL);
    if (library->file || is_chosen) break;
  }
  return library->file || say(library, "cuBLASLt is not there", dlerror());
}

#define CUBLASLT_FIND(name, symbol, result, parameters)                              \
  library->name = (result(*) parameters)dlsym(library->file, symbol);                \
  if (!library->name) return say(library, "cuBLASLt lacks a call", symbol);

static bool find_calls(cublaslt *library) {
  CUBLASLT_CALLS(CUBLASLT_FIND)
  return true;
}

// Which of the descriptors a type takes.
static int desc_of(int type) { return type == CUBLASLT_INT8 ? 1 : 0; }

static bool make_descs(cublaslt *library) {
  static const struct {
    int compute, scale;
  } kinds[] = {{CUBLASLT_COMPUTE_F32, CUBLASLT_F32}, {CUBLASLT_COMPUTE_INT32, CUBLASLT_INT32}};
  const int32_t turned = CUBLASLT_TURNED;
  int status = CUBLASLT_DONE;
  for (int i = 0; i < 2 && status == CUBLASLT_DONE; i++) {
    status = library->desc_create(&library->descs[i], kinds[i].compute, kinds[i].scale);
    if (status != CUBLASLT_DONE) break;
    status = library->desc_set(library->descs[i], CUBLASLT_DESC_TURN_A, &turned, sizeof turned);
  }
  const uint64_t bytes = CUBLASLT_WORKSPACE;
  if (status == CUBLASLT_DONE) status = library->preference_create(&library->preference);
  if (status == CUBLASLT_DONE) {
    status = library->preference_set(library->preference, CUBLASLT_WORKSPACE_BYTES, &bytes,
                                     sizeof bytes);
  }
  if (status == CUBLASLT_DONE) status = library->create(&library->handle);
  if (status == CUBLASLT_DONE) return true;
  return say(library, "cuBLASLt does not begin", library->get_status_string(status));
}

bool cublaslt_open(cublaslt *made) {
  memset(made, 0, sizeof *made);
  bool is_open = open_file(made) && find_calls(made) && make_descs(made);
  if (is_open) {
    cudaError_t error = cudaMalloc(&made->workspace, CUBLASLT_WORKSPACE);
    if (error == cudaSuccess) return true;
    (void)cudaGetLastError();
    say(made, "cuBLASLt has no workspace", cudaGetErrorString(error));
  }
  char reason[CUBLASLT_REASON_BYTES];
  memcpy(reason, made->reason, sizeof reason);
  cublaslt_close(made);
  memcpy(made->reason, reason, sizeof reason);
  return false;
}

void cublaslt_describe(const cublaslt *library, char *text, size_t size) {
  if (library->file) {
    snprintf(text, size, "%zu", library->get_version());
  } else {
    snprintf(text, size, "%s", library->reason);
  }
  for (; *text; text++) {
    if (*text == '"' || *text == '\\' || *text < ' ') *text = '\'';
  }
}

static void forget_plans(cublaslt *library) {
  for (int i = 0; i < library->plan_count; i++) {
    cublaslt_plan *plan = &library->plans[i];
    void *const layouts[] = {plan->weights, plan->inputs, plan->output};
    for (void *layout : layouts) library->layout_destroy(layout);
  }
  library->plan_count = 0;
}

void cublaslt_close(cublaslt *library) {
  forget_plans(library);
  if (library->handle) library->destroy(library->handle);
  if (library->preference) library->preference_destroy(library->preference);
  for (void *desc : library->descs) {
    if (desc) library->desc_destroy(desc);
  }
  if (library->workspace) cudaFree(library->workspace);
  if (library->file) dlclose(library->file);
  memset(library, 0, sizeof *library);
}

// Its matrices have their numbers by columns: rows of ours are its columns.
static int make_layouts(cublaslt *library, cublaslt_plan *plan) {
  const cublaslt_shape &s = plan->shape;
  int output = s.type == CUBLASLT_INT8 ? CUBLASLT_INT32 : CUBLASLT_F32;
  const struct {
    void **made;
    int type, rows, columns, stride;
  } layouts[] = {
      {&plan->weights, s.type, s.columns, s.rows, s.columns},
      {&plan->inputs, s.type, s.columns, s.tokens, s.input_stride},
      {&plan->output, output, s.rows, s.tokens, s.output_stride},
  };
  for (const auto &layout : layouts) {
    int status = library->layout_create(layout.made, layout.type, (uint64_t)layout.rows,
                                        (uint64_t)layout.columns, layout.stride);
    if (status != CUBLASLT_DONE) return status;
  }
  return CUBLASLT_DONE;
}

static int choose_algorithm(cublaslt *library, cublaslt_plan *plan) {
  const uint32_t output = (uint32_t)plan->shape.alignment;
  const uint32_t alignments[4] = {OWN_ALIGNMENT, OWN_ALIGNMENT, output, output};
  int status = CUBLASLT_DONE, found = 0;
  for (int i = 0; i < 4 && status == CUBLASLT_DONE; i++) {
    status = library->preference_set(library->preference, CUBLASLT_ALIGNMENT_A + i, &alignments[i],
                                     sizeof alignments[i]);
  }
  cublaslt_result result = {};
  if (status == CUBLASLT_DONE) {
    status = library->find_algorithm(library->handle, library->descs[desc_of(plan->shape.type)],
                                     plan->weights, plan->inputs, plan->output, plan->output,
                                     library->preference, 1, &result, &found);
  }
  if (status != CUBLASLT_DONE) return status;
  plan->algorithm = result.algorithm;
  return found < 1 ? -1 : result.state;
}

const cublaslt_plan *cublaslt_find(cublaslt *library, const cublaslt_shape &shape) {
  for (int i = 0; i < library->plan_count; i++) {
    if (memcmp(&library->plans[i].shape, &shape, sizeof shape) == 0) return &library->plans[i];
  }
  if (library->plan_count == CUBLASLT_PLANS_MAX) forget_plans(library);
  cublaslt_plan made = {};
  made.shape = shape;
  int status = make_layouts(library, &made);
  if (status == CUBLASLT_DONE) status = choose_algorithm(library, &made);
  if (status != CUBLASLT_DONE) {
    void *const layouts[] = {made.weights, made.inputs, made.output};
    for (void *layout : layouts) {
      if (layout) library->layout_destroy(layout);
    }
    return NULL;
  }
  library->plans[library->plan_count] = made;
  return &library->plans[library->plan_count++];
}

cudaError_t cublaslt_run(cublaslt *library, const cublaslt_plan &plan, float factor, bool is_added,
                         const void *weights, const void *inputs, void *output,
                         cudaStream_t stream) {
  const bool is_int = plan.shape.type == CUBLASLT_INT8;
  const int32_t int_factors[2] = {1, is_added ? 1 : 0};
  const float factors[2] = {factor, is_added ? 1.0f : 0.0f};
  const void *alpha = is_int ? (const void *)&int_factors[0] : &factors[0];
  const void *beta = is_int ? (const void *)&int_factors[1] : &factors[1];
  int status = library->multiply(library->handle, library->descs[desc_of(plan.shape.type)], alpha,
                                 weights, plan.weights, inputs, plan.inputs, beta, output,
                                 plan.output, output, plan.output, &plan.algorithm,
                                 library->workspace, CUBLASLT_WORKSPACE, stream);
  return status == CUBLASLT_DONE ? cudaSuccess : cudaErrorUnknown;
}
