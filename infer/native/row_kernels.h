// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Part of each kernels_*.c: what works on rows of numbers.
#include <math.h>

#include "kernels.h"
#include "vector.h"

static void rms_norm(const float *in, const float *weight, int count, float epsilon, float *out) {
  vf sums = v_zero();
  int i = 0;
  for (; i + WIDTH <= count; i += WIDTH) {
    vf x = v_load(in + i);
    sums = v_fma(x, x, sums);
  }
  double sum = v_sum(sums);
  for (; i < count; i++) sum += in[i] * in[i];
  float scale = (float)(1 / sqrt(sum / count + epsilon));
  for (i = 0; i + WIDTH <= count; i += WIDTH) {
    v_store(out + i, v_load(in + i) * v_set(scale) * v_load(weight + i));
  }
  for (; i < count; i++) out[i] = in[i] * scale * weight[i];
}

static void rope(float *row, int heads, int head_size, const float *turns) {
  int half = head_size / 2;
  const float *cosines = turns, *sines = turns + half;
  for (int head = 0; head < heads; head++) {
    float *a = row + (size_t)head * (size_t)head_size, *b = a + half;
    int i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
      vf x = v_load(a + i), y = v_load(b + i), c = v_load(cosines + i), s = v_load(sines + i);
      v_store(a + i, x * c - y * s);
      v_store(b + i, y * c + x * s);
    }
    for (; i < half; i++) {
      float x = a[i], y = b[i];
      a[i] = x * cosines[i] - y * sines[i];
      b[i] = y * cosines[i] + x * sines[i];
    }
  }
}

static void swiglu(const float *gate, const float *up, size_t count, float *out) {
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) {
    vf x = v_load(gate + i);
    v_store(out + i, x / (v_set(1.0f) + v_exp(v_zero() - x)) * v_load(up + i));
  }
  for (; i < count; i++) out[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static void add(float *sum, const float *more, size_t count) {
  size_t i = 0;
  for (; i + WIDTH <= count; i += WIDTH) v_store(sum + i, v_load(sum + i) + v_load(more + i));
  for (; i < count; i++) sum[i] += more[i];
}

// `group_size` numbers, all there. One that is not finite makes the scale a NaN, so that whatever is
// multiplied with it is one too.
static void quantize_group(const float *in, int group_size, int8_t *levels, float *scale,
                           int32_t *correction) {
  vf most = v_zero(), strange = v_zero(), limit = v_set(LEVEL_MAX), low = v_set(-LEVEL_MAX);
  for (int i = 0; i < group_size; i += WIDTH) {
    vf x = v_load(in + i);
    most = v_max(most, v_absolute(x));
    strange += x - x;
  }
  float largest = v_largest(most);
  *scale = largest / LEVEL_MAX + v_sum(strange);
  float inverse = largest == 0 ? 0 : LEVEL_MAX / largest;
  vi sums = v_zero_i();
  for (int i = 0; i < group_size; i += WIDTH) {
    vi level = v_round(v_max(v_min(v_load(in + i) * v_set(inverse), limit), low));
    v_store_i8(levels + i, level);
    sums = v_add_i(sums, level);
  }
  *correction = -LEVEL_OFFSET * v_sum_i(sums);
}

static void quantize(const float *row, int columns, int group_size, int8_t *levels, float *scales,
                     int32_t *corrections) {
  int whole = columns / group_size;
  for (int group = 0; group < whole; group++) {
    int at = group * group_size;
    quantize_group(row + at, group_size, levels + at, scales + group, corrections + group);
  }
  int rest = columns - whole * group_size;
  if (rest == 0) return;
  float padded[128] = {0};
  memcpy(padded, row + whole * group_size, (size_t)rest * sizeof(float));
  quantize_group(padded, group_size, levels + whole * group_size, scales + whole,
                 corrections + whole);
}
