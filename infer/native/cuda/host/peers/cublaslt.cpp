// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The calls of cuBLASLt that infer/native/cuda uses, in plain C++ over the emulation's memory: what
// they take is as its API reference has it, on its own and not by what the callers expect. A
// mistake of the caller is reported as a status, or ends the process where the real one would read
// or write somewhere.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../streams.h"
#include "../../../half.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum { DONE = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { F32 = 0, F16 = 2, INT8 = 3, INT32 = 10, BF16 = 14 };
enum { COMPUTE_F32 = 68, COMPUTE_INT32 = 72 };
enum { DESC_TURN_A = 3, DESC_TURN_B = 4, PREFERENCE_WORKSPACE = 1, PREFERENCE_ALIGNMENT = 5 };

constexpr uint64_t MARK = 0x6375626c61734c74;
constexpr size_t WORKSPACE = 4096; // bytes that every algorithm here wants

struct desc {
  int compute, scale;
  int32_t turns[2];
};
// By columns: number (i, j) lies at i + j * stride.
struct layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};
struct preference {
  uint64_t workspace;
  uint32_t alignments[4];
};
struct algorithm {
  uint64_t mark;
  layout a, b, d;
  uint32_t alignments[4];
};
struct opaque {
  uint64_t words[8];
};
struct result {
  opaque algo;
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

// Algorithms by the number in their eight words.
algorithm algorithms[4096];
int algorithm_count;
int products;
int open_things;

[[noreturn]] void stop(const char *why) {
  fprintf(stderr, "fake cuBLASLt: %s\n", why);
  abort();
}

bool is_same(const layout &x, const layout &y) {
  return x.type == y.type && x.rows == y.rows && x.columns == y.columns && x.stride == y.stride;
}

float number(const void *data, int type, int64_t at) {
  switch (type) {
    case F32:
      return static_cast<const float *>(data)[at];
    case F16:
      return half_to_float(static_cast<const uint16_t *>(data)[at]);
    case BF16:
      return bfloat_to_float(static_cast<const uint16_t *>(data)[at]);
    default:
      return static_cast<const int8_t *>(data)[at];
  }
}

// A is turned: d (i, j) = alpha * sum over k of a (k, i) * b (k, j), + beta * c (i, j).
void multiply_floats(const algorithm &s, float alpha, const void *a, const void *b, float beta,
                     float *d) {
  for (uint64_t j = 0; j < s.d.columns; j++) {
    for (uint64_t i = 0; i < s.d.rows; i++) {
      double sum = 0;
      for (uint64_t k = 0; k < s.a.rows; k++) {
        sum += double{number(a, s.a.type, static_cast<int64_t>(k + i * s.a.stride))} *
               number(b, s.b.type, static_cast<int64_t>(k + j * s.b.stride));
      }
      float *to = d + i + j * s.d.stride;
      // With 0 what is there is not read, and may be anything.
      *to = alpha * static_cast<float>(sum) + (beta == 0 ? 0 : beta * *to);
    }
  }
}

void multiply_integers(const algorithm &s, const void *a, const void *b, int32_t *d) {
  for (uint64_t j = 0; j < s.d.columns; j++) {
    for (uint64_t i = 0; i < s.d.rows; i++) {
      const int8_t *x = static_cast<const int8_t *>(a) + i * s.a.stride;
      const int8_t *y = static_cast<const int8_t *>(b) + j * s.b.stride;
      int32_t sum = 0;
      for (uint64_t k = 0; k < s.a.rows; k++) sum += x[k] * y[k];
      d[i + j * s.d.stride] = sum;
    }
  }
}

// Whether the reference has these types, sizes and strides in its table.
bool is_supported(const desc &how, const layout &a, const layout &b, const layout &d) {
  if (how.turns[0] != 1 || how.turns[1] != 0) return false;
  if (a.rows != b.rows || a.columns != d.rows || b.columns != d.columns) return false;
  if (a.type != b.type) return false;
  if (how.compute == COMPUTE_F32) {
    return how.scale == F32 && (a.type == F16 || a.type == BF16) && d.type == F32;
  }
  bool are_fours = a.rows % 4 == 0 && d.rows % 4 == 0 && a.stride % 4 == 0 && b.stride % 4 == 0;
  return how.compute == COMPUTE_INT32 && how.scale == INT32 && a.type == INT8 && d.type == INT32 &&
         are_fours;
}

} // namespace

// How many products were made, and things that are not destroyed: for tests.
API int fake_cublaslt_products() { return products; }
API int fake_cublaslt_open_things() { return open_things; }

API size_t cublasLtGetVersion() { return 990000; }
API const char *cublasLtGetStatusString(int status) {
  return status == DONE ? "success" : "a mistake";
}
API int cublasLtCreate(void **handle) {
  open_things++;
  *handle = new uint64_t(MARK);
  return DONE;
}
API int cublasLtDestroy(void *handle) {
  open_things--;
  delete static_cast<uint64_t *>(handle);
  return DONE;
}

