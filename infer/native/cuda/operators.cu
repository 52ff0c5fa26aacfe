// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Single operators for tests and for whoever needs one: the kernels that the steps use.
#include <stdlib.h>
#include <string.h>

#include "elementwise.cuh"
#include "large.cuh"
#include "load.cuh"
#include "transfer.cuh"

int32_t infer_op_rms_norm(infer_device *device, const float *in, const float *weight, int32_t rows,
                          int32_t columns, float epsilon, float *output) {
  if (rows < 0 || columns < 1) return fail(INFER_INVALID, "Cannot norm rows of %d", columns);
  size_t count = (size_t)rows * (size_t)columns;
  transfer memory(device);
  round_args args = {};
  args.rows = memory.send(in, count);
  args.stride = args.columns = columns;
  args.norm = memory.send(weight, (size_t)columns);
  args.epsilon = epsilon;
  args.chunks = row_chunks(INFER_F32, columns);
  args.normed = memory.room<float>(count);
  args.tokens = rows;
  if (!memory.status()) memory.check(round_run(args, device->place));
  memory.fetch(output, args.normed, count);
  return memory.status();
}

int32_t infer_op_rope(infer_device *device, float *heads, const int32_t *positions, int32_t rows,
                      int32_t heads_per_row, int32_t head_size, const float *frequencies,
                      float scale) {
  if (rows < 0 || heads_per_row < 1 || head_size < 2 || head_size % 2 != 0) {
    return fail(INFER_INVALID, "Cannot turn heads of %d", head_size);
  }
  size_t count = (size_t)rows * (size_t)heads_per_row * (size_t)head_size;
  transfer memory(device);
  rope_args args = {};
  args.heads = memory.send(heads, count);
  args.positions = memory.send(positions, (size_t)rows);
  args.rows = rows;
  args.heads_per_row = heads_per_row;
  args.head_size = head_size;
  args.frequencies = memory.send(frequencies, (size_t)head_size / 2);
  args.scale = scale;
  if (!memory.status()) memory.check(rope_run(args, device->place));
  memory.fetch(heads, args.heads, count);
  return memory.status();
}

int32_t infer_op_swiglu(infer_device *device, const float *gate, const float *up, size_t count,
                        float *output) {
  transfer memory(device);
  swiglu_args args = {};
  args.gate = memory.send(gate, count);
  args.up = memory.send(up, count);
  args.count = count;
  args.output = memory.room<float>(count);
  if (!memory.status()) memory.check(swiglu_run(args, device->place));
  memory.fetch(output, args.output, count);
  return memory.status();
}

// Levels as the device pads them to those of the caller, and scales from [group][row] to
// [row][group].
static void take_levels(const round_args &args, int groups, const unsigned char *padded,
                        const float *turned, int8_t *levels, float *scales) {
  size_t row_bytes = (size_t)args.chunks * CHUNK_BYTES;
  size_t width = (size_t)groups * (size_t)args.group_size;
  for (int row = 0; row < args.tokens; row++) {
    memcpy(levels + (size_t)row * width, padded + (size_t)row * row_bytes, width);
    for (int group = 0; group < groups; group++) {
      scales[(size_t)row * (size_t)groups + (size_t)group] =
          turned[(size_t)group * (size_t)args.scale_stride + (size_t)row];
    }
  }
}

