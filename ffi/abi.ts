// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Data: the io_uring kernel ABI (linux/io_uring.h): numbers are fixed for ever, so they need no
// library; the kernel version that first had each is beside it.

/** Operations, for the first byte of a submission entry. */
// deno-fmt-ignore
export const Op = {
  NOP: 0,            // 5.1
  READV: 1,          // 5.1
  WRITEV: 2,         // 5.1
  FSYNC: 3,          // 5.1
  READ_FIXED: 4,     // 5.1
  WRITE_FIXED: 5,    // 5.1
  POLL_ADD: 6,       // 5.1
  POLL_REMOVE: 7,    // 5.1
  SYNC_FILE_RANGE: 8, // 5.2
  SENDMSG: 9,        // 5.3
  RECVMSG: 10,       // 5.3
  TIMEOUT: 11,       // 5.4
  TIMEOUT_REMOVE: 12, // 5.5
  ACCEPT: 13,        // 5.5
  ASYNC_CANCEL: 14,  // 5.5
  LINK_TIMEOUT: 15,  // 5.5
  CONNECT: 16,       // 5.5
  FALLOCATE: 17,     // 5.6
  OPENAT: 18,        // 5.6
  CLOSE: 19,         // 5.6
  FILES_UPDATE: 20,  // 5.6
  STATX: 21,         // 5.6
  READ: 22,          // 5.6
  WRITE: 23,         // 5.6
  FADVISE: 24,       // 5.6
  SEND: 26,          // 5.6
  RECV: 27,          // 5.6
  OPENAT2: 28,       // 5.6
  SPLICE: 30,        // 5.7
  SHUTDOWN: 34,      // 5.11
  RENAMEAT: 35,      // 5.11
  UNLINKAT: 36,      // 5.11
  MKDIRAT: 37,       // 5.15
  SYMLINKAT: 38,     // 5.15
  LINKAT: 39,        // 5.15
  MSG_RING: 40,      // 5.18
  FSETXATTR: 41,     // 5.19
  SETXATTR: 42,      // 5.19
  FGETXATTR: 43,     // 5.19
  GETXATTR: 44,      // 5.19
  SOCKET: 45,        // 5.19
  SEND_ZC: 47,       // 6.0
  SENDMSG_ZC: 48,    // 6.1
  FTRUNCATE: 55,     // 6.9
  BIND: 56,          // 6.11
  LISTEN: 57,        // 6.11
} as const;

/** Setup flags (`io_uring_setup(2)`). */
// deno-fmt-ignore
export const Setup = {
  CQSIZE:        1 << 3,  // 5.5  the caller sizes the completion queue
  CLAMP:         1 << 4,  // 5.6  sizes past the maximum are cut to it
  R_DISABLED:    1 << 6,  // 5.10 nothing runs before ENABLE_RINGS
  SUBMIT_ALL:    1 << 7,  // 5.18 one bad entry does not end the batch
  COOP_TASKRUN:  1 << 8,  // 5.19 completions run when the thread enters the kernel, no interrupt
  TASKRUN_FLAG:  1 << 9,  // 5.19 SQ flag TASKRUN says that completions wait
  SINGLE_ISSUER: 1 << 12, // 6.0  one thread submits
  DEFER_TASKRUN: 1 << 13, // 6.1  completions run only inside enter with GETEVENTS
  NO_SQARRAY:    1 << 16, // 6.6  no index array between ring and entries
} as const;

/** Flags of `io_uring_enter2(2)`. */
// deno-fmt-ignore
export const Enter = {
  GETEVENTS:       1 << 0, // 5.1
  EXT_ARG:         1 << 3, // 5.11 the argument is a getevents_arg with a timeout
  REGISTERED_RING: 1 << 4, // 5.18 the fd is an index of a registered ring
  NO_IOWAIT:       1 << 7, // 6.15 a wait does not count as waiting for a disk
} as const;

/** Flags that the kernel sets in the SQ ring. */
// deno-fmt-ignore
export const SqFlag = {
  CQ_OVERFLOW: 1 << 1, // 5.8  completions wait outside the full CQ
  TASKRUN:     1 << 2, // 5.19 completions wait for an enter
} as const;

/** Flags that the application sets in the CQ ring. */
// deno-fmt-ignore
export const CqFlag = {
  EVENTFD_DISABLED: 1 << 0, // 5.8
} as const;

/** Flags of a submission entry, for its second byte. */
// deno-fmt-ignore
export const SqeFlag = {
  FIXED_FILE:       1 << 0, // 5.1  the fd is an index of a registered file
  IO_LINK:          1 << 2, // 5.3  the next entry begins after this one, and not if it failed
  IO_HARDLINK:      1 << 3, // 5.5  the next entry begins after this one, however it ended
  ASYNC:            1 << 4, // 5.6
  BUFFER_SELECT:    1 << 5, // 5.7
  CQE_SKIP_SUCCESS: 1 << 6, // 5.17
} as const;

/** Flags of a completion; the buffer id sits in the upper 16 bits. */
// deno-fmt-ignore
export const CqeFlag = {
  BUFFER:        1 << 0, // 5.7  a provided buffer was used
  MORE:          1 << 1, // 5.13 the operation goes on and will complete again
  SOCK_NONEMPTY: 1 << 2, // 5.19 the socket had more to read
  NOTIF:         1 << 3, // 6.0  a zero-copy send gave its memory back
} as const;

/** Values of `ioprio` for receive and send. */
// deno-fmt-ignore
export const RecvSend = {
  POLL_FIRST: 1 << 0, // 5.19 wait for readiness before the first try
  MULTISHOT:  1 << 1, // 6.0
  FIXED_BUF:  1 << 2, // 6.0 the memory is a registered buffer
} as const;

/** Values of `ioprio` for accept. */
// deno-fmt-ignore
export const Accept = {
  MULTISHOT: 1 << 0, // 5.19
  DONTWAIT:  1 << 1, // 6.10 ends with EAGAIN when no connection waits
} as const;

/** Flags of an ASYNC_CANCEL entry. */
// deno-fmt-ignore
export const Cancel = {
  ALL: 1 << 0, // 5.19 every match, and the result is their number
  FD:  1 << 1, // 5.19 match by descriptor
  ANY: 1 << 2, // 5.19
} as const;

/** Commands of `io_uring_register(2)`. */
// deno-fmt-ignore
export const Register = {
  BUFFERS:           0,  // 5.1
  UNREGISTER_BUFFERS: 1, // 5.1
  FILES:             2,  // 5.1
  UNREGISTER_FILES:  3,  // 5.1
  EVENTFD:           4,  // 5.2
  UNREGISTER_EVENTFD: 5, // 5.2
  PROBE:             8,  // 5.6
  RESTRICTIONS:      11, // 5.10
  ENABLE_RINGS:      12, // 5.10
  RING_FDS:          20, // 5.18
  UNREGISTER_RING_FDS: 21, // 5.18
  PBUF_RING:         22, // 5.19
  UNREGISTER_PBUF_RING: 23, // 5.19
  SYNC_CANCEL:       24, // 6.0
} as const;

/** Feature bits that setup reports. */
// deno-fmt-ignore
export const Feature = {
  SINGLE_MMAP: 1 << 0,  // 5.4
  NODROP:      1 << 1,  // 5.5
  EXT_ARG:     1 << 8,  // 5.11
  NO_IOWAIT:   1 << 17, // 6.15
} as const;

/** Where `mmap` of a ring descriptor finds its parts. */
export const MapOffset = { SQ_RING: 0n, CQ_RING: 0x8000000n, SQES: 0x10000000n } as const;
