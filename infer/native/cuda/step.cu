// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// One step through a model: what step_view.cuh draws, as a list of kernels on the device's stream.
// Several GPUs go from sum to sum together: every part of a step is enqueued for all of them before
// the next is.
#include "communicator.cuh"
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

// A step on all GPUs of a device.
struct step_group {
  int count;
  step_run_state shards[INFER_GROUP_MAX];
};

// Enqueues a part of the step for all GPUs.
template <class F>
static cudaError_t on_each(const step_group &group, F part) {
  for (int i = 0; i < group.count; i++) {
    device_enter(group.shards[i].context->device);
    RETURN_IF_FAILED(part(group.shards[i]));
  }
  return cudaSuccess;
}

// Adds up the states: what the first GPU has added its product to, and the products of the others.
static cudaError_t add_states(const step_group &group) {
  if (group.count == 1) return cudaSuccess;
  float *states[INFER_GROUP_MAX];
  for (int i = 0; i < group.count; i++) states[i] = group.shards[i].context->states;
  const step_run_state &first = group.shards[0];
  communicator *all = first.context->device->communicator;
  return all->reduce(all, states,
                     (size_t)first.step.tokens * (size_t)first.config->hidden_size);
}

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

static linear_args heads_product(const step_run_state &s, int layer) {
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
  return args;
}

static place_layer place_layer_of(const infer_context *c, int layer) {
  return {layer, vector_at(c, layer, INFER_QUERY_NORM), vector_at(c, layer, INFER_KEY_NORM)};
}

static place_args place_of(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  const infer_model_config *m = s.config;
  place_args put = {};
  put.step = s.step;
  put.kv = c->kv;
  put.at = place_layer_of(c, layer);
  put.heads = m->head_count;
  put.kv_heads = m->kv_head_count;
  put.head_size = m->head_size;
  put.rows = c->heads;
  put.epsilon = m->norm_epsilon;
  return put;
}

static attend_args attend_of(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  const infer_model_config *m = s.config;
  int queries = m->head_count * m->head_size, keys = m->kv_head_count * m->head_size;
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
  return look;
}

// Adds rows times a matrix to the states; GPUs other than the first put it there, to be added.
static linear_args added_product(const step_run_state &s, int layer, int role, int bias,
                               const float *rows, int columns) {
  infer_context *c = s.context;
  enum linear_kind kind = c->device->part.index == 0 ? LINEAR_ADDED : LINEAR_STORED;
  linear_args args = product_of(s, rows, columns, kind, s.config->hidden_size);
  args.jobs[0] = job_at(c, layer, role, bias, c->states);
  args.job_count = 1;
  return args;
}

static linear_args output_product(const step_run_state &s, int layer) {
  int queries = s.config->head_count * s.config->head_size;
  return added_product(s, layer, INFER_OUTPUT, INFER_OUTPUT_BIAS, s.context->mixed, queries);
}

static linear_args down_product(const step_run_state &s, int layer) {
  return added_product(s, layer, INFER_DOWN, INFER_DOWN_BIAS, s.context->inner,
                       s.config->intermediate_size);
}

static linear_args gated_product(const step_run_state &s, int layer) {
  infer_context *c = s.context;
  linear_args args = product_of(s, c->states, s.config->hidden_size, LINEAR_GATED,
                                s.config->intermediate_size);
  args.norm = vector_at(c, layer, INFER_MLP_NORM);
  args.jobs[0] = job_at(c, layer, INFER_GATE, INFER_GATE_BIAS, c->inner);
  args.jobs[1] = job_at(c, layer, INFER_UP, INFER_UP_BIAS, NULL);
  args.job_count = 2;
  return args;
}

