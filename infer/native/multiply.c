// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "multiply.h"

#include <string.h>

// A matrix is taken in so many parts a thread: few enough to stream, enough to end together.
#define PARTS_PER_THREAD 8

static int64_t part_panels(worker *self, int64_t panels) {
  int64_t parts = (int64_t)pool_threads(self->pool) * PARTS_PER_THREAD;
  return panels < parts ? 1 : panels / parts;
}

static int rows_of_panel(const matrix *matrix, int64_t panel) {
  int rest = matrix->rows - (int)panel * PANEL_ROWS;
  return rest < PANEL_ROWS ? rest : PANEL_ROWS;
}

static void add_bias(const multiplication *job, int64_t panel, int rows, int tokens, float *tile) {
  if (!job->bias) return;
  for (int t = 0; t < tokens; t++) {
    for (int r = 0; r < rows; r++) tile[t * PANEL_ROWS + r] += job->bias[panel * PANEL_ROWS + r];
  }
}

static void multiply_panel(const kernels *kernels, const input *in, int tokens,
                           const multiplication *job, int64_t panel, enum product product,
                           float *tile) {
  int rows = rows_of_panel(job->matrix, panel);
  for (int first = 0; first < tokens; first += TOKEN_BLOCK) {
    int count = tokens - first < TOKEN_BLOCK ? tokens - first : TOKEN_BLOCK;
    kernels->multiply(job->matrix, panel, in, first, count, tile);
    add_bias(job, panel, rows, count, tile);
    for (int t = 0; t < count; t++) {
      float *output = job->output + (size_t)(first + t) * job->stride + panel * PANEL_ROWS;
      const float *row = tile + t * PANEL_ROWS;
      if (product == PRODUCT_STORED) {
        memcpy(output, row, (size_t)rows * sizeof(float));
      } else {
        kernels->add(output, row, (size_t)rows);
      }
    }
  }
}

void multiply_all(worker *self, const kernels *kernels, const input *in, int tokens,
                  const multiplication *jobs, int count, enum product product,
                  thread_scratch *scratch) {
  int64_t panels = 0;
  for (int i = 0; i < count; i++) panels += jobs[i].matrix->panels;
  int64_t step = part_panels(self, panels);
  for (int64_t first; (first = pool_take(self, panels, step)) >= 0;) {
    int64_t end = first + step < panels ? first + step : panels;
    for (int64_t panel = first; panel < end; panel++) {
      const multiplication *job = jobs;
      int64_t within = panel;
      while (within >= job->matrix->panels) within -= job++->matrix->panels;
      multiply_panel(kernels, in, tokens, job, within, product, scratch->tile);
    }
  }
}

static void gated_panel(const kernels *kernels, const input *in, int tokens,
                        const multiplication *gate, const multiplication *up, int64_t panel,
                        thread_scratch *scratch) {
  int rows = rows_of_panel(gate->matrix, panel);
  for (int first = 0; first < tokens; first += TOKEN_BLOCK) {
    int count = tokens - first < TOKEN_BLOCK ? tokens - first : TOKEN_BLOCK;
    kernels->multiply(gate->matrix, panel, in, first, count, scratch->tile);
    add_bias(gate, panel, rows, count, scratch->tile);
    kernels->multiply(up->matrix, panel, in, first, count, scratch->other_tile);
    add_bias(up, panel, rows, count, scratch->other_tile);
    for (int t = 0; t < count; t++) {
      float *output = gate->output + (size_t)(first + t) * gate->stride + panel * PANEL_ROWS;
      kernels->swiglu(scratch->tile + t * PANEL_ROWS, scratch->other_tile + t * PANEL_ROWS,
                      (size_t)rows, output);
    }
  }
}

void multiply_gated(worker *self, const kernels *kernels, const input *in, int tokens,
                    const multiplication *gate, const multiplication *up,
                    thread_scratch *scratch) {
  int64_t panels = gate->matrix->panels, step = part_panels(self, panels);
  for (int64_t first; (first = pool_take(self, panels, step)) >= 0;) {
    int64_t end = first + step < panels ? first + step : panels;
    for (int64_t panel = first; panel < end; panel++) {
      gated_panel(kernels, in, tokens, gate, up, panel, scratch);
    }
  }
}
