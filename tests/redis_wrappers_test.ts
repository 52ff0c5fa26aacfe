// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import type { CommandDefinition } from "../redis/command_definition.ts";
import { Commands } from "../redis/commands.ts";
import type { Argument } from "../redis/request_encoder.ts";

/** Keeps what would be sent. */
class Recorder extends Commands<string> {
  words: Argument[] = [];

  override send<T>({ name }: CommandDefinition, args: readonly Argument[]): Promise<T> {
    this.words = [...name.split(" "), ...args];
    return Promise.resolve(null as T);
  }
}

// Data: calls of commands that no server here has, and the words that they are documented to be.
// deno-fmt-ignore
const CALLS: readonly (readonly [call: (c: Recorder) => Promise<unknown>, words: string])[] = [
  [(c) => c.hexpire("k", 10, ["a", "b"], { NX: true }),      "HEXPIRE k 10 NX FIELDS 2 a b"],
  [(c) => c.hgetex("k", "a", { EX: 5 }),                     "HGETEX k EX 5 FIELDS 1 a"],
  [(c) => c.hsetex("k", { a: 1, b: 2 }, { FNX: true }),      "HSETEX k FNX FIELDS 2 a 1 b 2"],
  [(c) => c.msetex([["a", 1], ["b", 2]], { PX: 9 }),         "MSETEX 2 a 1 b 2 PX 9"],
  [(c) => c.xackdel("s", "g", ["1-1"], { DELREF: true }),    "XACKDEL s g DELREF IDS 1 1-1"],
  [(c) => c.clientSetinfo("LIB-NAME", "x"),                  "CLIENT SETINFO LIB-NAME x"],
  [(c) => c.jsonSet("k", "$.a", "1", { XX: true }),          "JSON.SET k $.a 1 XX"],
  [(c) => c.jsonMget(["a", "b"], "$"),                       "JSON.MGET a b $"],
  [(c) => c.jsonMset([["a", "$", "1"], ["b", "$", "2"]]),    "JSON.MSET a $ 1 b $ 2"],
  [(c) => c.jsonArrpop("k", { path: "$", index: -1 }),       "JSON.ARRPOP k $ -1"],
  [(c) => c.ftSearch("i", "@a:b", ["LIMIT", 0, 10]),         "FT.SEARCH i @a:b LIMIT 0 10"],
  [(c) => c.ftAlter("i", ["f", "TEXT"]),                     "FT.ALTER i SCHEMA ADD f TEXT"],
  [(c) => c.tsCreaterule("a", "b", "avg", 60),               "TS.CREATERULE a b AGGREGATION avg 60"],
  [(c) => c.tsMadd([["a", "*", 1], ["b", "*", 2]]),          "TS.MADD a * 1 b * 2"],
  [(c) => c.bfInsert("k", ["a", "b"], { CAPACITY: 9 }),      "BF.INSERT k CAPACITY 9 ITEMS a b"],
  [(c) => c.cmsMerge("d", ["a", "b"], { WEIGHTS: [1, 2] }),  "CMS.MERGE d 2 a b WEIGHTS 1 2"],
  [(c) => c.tdigestQuantile("k", [0.5, 0.9]),                "TDIGEST.QUANTILE k 0.5 0.9"],
  [(c) => c.vadd("k", { VALUES: [0.1, 0.2] }, "e", { M: 8 }), "VADD k VALUES 2 0.1 0.2 e M 8"],
  [(c) => c.vsim("k", { ELE: "e" }, { COUNT: 3, "FILTER-EF": 9 }), "VSIM k ELE e COUNT 3 FILTER-EF 9"],
];

Deno.test("wrappers of commands of later versions and modules send the documented words", () => {
  const recorder = new Recorder();
  for (const [call, words] of CALLS) {
    call(recorder);
    assertEquals(recorder.words.join(" "), words);
  }
});