static cudaError_t run_layer(const step_group &group, int layer) {
  RETURN_IF_FAILED(on_each(group, [&](const step_run_state &s) {
    RETURN_IF_FAILED(linear_run(heads_product(s, layer), *s.place));
    RETURN_IF_FAILED(place_run(place_of(s, layer), *s.place));
    RETURN_IF_FAILED(attend_run(attend_of(s, layer), *s.place));
    return linear_run(output_product(s, layer), *s.place);
  }));
  RETURN_IF_FAILED(add_states(group));
  RETURN_IF_FAILED(on_each(group, [&](const step_run_state &s) {
    RETURN_IF_FAILED(linear_run(gated_product(s, layer), *s.place));
    return linear_run(down_product(s, layer), *s.place);
  }));
  return add_states(group);
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
static cudaError_t draw(const step_run_state &s, const float *logits, int draws, bool overlaps) {
  draw_args args = draw_of(s, logits, draws);
  run_place place = *s.place;
  place.overlaps = place.overlaps && overlaps;
  RETURN_IF_FAILED(choose_run(args, place));
  bool is_decode = s.step.tokens == s.step.sequences && s.step.tokens == s.step.logits;
  return is_decode ? advance_run(args, *s.place) : cudaSuccess;
}

// States and logits of the tokens that want some; of several GPUs each has the logits of its part
// of the vocabulary.
static linear_args head_product(const step_run_state &s, float *logits, int stride) {
  infer_context *c = s.context;
  linear_args args = product_of(s, c->states, s.config->hidden_size, LINEAR_STORED, stride);
  args.tokens = s.step.logits;
  args.chosen = s.step.logit_tokens;
  args.norm = vector_at(c, -1, INFER_FINAL_NORM);
  args.normed = c->output;
  int role = s.config->tied_embeddings ? INFER_EMBEDDING : INFER_HEAD;
  args.jobs[0] = job_at(c, -1, role, -1, logits);
  args.job_count = 1;
  return args;
}

// All logits onto the first GPU; NCCL gives them to the others too.
static cudaError_t gather_logits(const step_group &group, float *logits) {
  const step_run_state &first = group.shards[0];
  const float *from[INFER_GROUP_MAX];
  float *to[INFER_GROUP_MAX];
  int stride = shard_vocabulary_rows(&first.context->model->whole, group.count);
  size_t numbers = (size_t)first.step.logits * (size_t)stride;
  for (int i = 0; i < group.count; i++) {
    to[i] = group.shards[i].context->gathered;
    from[i] = to[i] + (size_t)i * numbers;
  }
  RETURN_IF_FAILED(on_each(group, [&](const step_run_state &s) {
    float *own = (float *)from[s.context->device->part.index];
    return linear_run(head_product(s, own, stride), *s.place);
  }));
  communicator *all = first.context->device->communicator;
  RETURN_IF_FAILED(all->gather(all, from, to, numbers));
  device_enter(first.context->device);
  return beside_run({to[0], logits, first.step.logits, stride, first.config->vocabulary_size},
                    *first.place);
}

// Where the logits of a step of one GPU go.
static float *logits_of(const infer_context *c) {
  return c->output + (size_t)c->output_rows * (size_t)c->model->config.hidden_size;
}

// Multiplies states with the vocabulary; all logits onto the first GPU.
static cudaError_t multiply_head(const step_group &group) {
  const step_run_state &first = group.shards[0];
  if (first.step.logits == 0) return cudaSuccess;
  float *logits = logits_of(first.context);
  if (group.count > 1) return gather_logits(group, logits);
  return linear_run(head_product(first, logits, first.config->vocabulary_size), *first.place);
}

// States and logits on their way to the host, or what follows on the device.
static cudaError_t give_logits(const step_run_state &first, const step_shape &shape,
                               bool overlaps) {
  infer_context *c = first.context;
  size_t rows = (size_t)first.step.logits, hidden = (size_t)first.config->hidden_size;
  size_t vocabulary = (size_t)first.config->vocabulary_size;
  if (rows == 0) return cudaSuccess;
  float *logits = logits_of(c);
  if (shape.is_drawn) return draw(first, logits, shape.draws, overlaps);
  RETURN_IF_FAILED(cudaMemcpyAsync(c->pinned_output, c->output, rows * hidden * sizeof(float),
                                   cudaMemcpyDeviceToHost, first.place->stream));
  return cudaMemcpyAsync(c->pinned_output + (logits - c->output), logits,
                         rows * vocabulary * sizeof(float), cudaMemcpyDeviceToHost,
                         first.place->stream);
}

cudaError_t step_send(infer_context *c, const int32_t *pinned, const step_shape &shape) {
  return cudaMemcpyAsync(c->step, pinned,
                         (size_t)lay_out_step(shape).words * sizeof(int32_t),
                         cudaMemcpyHostToDevice, c->device->place.stream);
}

static embed_args embed_of(const step_run_state &s) {
  infer_context *c = s.context;
  embed_args args = {};
  args.step = s.step;
  args.embedding = view_matrix(c->model->sets[0].matrices[INFER_EMBEDDING]);
  args.first_row = model_cut(c->model, INFER_EMBEDDING).rows.begin;
  args.states = c->states;
  args.frequencies = vector_at(c, -1, INFER_ROPE_FREQUENCIES);
  args.head_size = s.config->head_size;
  args.rope_scale = s.config->rope_scale;
  args.turns = c->turns;
  return args;
}

void step_products(infer_context *c, product_args *products, place_layer *layers) {
  step_run_state s = {};
  s.context = c;
  s.config = &c->model->config;
  s.step.tokens = s.step.logits = 1;
  for (int layer = 0; layer < s.config->layer_count; layer++) {
    *layers++ = place_layer_of(c, layer);
    *products++ = narrow_product(heads_product(s, layer));
    *products++ = narrow_product(output_product(s, layer));
    *products++ = narrow_product(gated_product(s, layer));
    *products++ = narrow_product(down_product(s, layer));
  }
  *products = narrow_product(head_product(s, logits_of(c), s.config->vocabulary_size));
}

// The whole step as one kernel.
static cudaError_t stay(const step_run_state &s) {
  const resident_room *room = s.context->resident;
  int tiles;
  resident_args args = {};
  args.embed = embed_of(s);
  args.put = place_of(s, 0);
  args.look = attend_plan_of(attend_of(s, 0), *s.place, &tiles);
  args.products = room->products;
  args.layers = room->layers;
  args.layer_count = s.config->layer_count;
  args.lead_bytes = room->lead_bytes;
  args.meeting = room->meeting;
  return resident_run(room->kind, args, room->layout, *s.place);
}

// The step's words onto the first GPU, if they are not there already, and tokens that the call
// before has chosen into them.
static cudaError_t begin_step(const step_run_state &first, const step_shape &shape) {
  infer_context *c = first.context;
  if (!shape.is_drawn) return step_send(c, c->pinned_step, shape);
  // Behind a copy: nothing to overlap with.
  run_place place = *first.place;
  place.overlaps = false;
  return feed_run(draw_of(first, NULL, 0), place);
}

// A step up to its logits.
static cudaError_t run_group(const step_group &group, const step_shape &shape) {
  const infer_context *c = group.shards[0].context;
  size_t bytes = (size_t)lay_out_step(shape).words * sizeof(int32_t);
  RETURN_IF_FAILED(on_each(group, [&](const step_run_state &s) {
    infer_context *own = s.context;
    if (own != c) {
      RETURN_IF_FAILED(cudaMemcpyAsync(own->step, c->step, bytes, cudaMemcpyDeviceToDevice,
                                       s.place->stream));
    }
    run_place place = *s.place;
    // Behind a copy there is nothing to overlap with.
    place.overlaps = place.overlaps && shape.is_drawn;
    return embed_run(embed_of(s), place);
  }));
  // A token is of one part of the vocabulary: the others have zeros.
  RETURN_IF_FAILED(add_states(group));
  for (int layer = 0; layer < c->model->config.layer_count; layer++) {
    RETURN_IF_FAILED(run_layer(group, layer));
  }
  return multiply_head(group);
}

cudaError_t step_run(infer_context *c, const step_shape &shape) {
  device_scope scope(c->device);
  step_group group = {};
  for (infer_context *at = c; at; at = at->next) {
    group.shards[group.count++] = {at, &at->model->config, &at->device->place,
                                   view_step(shape, at->step, at->turns)};
  }
  RETURN_IF_FAILED(begin_step(group.shards[0], shape));
  RETURN_IF_FAILED(group_fork(c->device));
  bool stays = resident_takes(c->resident, shape);
  cudaError_t error = stays ? stay(group.shards[0]) : run_group(group, shape);
  device_enter(c->device);
  // Blocks that stay leave nothing to the next kernel until they are done.
  if (error == cudaSuccess) error = give_logits(group.shards[0], shape, !stays);
  // Joined whatever went wrong: a recording ends with all streams that it took in.
  cudaError_t joined = group_join(c->device);
  return error == cudaSuccess ? joined : error;
}

cudaError_t step_measure(infer_context *c, int tokens) {
  step_run_state s = {};
  s.context = c;
  s.config = &c->model->config;
  s.place = &c->device->place;
  s.step.tokens = tokens;
  RETURN_IF_FAILED(linear_run(heads_product(s, 0), *s.place));
  RETURN_IF_FAILED(linear_run(output_product(s, 0), *s.place));
  RETURN_IF_FAILED(linear_run(gated_product(s, 0), *s.place));
  return linear_run(down_product(s, 0), *s.place);
}
