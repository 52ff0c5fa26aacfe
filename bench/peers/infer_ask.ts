// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Has a subject measure a case: infer_ask.ts PORT PROBE MODEL CASE. What memory and cores do is
// measured directly before, as the hypervisor moves the cores within seconds.

import { INFER_CASES, type InferAnswer } from "../infer_cases.ts";

const [port, probe, model, name] = Deno.args;
const { stdout } = await new Deno.Command(probe!, { stdin: "null" }).output();
const machine: { bandwidth: number; hop: number } = JSON.parse(new TextDecoder().decode(stdout));
console.log("measuring");
const response = await fetch(`http://127.0.0.1:${port}/`, {
  method: "POST",
  body: JSON.stringify(INFER_CASES[name!]),
});
const answer: InferAnswer = await response.json();
const { size: fileBytes } = await Deno.stat(model!);
console.log(JSON.stringify({ ...answer, ...machine, fileBytes }));
