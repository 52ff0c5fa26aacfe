// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Data: each command of Redis 7.0 with a call of its wrapper and the value expected, in both
// versions of the protocol alike.

import type { Session } from "../redis/session.ts";

/** What a value is compared with: itself, a test, or the code of the error. */
export type Expected = unknown | ((value: unknown) => boolean) | Refused;

/** The server refuses, as this server has what is needed not. */
export class Refused {
  /** Text that the error contains. */
  readonly text: string;
  /** Expects an error. */
  constructor(text: string) {
    this.text = text;
  }
}

/** One command, what comes before (commands by ";"), the call, the value. */
export type CommandCase = readonly [
  name: string,
  before: string,
  call: (c: Session) => Promise<unknown>,
  expected: Expected,
];

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function isHelp(value: unknown): boolean {
  return Array.isArray(value) && value.length > 1 && isText(value[0]);
}

function has(text: string): (value: unknown) => boolean {
  return (value) => String(value).includes(text);
}

function sorted(...wanted: string[]): (value: unknown) => boolean {
  return (value) => JSON.stringify((value as string[]).toSorted()) === JSON.stringify(wanted);
}

function refused(text: string): Refused {
  return new Refused(text);
}

const YEAR_2100 = 4_102_444_800;
const GEO = "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";
const STREAM = "XADD s 1-1 f a;XADD s 2-1 f b;XGROUP CREATE s g 0";
const READ = `${STREAM};XREADGROUP GROUP g c STREAMS s >`;
const ZSET = "ZADD z 1 a 2 b 3 c";
const FIRST = { id: "1-1", fields: [["f", "a"]] };
const SECOND = { id: "2-1", fields: [["f", "b"]] };