API int cublasLtMatmulDescCreate(void **made, int compute, int scale) {
  open_things++;
  *made = new desc{compute, scale, {0, 0}};
  return DONE;
}
API int cublasLtMatmulDescDestroy(void *what) {
  open_things--;
  delete static_cast<desc *>(what);
  return DONE;
}
API int cublasLtMatmulDescSetAttribute(void *what, int attribute, const void *from, size_t bytes) {
  if (attribute != DESC_TURN_A && attribute != DESC_TURN_B) return NOT_SUPPORTED;
  if (bytes != sizeof(int32_t)) return INVALID_VALUE;
  memcpy(&static_cast<desc *>(what)->turns[attribute - DESC_TURN_A], from, bytes);
  return DONE;
}

API int cublasLtMatrixLayoutCreate(void **made, int type, uint64_t rows, uint64_t columns,
                                   int64_t stride) {
  if (rows < 1 || columns < 1 || stride < static_cast<int64_t>(rows)) return INVALID_VALUE;
  open_things++;
  *made = new layout{type, rows, columns, stride};
  return DONE;
}
API int cublasLtMatrixLayoutDestroy(void *what) {
  open_things--;
  delete static_cast<layout *>(what);
  return DONE;
}

API int cublasLtMatmulPreferenceCreate(void **made) {
  open_things++;
  *made = new preference{0, {256, 256, 256, 256}};
  return DONE;
}
API int cublasLtMatmulPreferenceDestroy(void *what) {
  open_things--;
  delete static_cast<preference *>(what);
  return DONE;
}
API int cublasLtMatmulPreferenceSetAttribute(void *what, int attribute, const void *from,
                                             size_t bytes) {
  preference *to = static_cast<preference *>(what);
  if (attribute == PREFERENCE_WORKSPACE) {
    if (bytes != sizeof to->workspace) return INVALID_VALUE;
    memcpy(&to->workspace, from, bytes);
    return DONE;
  }
  int which = attribute - PREFERENCE_ALIGNMENT;
  if (which < 0 || which > 3) return NOT_SUPPORTED;
  if (bytes != sizeof(uint32_t)) return INVALID_VALUE;
  memcpy(&to->alignments[which], from, bytes);
  return DONE;
}

API int cublasLtMatmulAlgoGetHeuristic(void *, void *how, void *a, void *b, void *c, void *d,
                                       void *preferred, int wanted, void *results, int *found) {
  const layout &la = *static_cast<layout *>(a), &lb = *static_cast<layout *>(b);
  const layout &lc = *static_cast<layout *>(c), &ld = *static_cast<layout *>(d);
  *found = 0;
  if (wanted < 1) return INVALID_VALUE;
  if (!is_same(lc, ld) || !is_supported(*static_cast<desc *>(how), la, lb, ld)) {
    return NOT_SUPPORTED;
  }
  const preference &p = *static_cast<preference *>(preferred);
  if (p.workspace < WORKSPACE) return NOT_SUPPORTED;
  algorithm &made = algorithms[algorithm_count % 4096];
  made = {MARK, la, lb, ld, {}};
  memcpy(made.alignments, p.alignments, sizeof made.alignments);
  result *first = static_cast<result *>(results);
  *first = {};
  first->algo.words[0] = static_cast<uint64_t>(algorithm_count++ % 4096);
  first->workspace = WORKSPACE;
  *found = 1;
  return DONE;
}

API int cublasLtMatmul(void *, void *how, const void *alpha, const void *a, void *a_layout,
                       const void *b, void *b_layout, const void *beta, const void *c,
                       void *c_layout, void *d, void *d_layout, const void *chosen,
                       void *workspace, size_t bytes, host_stream *stream) {
  const algorithm &known = algorithms[static_cast<const opaque *>(chosen)->words[0]];
  if (known.mark != MARK) stop("an algorithm of nobody");
  const layout *layouts[] = {static_cast<layout *>(a_layout), static_cast<layout *>(b_layout),
                             static_cast<layout *>(c_layout), static_cast<layout *>(d_layout)};
  const layout *expected[] = {&known.a, &known.b, &known.d, &known.d};
  const void *data[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    if (!is_same(*layouts[i], *expected[i])) stop("an algorithm of other layouts");
    if (reinterpret_cast<uintptr_t>(data[i]) % known.alignments[i] != 0) stop("not so aligned");
  }
  if (c != d) stop("C and D are two");
  if (bytes < WORKSPACE || !workspace) stop("no workspace");
  const desc kind = *static_cast<desc *>(how);
  const algorithm shape = known;
  products++;
  // Read now: they are the host's.
  int32_t factors[2];
  memcpy(&factors[0], alpha, 4);
  memcpy(&factors[1], beta, 4);
  auto work = [=] {
    memset(workspace, 0xff, WORKSPACE);
    if (kind.compute == COMPUTE_INT32) {
      if (factors[0] != 1 || factors[1] != 0) stop("integers are only stored");
      multiply_integers(shape, a, b, static_cast<int32_t *>(d));
      return;
    }
    float floats[2];
    memcpy(floats, factors, sizeof floats);
    multiply_floats(shape, floats[0], a, b, floats[1], static_cast<float *>(d));
  };
  if (stream && stream->captured) {
    stream->captured->work.push_back(work);
  } else if (stream && !stream->late.empty()) {
    stream->late.push_back(work);
  } else {
    work();
  }
  return DONE;
}
