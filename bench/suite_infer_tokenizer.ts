// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { type TokenizerText, writeTokenizerInput } from "./peers/tokenizer_input.ts";
import { denoPeer, nodePackage, nodePeer, pythonPeer, withArguments } from "./programs.ts";
import { Missing, type Outcome, type Plan, type Prepared } from "./suite.ts";
import type { Subject, Suite } from "./suite.ts";

/** Text to token ids, on one core, beside Hugging Face's own in Rust and in JavaScript. */
export const suite: Suite = {
  title: "byte-level BPE with a vocabulary of 64 000, one core",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",   head: "MB/s",       unit: "MB/s", digits: 2 },
    { metric: "first",  head: "first MB/s", unit: "MB/s", digits: 2 },
    { metric: "load",   head: "load ms",    unit: "ms",   digits: 0 },
    { metric: "tokens", head: "tokens",     unit: "1",    digits: 0 },
  ],
  ratios: [{ metric: "rate", baseline: "tokenizers" }],
  prepare,
  values: ({ report }: Outcome) => report,
};

/** What the ids are compared with in the tests as well. */
const PYTHON_REQUIREMENT = "tokenizers==0.23.3";
const NODE_PACKAGE = "@huggingface/tokenizers@0.2.0";

const WINDOW_SECONDS = 2;
const QUICK_WINDOW_SECONDS = 1;

// Data: the texts, and the layout that splits them.
// deno-fmt-ignore
const CASES: readonly { name: string; layout: string; text: TokenizerText }[] = [
  { name: "Llama 3, this repository",  layout: "llama3", text: "repository" },
  { name: "Qwen3, this repository",    layout: "qwen3",  text: "repository" },
  { name: "Llama 3, hostile Unicode",  layout: "llama3", text: "hostile"    },
  { name: "Qwen3, hostile Unicode",    layout: "qwen3",  text: "hostile"    },
];

async function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? QUICK_WINDOW_SECONDS : WINDOW_SECONDS;
  const python = await pythonPeer("tokenizer_tokenizers.py", PYTHON_REQUIREMENT);
  const node = await javascriptPeer();
  const cases = await Promise.all(CASES.map(async ({ name, layout, text }) => {
    const args = [...await writeTokenizerInput(layout, text), String(seconds)];
    const ours = denoPeer("tokenizer_ours.ts", ...args);
    return {
      name,
      subjects: [
        { name: "ours", load: () => ours },
        subject("tokenizers", python, args),
        subject("tokenizers.js", node, args),
      ],
    };
  }));
  const meaning = "documents of 4 KB, again and again; first: the first time through";
  return {
    cases,
    notes: [`${seconds} s a run; ${meaning}; load: from the text of tokenizer.json`],
  };
}

function subject(name: string, peer: CommandLine | Missing, args: string[]): Subject {
  if (peer instanceof Missing) return { name, server: peer, load: () => denoPeer("") };
  return { name, load: () => withArguments(peer, ...args) };
}

async function javascriptPeer(): Promise<CommandLine | Missing> {
  const folder = await nodePackage(NODE_PACKAGE);
  if (folder instanceof Missing) return folder;
  const peer = await nodePeer("tokenizer_javascript.mjs");
  return peer instanceof Missing ? peer : withArguments(peer, `${folder}/dist/tokenizers.mjs`);
}
