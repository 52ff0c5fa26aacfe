// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// One step through a model: what step_view.cuh draws, as a list of kernels on the device's stream.
#include "context.cuh"
#include "embed.cuh"
#include "place.cuh"

// What every part needs.
struct step_run_state {
  infer_context *context;
  const infer_model_config *config;
  const run_place *place;
  step_view step;
};

static const float *vector_at(const infer_context *c, int layer, int role) {
  return c->vector_places[(size_t)(layer + 1) * INFER_ROLES + (size_t)role];
}

static linear_job job_at(const infer_context *c, int layer, int role, int bias, float *output) {
  linear_job job = {};
  job.matrix = view_matrix(c->model->sets[layer + 1].matrices[role]);
  job.bias = bias < 0 ? NULL : vector_at(c, layer, bias);
  job.output = output;
  return job;
}

// A product of rows; the caller adds jobs.
static linear_args product_of(const step_run_state &s, const float *rows, int columns,
                              enum linear_kind kind, int output_stride) {
  linear_args args = {};
  args.kind = kind;
  args.rows = rows;
  args.stride = columns;
  args.output_stride = output_stride;
  args.tokens = s.step.tokens;
  args.epsilon = s.config->norm_epsilon;
  args.room = s.context->room;
  return args;
}

static cudaError_t project_heads(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  int queries = s.config->head_count * s.config->head_size;
  int keys = s.config->kv_head_count * s.config->head_size;
  linear_args args =
      product_of(s, c->states, s.config->hidden_size, LINEAR_STORED, queries + 2 * keys);
  args.norm = vector_at(c, layer, INFER_ATTENTION_NORM);
  args.jobs[0] = job_at(c, layer, INFER_QUERY, INFER_QUERY_BIAS, c->heads);
  args.jobs[1] = job_at(c, layer, INFER_KEY, INFER_KEY_BIAS, c->heads + queries);
  args.jobs[2] = job_at(c, layer, INFER_VALUE, INFER_VALUE_BIAS, c->heads + queries + keys);
  args.job_count = 3;
  return linear_run(args, *s.place);
}

static cudaError_t attend(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  const infer_model_config *m = s.config;
  int queries = m->head_count * m->head_size, keys = m->kv_head_count * m->head_size;
  place_args put = {};
  put.step = s.step;
  put.kv = c->kv;
  put.layer = layer;
  put.heads = m->head_count;
  put.kv_heads = m->kv_head_count;
  put.head_size = m->head_size;
  put.rows = c->heads;
  put.query_norm = vector_at(c, layer, INFER_QUERY_NORM);
  put.key_norm = vector_at(c, layer, INFER_KEY_NORM);
  put.epsilon = m->norm_epsilon;
  RETURN_IF_FAILED(place_run(put, *s.place));
  attend_args look = {};
  look.step = s.step;
  look.kv = c->kv;
  look.layer = layer;
  look.heads = m->head_count;
  look.kv_heads = m->kv_head_count;
  look.head_size = m->head_size;
  look.queries = c->heads;
  look.query_stride = queries + 2 * keys;
  look.output = c->mixed;
  look.output_stride = queries;
  look.workspace = c->attend_workspace;
  return attend_run(look, *s.place);
}

// Adds rows times a matrix to the states.
static cudaError_t add_product(const step_run_state &s, int layer, int role, int bias,
                               const float *rows, int columns) {
  infer_context *c = s.context;
  linear_args args = product_of(s, rows, columns, LINEAR_ADDED, s.config->hidden_size);
  args.jobs[0] = job_at(c, layer, role, bias, c->states);
  args.job_count = 1;
  return linear_run(args, *s.place);
}

static cudaError_t gate(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  linear_args args = product_of(s, c->states, s.config->hidden_size, LINEAR_GATED,
                                s.config->intermediate_size);
  args.norm = vector_at(c, layer, INFER_MLP_NORM);
  args.jobs[0] = job_at(c, layer, INFER_GATE, INFER_GATE_BIAS, c->inner);
  args.jobs[1] = job_at(c, layer, INFER_UP, INFER_UP_BIAS, NULL);
  args.job_count = 2;
  return linear_run(args, *s.place);
}

