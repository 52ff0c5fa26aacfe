// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Stacks that take turns on one thread of the system.
#ifndef INFER_HOST_FIBER_H
#define INFER_HOST_FIBER_H

#include <memory>

namespace host {

constexpr size_t STACK_BYTES = 128 * 1024;

struct fiber {
  void *top = nullptr;  // of its stack, where it stopped
  void *context = nullptr;
  std::unique_ptr<unsigned char[]> stack;
};

// The next switch to it calls `entry`, which must never return. Keeps the stack it has.
void fiber_prepare(fiber *made, void (*entry)());

// Stops `from` and goes on with `to`.
void fiber_switch(fiber *from, fiber *to);

}  // namespace host

#endif
