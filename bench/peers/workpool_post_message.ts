// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// The same by `postMessage` and nothing else: one array there, one number back, in order.

import { measure } from "./workpool_load.ts";

/** Messages sent without an answer before the next waits for one. */
const UNANSWERED_MAX = 1024;

class Peer {
  readonly worker: Worker;
  readonly #waiting: ((value: number) => void)[] = [];
  #answered = 0;

  static async start(url: URL): Promise<Peer> {
    const peer = new Peer(new Worker(url, { type: "module" }));
    await peer.ask(["add", 1, 1]);
    return peer;
  }

  constructor(worker: Worker) {
    this.worker = worker;
    // A queue by index: shifting it would be part of what is measured.
    worker.onmessage = ({ data }) => {
      const resolve = this.#waiting[this.#answered++]!;
      if (this.#answered === this.#waiting.length) this.#waiting.length = this.#answered = 0;
      resolve(data);
    };
  }

  ask(message: unknown[]): Promise<number> {
    this.worker.postMessage(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

measure(Deno.args, async (count) => {
  const url = new URL("workpool_post_message_worker.ts", import.meta.url);
  const peers = await Promise.all(Array.from({ length: count }, () => Peer.start(url)));
  let next = 0;
  const peer = () => peers[next++ % peers.length]!;
  let sent = 0;
  return {
    call: (left, right) => peer().ask(["add", left, right]),
    work: () => peer().ask(["work"]),
    send: (value) => {
      if (++sent % UNANSWERED_MAX === 0) return peers[0]!.ask(["count"]);
      peers[0]!.worker.postMessage(["send", value]);
      return Promise.resolve();
    },
    sent: () => peers[0]!.ask(["count"]),
    close: () => Promise.resolve(peers.forEach(({ worker }) => worker.terminate())),
  };
});
