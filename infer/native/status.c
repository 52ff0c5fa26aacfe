// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
#include "status.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES_MAX 512

// One for all threads: a call that blocks runs on another than the one that asks why it failed.
static char last_text[TEXT_BYTES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int32_t fail(int32_t status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pthread_mutex_lock(&lock);
  vsnprintf(last_text, sizeof last_text, format, arguments);
  pthread_mutex_unlock(&lock);
  va_end(arguments);
  return status;
}

size_t infer_error(char *text, size_t size) {
  if (size == 0) return 0;
  pthread_mutex_lock(&lock);
  size_t length = strlen(last_text);
  size_t copied = length < size ? length : size - 1;
  memcpy(text, last_text, copied);
  text[copied] = 0;
  pthread_mutex_unlock(&lock);
  return copied;
}
