// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// A FUSE file system with one file, `file`, whose attributes take their time: arguments are where
// to mount it and how many milliseconds that is. Prints `mounted`. See fuse(4) and linux/fuse.h.

function serve(mountPoint: string, hangMs: number): void {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    mount: { parameters: ["buffer", "buffer", "buffer", "u64", "buffer"], result: "i32" },
  });
  const text = (value: string) => new TextEncoder().encode(`${value}\0`);
  const fd = libc.open(text("/dev/fuse"), O_RDWR);
  const data = text(`fd=${fd},rootmode=40000,user_id=0,group_id=0`);
  if (libc.mount(text("hanging"), text(mountPoint), text("fuse"), 0n, data) !== 0) Deno.exit(1);
  console.log("mounted");
  const request = new Uint8Array(1 << 17);
  while (Number(libc.read(fd, request, BigInt(request.length))) > 0) {
    const answer = answerTo(new DataView(request.buffer), hangMs);
    if (answer !== null) libc.write(fd, answer, BigInt(answer.length));
  }
}

const O_RDWR = 2;
const ENOSYS = 38;

// Data: the requests that are answered.
// deno-fmt-ignore
const Request = { lookup: 1, forget: 2, getattr: 3, init: 26, batchForget: 42 } as const;

const HEADER_BYTES = 16;
const ROOT = 1n;

/** The answer to a request: | length u32 | error i32 | unique u64 | body |. */
function answerTo(request: DataView, hangMs: number): Uint8Array<ArrayBuffer> | null {
  const unique = request.getBigUint64(8, true);
  const node = request.getBigUint64(16, true);
  switch (request.getUint32(4, true)) {
    case Request.forget:
    case Request.batchForget:
      return null;
    case Request.init:
      return answer(unique, 0, 64, (body) => {
        // major, minor, read-ahead, flags, background, write size, time granularity
        [7, 31, 65_536, 0, 0, 65_536, 1].forEach((value, at) =>
          body.setUint32(at * 4, value, true)
        );
      });
    case Request.lookup:
      // The name is good for long, what is behind it for no time at all.
      return answer(unique, 0, 128, (body) => {
        body.setBigUint64(0, 2n, true);
        body.setBigUint64(16, 3600n, true);
        attributes(body, 40, 2n);
      });
    case Request.getattr:
      if (node !== ROOT) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, hangMs);
      return answer(unique, 0, 104, (body) => attributes(body, 16, node));
    default:
      return answer(unique, -ENOSYS, 0, () => {});
  }
}

function answer(
  unique: bigint,
  error: number,
  bodyBytes: number,
  fill: (body: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + bodyBytes);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, bytes.length, true);
  head.setInt32(4, error, true);
  head.setBigUint64(8, unique, true);
  fill(new DataView(bytes.buffer, HEADER_BYTES));
  return bytes;
}

/** A `struct fuse_attr`: inode at 0, mode at 60, links at 64. */
function attributes(body: DataView, at: number, inode: bigint): void {
  body.setBigUint64(at, inode, true);
  body.setUint32(at + 60, inode === ROOT ? 0o040755 : 0o100644, true);
  body.setUint32(at + 64, 1, true);
}

if (import.meta.main) serve(Deno.args[0]!, Number(Deno.args[1]));
