// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, Register, SqeFlag } from "./abi.ts";
import { osError } from "./errno.ts";
import type { UringCalls } from "./uring.ts";

/**
 * Restricts a ring that was set up disabled to what sockets need, and enables it
 * (`io_uring_register(2)`, IORING_REGISTER_RESTRICTIONS). An entry that is not allowed completes
 * with `EACCES`; so does the registration of files or buffers. There is no way back.
 *
 * Reading and writing by descriptor are left out too: what is no socket cannot be touched, not even
 * when its descriptor is known.
 *
 * @throws {Error} when the kernel refuses (`EINVAL` before 5.10)
 */
export function restrictToNet(calls: UringCalls, fd: number): void {
  const rows = [
    ...NET_OPERATIONS.map((operation) => [SQE_OP, operation]),
    ...NET_REGISTRATIONS.map((command) => [REGISTER_OP, command]),
    [SQE_FLAGS_ALLOWED, NET_ENTRY_FLAGS],
  ];
  // struct io_uring_restriction: what u16, which u8, resv u8, resv u32[3]
  const bytes = new Uint8Array(rows.length * RESTRICTION_BYTES);
  for (const [index, [what, which]] of rows.entries()) {
    bytes[index * RESTRICTION_BYTES] = what!;
    bytes[index * RESTRICTION_BYTES + 2] = which!;
  }
  check(calls.register(fd, Register.RESTRICTIONS, bytes, rows.length));
  check(calls.register(fd, Register.ENABLE_RINGS, null, 0));
}

const RESTRICTION_BYTES = 16;
const REGISTER_OP = 0;
const SQE_OP = 1;
const SQE_FLAGS_ALLOWED = 2;

// Data: what sockets need.
const NET_OPERATIONS = [
  ...[Op.NOP, Op.POLL_ADD, Op.POLL_REMOVE, Op.TIMEOUT, Op.TIMEOUT_REMOVE, Op.LINK_TIMEOUT],
  ...[Op.ASYNC_CANCEL, Op.MSG_RING, Op.SOCKET, Op.BIND, Op.LISTEN, Op.ACCEPT, Op.CONNECT],
  ...[Op.SEND, Op.RECV, Op.SENDMSG, Op.RECVMSG, Op.SEND_ZC, Op.SENDMSG_ZC],
  ...[Op.SHUTDOWN, Op.CLOSE],
];
const NET_REGISTRATIONS = [
  ...[Register.EVENTFD, Register.UNREGISTER_EVENTFD],
  ...[Register.RING_FDS, Register.UNREGISTER_RING_FDS],
  ...[Register.PBUF_RING, Register.UNREGISTER_PBUF_RING],
];
const NET_ENTRY_FLAGS = SqeFlag.IO_LINK | SqeFlag.ASYNC | SqeFlag.BUFFER_SELECT |
  SqeFlag.CQE_SKIP_SUCCESS;

function check(result: number): void {
  if (result < 0) throw osError(-result, "io_uring_register");
}
