// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// What the downloads of http-client are loaded from: a server that answers "GET /N" with N bytes,
// which sendfile(2) lends from a file in memory: no copy, so that the client is the limit and not the
// server. A thread for each connection.
//
//   http_blob        listens on a free port of 127.0.0.1 and prints "listening PORT"
//
// It looks for the empty line and the number in the target, and for nothing else.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_BYTES_MAX = 16 * 1024, BLOCK_BYTES = 1024 * 1024, BACKLOG = 256 };

static int block_fd;

__attribute__((noreturn)) static void fail(const char *action) {
  fprintf(stderr, "Cannot %s: %s\n", action, strerror(errno));
  exit(1);
}

static bool send_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    length -= (size_t)sent;
  }
  return true;
}

static bool answer(int fd, uint64_t length) {
  char head[128];
  int head_length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-length: %llu\r\n\r\n",
                             (unsigned long long)length);
  if (!send_all(fd, head, (size_t)head_length)) return false;
  off_t offset = 0;
  for (uint64_t left = length; left > 0;) {
    if (offset == BLOCK_BYTES) offset = 0;
    size_t piece = (size_t)(BLOCK_BYTES - offset);
    ssize_t sent = sendfile(fd, block_fd, &offset, left < piece ? (size_t)left : piece);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    left -= (uint64_t)sent;
  }
  return true;
}

static void fill_block(void) {
  static char text[BLOCK_BYTES];
  memset(text, 'x', sizeof text);
  block_fd = memfd_create("block", MFD_CLOEXEC);
  if (block_fd < 0 || write(block_fd, text, sizeof text) != BLOCK_BYTES) fail("make the block");
}

static void *serve_connection(void *argument) {
  int fd = (int)(intptr_t)argument;
  char head[HEAD_BYTES_MAX + 1];
  size_t length = 0;
  for (;;) {
    ssize_t got = recv(fd, head + length, HEAD_BYTES_MAX - length, 0);
    if (got <= 0) break;
    length += (size_t)got;
    head[length] = 0;
    if (strstr(head, "\r\n\r\n") == NULL) continue;
    const char *slash = strchr(head, '/');
    if (slash == NULL || !answer(fd, strtoull(slash + 1, NULL, 10))) break;
    length = 0;
  }
  close(fd);
  return NULL;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  fill_block();
  int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(listen_fd, (struct sockaddr *)&address, length) < 0) fail("bind");
  if (listen(listen_fd, BACKLOG) < 0) fail("listen");
  if (getsockname(listen_fd, (struct sockaddr *)&address, &length) < 0) fail("read the bound port");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept(listen_fd, NULL, NULL);
    if (fd < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) != 0) fail("begin");
    pthread_detach(thread);
  }
}
