// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// The two ends of a copy, cheap enough that the copy in the middle is what takes the time.
//
//   pump source PORT BYTES   connects, sends so many bytes, ends the stream, waits for the peer
//   pump sink PORT           connects and discards inside the kernel what it receives, to the end

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024 };

static unsigned char buffer[BUFFER_BYTES];

static int connect_to(const char *port);
static int send_all(int fd, long left);
static void discard_all(int fd);

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[1], "source") == 0) {
    return send_all(connect_to(arguments[2]), atol(arguments[3]));
  }
  if (count == 3 && strcmp(arguments[1], "sink") == 0) {
    discard_all(connect_to(arguments[2]));
    return 0;
  }
  fprintf(stderr, "usage: pump source PORT BYTES | pump sink PORT\n");
  return 2;
}

static int connect_to(const char *port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((unsigned short)atoi(port)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror("connect");
    exit(1);
  }
  return fd;
}

static int send_all(int fd, long left) {
  while (left > 0) {
    ssize_t sent = send(fd, buffer, left < BUFFER_BYTES ? left : BUFFER_BYTES, MSG_NOSIGNAL);
    if (sent <= 0) return 1;
    left -= sent;
  }
  shutdown(fd, SHUT_WR);
  recv(fd, buffer, 1, 0);
  return 0;
}

static void discard_all(int fd) {
  while (recv(fd, buffer, BUFFER_BYTES, MSG_TRUNC) > 0) {
  }
}