int32_t infer_op_quantize(infer_device *device, const float *in, int32_t rows, int32_t columns,
                          int32_t group_size, int8_t *levels, float *scales) {
  if (group_size != 32 && group_size != 64 && group_size != 128) {
    return fail(INFER_INVALID, "Cannot round in groups of %d, not 32, 64, 128", group_size);
  }
  if (rows < 0 || columns < 1) return fail(INFER_INVALID, "Cannot round rows of %d", columns);
  int groups = (columns + group_size - 1) / group_size;
  transfer memory(device);
  round_args args = {};
  args.rows = memory.send(in, (size_t)rows * (size_t)columns);
  args.stride = args.columns = columns;
  args.type = INFER_INT8;
  args.group_size = group_size;
  args.chunks = row_chunks(INFER_INT8, columns);
  args.tokens = args.scale_stride = rows;
  size_t level_count = (size_t)rows * (size_t)args.chunks * CHUNK_BYTES;
  size_t scale_count = (size_t)args.chunks * (size_t)(CHUNK_BYTES / group_size) * (size_t)rows;
  args.rounded = memory.room<unsigned char>(level_count);
  args.scales = memory.room<float>(scale_count);
  if (!memory.status()) memory.check(round_run(args, device->place));
  unsigned char *padded = (unsigned char *)malloc(level_count + 1);
  float *turned = (float *)malloc((scale_count + 1) * sizeof *turned);
  int32_t status = memory.status();
  if (!padded || !turned) status = fail(INFER_NO_MEMORY, "Cannot keep %d rounded rows", rows);
  if (!status) {
    memory.fetch(padded, args.rounded, level_count);
    memory.fetch(turned, args.scales, scale_count);
    status = memory.status();
  }
  if (!status) take_levels(args, groups, padded, turned, levels, scales);
  free(padded);
  free(turned);
  return status;
}

// The product itself, of a matrix that is on the device.
static int32_t multiply(infer_device *device, const matrix &made, const float *input, int tokens,
                        float *output) {
  size_t columns = (size_t)made.columns, count = (size_t)tokens;
  transfer memory(device);
  linear_args args = {};
  args.jobs[0].matrix = view_matrix(made);
  args.job_count = 1;
  args.kind = LINEAR_STORED;
  args.output_stride = made.rows;
  args.tokens = tokens;
  args.rows = memory.send(input, count * columns);
  args.stride = made.columns;
  args.room.scale_stride = (tokens + 127) / 128 * 128;
  int chunks = rounded_chunks(made.type, row_chunks(made.type, made.columns));
  args.room.rounded = memory.room<unsigned char>(count * (size_t)chunks * CHUNK_BYTES);
  args.room.scales = memory.room<float>((columns / 32 + 4) * (size_t)args.room.scale_stride);
  args.room.normed = memory.room<float>(count * columns);
  args.room.sums = memory.room<float>(LINEAR_SUMS_BYTES / sizeof(float));
  args.room.tickets = memory.room<unsigned>(LINEAR_TICKETS);
  args.jobs[0].output = memory.room<float>(count * (size_t)made.rows);
  large_sizes sizes = {};
  large_fit(&sizes, tokens, made.rows, made.columns);
  // Nothing is measured here.
  if (large_is_always(device)) {
    int32_t status = large_make(device, sizes, tokens, &args.room.large);
    if (status) return status;
  }
  if (!memory.status()) memory.check(linear_run(args, device->place));
  memory.fetch(output, args.jobs[0].output, count * (size_t)made.rows);
  large_drop(args.room.large);
  return memory.status();
}

int32_t infer_op_multiply(infer_device *device, const float *in, int32_t tokens, int32_t type,
                          int32_t group_size, int32_t rows, int32_t columns, int32_t source_type,
                          const void *values, const float *scales, float *output) {
  int32_t status = device_check_idle(device);
  if (status) return status;
  bool is_levels = source_type == INFER_INT8;
  if (tokens < 1 || rows < 1 || columns < 1 || source_bytes(source_type) == 0 ||
      (is_levels && (type != INFER_INT8 || !scales))) {
    return fail(INFER_INVALID, "Cannot multiply %d rows of %d with type %d", tokens, columns,
                source_type);
  }
  matrix made;
  status = matrix_create(&made, type, group_size, rows, columns);
  if (status) return status;
  load_source source = {};
  source.into = &made;
  source.source_type = source_type;
  source.row_bytes = source.stride_bytes = (size_t)columns * source_bytes(source_type);
  source.scale_stride = (size_t)made.groups;
  source.cut = {{0, rows}, {0, columns}, columns};
  source.rows = rows;
  source.values = (const unsigned char *)values;
  source.scales = is_levels ? scales : NULL;
  status = load_rows(device, source);
  if (!status) status = multiply(device, made, in, tokens, output);
  matrix_free(&made);
  return status;
}
