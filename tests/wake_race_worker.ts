// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { writeByte } from "../ffi/socket.ts";
import { LAST_ROUND, RaceWord } from "./wake_race_memory.ts";

// The other thread of `wake_races.ts`: each round it writes a byte to a descriptor and posts a
// message, each so many microseconds after it was told to.

interface WorkerScope {
  onmessage: (event: MessageEvent<SharedArrayBuffer>) => void;
  postMessage(round: number): void;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.onmessage = ({ data }) => race(new Int32Array(data));

function race(memory: Int32Array): void {
  scope.postMessage(0);
  for (let round = 0;;) {
    Atomics.wait(memory, RaceWord.ROUND, round);
    round = Atomics.load(memory, RaceWord.ROUND);
    if (round === LAST_ROUND) return scope.close();
    const start = performance.now();
    const acts = [
      { afterUs: memory[RaceWord.BYTE_AFTER_US], act: () => writeByte(memory[RaceWord.FD], 1) },
      { afterUs: memory[RaceWord.MESSAGE_AFTER_US], act: () => scope.postMessage(round) },
    ].sort((a, b) => a.afterUs - b.afterUs);
    for (const { afterUs, act } of acts) {
      while (performance.now() - start < afterUs / 1000);
      act();
    }
  }
}
