// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Choosing tokens as single operators, see draw.h and infer.h.
#include <vector>

#include "draw.cuh"
#include "transfer.cuh"

int32_t infer_cuda_choose(infer_device *device, const float *logits, int32_t rows,
                          int32_t vocabulary, const infer_draw *draws, int32_t count,
                          const infer_logit_lists *lists, infer_drawn *results, float *edited) {
  int32_t status = device_check_idle(device);
  if (!status && (rows < 0 || vocabulary < 1 || count < 0)) {
    status = fail(INFER_INVALID, "Cannot choose %d times from %d rows of %d logits", count, rows,
                  vocabulary);
  }
  if (!status) status = draws_check(draws, count, rows, vocabulary, lists);
  if (status) return status;
  transfer moved(device);
  size_t row = (size_t)vocabulary;
  draw_layout layout = lay_out_draws(count, vocabulary, *lists);
  unsigned char *memory = moved.room<unsigned char>(layout.bytes);
  float *to_edit = moved.room<float>((size_t)count * row);
  draw_args args = {};
  args.state = (draw_state *)memory;
  args.draws = (infer_draw *)(memory + DRAWS_AT);
  args.results = moved.room<infer_drawn>((size_t)count);
  args.logits = moved.send(logits, (size_t)rows * row);
  args.vocabulary = vocabulary;
  args.draws_max = count;
  if (moved.status()) return moved.status();
  std::vector<unsigned char> packed(layout.bytes);
  pack_draws(packed.data(), layout, memory, draws, count, vocabulary, *lists, edited != NULL);
  ((draw_state *)packed.data())->edited = to_edit;
  moved.check(cudaMemcpyAsync(memory, packed.data(), layout.bytes, cudaMemcpyHostToDevice,
                              device->place.stream));
  if (!moved.status()) moved.check(choose_run(args, device->place));
  moved.fetch(results, args.results, (size_t)count);
  if (edited) moved.fetch(edited, to_edit, (size_t)count * row);
  return moved.status();
}

int32_t infer_op_sample(infer_device *device, const float *logits, int32_t count,
                        const infer_sampling *sampling, int32_t *token) {
  if (count < 1) return fail(INFER_INVALID, "Cannot draw one of %d tokens", count);
  infer_logit_lists lists = {};
  infer_drawn result;
  infer_draw draw = {};
  draw.sampling = *sampling;
  draw.rules.repetition = 1;
  draw.rules.mask = draw.logprobs = -1;
  int32_t status =
      infer_cuda_choose(device, logits, 1, count, &draw, 1, &lists, &result, NULL);
  if (status) return status;
  if (result.trouble == INFER_NOT_A_NUMBER || result.trouble == INFER_INFINITE) {
    return fail(INFER_INVALID, "The logit of token %d is not a finite number", result.token);
  }
  *token = result.token;
  return INFER_OK;
}