/** Those of a server on its own. */
// deno-fmt-ignore
export const COMMAND_CASES: readonly CommandCase[] = [
  // string
  ["APPEND",      "SET k a",            (c) => c.append("k", "bc"), 3],
  ["DECR",        "SET k 5",            (c) => c.decr("k"), 4],
  ["DECRBY",      "SET k 5",            (c) => c.decrby("k", 7), -2],
  ["GET",         "SET k v",            (c) => c.get("k"), "v"],
  ["GETDEL",      "SET k v",            (c) => c.getdel("k"), "v"],
  ["GETEX",       "SET k v",            (c) => c.getex("k", { EX: 10 }), "v"],
  ["GETRANGE",    "SET k hello",        (c) => c.getrange("k", 1, -2), "ell"],
  ["GETSET",      "SET k a",            (c) => c.getset("k", "b"), "a"],
  ["INCR",        "",                   (c) => c.incr("k"), 1],
  ["INCRBY",      "SET k 9007199254740991", (c) => c.incrby("k", 2), 9007199254740993n],
  ["INCRBYFLOAT", "SET k 1.5",          (c) => c.incrbyfloat("k", 1), 2.5],
  ["LCS",         "MSET a ohmytext b mynewtext", (c) => c.lcs("a", "b", { LEN: true }), 6],
  ["MGET",        "SET a 1",            (c) => c.mget(["a", "b"]), ["1", null]],
  ["MSET",        "",                   (c) => c.mset({ a: 1, b: "2" }), "OK"],
  ["MSETNX",      "SET a 1",            (c) => c.msetnx([["a", 1], ["b", 2]]), false],
  ["PSETEX",      "",                   (c) => c.psetex("k", 5000, "v"), "OK"],
  ["SET",         "SET k old",          (c) => c.set("k", "v", { GET: true, PX: 5000 }), "old"],
  ["SET",         "SET k old",          (c) => c.set("k", "v", { NX: true }), null],
  ["SETEX",       "",                   (c) => c.setex("k", 5, "v"), "OK"],
  ["SETNX",       "",                   (c) => c.setnx("k", "v"), true],
  ["SETRANGE",    "SET k abc",          (c) => c.setrange("k", 1, "XY"), 3],
  ["STRLEN",      "SET k abc",          (c) => c.strlen("k"), 3],
  ["SUBSTR",      "SET k abc",          (c) => c.substr("k", 0, 1), "ab"],
  // generic
  ["COPY",        "SET a 1",            (c) => c.copy("a", "b", { REPLACE: true }), true],
  ["DEL",         "MSET a 1 b 2",       (c) => c.del(["a", "b", "c"]), 2],
  ["DUMP",        "SET k v",            (c) => c.dump("k"), (v: unknown) => v instanceof Uint8Array && v.length > 8],
  ["EXISTS",      "SET a 1",            (c) => c.exists(["a", "a", "b"]), 2],
  ["EXPIRE",      "SET k v",            (c) => c.expire("k", 100, { NX: true }), true],
  ["EXPIREAT",    "SET k v",            (c) => c.expireat("k", YEAR_2100), true],
  ["EXPIRETIME",  `SET k v EXAT ${YEAR_2100}`, (c) => c.expiretime("k"), YEAR_2100],
  ["KEYS",        "MSET a1 1 b1 2",     (c) => c.keys("a*"), ["a1"]],
  ["MIGRATE",     "",                   (c) => c.migrate("127.0.0.1", 1, "missing", 0, 100), "NOKEY"],
  ["MOVE",        "SET k v",            (c) => c.move("k", 1), true],
  ["OBJECT ENCODING", "SET k 1",        (c) => c.objectEncoding("k"), "int"],
  ["OBJECT FREQ", "SET k v",            (c) => c.objectFreq("k"), refused("LFU")],
  ["OBJECT HELP", "",                   (c) => c.objectHelp(), isHelp],
  ["OBJECT IDLETIME", "SET k v",        (c) => c.objectIdletime("k"), 0],
  ["OBJECT REFCOUNT", "SET k v",        (c) => c.objectRefcount("k"), 1],
  ["PERSIST",     "SET k v EX 10",      (c) => c.persist("k"), true],
  ["PEXPIRE",     "SET k v",            (c) => c.pexpire("k", 10000), true],
  ["PEXPIREAT",   "SET k v",            (c) => c.pexpireat("k", YEAR_2100 * 1000), true],
  ["PEXPIRETIME", `SET k v EXAT ${YEAR_2100}`, (c) => c.pexpiretime("k"), YEAR_2100 * 1000],
  ["PTTL",        "SET k v",            (c) => c.pttl("k"), -1],
  ["RANDOMKEY",   "SET k v",            (c) => c.randomkey(), "k"],
  ["RENAME",      "SET a 1",            (c) => c.rename("a", "b"), "OK"],
  ["RENAMENX",    "MSET a 1 b 2",       (c) => c.renamenx("a", "b"), false],
  ["RESTORE",     "SET k v",            async (c) => [await c.restore("k2", 0, (await c.dump("k"))!), await c.get("k2")], ["OK", "v"]],
  ["SCAN",        "SET k v",            (c) => c.scan(0, { MATCH: "*", COUNT: 10, TYPE: "string" }), ["0", ["k"]]],
  ["SORT",        "RPUSH l 3 1 2",      (c) => c.sort("l", { DESC: true, LIMIT: [0, 2] }), ["3", "2"]],
  ["SORT",        "RPUSH l 3 1 2",      (c) => c.sort("l", { STORE: "m" }), 3],
  ["SORT_RO",     "RPUSH l b a",        (c) => c.sortRo("l", { ALPHA: true, GET: ["#", "no*"] }), ["a", null, "b", null]],
  ["TOUCH",       "SET a 1",            (c) => c.touch(["a", "b"]), 1],
  ["TTL",         "",                   (c) => c.ttl("k"), -2],
  ["TYPE",        "RPUSH l a",          (c) => c.type("l"), "list"],
  ["UNLINK",      "SET a 1",            (c) => c.unlink("a"), 1],
  ["WAIT",        "",                   (c) => c.wait(0, 10), 0],
  // hash
  ["HDEL",        "HSET h a 1 b 2",     (c) => c.hdel("h", ["a", "c"]), 1],
  ["HEXISTS",     "HSET h a 1",         (c) => c.hexists("h", "a"), true],
  ["HGET",        "HSET h a 1",         (c) => c.hget("h", "a"), "1"],
  ["HGETALL",     "HSET h a 1 b 2",     (c) => c.hgetall("h"), new Map([["a", "1"], ["b", "2"]])],
  ["HINCRBY",     "HSET h a 1",         (c) => c.hincrby("h", "a", 2), 3],
  ["HINCRBYFLOAT", "HSET h a 1",        (c) => c.hincrbyfloat("h", "a", 0.5), 1.5],
  ["HKEYS",       "HSET h a 1",         (c) => c.hkeys("h"), ["a"]],
  ["HLEN",        "HSET h a 1",         (c) => c.hlen("h"), 1],
  ["HMGET",       "HSET h a 1",         (c) => c.hmget("h", ["a", "b"]), ["1", null]],
  ["HMSET",       "",                   (c) => c.hmset("h", { a: 1 }), "OK"],
  ["HRANDFIELD",  "HSET h a 1",         (c) => c.hrandfield("h", { count: 2, WITHVALUES: true }), [["a", "1"]]],
  ["HSCAN",       "HSET h a 1",         (c) => c.hscan("h", 0), ["0", [["a", "1"]]]],
  ["HSET",        "HSET h a 1",         (c) => c.hset("h", [["a", 2], ["b", 3]]), 1],
  ["HSETNX",      "HSET h a 1",         (c) => c.hsetnx("h", "a", 2), false],
  ["HSTRLEN",     "HSET h a abc",       (c) => c.hstrlen("h", "a"), 3],
  ["HVALS",       "HSET h a 1",         (c) => c.hvals("h"), ["1"]],
  // list
  ["BLMOVE",      "RPUSH l a b",        (c) => c.blmove("l", "m", "LEFT", "RIGHT", 1), "a"],
  ["BLMPOP",      "RPUSH l a b",        (c) => c.blmpop(1, ["x", "l"], "LEFT", { COUNT: 5 }), ["l", ["a", "b"]]],
  ["BLPOP",       "RPUSH l a b",        (c) => c.blpop(["x", "l"], 1), ["l", "a"]],
  ["BRPOP",       "",                   (c) => c.brpop("x", 0.01), null],
  ["BRPOPLPUSH",  "RPUSH l a b",        (c) => c.brpoplpush("l", "m", 1), "b"],
  ["LINDEX",      "RPUSH l a b",        (c) => c.lindex("l", -1), "b"],
  ["LINSERT",     "RPUSH l a b",        (c) => c.linsert("l", "BEFORE", "b", "x"), 3],
  ["LLEN",        "RPUSH l a b",        (c) => c.llen("l"), 2],
  ["LMOVE",       "RPUSH l a b",        (c) => c.lmove("l", "m", "RIGHT", "LEFT"), "b"],
  ["LMPOP",       "RPUSH l a b",        (c) => c.lmpop(["l"], "RIGHT"), ["l", ["b"]]],
  ["LPOP",        "RPUSH l a b",        (c) => c.lpop("l", { count: 2 }), ["a", "b"]],
  ["LPOS",        "RPUSH l a b a",      (c) => c.lpos("l", "a", { COUNT: 0 }), [0, 2]],
  ["LPUSH",       "RPUSH l a",          (c) => c.lpush("l", ["b", "c"]), 3],
  ["LPUSHX",      "",                   (c) => c.lpushx("l", "b"), 0],
  ["LRANGE",      "RPUSH l a b c",      (c) => c.lrange("l", 0, 1), ["a", "b"]],
  ["LREM",        "RPUSH l a b a",      (c) => c.lrem("l", 0, "a"), 2],
  ["LSET",        "RPUSH l a",          (c) => c.lset("l", 0, "x"), "OK"],
  ["LTRIM",       "RPUSH l a b",        (c) => c.ltrim("l", 0, 0), "OK"],
  ["RPOP",        "RPUSH l a b",        (c) => c.rpop("l"), "b"],
  ["RPOPLPUSH",   "RPUSH l a b",        (c) => c.rpoplpush("l", "m"), "b"],
  ["RPUSH",       "",                   (c) => c.rpush("l", ["a", 1]), 2],
  ["RPUSHX",      "RPUSH l a",          (c) => c.rpushx("l", "b"), 2],
  // set
  ["SADD",        "SADD s a",           (c) => c.sadd("s", ["a", "b"]), 1],
  ["SCARD",       "SADD s a b",         (c) => c.scard("s"), 2],
  ["SDIFF",       "SADD s a b;SADD t a", (c) => c.sdiff(["s", "t"]), ["b"]],
  ["SDIFFSTORE",  "SADD s a b;SADD t a", (c) => c.sdiffstore("d", ["s", "t"]), 1],
  ["SINTER",      "SADD s a b;SADD t a", (c) => c.sinter(["s", "t"]), ["a"]],
  ["SINTERCARD",  "SADD s a b;SADD t a", (c) => c.sintercard(["s", "t"], { LIMIT: 5 }), 1],
  ["SINTERSTORE", "SADD s a b;SADD t a", (c) => c.sinterstore("d", ["s", "t"]), 1],
  ["SISMEMBER",   "SADD s a",           (c) => c.sismember("s", "a"), true],
  ["SMEMBERS",    "SADD s a b",         (c) => c.smembers("s"), sorted("a", "b")],
  ["SMISMEMBER",  "SADD s a",           (c) => c.smismember("s", ["a", "b"]), [true, false]],
  ["SMOVE",       "SADD s a",           (c) => c.smove("s", "t", "a"), true],
  ["SPOP",        "SADD s a b",         (c) => c.spop("s", { count: 5 }), sorted("a", "b")],
  ["SRANDMEMBER", "SADD s a",           (c) => c.srandmember("s"), "a"],
  ["SREM",        "SADD s a b",         (c) => c.srem("s", ["a", "x"]), 1],
  ["SSCAN",       "SADD s a",           (c) => c.sscan("s", 0, { COUNT: 5 }), ["0", ["a"]]],
  ["SUNION",      "SADD s a;SADD t b",  (c) => c.sunion(["s", "t"]), sorted("a", "b")],
  ["SUNIONSTORE", "SADD s a;SADD t b",  (c) => c.sunionstore("d", ["s", "t"]), 2],
  // sorted set
  ["BZMPOP",      ZSET,                 (c) => c.bzmpop(1, ["x", "z"], "MIN", { COUNT: 2 }), ["z", [["a", 1], ["b", 2]]]],
  ["BZPOPMAX",    ZSET,                 (c) => c.bzpopmax(["x", "z"], 1), ["z", "c", 3]],
  ["BZPOPMIN",    ZSET,                 (c) => c.bzpopmin("z", 1), ["z", "a", 1]],
  ["ZADD",        ZSET,                 (c) => c.zadd("z", [[5, "a"], [6, "d"]], { CH: true }), 2],
  ["ZADD",        ZSET,                 (c) => c.zadd("z", [[0.5, "a"]], { INCR: true }), 1.5],
  ["ZCARD",       ZSET,                 (c) => c.zcard("z"), 3],
  ["ZCOUNT",      ZSET,                 (c) => c.zcount("z", "(1", "+inf"), 2],
  ["ZDIFF",       `${ZSET};ZADD y 1 a`, (c) => c.zdiff(["z", "y"], { WITHSCORES: true }), [["b", 2], ["c", 3]]],
  ["ZDIFFSTORE",  `${ZSET};ZADD y 1 a`, (c) => c.zdiffstore("d", ["z", "y"]), 2],
  ["ZINCRBY",     ZSET,                 (c) => c.zincrby("z", 1.5, "a"), 2.5],
  ["ZINTER",      `${ZSET};ZADD y 1 a`, (c) => c.zinter(["z", "y"], { WEIGHTS: [2, 3], AGGREGATE: "MAX", WITHSCORES: true }), [["a", 3]]],
  ["ZINTERCARD",  `${ZSET};ZADD y 1 a`, (c) => c.zintercard(["z", "y"]), 1],
  ["ZINTERSTORE", `${ZSET};ZADD y 1 a`, (c) => c.zinterstore("d", ["z", "y"]), 1],
  ["ZLEXCOUNT",   "ZADD z 0 a 0 b",     (c) => c.zlexcount("z", "-", "[a"), 1],
  ["ZMPOP",       ZSET,                 (c) => c.zmpop("z", "MAX"), ["z", [["c", 3]]]],
  ["ZMSCORE",     ZSET,                 (c) => c.zmscore("z", ["a", "x"]), [1, null]],
  ["ZPOPMAX",     ZSET,                 (c) => c.zpopmax("z"), [["c", 3]]],
  ["ZPOPMIN",     ZSET,                 (c) => c.zpopmin("z", { count: 2 }), [["a", 1], ["b", 2]]],
  ["ZRANDMEMBER", "ZADD z 1 a",         (c) => c.zrandmember("z", { count: 1, WITHSCORES: true }), [["a", 1]]],
  ["ZRANGE",      ZSET,                 (c) => c.zrange("z", 2, 3, { BYSCORE: true, LIMIT: [0, 1], WITHSCORES: true }), [["b", 2]]],
  ["ZRANGEBYLEX", "ZADD z 0 a 0 b",     (c) => c.zrangebylex("z", "-", "+", { LIMIT: [1, 1] }), ["b"]],
  ["ZRANGEBYSCORE", ZSET,               (c) => c.zrangebyscore("z", "-inf", 2, { WITHSCORES: true }), [["a", 1], ["b", 2]]],
  ["ZRANGESTORE", ZSET,                 (c) => c.zrangestore("d", "z", 0, 1), 2],
  ["ZRANK",       ZSET,                 (c) => c.zrank("z", "b"), 1],
  ["ZREM",        ZSET,                 (c) => c.zrem("z", ["a", "x"]), 1],
  ["ZREMRANGEBYLEX", "ZADD z 0 a 0 b",  (c) => c.zremrangebylex("z", "[a", "[a"), 1],
  ["ZREMRANGEBYRANK", ZSET,             (c) => c.zremrangebyrank("z", 0, 1), 2],
  ["ZREMRANGEBYSCORE", ZSET,            (c) => c.zremrangebyscore("z", 3, "+inf"), 1],
  ["ZREVRANGE",   ZSET,                 (c) => c.zrevrange("z", 0, 0, { WITHSCORES: true }), [["c", 3]]],
  ["ZREVRANGEBYLEX", "ZADD z 0 a 0 b",  (c) => c.zrevrangebylex("z", "+", "-"), ["b", "a"]],
  ["ZREVRANGEBYSCORE", ZSET,            (c) => c.zrevrangebyscore("z", 3, 2), ["c", "b"]],
  ["ZREVRANK",    ZSET,                 (c) => c.zrevrank("z", "x"), null],
  ["ZSCAN",       ZSET,                 (c) => c.zscan("z", 0, { MATCH: "a" }), ["0", [["a", 1]]]],
  ["ZSCORE",      "ZADD z inf a",       (c) => c.zscore("z", "a"), Infinity],
  ["ZUNION",      `${ZSET};ZADD y 1 a`, (c) => c.zunion(["z", "y"], { WITHSCORES: true }), [["a", 2], ["b", 2], ["c", 3]]],
  ["ZUNIONSTORE", `${ZSET};ZADD y 1 a`, (c) => c.zunionstore("d", ["z", "y"], { AGGREGATE: "SUM" }), 3],
  // stream
  ["XACK",        READ,                 (c) => c.xack("s", "g", ["1-1", "2-1"]), 2],
  ["XADD",        "",                   (c) => c.xadd("s", "7-1", { a: 1, b: 2 }, { MAXLEN: ["~", 100] }), "7-1"],
  ["XAUTOCLAIM",  READ,                 (c) => c.xautoclaim("s", "g", "d", 0, "0", { COUNT: 1 }), { cursor: "2-1", entries: [FIRST], ids: ["1-1"], deletedIds: [] }],
  ["XCLAIM",      READ,                 (c) => c.xclaim("s", "g", "d", 0, ["1-1"]), [FIRST]],
  ["XCLAIM",      READ,                 (c) => c.xclaim("s", "g", "d", 0, ["1-1"], { JUSTID: true }), ["1-1"]],
  ["XDEL",        STREAM,               (c) => c.xdel("s", ["1-1", "9-9"]), 1],
  ["XGROUP CREATE", "",                 (c) => c.xgroupCreate("s", "g", "$", { MKSTREAM: true }), "OK"],
  ["XGROUP CREATECONSUMER", STREAM,     (c) => c.xgroupCreateconsumer("s", "g", "c"), true],
  ["XGROUP DELCONSUMER", READ,          (c) => c.xgroupDelconsumer("s", "g", "c"), 2],
  ["XGROUP DESTROY", STREAM,            (c) => c.xgroupDestroy("s", "g"), true],
  ["XGROUP HELP", "",                   (c) => c.xgroupHelp(), isHelp],
  ["XGROUP SETID", STREAM,              (c) => c.xgroupSetid("s", "g", "1-1", { ENTRIESREAD: 1 }), "OK"],
  ["XINFO CONSUMERS", READ,             async (c) => (await c.xinfoConsumers("s", "g")).map(({ name, pending }) => [name, pending]), [["c", 2]]],
  ["XINFO GROUPS", READ,                async (c) => (await c.xinfoGroups("s")).map(({ name, pending }) => [name, pending]), [["g", 2]]],
  ["XINFO HELP",  "",                   (c) => c.xinfoHelp(), isHelp],
  ["XINFO STREAM", STREAM,              async (c) => (await c.xinfoStream("s")).length, 2],
  ["XLEN",        STREAM,               (c) => c.xlen("s"), 2],
  ["XPENDING",    READ,                 (c) => c.xpending("s", "g"), [2, "1-1", "2-1", [["c", "2"]]]],
  ["XRANGE",      STREAM,               (c) => c.xrange("s", "-", "+", { COUNT: 1 }), [FIRST]],
  ["XREAD",       STREAM,               (c) => c.xread("s", "1-1", { COUNT: 5 }), [["s", [SECOND]]]],
  ["XREAD",       STREAM,               (c) => c.xread("s", "9-1"), null],
  ["XREADGROUP",  STREAM,               (c) => c.xreadgroup("g", "c", "s", ">", { COUNT: 1, NOACK: true }), [["s", [FIRST]]]],
  ["XREVRANGE",   STREAM,               (c) => c.xrevrange("s", "+", "-"), [SECOND, FIRST]],
  ["XSETID",      STREAM,               (c) => c.xsetid("s", "5-5"), "OK"],
  ["XTRIM",       STREAM,               (c) => c.xtrim("s", { MAXLEN: 1 }), 1],
  // geo
  ["GEOADD",      "",                   (c) => c.geoadd("g", [[13.3, 38.1, "a"], [15, 37.5, "b"]]), 2],
  ["GEODIST",     GEO,                  (c) => c.geodist("g", "Palermo", "Catania", { KM: true }), 166.2742],
  ["GEOHASH",     GEO,                  (c) => c.geohash("g", ["Palermo", "x"]), ["sqc8b49rny0", null]],
  ["GEOPOS",      GEO,                  async (c) => (await c.geopos("g", ["Palermo", "x"])).map((place) => place?.map((x) => x.toFixed(2))), [["13.36", "38.12"], undefined]],
  ["GEORADIUS",   GEO,                  (c) => c.georadius("g", 15, 37, 200, "KM", { ASC: true }), ["Catania", "Palermo"]],
  ["GEORADIUS_RO", GEO,                 (c) => c.georadiusRo("g", 15, 37, 200, "KM", { COUNT: 1, ASC: true }), ["Catania"]],
  ["GEORADIUSBYMEMBER", GEO,            (c) => c.georadiusbymember("g", "Catania", 10, "KM"), ["Catania"]],
  ["GEORADIUSBYMEMBER_RO", GEO,         (c) => c.georadiusbymemberRo("g", "Catania", 10, "KM"), ["Catania"]],
  ["GEOSEARCH",   GEO,                  (c) => c.geosearch("g", { FROMLONLAT: [15, 37] }, { BYRADIUS: [200, "km"] }, { ASC: true, COUNT: 1 }), ["Catania"]],
  ["GEOSEARCHSTORE", GEO,               (c) => c.geosearchstore("d", "g", { FROMMEMBER: "Catania" }, { BYBOX: [400, 400, "km"] }), 2],
  // bitmap
  ["BITCOUNT",    "SET k foobar",       (c) => c.bitcount("k", { range: [1, 1, "BYTE"] }), 6],
  ["BITFIELD",    "",                   (c) => c.bitfield("k", ["SET", "u8", 0, 200, "GET", "u8", 0]), [0, 200]],
  ["BITFIELD_RO", "SET k a",            (c) => c.bitfieldRo("k", ["GET", "u8", 0]), [97]],
  ["BITOP",       "SET a a;SET b b",    (c) => c.bitop("AND", "d", ["a", "b"]), 1],
  ["BITPOS",      "SET k a",            (c) => c.bitpos("k", 1), 1],
  ["GETBIT",      "SET k a",            (c) => c.getbit("k", 1), 1],
  ["SETBIT",      "",                   (c) => c.setbit("k", 7, 1), 0],
  // hyperloglog
  ["PFADD",       "",                   (c) => c.pfadd("p", ["a", "b"]), true],
  ["PFCOUNT",     "PFADD p a b",        (c) => c.pfcount("p"), 2],
  ["PFDEBUG",     "PFADD p a",          (c) => c.pfdebug("ENCODING", "p"), "sparse"],
  ["PFMERGE",     "PFADD p a",          (c) => c.pfmerge("q", ["p"]), "OK"],
  ["PFSELFTEST",  "",                   (c) => c.pfselftest(), "OK"],
  // pubsub
  ["PUBLISH",     "",                   (c) => c.publish("ch", "x"), 0],
  ["PUBSUB CHANNELS", "",               (c) => c.pubsubChannels({ pattern: "a*" }), []],
  ["PUBSUB HELP", "",                   (c) => c.pubsubHelp(), isHelp],
  ["PUBSUB NUMPAT", "",                 (c) => c.pubsubNumpat(), 0],
  ["PUBSUB NUMSUB", "",                 (c) => c.pubsubNumsub(["a"]), new Map([["a", 0]])],
  ["PUBSUB SHARDCHANNELS", "",          (c) => c.pubsubShardchannels(), []],
  ["PUBSUB SHARDNUMSUB", "",            (c) => c.pubsubShardnumsub(["a"]), new Map([["a", 0]])],
  ["SPUBLISH",    "",                   (c) => c.spublish("ch", "x"), 0],
  // scripting
  ["EVAL",        "",                   (c) => c.eval("return {KEYS[1], ARGV[1], 3}", "k", "a"), ["k", "a", 3]],
  ["EVAL_RO",     "SET k v",            (c) => c.evalRo("return redis.call('GET', KEYS[1])", ["k"]), "v"],
  ["EVALSHA",     "",                   async (c) => await c.evalsha(await c.scriptLoad("return 7")), 7],
  ["EVALSHA_RO",  "",                   (c) => c.evalshaRo("0".repeat(40)), refused("NOSCRIPT")],
  ["FCALL",       "",                   async (c) => [await c.functionLoad(LIBRARY, { REPLACE: true }), await c.fcall("f", "k", ["a"])], ["lib", "a"]],
  ["FCALL_RO",    "",                   async (c) => [await c.functionLoad(LIBRARY, { REPLACE: true }), await c.fcallRo("f", [], "b")], ["lib", "b"]],
  ["FUNCTION DELETE", "",               async (c) => [await c.functionLoad(LIBRARY, { REPLACE: true }), await c.functionDelete("lib")], ["lib", "OK"]],
  ["FUNCTION DUMP", "",                 (c) => c.functionDump(), (v: unknown) => v instanceof Uint8Array],
  ["FUNCTION FLUSH", "",                (c) => c.functionFlush({ SYNC: true }), "OK"],
  ["FUNCTION HELP", "",                 (c) => c.functionHelp(), isHelp],
  ["FUNCTION KILL", "",                 (c) => c.functionKill(), refused("NOTBUSY")],
  ["FUNCTION LIST", "",                 async (c) => [await c.functionLoad(LIBRARY, { REPLACE: true }), (await c.functionList({ LIBRARYNAME: "l*" }))[0]!.library_name], ["lib", "lib"]],
  ["FUNCTION LOAD", "",                 (c) => c.functionLoad("no library"), refused("ERR")],
  ["FUNCTION RESTORE", "",              async (c) => await c.functionRestore(await c.functionDump(), { FLUSH: true }), "OK"],
  ["FUNCTION STATS", "",                async (c) => (await c.functionStats()).running_script, null],
  ["SCRIPT DEBUG", "",                  (c) => c.scriptDebug("NO"), "OK"],
  ["SCRIPT EXISTS", "",                 async (c) => await c.scriptExists([await c.scriptLoad("return 1"), "f".repeat(40)]), [true, false]],
  ["SCRIPT FLUSH", "",                  (c) => c.scriptFlush({ ASYNC: true }), "OK"],
  ["SCRIPT HELP", "",                   (c) => c.scriptHelp(), isHelp],
  ["SCRIPT KILL", "",                   (c) => c.scriptKill(), refused("NOTBUSY")],
  ["SCRIPT LOAD", "",                   (c) => c.scriptLoad("return 1"), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"],
  // transactions
  ["DISCARD",     "",                   async (c) => [await c.multi(), await c.discard()], ["OK", "OK"]],
  ["EXEC",        "",                   async (c) => [await c.multi(), await c.ping(), await c.exec()], ["OK", "QUEUED", ["PONG"]]],
  ["MULTI",       "",                   async (c) => [await c.multi(), await c.discard()], ["OK", "OK"]],
  ["UNWATCH",     "",                   (c) => c.unwatch(), "OK"],
  ["WATCH",       "",                   (c) => c.watch(["a", "b"]), "OK"],
  // connection
  ["AUTH",        "",                   (c) => c.auth("wrong", { username: "default" }), (v: unknown) => v === "OK"],
  ["CLIENT CACHING", "",                (c) => c.clientCaching("YES"), refused("CLIENT CACHING")],
  ["CLIENT GETNAME", "CLIENT SETNAME me", (c) => c.clientGetname(), "me"],
  ["CLIENT GETREDIR", "",               (c) => c.clientGetredir(), -1],
  ["CLIENT HELP", "",                   (c) => c.clientHelp(), isHelp],
  ["CLIENT ID",   "",                   (c) => c.clientId(), isCount],
  ["CLIENT INFO", "",                   (c) => c.clientInfo(), has("id=")],
  ["CLIENT KILL", "",                   (c) => c.clientKill(["ID", 999999999]), 0],
  ["CLIENT LIST", "",                   (c) => c.clientList({ TYPE: "NORMAL" }), has("id=")],
  ["CLIENT NO-EVICT", "",               (c) => c.clientNoEvict("OFF"), "OK"],
  ["CLIENT PAUSE", "",                  (c) => c.clientPause(0, { WRITE: true }), "OK"],
  ["CLIENT SETNAME", "",                (c) => c.clientSetname("me"), "OK"],
  ["CLIENT TRACKING", "",               (c) => c.clientTracking("OFF"), "OK"],
  ["CLIENT TRACKINGINFO", "",           async (c) => (await c.clientTrackinginfo()).redirect, -1],
  ["CLIENT UNBLOCK", "",                (c) => c.clientUnblock(999999999), false],
  ["CLIENT UNPAUSE", "",                (c) => c.clientUnpause(), "OK"],
  ["ECHO",        "",                   (c) => c.echo("hi"), "hi"],
  ["HELLO",       "",                   async (c) => (await c.hello()).server, "redis"],
  ["PING",        "",                   (c) => c.ping({ message: "hi" }), "hi"],
  ["QUIT",        "",                   (c) => c.quit(), "OK"],
  ["RESET",       "",                   (c) => c.reset(), "RESET"],
  ["SELECT",      "",                   (c) => c.select(1), "OK"],
  // server
  ["ACL CAT",     "",                   (c) => c.aclCat({ categoryname: "hyperloglog" }), (v: unknown) => (v as string[]).includes("pfadd")],
  ["ACL DELUSER", "ACL SETUSER ann",    (c) => c.aclDeluser(["ann"]), 1],
  ["ACL DRYRUN",  "",                   (c) => c.aclDryrun("default", "GET", ["k"]), "OK"],
  ["ACL GENPASS", "",                   (c) => c.aclGenpass({ bits: 32 }), (v: unknown) => String(v).length === 8],
  ["ACL GETUSER", "",                   async (c) => (await c.aclGetuser("default"))!.commands, "+@all"],
  ["ACL HELP",    "",                   (c) => c.aclHelp(), isHelp],
  ["ACL LIST",    "",                   (c) => c.aclList(), has("user default on")],
  ["ACL LOAD",    "",                   (c) => c.aclLoad(), refused("ERR")],
  ["ACL LOG",     "",                   (c) => c.aclLog({ RESET: true }), "OK"],
  ["ACL SAVE",    "",                   (c) => c.aclSave(), refused("ERR")],
  ["ACL SETUSER", "",                   (c) => c.aclSetuser("bob", ["on", "nopass", "+get"]), "OK"],
  ["ACL USERS",   "",                   (c) => c.aclUsers(), (v: unknown) => (v as string[]).includes("default")],
  ["ACL WHOAMI",  "",                   (c) => c.aclWhoami(), "default"],
  ["BGREWRITEAOF", "",                  (c) => c.bgrewriteaof(), has("append only file")],
  ["BGSAVE",      "",                   (c) => c.bgsave({ SCHEDULE: true }), has("aving")],
  ["COMMAND",     "",                   async (c) => (await c.commands() as unknown[]).length, 240],
  ["COMMAND COUNT", "",                 (c) => c.commandCount(), 240],
  ["COMMAND DOCS", "",                  (c) => c.commandDocs(["get"]), (v: unknown) => v instanceof Map ? v.has("get") : (v as string[])[0] === "get"],
  ["COMMAND GETKEYS", "",               (c) => c.commandGetkeys(["MGET", "a", "b"]), ["a", "b"]],
  ["COMMAND GETKEYSANDFLAGS", "",       async (c) => (await c.commandGetkeysandflags(["GET", "a"]) as unknown[][])[0]![0], "a"],
  ["COMMAND HELP", "",                  (c) => c.commandHelp(), isHelp],
  ["COMMAND INFO", "",                  async (c) => (await c.commandInfo("get") as unknown[][])[0]![0], "get"],
  ["COMMAND LIST", "",                  (c) => c.commandList({ FILTERBY: ["PATTERN", "mge*"] }), ["mget"]],
  ["CONFIG GET",  "",                   (c) => c.configGet(["maxmemory", "databases"]), new Map([["maxmemory", "0"], ["databases", "16"]])],
  ["CONFIG HELP", "",                   (c) => c.configHelp(), isHelp],
  ["CONFIG RESETSTAT", "",              (c) => c.configResetstat(), "OK"],
  ["CONFIG REWRITE", "",                (c) => c.configRewrite(), refused("config file")],
  ["CONFIG SET",  "",                   (c) => c.configSet({ "slowlog-max-len": 64 }), "OK"],
  ["DBSIZE",      "SET k v",            (c) => c.dbsize(), 1],
  ["DEBUG",       "",                   (c) => c.debug(["SLEEP", "0"]), "OK"],
  ["FAILOVER",    "",                   (c) => c.failover(), refused("connected replicas")],
  ["FLUSHALL",    "",                   (c) => c.flushall({ SYNC: true }), "OK"],
  ["FLUSHDB",     "SET k v",            (c) => c.flushdb(), "OK"],
  ["INFO",        "",                   (c) => c.info(["server", "clients"]), has("redis_version:7")],
  ["LASTSAVE",    "",                   (c) => c.lastsave(), isCount],
  ["LATENCY DOCTOR", "",                (c) => c.latencyDoctor(), isText],
  ["LATENCY GRAPH", "",                 (c) => c.latencyGraph("command"), refused("No samples")],
  ["LATENCY HELP", "",                  (c) => c.latencyHelp(), isHelp],
  ["LATENCY HISTOGRAM", "",             (c) => c.latencyHistogram("get"), (v: unknown) => typeof v === "object"],
  ["LATENCY HISTORY", "",               (c) => c.latencyHistory("command"), []],
  ["LATENCY LATEST", "",                (c) => c.latencyLatest(), []],
  ["LATENCY RESET", "",                 (c) => c.latencyReset(), 0],
  ["LOLWUT",      "",                   (c) => c.lolwut({ VERSION: 6 }), has("Redis ver")],
  ["MEMORY DOCTOR", "",                 (c) => c.memoryDoctor(), isText],
  ["MEMORY HELP", "",                   (c) => c.memoryHelp(), isHelp],
  ["MEMORY MALLOC-STATS", "",           (c) => c.memoryMallocStats(), isText],
  ["MEMORY PURGE", "",                  (c) => c.memoryPurge(), "OK"],
  ["MEMORY STATS", "",                  async (c) => (await c.memoryStats())["keys.count"], 0],
  ["MEMORY USAGE", "SET k v",           (c) => c.memoryUsage("k", { SAMPLES: 1 }), isCount],
  ["MODULE HELP", "",                   (c) => c.moduleHelp(), isHelp],
  ["MODULE LIST", "",                   (c) => c.moduleList(), []],
  ["MODULE LOAD", "",                   (c) => c.moduleLoad("/missing.so", ["a"]), refused("MODULE command not allowed")],
  ["MODULE LOADEX", "",                 (c) => c.moduleLoadex("/missing.so", ["ARGS", "a"]), refused("MODULE command not allowed")],
  ["MODULE UNLOAD", "",                 (c) => c.moduleUnload("missing"), refused("MODULE command not allowed")],
  ["REPLCONF",    "",                   (c) => c.replconf(["listening-port", 1]), "OK"],
  ["REPLICAOF",   "",                   (c) => c.replicaof("NO", "ONE"), "OK"],
  ["ROLE",        "",                   async (c) => (await c.role() as unknown[])[0], "master"],
  ["SAVE",        "",                   saveWhenIdle, "OK"],
  ["SLAVEOF",     "",                   (c) => c.slaveof("NO", "ONE"), "OK"],
  ["SLOWLOG GET", "",                   (c) => c.slowlogGet({ count: 1 }), isList],
  ["SLOWLOG HELP", "",                  (c) => c.slowlogHelp(), isHelp],
  ["SLOWLOG LEN", "",                   (c) => c.slowlogLen(), isCount],
  ["SLOWLOG RESET", "",                 (c) => c.slowlogReset(), "OK"],
  ["SWAPDB",      "",                   (c) => c.swapdb(0, 1), "OK"],
  ["TIME",        "",                   async (c) => (await c.time()).length, 2],
];

/** The server writes one snapshot at a time, and others above began some. */
async function saveWhenIdle(c: Session): Promise<string> {
  while (/in_progress:1|scheduled:1/.test(await c.info("persistence")));
  return await c.save();
}

const LIBRARY = "#!lua name=lib\nredis.register_function{function_name='f', " +
  "callback=function(keys, args) return args[1] end, flags={'no-writes'}}";

/** The same for a server that is a cluster of one node. */
// deno-fmt-ignore
export const CLUSTER_CASES: readonly CommandCase[] = [
  ["ASKING",                "", (c) => c.asking(), "OK"],
  ["CLUSTER BUMPEPOCH",     "", (c) => c.clusterBumpepoch(), (v: unknown) => /BUMPED|STILL/.test(String(v))],
  ["CLUSTER COUNT-FAILURE-REPORTS", "", async (c) => await c.clusterCountFailureReports(await c.clusterMyid()), 0],
  ["CLUSTER COUNTKEYSINSLOT", "SET k v", (c) => c.clusterCountkeysinslot(7629), 1],
  ["CLUSTER FAILOVER",      "", (c) => c.clusterFailover({ FORCE: true }), refused("replica")],
  ["CLUSTER FORGET",        "", async (c) => await c.clusterForget(await c.clusterMyid()), refused("forget myself")],
  ["CLUSTER GETKEYSINSLOT", "SET k v", (c) => c.clusterGetkeysinslot(7629, 10), ["k"]],
  ["CLUSTER HELP",          "", (c) => c.clusterHelp(), isHelp],
  ["CLUSTER INFO",          "", (c) => c.clusterInfo(), has("cluster_slots_assigned:16384")],
  ["CLUSTER KEYSLOT",       "", (c) => c.clusterKeyslot("{user}.1"), 5474],
  ["CLUSTER LINKS",         "", (c) => c.clusterLinks(), []],
  ["CLUSTER MEET",          "", (c) => c.clusterMeet("no-address", 1), refused("Invalid")],
  ["CLUSTER MYID",          "", (c) => c.clusterMyid(), (v: unknown) => String(v).length === 40],
  ["CLUSTER NODES",         "", (c) => c.clusterNodes(), has("myself,master")],
  ["CLUSTER REPLICAS",      "", async (c) => await c.clusterReplicas(await c.clusterMyid()), []],
  ["CLUSTER REPLICATE",     "", async (c) => await c.clusterReplicate(await c.clusterMyid()), refused("myself")],
  ["CLUSTER RESET",         "SET k v", (c) => c.clusterReset({ SOFT: true }), refused("containing keys")],
  ["CLUSTER SAVECONFIG",    "", (c) => c.clusterSaveconfig(), "OK"],
  ["CLUSTER SET-CONFIG-EPOCH", "", (c) => c.clusterSetConfigEpoch(3), refused("epoch")],
  ["CLUSTER SETSLOT",       "", (c) => c.clusterSetslot(5, "STABLE"), "OK"],
  ["CLUSTER SHARDS",        "", async (c) => (await c.clusterShards()).length, 1],
  ["CLUSTER SLAVES",        "", async (c) => await c.clusterSlaves(await c.clusterMyid()), []],
  ["CLUSTER SLOTS",         "", async (c) => (await c.clusterSlots() as unknown[][])[0]!.slice(0, 2), [0, 16383]],
  ["READONLY",              "", (c) => c.readonly(), "OK"],
  ["READWRITE",             "", (c) => c.readwrite(), "OK"],
  ["RESTORE-ASKING",        "SET k v", async (c) => await c.restoreAsking("{k}2", 0, (await c.dump("k"))!), "OK"],
  // While slots are without a node, and for a while after, the cluster is down.
  ["CLUSTER ADDSLOTS",      "CLUSTER DELSLOTS 5", (c) => c.clusterAddslots([5]), "OK"],
  ["CLUSTER ADDSLOTSRANGE", "CLUSTER DELSLOTSRANGE 5 9", (c) => c.clusterAddslotsrange([[5, 9]]), "OK"],
  ["CLUSTER DELSLOTS",      "", async (c) => [await c.clusterDelslots([5]), await c.clusterAddslots([5])], ["OK", "OK"]],
  ["CLUSTER DELSLOTSRANGE", "", async (c) => [await c.clusterDelslotsrange([[5, 6]]), await c.clusterAddslotsrange([[5, 6]])], ["OK", "OK"]],
  ["CLUSTER FLUSHSLOTS",    "", async (c) => [await c.clusterFlushslots(), await c.clusterAddslotsrange([[0, 16383]])], ["OK", "OK"]],
];
