// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "fiber.h"

#include <stdint.h>

#ifdef __x86_64__

// Registers that a call must leave alone go onto the stack; a switch is ten instructions, where
// swapcontext asks the kernel twice.
asm(R"(
.text
.globl infer_host_switch
.hidden infer_host_switch
.type infer_host_switch, @function
infer_host_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size infer_host_switch, . - infer_host_switch
)");
extern "C" void infer_host_switch(void **from, void *to);

namespace host {

void fiber_prepare(fiber *made, void (*entry)()) {
  if (!made->stack) made->stack.reset(new unsigned char[STACK_BYTES]);
  auto end = reinterpret_cast<uintptr_t>(made->stack.get() + STACK_BYTES) & ~uintptr_t{63};
  auto top = reinterpret_cast<void **>(end) - 8;
  // Six registers, the address to return to, and none that the entry could return to.
  for (int i = 0; i < 8; i++) top[i] = nullptr;
  top[6] = reinterpret_cast<void *>(entry);
  made->top = top;
}

void fiber_switch(fiber *from, fiber *to) { infer_host_switch(&from->top, to->top); }

}  // namespace host

#else

#include <ucontext.h>

namespace host {

void fiber_prepare(fiber *made, void (*entry)()) {
  if (!made->stack) made->stack.reset(new unsigned char[STACK_BYTES]);
  if (!made->context) made->context = new ucontext_t;
  auto context = static_cast<ucontext_t *>(made->context);
  getcontext(context);
  context->uc_stack.ss_sp = made->stack.get();
  context->uc_stack.ss_size = STACK_BYTES;
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
}

void fiber_switch(fiber *from, fiber *to) {
  if (!from->context) from->context = new ucontext_t;
  swapcontext(static_cast<ucontext_t *>(from->context), static_cast<ucontext_t *>(to->context));
}

}  // namespace host

#endif