static cudaError_t run_layer(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  int queries = s.config->head_count * s.config->head_size;
  RETURN_IF_FAILED(project_heads(s, layer));
  RETURN_IF_FAILED(attend(s, layer));
  RETURN_IF_FAILED(add_product(s, layer, INFER_OUTPUT, INFER_OUTPUT_BIAS, c->mixed, queries));
  RETURN_IF_FAILED(gate(s, layer));
  return add_product(s, layer, INFER_DOWN, INFER_DOWN_BIAS, c->inner, s.config->intermediate_size);
}

static draw_args draw_of(const step_run_state &s, const float *logits, int draws) {
  const draw_room &room = s.context->draws;
  draw_args args = {};
  args.state = (draw_state *)room.memory;
  args.draws = (infer_draw *)(room.memory + DRAWS_AT);
  args.results = room.results;
  args.logits = logits;
  args.vocabulary = s.config->vocabulary_size;
  args.draws_max = draws;
  args.step = s.step;
  return args;
}

// Chooses tokens; where each sequence has one, they can be the next step's.
static cudaError_t draw(const step_run_state &s, const float *logits, int draws) {
  draw_args args = draw_of(s, logits, draws);
  RETURN_IF_FAILED(choose_run(args, *s.place));
  bool is_decode = s.step.tokens == s.step.sequences && s.step.tokens == s.step.logits;
  return is_decode ? advance_run(args, *s.place) : cudaSuccess;
}

// States and logits of the tokens that want some, and their way to the host, or what follows on the
// device.
static cudaError_t give_logits(const step_run_state &s, const step_shape &shape) {
  infer_context *c = s.context;
  size_t rows = (size_t)s.step.logits, hidden = (size_t)s.config->hidden_size;
  size_t vocabulary = (size_t)s.config->vocabulary_size;
  size_t logits_at = (size_t)c->output_rows * hidden;
  if (rows == 0) return cudaSuccess;
  linear_args args = product_of(s, c->states, (int)hidden, LINEAR_STORED, (int)vocabulary);
  args.tokens = s.step.logits;
  args.chosen = s.step.logit_tokens;
  args.norm = vector_at(c, -1, INFER_FINAL_NORM);
  args.normed = c->output;
  int role = s.config->tied_embeddings ? INFER_EMBEDDING : INFER_HEAD;
  args.jobs[0] = job_at(c, -1, role, -1, c->output + logits_at);
  args.job_count = 1;
  RETURN_IF_FAILED(linear_run(args, *s.place));
  if (shape.is_drawn) return draw(s, c->output + logits_at, shape.draws);
  RETURN_IF_FAILED(cudaMemcpyAsync(c->pinned_output, c->output, rows * hidden * sizeof(float),
                                   cudaMemcpyDeviceToHost, s.place->stream));
  return cudaMemcpyAsync(c->pinned_output + logits_at, c->output + logits_at,
                         rows * vocabulary * sizeof(float), cudaMemcpyDeviceToHost,
                         s.place->stream);
}

cudaError_t step_send(infer_context *c, const int32_t *pinned, const step_shape &shape) {
  return cudaMemcpyAsync(c->step, pinned,
                         (size_t)lay_out_step(shape).words * sizeof(int32_t),
                         cudaMemcpyHostToDevice, c->device->place.stream);
}

cudaError_t step_run(infer_context *c, const step_shape &shape) {
  step_run_state s = {};
  s.context = c;
  s.config = &c->model->config;
  s.place = &c->device->place;
  s.step = view_step(shape, c->step, c->turns);
  // Behind a copy: nothing to overlap with.
  run_place first = *s.place;
  first.overlaps = false;
  if (shape.is_drawn) {
    RETURN_IF_FAILED(feed_run(draw_of(s, NULL, 0), first));
    first.overlaps = s.place->overlaps;
  } else {
    RETURN_IF_FAILED(step_send(c, c->pinned_step, shape));
  }
  embed_args embed = {};
  embed.step = s.step;
  embed.embedding = view_matrix(c->model->sets[0].matrices[INFER_EMBEDDING]);
  embed.states = c->states;
  embed.frequencies = vector_at(c, -1, INFER_ROPE_FREQUENCIES);
  embed.head_size = s.config->head_size;
  embed.rope_scale = s.config->rope_scale;
  embed.turns = c->turns;
  RETURN_IF_FAILED(embed_run(embed, first));
  for (int layer = 0; layer < s.config->layer_count; layer++) {
    RETURN_IF_FAILED(run_layer(s, layer));
  }
  return give_logits(s, shape);
}
