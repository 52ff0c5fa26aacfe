// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "load.cuh"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pack.cuh"

// What is read at a time, about.
#define PIECE_BYTES ((size_t)8 << 20)
#define NOTHING_STRANGE 0xffffffffffffffffull

static int read_bytes(int file, unsigned char *into, size_t bytes, int64_t offset) {
  for (size_t filled = 0; filled < bytes;) {
    ssize_t count = pread(file, into + filled, bytes - filled, offset + (int64_t)filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return ENODATA;
    filled += (size_t)count;
  }
  return 0;
}

static int read_all(const load_source &s, int row, int rows, unsigned char *into) {
  int64_t offset = s.offset + (int64_t)((size_t)row * s.stride_bytes);
  if (s.stride_bytes == s.row_bytes) {
    return read_bytes(s.file, into, (size_t)rows * s.row_bytes, offset);
  }
  int error = 0;
  for (int i = 0; i < rows && !error; i++) {
    error = read_bytes(s.file, into + (size_t)i * s.row_bytes, s.row_bytes,
                       offset + (int64_t)((size_t)i * s.stride_bytes));
  }
  return error;
}

// Rows that lie further apart than they are long.
static void copy_rows(void *to, const void *from, size_t bytes, size_t stride, int rows) {
  for (int i = 0; i < rows; i++) {
    memcpy((char *)to + (size_t)i * bytes, (const char *)from + (size_t)i * stride, bytes);
  }
}

static int32_t grow_slot(load_slot *slot, size_t bytes) {
  if (slot->bytes >= bytes) return INFER_OK;
  if (slot->pinned) cudaFreeHost(slot->pinned);
  if (slot->staged) cudaFree(slot->staged);
  slot->pinned = slot->staged = NULL;
  slot->bytes = 0;
  cudaError_t error = cudaMallocHost((void **)&slot->pinned, bytes);
  if (error == cudaSuccess) error = cudaMalloc((void **)&slot->staged, bytes);
  if (error != cudaSuccess) return cuda_status(error, "allocate memory to load through");
  slot->bytes = bytes;
  return INFER_OK;
}

static size_t value_bytes(const load_source &s, int rows) {
  return ((size_t)rows * s.row_bytes + 15) / 16 * 16;
}

static size_t scale_bytes(const load_source &s, int rows) {
  return s.scales ? (size_t)rows * (size_t)s.into->groups * sizeof(float) : 0;
}

// Sends rows to the device and packs them.
static int32_t load_piece(infer_device *device, load_slot *slot, const load_source &s, int row,
                          int rows) {
  size_t values = value_bytes(s, rows), scales = scale_bytes(s, rows);
  int32_t status = cuda_status(cudaEventSynchronize(slot->is_free), "load rows");
  if (!status) status = grow_slot(slot, values + scales);
  if (status) return status;
  if (s.values) {
    copy_rows(slot->pinned, s.values + (size_t)row * s.stride_bytes, s.row_bytes, s.stride_bytes,
              rows);
  } else {
    int error = read_all(s, row, rows, slot->pinned);
    if (error) {
      return fail(INFER_IO, "%s", error == ENODATA ? "The file ends too soon" : strerror(error));
    }
  }
  if (s.scales) {
    copy_rows(slot->pinned + values, s.scales + (size_t)row * s.scale_stride,
              (size_t)s.into->groups * sizeof(float), s.scale_stride * sizeof(float), rows);
  }
  cudaStream_t stream = device->place.stream;
  cudaError_t error = cudaMemcpyAsync(slot->staged, slot->pinned, values + scales,
                                      cudaMemcpyHostToDevice, stream);
  if (error != cudaSuccess) return cuda_status(error, "load rows");
  pack_args pack = {};
  pack.matrix = view_matrix(*s.into);
  pack.source = slot->staged;
  pack.row_bytes = s.row_bytes;
  pack.source_type = s.source_type;
  pack.scales = (const float *)(slot->staged + values);
  pack.first_row = s.first_row + row;
  pack.rows = rows;
  pack.pairs_of = s.pairs_of;
  pack.strange = device->strange;
  error = pack_run(pack, device->place);
  if (error == cudaSuccess) error = cudaEventRecord(slot->is_free, stream);
  return cuda_status(error, "load rows");
}

// Waits for all rows, and tells of a number that cannot be.
static int32_t check_strange(infer_device *device, const load_source &s) {
  unsigned long long strange;
  cudaError_t error = cudaStreamSynchronize(device->place.stream);
  if (error == cudaSuccess) {
    error = cudaMemcpy(&strange, device->strange, sizeof strange, cudaMemcpyDeviceToHost);
  }
  if (error != cudaSuccess) return cuda_status(error, "load rows");
  if (strange == NOTHING_STRANGE) return INFER_OK;
  // Counted in the whole matrix.
  unsigned long long columns = (unsigned long long)s.into->columns;
  strange = (strange / columns + (unsigned long long)s.cut.rows.begin) *
                (unsigned long long)s.cut.whole_columns +
            strange % columns + (unsigned long long)s.cut.columns.begin;
  return fail(INFER_INVALID,
              "Holds a number that is not finite or too large for a float16 scale in the group "
              "from number %llu",
              strange);
}

int32_t load_rows(infer_device *device, const load_source &s) {
  int unit = s.pairs_of ? s.pairs_of : 1;
  size_t unit_bytes = (size_t)unit * (s.row_bytes + (s.scales ? 4 * (size_t)s.into->groups : 0));
  int step = unit * (unit_bytes < PIECE_BYTES ? (int)(PIECE_BYTES / unit_bytes) : 1);
  int32_t status = cuda_status(
      cudaMemsetAsync(device->strange, 0xff, sizeof *device->strange, device->place.stream),
      "load rows");
  for (int row = 0, piece = 0; row < s.rows && !status; row += step, piece++) {
    int rows = s.rows - row < step ? s.rows - row : step;
    status = load_piece(device, &device->slots[piece % LOAD_SLOTS], s, row, rows);
  }
  if (!status) return check_strange(device, s);
  // Nothing may be on its way when the caller frees things.
  cudaStreamSynchronize(device->place.stream);
  return status;
}

// Numbers of the first columns, or of a whole row, as they come.
static size_t column_bytes(int source_type, int columns) {
  if (source_type == INFER_Q8_0) return (size_t)columns / Q8_GROUP * Q8_BYTES;
  return (size_t)columns * source_bytes(source_type);
}

// What a part has of the source's rows, which are those of the matrix from `begin` on.
static load_source source_of(const infer_model *part, int32_t role, const matrix *into,
                             int source_type, int begin, int rows) {
  load_source source = {};
  weight_cut cut = model_cut(part, role);
  int end = begin + rows, cut_end = cut.rows.begin + cut.rows.count;
  int first = begin > cut.rows.begin ? begin : cut.rows.begin;
  source.into = into;
  source.source_type = source_type;
  source.cut = cut;
  source.row_bytes = column_bytes(source_type, cut.columns.count);
  source.stride_bytes = column_bytes(source_type, cut.whole_columns);
  source.first_row = first - cut.rows.begin;
  source.rows = (end < cut_end ? end : cut_end) - first;
  if (source.rows < 0) source.rows = 0;
  // Of the first number that is wanted.
  source.offset = (int64_t)((size_t)(first - begin) * source.stride_bytes +
                            column_bytes(source_type, cut.columns.begin));
  return source;
}

// Does it for every part of a model, which have the role's matrix all or none.
template <class F>
static int32_t on_parts(infer_model *model, int32_t role, int32_t layer, F load) {
  device_scope scope(model->device);
  int32_t status = INFER_OK;
  for (infer_model *part = model; part && !status; part = part->next) {
    matrix *into;
    status = model_find_matrix(part, role, layer, &into);
    device_enter(part->device);
    if (!status) status = load(part, into);
  }
  return status;
}

int32_t infer_model_put_rows(infer_model *model, int32_t role, int32_t layer, int32_t begin,
                             int32_t rows, int32_t source_type, const void *values,
                             const float *scales) {
  matrix *matrix;
  int32_t status = model_find_matrix(model, role, layer, &matrix);
  if (!status) status = device_check_idle(model->device);
  if (!status) status = source_check(matrix, source_type, false);
  if (status) return status;
  int all = model_rows(model, role);
  if (begin < 0 || begin % PANEL_ROWS != 0 || rows < 0 || rows > all - begin) {
    return fail(INFER_INVALID, "Cannot put %d rows at %d of %d", rows, begin, all);
  }
  return on_parts(model, role, layer, [&](infer_model *part, ::matrix *into) {
    load_source source = source_of(part, role, into, source_type, begin, rows);
    source.values = (const unsigned char *)values + source.offset;
    if (source_type == INFER_INT8) {
      size_t group = (size_t)into->group_size;
      source.scale_stride = ((size_t)source.cut.whole_columns + group - 1) / group;
      size_t first = (size_t)(source.first_row + source.cut.rows.begin - begin);
      source.scales = scales + first * source.scale_stride +
                      (size_t)source.cut.columns.begin / group;
    }
    return load_rows(part->device, source);
  });
}

int32_t infer_model_read_file(infer_model *model, int32_t role, int32_t layer, const char *path,
                              int64_t offset, int32_t source_type, int32_t pairs) {
  matrix *matrix;
  int32_t status = model_find_matrix(model, role, layer, &matrix);
  if (!status) status = device_check_idle(model->device);
  if (!status) status = source_check(matrix, source_type, true);
  if (status) return status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(INFER_IO, "Cannot open %s: %s", path, strerror(errno));
  int rows = model_rows(model, role);
  size_t bytes = (size_t)rows * column_bytes(source_type, model_cut(model, role).whole_columns);
  // A wish: the disk goes on while rows are rounded.
  (void)posix_fadvise(file, offset, (off_t)bytes, POSIX_FADV_WILLNEED);
  status = on_parts(model, role, layer, [&](infer_model *part, ::matrix *into) {
    load_source source = source_of(part, role, into, source_type, 0, rows);
    source.pairs_of = pairs ? model->config.head_size : 0;
    source.offset += offset;
    source.file = file;
    return load_rows(part->device, source);
  });
  close(file);
  return status;
}
