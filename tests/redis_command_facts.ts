// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Data: what the server does not tell about its commands: what they reply, and a line about them.
// `redis_generate.ts` joins it with what the server tells.

/**
 * Rows `NAME | reply | what it does`, and `~ usage` where the server's own arguments are no use.
 * A reply `a ; OPTION: b` is `b` when that option is given.
 */
// deno-fmt-ignore
export const COMMAND_FACTS = String.raw`
# string
APPEND | int | Adds to the end of a string; gives its new length in bytes.
DECR | int | Takes 1 from a counter; gives what is left.
DECRBY | int | Takes a number from a counter; gives what is left.
GET | str? | Reads a string.
GETDEL | str? | Reads a string and deletes its key.
GETEX | str? | Reads a string and sets when it expires.
GETRANGE | str | Reads a part of a string, both ends included; negative offsets count from the end.
GETSET | str? | Writes a string and gives the old one.
INCR | int | Adds 1 to a counter; gives the sum.
INCRBY | int | Adds a number to a counter; gives the sum.
INCRBYFLOAT | double | Adds a number with a fraction to a counter; gives the sum.
LCS | any | Finds the longest common subsequence of two strings; LEN its length, IDX where it matches.
MGET | strs? | Reads several strings, null for those that are none.
MSET | ok | Writes several strings at once.
MSETNX | bool | Writes several strings, but only when none of the keys exists.
PSETEX | ok | Writes a string that expires after milliseconds.
SET | ok? ; GET: str? | Writes a string; with NX or XX null says that it was not written, with GET the old one is given.
SETEX | ok | Writes a string that expires after seconds.
SETNX | bool | Writes a string unless the key exists.
SETRANGE | int | Overwrites a part of a string, with zero bytes before it where it was shorter; gives its length.
STRLEN | int | Gives the length of a string in bytes.
SUBSTR | str | Reads a part of a string; GETRANGE is its name today.
# generic
COPY | bool | Copies a key; false when the source is missing or the target exists.
DEL | int | Deletes keys; gives how many existed.
DUMP | bytes? | Gives a value in the server's own format, for RESTORE; always as bytes.
EXISTS | int | Counts the keys that exist; one named twice counts twice.
EXPIRE | bool | Lets a key expire after seconds.
EXPIREAT | bool | Lets a key expire at a Unix time in seconds.
EXPIRETIME | int | Gives the Unix time in seconds at which a key expires; -1 never, -2 no such key.
KEYS | strs | Lists all keys that match a pattern, and holds up the server meanwhile: prefer SCAN.
MIGRATE | text | Moves keys to another server.
~ MIGRATE host port:i key destination-db:i timeout:i [COPY] [REPLACE] [AUTH password] [AUTH2 credentials:x] [KEYS keys:x]
MOVE | bool | Moves a key to another database.
OBJECT ENCODING | text? | Tells how the server keeps a value.
OBJECT FREQ | int? | Tells how often a value is used, logarithmically, under an LFU policy.
OBJECT HELP | texts | Lists the subcommands of OBJECT.
OBJECT IDLETIME | int? | Tells for how many seconds a value was not used.
OBJECT REFCOUNT | int? | Tells how many references to a value the server holds.
PERSIST | bool | Takes the expiry of a key away.
PEXPIRE | bool | Lets a key expire after milliseconds.
PEXPIREAT | bool | Lets a key expire at a Unix time in milliseconds.
PEXPIRETIME | int | Gives the Unix time in milliseconds at which a key expires; -1 never, -2 no such key.
PTTL | int | Gives the milliseconds until a key expires; -1 never, -2 no such key.
RANDOMKEY | str? | Gives some key.
RENAME | ok | Gives a key another name, in place of what has that name.
RENAMENX | bool | Gives a key another name unless that is taken.
RESTORE | ok | Creates a key from what DUMP gave.
SCAN | scan | Lists keys in steps: gives the cursor of the next, "0" at the end, and some keys.
SORT | strs? ; STORE: int | Sorts a list, set or sorted set.
SORT_RO | strs? | Sorts a list, set or sorted set; cannot store the result.
TOUCH | int | Marks keys as used now; gives how many exist.
TTL | int | Gives the seconds until a key expires; -1 never, -2 no such key.
TYPE | text | Names the type of a value: string, list, set, zset, hash, stream or none.
UNLINK | int | Deletes keys, and frees their memory in the background; gives how many existed.
WAIT | int | Waits until replicas have the writes made before on this connection; gives how many do.
# hash
HDEL | int | Deletes fields; gives how many existed.
HEXISTS | bool | Tells whether a field exists.
HGET | str? | Reads a field.
HGETALL | map | Reads all fields.
HINCRBY | int | Adds a number to a field; gives the sum.
HINCRBYFLOAT | double | Adds a number with a fraction to a field; gives the sum.
HKEYS | strs | Lists the fields.
HLEN | int | Counts the fields.
HMGET | strs? | Reads several fields, null for those that are missing.
HMSET | ok | Writes fields; HSET does the same and more.
HRANDFIELD | str? ; count: strs ; WITHVALUES: pairs | Gives some field; a count gives so many, a negative one with repetitions.
~ HRANDFIELD key:k [count:i [WITHVALUES]]
HSCAN | scanPairs | Reads fields in steps: the cursor of the next, "0" at the end, and some fields with values.
HSET | int | Writes fields; gives how many are new.
HSETNX | bool | Writes a field unless it exists.
HSTRLEN | int | Gives the length of a field's value in bytes.
HVALS | strs | Lists the values.
# list
BLMOVE | str? | Moves an element from one list to another, and waits for one; null when the time is up.
BLMPOP | popped? | Takes elements of the first list that has some, and waits for one.
BLPOP | keyed? | Takes the first element of the first list that has one, and waits for it.
BRPOP | keyed? | Takes the last element of the first list that has one, and waits for it.
BRPOPLPUSH | str? | Moves the last element to the front of another list, and waits for one.
LINDEX | str? | Reads the element at an index; negative ones count from the end.
LINSERT | int | Puts an element next to another; gives the length, -1 when the other is not there.
LLEN | int | Counts the elements.
LMOVE | str? | Moves an element from an end of one list to an end of another.
LMPOP | popped? | Takes elements of the first list that has some.
LPOP | str? ; count: strsOrNull | Takes the first element, or so many.
LPOS | int? ; COUNT: ints | Finds where an element is.
LPUSH | int | Puts elements in front, each before the last; gives the length.
LPUSHX | int | Puts elements in front of a list that exists; gives the length.
LRANGE | strs | Reads elements, both ends included; negative indices count from the end.
LREM | int | Removes elements that are equal to one; gives how many were.
LSET | ok | Writes the element at an index.
LTRIM | ok | Keeps a range and removes the rest.
RPOP | str? ; count: strsOrNull | Takes the last element, or so many.
RPOPLPUSH | str? | Moves the last element to the front of another list.
RPUSH | int | Puts elements at the end; gives the length.
RPUSHX | int | Puts elements at the end of a list that exists; gives the length.
# set
SADD | int | Adds members; gives how many are new.
SCARD | int | Counts the members.
SDIFF | strs | Gives the members of the first set that no other has.
SDIFFSTORE | int | Stores what SDIFF gives; gives how many that are.
SINTER | strs | Gives the members that all sets have.
SINTERCARD | int | Counts the members that all sets have.
SINTERSTORE | int | Stores what SINTER gives; gives how many that are.
SISMEMBER | bool | Tells whether the set has a member.
SMEMBERS | strs | Lists the members.
SMISMEMBER | bools | Tells of several whether the set has them.
SMOVE | bool | Moves a member to another set.
SPOP | str? ; count: strs | Takes some member, or so many.
SRANDMEMBER | str? ; count: strs | Reads some member; a count gives so many, a negative one with repetitions.
SREM | int | Removes members; gives how many there were.
SSCAN | scan | Reads members in steps: the cursor of the next, "0" at the end, and some members.
SUNION | strs | Gives the members that any of the sets has.
SUNIONSTORE | int | Stores what SUNION gives; gives how many that are.
# sorted_set
BZMPOP | poppedScored? | Takes members of the first sorted set that has some, and waits for one.
BZPOPMAX | keyedScored? | Takes the member with the highest score of the first set that has one, and waits for it.
BZPOPMIN | keyedScored? | Takes the member with the lowest score of the first set that has one, and waits for it.
ZADD | int ; INCR: double? | Adds members with scores, or changes scores; gives how many are new, with CH how many changed.
ZCARD | int | Counts the members.
ZCOUNT | int | Counts the members with scores in a range; "(1" excludes, "-inf" and "+inf" are the ends.
ZDIFF | strs ; WITHSCORES: scored | Gives the members of the first sorted set that no other has.
ZDIFFSTORE | int | Stores what ZDIFF gives; gives how many that are.
ZINCRBY | double | Adds to the score of a member; gives the sum.
ZINTER | strs ; WITHSCORES: scored | Gives the members that all sorted sets have.
ZINTERCARD | int | Counts the members that all sorted sets have.
ZINTERSTORE | int | Stores what ZINTER gives; gives how many that are.
ZLEXCOUNT | int | Counts the members between two names, when all have one score.
ZMPOP | poppedScored? | Takes members of the first sorted set that has some.
ZMSCORE | doubles? | Gives the scores of several members, null for those that are missing.
ZPOPMAX | scored | Takes the members with the highest scores.
ZPOPMIN | scored | Takes the members with the lowest scores.
ZRANDMEMBER | str? ; count: strs ; WITHSCORES: scored | Reads some member; a count gives so many, a negative one with repetitions.
~ ZRANDMEMBER key:k [count:i [WITHSCORES]]
ZRANGE | strs ; WITHSCORES: scored | Reads members by rank, score or name.
ZRANGEBYLEX | strs | Reads members between two names; ZRANGE with BYLEX does the same.
ZRANGEBYSCORE | strs ; WITHSCORES: scored | Reads members with scores in a range; ZRANGE with BYSCORE does the same.
ZRANGESTORE | int | Stores what ZRANGE gives; gives how many that are.
ZRANK | int? | Gives the rank of a member, the lowest score first.
ZREM | int | Removes members; gives how many there were.
ZREMRANGEBYLEX | int | Removes the members between two names.
ZREMRANGEBYRANK | int | Removes the members with ranks in a range.
ZREMRANGEBYSCORE | int | Removes the members with scores in a range.
ZREVRANGE | strs ; WITHSCORES: scored | Reads members by rank, the highest score first; ZRANGE with REV does the same.
ZREVRANGEBYLEX | strs | Reads members between two names in reverse; ZRANGE with BYLEX and REV does the same.
ZREVRANGEBYSCORE | strs ; WITHSCORES: scored | Reads members by score in reverse; ZRANGE with BYSCORE and REV does the same.
ZREVRANK | int? | Gives the rank of a member, the highest score first.
ZSCAN | scanScored | Reads members in steps: the cursor of the next, "0" at the end, and some members with scores.
ZSCORE | double? | Gives the score of a member.
ZUNION | strs ; WITHSCORES: scored | Gives the members that any of the sorted sets has, with the scores combined.
ZUNIONSTORE | int | Stores what ZUNION gives; gives how many that are.
# stream
XACK | int | Tells a group that entries are done; gives how many it waited for.
XADD | text? | Appends an entry; gives its id, null when NOMKSTREAM kept it from being added.
~ XADD key:k [NOMKSTREAM] [MAXLEN max-length:x] [MINID min-id:x] [LIMIT count:i] id (field value)...
XAUTOCLAIM | claimed | Takes entries over that others left undone for long, from a start on.
XCLAIM | entries ; JUSTID: texts | Takes entries over that another consumer left undone.
XDEL | int | Deletes entries; gives how many there were.
XGROUP CREATE | ok | Creates a group that reads from an id on, "$" for what is new.
~ XGROUP CREATE key:k group id [MKSTREAM] [ENTRIESREAD entries-read:i]
XGROUP CREATECONSUMER | bool | Creates a consumer in a group.
~ XGROUP CREATECONSUMER key:k group consumer
XGROUP DELCONSUMER | int | Deletes a consumer; gives how many entries it left undone.
~ XGROUP DELCONSUMER key:k group consumer
XGROUP DESTROY | bool | Deletes a group.
~ XGROUP DESTROY key:k group
XGROUP HELP | texts | Lists the subcommands of XGROUP.
XGROUP SETID | ok | Sets the id that a group delivered last.
~ XGROUP SETID key:k group id [ENTRIESREAD entries-read:i]
XINFO CONSUMERS | records | Describes the consumers of a group.
~ XINFO CONSUMERS key:k group
XINFO GROUPS | records | Describes the groups of a stream.
XINFO HELP | texts | Lists the subcommands of XINFO.
XINFO STREAM | record | Describes a stream.
XLEN | int | Counts the entries.
XPENDING | any | Describes what a group delivered and nobody acknowledged; with a range, entry by entry.
~ XPENDING key:k group [IDLE min-idle-time:i] [range:x] [consumer]
XRANGE | entries | Reads entries between two ids, "-" and "+" for the ends.
XREAD | streams? | Reads what comes behind an id of each stream; BLOCK waits for it.
~ XREAD [COUNT count:i] [BLOCK milliseconds:i] STREAMS keys:k... ids...
XREADGROUP | streams? | Reads as a consumer of a group; ">" for what nobody got yet.
~ XREADGROUP GROUP group consumer [COUNT count:i] [BLOCK milliseconds:i] [NOACK] STREAMS keys:k... ids...
XREVRANGE | entries | Reads entries between two ids, the last one first.
XSETID | ok | Sets the last id of a stream.
XTRIM | int | Removes old entries; gives how many those were.
~ XTRIM key:k [MAXLEN max-length:x] [MINID min-id:x] [LIMIT count:i]
# geo
GEOADD | int | Adds places; gives how many are new, with CH how many changed.
GEODIST | double? | Gives the distance of two places, in metres unless a unit is given.
~ GEODIST key:k member1 member2 [M] [KM] [FT] [MI]
GEOHASH | strs? | Gives the geohash of places, null for those that are missing.
~ GEOHASH key:k members...
GEOPOS | positions? | Gives longitude and latitude of places, null for those that are missing.
~ GEOPOS key:k members...
GEORADIUS | any | Finds places around a point; GEOSEARCH does the same.
GEORADIUS_RO | any | Finds places around a point; GEOSEARCH does the same.
GEORADIUSBYMEMBER | any | Finds places around a place; GEOSEARCH does the same.
GEORADIUSBYMEMBER_RO | any | Finds places around a place; GEOSEARCH does the same.
GEOSEARCH | any | Finds places in a circle or a rectangle; names, or with the WITH options arrays of name and more.
~ GEOSEARCH key:k from<FROMMEMBER member|FROMLONLAT (longitude:d latitude:d)> by<BYRADIUS (radius:d unit)|BYBOX (width:d height:d unit)> [ASC] [DESC] [COUNT count:i [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
GEOSEARCHSTORE | int | Stores what GEOSEARCH finds; gives how many that are.
~ GEOSEARCHSTORE destination:k source:k from<FROMMEMBER member|FROMLONLAT (longitude:d latitude:d)> by<BYRADIUS (radius:d unit)|BYBOX (width:d height:d unit)> [ASC] [DESC] [COUNT count:i [ANY]] [STOREDIST]
# bitmap
BITCOUNT | int | Counts the bits that are set, in all of a string or a range of it.
~ BITCOUNT key:k [range:x]
BITFIELD | ints? | Reads and writes integers of any width: words as in GET u8 0, SET i5 100 1, INCRBY u2 #1 1, OVERFLOW SAT.
~ BITFIELD key:k words:x...
BITFIELD_RO | ints | Reads integers of any width: words as in GET u8 0.
~ BITFIELD_RO key:k words:x...
BITOP | int | Combines strings bit by bit (AND, OR, XOR, NOT); gives the length of the result.
~ BITOP operation destination:k keys:k...
BITPOS | int | Finds the first bit that is 0 or 1.
~ BITPOS key:k bit:i [range:x]
GETBIT | int | Reads a bit.
SETBIT | int | Writes a bit; gives the old one.
# hyperloglog
PFADD | bool | Adds elements to an estimate; true when it changed.
PFCOUNT | int | Estimates how many different elements were added, to within 0.81 per cent.
PFDEBUG | any | Looks into an estimate; for the server's own tests.
~ PFDEBUG subcommand key:k
PFMERGE | ok | Combines estimates.
~ PFMERGE destination:k sources:k...
PFSELFTEST | ok | Tests the estimates; for the server's own tests.
# pubsub
PSUBSCRIBE | push | Subscribes to patterns; subscribe() of this module does it on a connection of its own.
PUBLISH | int | Sends a message; gives how many clients got it.
PUBSUB CHANNELS | strs | Lists the channels that somebody subscribed to.
~ PUBSUB CHANNELS [pattern]
PUBSUB HELP | texts | Lists the subcommands of PUBSUB.
PUBSUB NUMPAT | int | Counts the patterns that somebody subscribed to.
PUBSUB NUMSUB | counts | Counts the subscribers of channels.
PUBSUB SHARDCHANNELS | strs | Lists the shard channels that somebody subscribed to.
~ PUBSUB SHARDCHANNELS [pattern]
PUBSUB SHARDNUMSUB | counts | Counts the subscribers of shard channels.
PUNSUBSCRIBE | push | Ends subscriptions to patterns.
SPUBLISH | int | Sends a message to a shard channel; gives how many clients got it.
SSUBSCRIBE | push | Subscribes to shard channels.
SUBSCRIBE | push | Subscribes to channels; subscribe() of this module does it on a connection of its own.
SUNSUBSCRIBE | push | Ends subscriptions to shard channels.
UNSUBSCRIBE | push | Ends subscriptions to channels.
# scripting
EVAL | any | Runs a Lua script.
EVAL_RO | any | Runs a Lua script that changes nothing.
EVALSHA | any | Runs a Lua script that the server knows by its SHA-1.
EVALSHA_RO | any | Runs a Lua script that changes nothing, by its SHA-1.
FCALL | any | Calls a function of a library.
FCALL_RO | any | Calls a function that changes nothing.
FUNCTION DELETE | ok | Deletes a library.
FUNCTION DUMP | bytes | Gives all libraries in the server's own format; always as bytes.
FUNCTION FLUSH | ok | Deletes all libraries.
FUNCTION HELP | texts | Lists the subcommands of FUNCTION.
FUNCTION KILL | ok | Stops a function that changed nothing yet.
FUNCTION LIST | records | Describes the libraries.
FUNCTION LOAD | text | Loads a library; gives its name.
FUNCTION RESTORE | ok | Creates libraries from what FUNCTION DUMP gave.
FUNCTION STATS | record | Describes the function that runs, and the engines.
SCRIPT DEBUG | ok | Sets how scripts are debugged.
SCRIPT EXISTS | bools | Tells which scripts the server knows.
SCRIPT FLUSH | ok | Lets the server forget its scripts.
SCRIPT HELP | texts | Lists the subcommands of SCRIPT.
SCRIPT KILL | ok | Stops a script that changed nothing yet.
SCRIPT LOAD | text | Teaches the server a script; gives its SHA-1.
# transactions
DISCARD | ok | Drops a transaction; transaction() of the client needs none of these.
EXEC | any | Runs a transaction; transaction() of the client needs none of these.
MULTI | ok | Begins a transaction; transaction() of the client needs none of these.
UNWATCH | ok | Ends the watch over keys.
WATCH | ok | Lets the next transaction fail when a key changes; watching() of the client has a connection of its own for it.
# connection
AUTH | ok | Logs in; connect() does it.
CLIENT CACHING | ok | Tells whether the next reads are tracked.
CLIENT GETNAME | text? | Gives the name of the connection.
CLIENT GETREDIR | int | Gives the client that invalidations go to; -1 when nothing is tracked, 0 to nobody else.
CLIENT HELP | texts | Lists the subcommands of CLIENT.
CLIENT ID | int | Gives the number of the connection.
CLIENT INFO | text | Describes the connection.
CLIENT KILL | any | Closes connections: an address, or filters as in ID 3, TYPE normal, USER name.
~ CLIENT KILL words:x...
CLIENT LIST | text | Describes the connections.
CLIENT NO-EVICT | ok | Keeps the connection, or no longer, from being closed for want of memory.
CLIENT PAUSE | ok | Lets clients wait for milliseconds.
CLIENT REPLY | push | Tells whether the server replies on this connection; not for shared ones.
CLIENT SETNAME | ok | Names the connection.
CLIENT TRACKING | ok | Lets the server tell when keys change that were read; cacheReads() uses it.
CLIENT TRACKINGINFO | record | Describes what is tracked.
CLIENT UNBLOCK | bool | Ends the wait of another connection.
CLIENT UNPAUSE | ok | Ends CLIENT PAUSE.
ECHO | str | Gives back what it gets.
HELLO | record | Switches the protocol; connect() does it.
PING | str | Gives PONG, or what it gets.
QUIT | ok | Closes the connection.
RESET | text | Puts the connection back to how it began.
SELECT | ok | Switches the database of the connection; the option database of connect() survives a reconnect.
# cluster
ASKING | ok | Lets the next command through to a slot that is being imported.
CLUSTER ADDSLOTS | ok | Gives slots to a node.
CLUSTER ADDSLOTSRANGE | ok | Gives ranges of slots to a node.
CLUSTER BUMPEPOCH | text | Raises the epoch of the cluster.
CLUSTER COUNT-FAILURE-REPORTS | int | Counts the reports of failure of a node.
CLUSTER COUNTKEYSINSLOT | int | Counts the keys in a slot.
CLUSTER DELSLOTS | ok | Takes slots from a node.
CLUSTER DELSLOTSRANGE | ok | Takes ranges of slots from a node.
CLUSTER FAILOVER | ok | Lets a replica take over.
CLUSTER FLUSHSLOTS | ok | Takes all slots from a node.
CLUSTER FORGET | ok | Removes a node from the table.
CLUSTER GETKEYSINSLOT | strs | Lists keys of a slot.
CLUSTER HELP | texts | Lists the subcommands of CLUSTER.
CLUSTER INFO | text | Describes the cluster.
CLUSTER KEYSLOT | int | Gives the slot of a key.
CLUSTER LINKS | records | Describes the links between nodes.
CLUSTER MEET | ok | Joins another node.
CLUSTER MYID | text | Gives the id of the node.
CLUSTER NODES | text | Describes the nodes.
CLUSTER REPLICAS | texts | Describes the replicas of a node.
CLUSTER REPLICATE | ok | Makes the node a replica of another.
CLUSTER RESET | ok | Takes the node out of its cluster.
CLUSTER SAVECONFIG | ok | Writes the state of the cluster to disk.
CLUSTER SET-CONFIG-EPOCH | ok | Sets the epoch of a new node.
CLUSTER SETSLOT | ok | Sets what happens to a slot.
CLUSTER SHARDS | records | Describes the shards: slots and nodes of each.
CLUSTER SLAVES | texts | Describes the replicas of a node; CLUSTER REPLICAS is its name today.
CLUSTER SLOTS | any | Lists ranges of slots with their nodes.
READONLY | ok | Lets a replica answer reads on this connection.
READWRITE | ok | Ends READONLY.
# server
ACL CAT | texts | Lists the categories of commands, or the commands of one.
ACL DELUSER | int | Deletes users; gives how many existed.
ACL DRYRUN | text | Tells whether a user may run a command.
ACL GENPASS | text | Makes up a password.
ACL GETUSER | record? | Describes a user.
ACL HELP | texts | Lists the subcommands of ACL.
ACL LIST | texts | Lists the users with their rules.
ACL LOAD | ok | Reads the users from the file.
ACL LOG | records ; RESET: ok | Lists what was refused lately.
~ ACL LOG [count:i] [RESET]
ACL SAVE | ok | Writes the users to the file.
ACL SETUSER | ok | Creates a user or changes its rules.
ACL USERS | texts | Lists the names of the users.
ACL WHOAMI | text | Gives the name of the user.
BGREWRITEAOF | text | Writes the append-only file anew, in the background.
BGSAVE | text | Writes a snapshot, in the background.
COMMAND | any | Describes all commands.
COMMAND COUNT | int | Counts the commands.
COMMAND DOCS | any | Documents commands.
COMMAND GETKEYS | strs | Finds the keys of a command.
~ COMMAND GETKEYS words...
COMMAND GETKEYSANDFLAGS | any | Finds the keys of a command and what happens to them.
~ COMMAND GETKEYSANDFLAGS words...
COMMAND HELP | texts | Lists the subcommands of COMMAND.
COMMAND INFO | any | Describes commands.
COMMAND LIST | texts | Lists the names of the commands.
~ COMMAND LIST [FILTERBY filter:x]
CONFIG GET | map | Reads settings.
CONFIG HELP | texts | Lists the subcommands of CONFIG.
CONFIG RESETSTAT | ok | Sets the statistics of INFO to zero.
CONFIG REWRITE | ok | Writes the settings to the file.
CONFIG SET | ok | Changes settings.
DBSIZE | int | Counts the keys of the database.
DEBUG | any | Does things for the server's own tests.
~ DEBUG words:x...
FAILOVER | ok | Hands over to a replica.
~ FAILOVER [TO target:x] [ABORT] [TIMEOUT milliseconds:i]
FLUSHALL | ok | Deletes all keys of all databases.
FLUSHDB | ok | Deletes all keys of the database.
INFO | text | Describes the server.
LASTSAVE | int | Gives the Unix time of the last snapshot.
LATENCY DOCTOR | text | Explains what is slow.
LATENCY GRAPH | text | Draws the latency of an event.
LATENCY HELP | texts | Lists the subcommands of LATENCY.
LATENCY HISTOGRAM | any | Gives the times that commands took.
LATENCY HISTORY | any | Gives the latency of an event over time.
LATENCY LATEST | any | Gives the latest latency of all events.
LATENCY RESET | int | Forgets the latency of events; gives how many.
LOLWUT | text | Draws a picture, and gives the version.
MEMORY DOCTOR | text | Explains where memory goes.
MEMORY HELP | texts | Lists the subcommands of MEMORY.
MEMORY MALLOC-STATS | text | Gives the statistics of the allocator.
MEMORY PURGE | ok | Gives memory back to the system.
MEMORY STATS | record | Gives the use of memory.
MEMORY USAGE | int? | Estimates the bytes that a key takes.
MODULE HELP | texts | Lists the subcommands of MODULE.
MODULE LIST | records | Describes the modules.
MODULE LOAD | ok | Loads a module.
MODULE LOADEX | ok | Loads a module with settings.
~ MODULE LOADEX path words:x...
MODULE UNLOAD | ok | Unloads a module.
MONITOR | push | Shows every command; monitor() of this module does it on a connection of its own.
PSYNC | push | Begins replication; for servers among themselves.
REPLCONF | any | Settles replication; for servers among themselves.
~ REPLCONF words:x...
REPLICAOF | ok | Makes the server a replica of another, or of none: "NO", "ONE".
~ REPLICAOF host port
RESTORE-ASKING | ok | RESTORE while a slot is being moved; for servers among themselves.
ROLE | any | Tells the role of the server in replication.
SAVE | ok | Writes a snapshot, and holds up all others meanwhile.
SHUTDOWN | push | Ends the server; there is no reply when it does.
SLAVEOF | ok | Makes the server a replica; REPLICAOF is its name today.
~ SLAVEOF host port
SLOWLOG GET | any | Lists slow commands.
SLOWLOG HELP | texts | Lists the subcommands of SLOWLOG.
SLOWLOG LEN | int | Counts the slow commands.
SLOWLOG RESET | ok | Forgets the slow commands.
SWAPDB | ok | Exchanges two databases.
SYNC | push | Begins replication; for servers among themselves.
TIME | texts | Gives the server's Unix time: seconds, and microseconds of the second.
`;
