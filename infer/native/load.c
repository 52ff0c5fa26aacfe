// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Matrices from memory and from files, packed by all threads.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "half.h"
#include "model.h"
#include "source.h"
#include "status.h"

// What a thread reads at a time, about: small enough for the second cache.
#define PIECE_BYTES ((size_t)256 << 10)

typedef struct {
  const kernels *kernels;
  const matrix *matrix;
  int source_type;
  size_t row_bytes;
  int first_row; // in the matrix, of the source's first; a multiple of PANEL_ROWS
  int rows;
  int piece_panels;
  // From memory:
  const unsigned char *values;
  const float *scales;
  // From a file:
  int file;
  int64_t offset;
  int pairs_of; // rows of a head whose pairs become halves; 0 for none
  // What went wrong first: an errno, or -1 with the number of the value that cannot be.
  atomic_int error;
  atomic_long strange;
} load_job;

static void note_error(load_job *job, int error) {
  int none = 0;
  atomic_compare_exchange_strong(&job->error, &none, error);
}

static int read_all(const load_job *job, int row, int rows, unsigned char *into) {
  size_t bytes = (size_t)rows * job->row_bytes;
  int64_t offset = job->offset + (int64_t)((size_t)row * job->row_bytes);
  for (size_t filled = 0; filled < bytes;) {
    ssize_t count = pread(job->file, into + filled, bytes - filled, offset + (int64_t)filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return ENODATA;
    filled += (size_t)count;
  }
  return 0;
}

// Rows 2 i and 2 i + 1 of each head to i and i + half.
static void pairs_to_halves(const load_job *job, int rows, const unsigned char *from,
                            unsigned char *to) {
  int half = job->pairs_of / 2;
  for (int row = 0; row < rows; row++) {
    int within = row % job->pairs_of;
    int place = row - within + (within >> 1) + (within & 1) * half;
    memcpy(to + (size_t)place * job->row_bytes, from + (size_t)row * job->row_bytes,
           job->row_bytes);
  }
}

// Splits rows of Q8_0 blocks into levels and scales.
static void split_blocks(const load_job *job, int rows, const unsigned char *blocks,
                         unsigned char *levels, float *scales) {
  size_t count = (size_t)rows * (size_t)job->matrix->groups;
  for (size_t i = 0; i < count; i++) {
    uint16_t scale;
    memcpy(&scale, blocks + i * Q8_BYTES, sizeof scale);
    scales[i] = half_to_float(scale);
    memcpy(levels + i * Q8_GROUP, blocks + i * Q8_BYTES + 2, Q8_GROUP);
  }
}

static void pack_piece(load_job *job, int row, int rows, int source_type,
                       const unsigned char *values, const float *scales) {
  const matrix *matrix = job->matrix;
  size_t row_bytes = (size_t)matrix->columns * source_bytes(source_type);
  for (int at = 0; at < rows; at += PANEL_ROWS) {
    int count = rows - at < PANEL_ROWS ? rows - at : PANEL_ROWS;
    int64_t panel = (job->first_row + row + at) / PANEL_ROWS;
    const float *own = scales ? scales + (size_t)at * (size_t)matrix->groups : NULL;
    int64_t strange = job->kernels->pack(matrix, panel, count, source_type,
                                         values + (size_t)at * row_bytes, own);
    if (strange == 0) continue;
    atomic_store(&job->strange, (job->first_row + row + at) * (int64_t)matrix->columns + strange);
    note_error(job, -1);
    return;
  }
}

// Takes a piece of a file through the steps that it needs: | as read | in halves | scales |.
static void load_piece(load_job *job, int row, int rows, unsigned char *buffer) {
  size_t piece_bytes = (size_t)job->piece_panels * PANEL_ROWS * job->row_bytes;
  unsigned char *values = buffer, *other = buffer + piece_bytes;
  int error = read_all(job, row, rows, values);
  if (error) {
    note_error(job, error);
    return;
  }
  if (job->pairs_of) {
    pairs_to_halves(job, rows, values, other);
    unsigned char *swapped = values;
    values = other;
    other = swapped;
  }
  if (job->source_type != INFER_Q8_0) {
    pack_piece(job, row, rows, job->source_type, values, NULL);
    return;
  }
  float *scales = (float *)(buffer + 2 * piece_bytes);
  split_blocks(job, rows, values, other, scales);
  pack_piece(job, row, rows, INFER_INT8, other, scales);
}

static void load_all(worker *self, void *argument) {
  load_job *job = argument;
  int step = job->piece_panels * PANEL_ROWS;
  size_t piece_bytes = (size_t)step * job->row_bytes;
  unsigned char *buffer = NULL;
  if (!job->values) {
    size_t scales = job->source_type == INFER_Q8_0 ? piece_bytes / 8 + 64 : 0;
    buffer = malloc(2 * piece_bytes + scales);
    if (!buffer) note_error(job, ENOMEM);
  }
  for (int64_t row; (row = pool_take(self, job->rows, step)) >= 0;) {
    if (atomic_load(&job->error)) continue;
    int rest = job->rows - (int)row, rows = rest < step ? rest : step;
    if (!job->values) {
      load_piece(job, (int)row, rows, buffer);
      continue;
    }
    const float *scales =
        job->scales ? job->scales + (size_t)row * (size_t)job->matrix->groups : NULL;
    pack_piece(job, (int)row, rows, job->source_type, job->values + (size_t)row * job->row_bytes,
               scales);
  }
  free(buffer);
}

static int32_t run_load(infer_model *model, load_job *job) {
  pool_run(model->device->pool, load_all, job);
  int error = atomic_load(&job->error);
  if (error == 0) return INFER_OK;
  if (error > 0) {
    return fail(error == ENOMEM ? INFER_NO_MEMORY : INFER_IO, "%s",
                error == ENODATA ? "The file ends too soon" : strerror(error));
  }
  return fail(INFER_INVALID,
              "Holds a number that is not finite or too large for a float16 scale in the group "
              "from number %ld",
              (long)atomic_load(&job->strange) - 1);
}

int32_t infer_model_put_rows(infer_model *model, int32_t role, int32_t layer, int32_t begin,
                             int32_t rows, int32_t source_type, const void *values,
                             const float *scales) {
  matrix *matrix;
  int32_t status = model_find_matrix(model, role, layer, &matrix);
  if (!status) status = device_check_idle(model->device);
  if (!status) status = source_check(matrix, source_type, 0);
  if (status) return status;
  if (begin < 0 || begin % PANEL_ROWS != 0 || rows < 0 || rows > matrix->rows - begin) {
    return fail(INFER_INVALID, "Cannot put %d rows at %d of %d", rows, begin, matrix->rows);
  }
  load_job job = {
      .kernels = model->device->kernels,
      .matrix = matrix,
      .source_type = source_type,
      .row_bytes = (size_t)matrix->columns * source_bytes(source_type),
      .first_row = begin,
      .rows = rows,
      .piece_panels = 1,
      .values = values,
      .scales = scales,
  };
  return run_load(model, &job);
}

static int greatest_divisor(int a, int b) { return b == 0 ? a : greatest_divisor(b, a % b); }

int32_t infer_model_read_file(infer_model *model, int32_t role, int32_t layer, const char *path,
                              int64_t offset, int32_t source_type, int32_t pairs) {
  matrix *matrix;
  int32_t status = model_find_matrix(model, role, layer, &matrix);
  if (!status) status = device_check_idle(model->device);
  if (!status) status = source_check(matrix, source_type, 1);
  if (status) return status;
  size_t columns = (size_t)matrix->columns;
  load_job job = {
      .kernels = model->device->kernels,
      .matrix = matrix,
      .source_type = source_type,
      .row_bytes = source_type == INFER_Q8_0 ? columns / Q8_GROUP * Q8_BYTES
                                             : columns * source_bytes(source_type),
      .rows = matrix->rows,
      .offset = offset,
      .pairs_of = pairs ? model->config.head_size : 0,
  };
  // Whole panels, and whole heads where rows change places.
  int unit = job.pairs_of ? job.pairs_of / greatest_divisor(job.pairs_of, PANEL_ROWS) : 1;
  size_t unit_bytes = (size_t)unit * PANEL_ROWS * job.row_bytes;
  job.piece_panels = unit * (int)(unit_bytes < PIECE_BYTES ? PIECE_BYTES / unit_bytes : 1);
  job.file = open(path, O_RDONLY | O_CLOEXEC);
  if (job.file < 0) return fail(INFER_IO, "Cannot open %s: %s", path, strerror(errno));
  // A wish: the disk goes on while rows are rounded.
  (void)posix_fadvise(job.file, offset, (off_t)((size_t)job.rows * job.row_bytes),
                      POSIX_FADV_WILLNEED);
  status = run_load(model, &job);
  close(job.file);
  return status;
}
