// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { HandshakeGate, HANDSHAKES_PER_ROUND } from "../net/handshake_gate.ts";
import { leakTest } from "./leak.ts";

leakTest("enter() lets the steps of one round be made before the next round begins", async () => {
  let round = 0;
  class CountedGate extends HandshakeGate {
    override complete(): void {
      round++;
      super.complete();
    }
  }
  const gate = new CountedGate();
  const rounds: number[] = [];
  const steps: Promise<void>[] = [];
  for (let step = 0; step < 3 * HANDSHAKES_PER_ROUND; step++) {
    const turn = gate.enter();
    if (turn === undefined) rounds.push(round);
    else steps.push(turn.then(() => void rounds.push(round)));
  }
  await Promise.all(steps);
  assertEquals(rounds, [0, 1, 2].flatMap((each) => new Array(HANDSHAKES_PER_ROUND).fill(each)));
});
