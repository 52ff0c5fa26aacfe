// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// Data: commands that Debian's server (7.0) lacks: later versions and modules. Nobody ran them here.

/** Rows `NAME | since | arity | flags | keys | complexity | reply | usage | what it does`. */
// deno-fmt-ignore
export const UNVERIFIED_FACTS = String.raw`
# redis8
CLIENT NO-TOUCH | 7.2.0 | 3 | noscript loading stale | | O(1) | ok | mode<ON|OFF> | Keeps the commands of the connection, or no longer, from counting as use of keys.
CLIENT SETINFO | 7.2.0 | 4 | noscript loading stale | | O(1) | ok | attribute value | Names the library of the connection.
CLUSTER MYSHARDID | 7.2.0 | 2 | stale | | O(1) | text | | Gives the id of the node's shard.
CLUSTER SLOT-STATS | 8.2.0 | -4 | stale loading | | O(N) | any | [SLOTSRANGE range:x] [ORDERBY metric] [LIMIT limit:i] [ASC] [DESC] | Gives the use of slots.
DELEX | 8.4.0 | -2 | write fast | 1 | O(1) | int | key:k [IFEQ value] [IFNE value] [IFDEQ digest] [IFDNE digest] | Deletes a key on a condition.
DIGEST | 8.4.0 | 2 | readonly fast | 1 | O(N) | text? | key:k | Gives a hash of a string.
HEXPIRE | 7.4.0 | -6 | write denyoom fast | 1 | O(N) | ints | key:k seconds:i [NX] [XX] [GT] [LT] FIELDS numfields fields... | Lets fields expire after seconds.
HEXPIREAT | 7.4.0 | -6 | write denyoom fast | 1 | O(N) | ints | key:k unix-time-seconds:i [NX] [XX] [GT] [LT] FIELDS numfields fields... | Lets fields expire at a Unix time in seconds.
HEXPIRETIME | 7.4.0 | -5 | readonly fast | 1 | O(N) | ints | key:k FIELDS numfields fields... | Gives the Unix times in seconds at which fields expire; -1 never, -2 no such field.
HGETDEL | 8.0.0 | -5 | write fast | 1 | O(N) | strs? | key:k FIELDS numfields fields... | Reads fields and deletes them.
HGETEX | 8.0.0 | -5 | write fast | 1 | O(N) | strs? | key:k [EX seconds:i] [PX milliseconds:i] [EXAT unix-time-seconds:i] [PXAT unix-time-milliseconds:i] [PERSIST] FIELDS numfields fields... | Reads fields and sets when they expire.
HPERSIST | 7.4.0 | -5 | write fast | 1 | O(N) | ints | key:k FIELDS numfields fields... | Takes the expiry of fields away.
HPEXPIRE | 7.4.0 | -6 | write denyoom fast | 1 | O(N) | ints | key:k milliseconds:i [NX] [XX] [GT] [LT] FIELDS numfields fields... | Lets fields expire after milliseconds.
HPEXPIREAT | 7.4.0 | -6 | write denyoom fast | 1 | O(N) | ints | key:k unix-time-milliseconds:i [NX] [XX] [GT] [LT] FIELDS numfields fields... | Lets fields expire at a Unix time in milliseconds.
HPEXPIRETIME | 7.4.0 | -5 | readonly fast | 1 | O(N) | ints | key:k FIELDS numfields fields... | Gives the Unix times in milliseconds at which fields expire; -1 never, -2 no such field.
HPTTL | 7.4.0 | -5 | readonly fast | 1 | O(N) | ints | key:k FIELDS numfields fields... | Gives the milliseconds until fields expire; -1 never, -2 no such field.
HSETEX | 8.0.0 | -6 | write denyoom fast | 1 | O(N) | bool | key:k [FNX] [FXX] [EX seconds:i] [PX milliseconds:i] [EXAT unix-time-seconds:i] [PXAT unix-time-milliseconds:i] [KEEPTTL] FIELDS numfields (field value)... | Writes fields and sets when they expire.
HTTL | 7.4.0 | -5 | readonly fast | 1 | O(N) | ints | key:k FIELDS numfields fields... | Gives the seconds until fields expire; -1 never, -2 no such field.
MSETEX | 8.4.0 | -4 | write denyoom | | O(N) | bool | numkeys (key:k value)... [NX] [XX] [EX seconds:i] [PX milliseconds:i] [EXAT unix-time-seconds:i] [PXAT unix-time-milliseconds:i] [KEEPTTL] | Writes strings and sets when they expire.
WAITAOF | 7.2.0 | 4 | blocking | | O(1) | ints | numlocal:i numreplicas:i timeout:i | Waits until the writes made before are on disk, here and on replicas.
XACKDEL | 8.2.0 | -6 | write fast | 1 | O(1) | ints | key:k group [KEEPREF] [DELREF] [ACKED] IDS numids ids... | Acknowledges entries and deletes them.
XDELEX | 8.2.0 | -5 | write fast | 1 | O(1) | ints | key:k [KEEPREF] [DELREF] [ACKED] IDS numids ids... | Deletes entries, with a say in what groups remember.
# json
JSON.ARRAPPEND | 1.0.0 | -4 | write denyoom | 1 | O(N) | any | key:k path values... | Appends to the arrays at a path.
JSON.ARRINDEX | 1.0.0 | -4 | readonly | 1 | O(N) | any | key:k path value [range:x] | Finds a value in the arrays at a path.
JSON.ARRINSERT | 1.0.0 | -5 | write denyoom | 1 | O(N) | any | key:k path index:i values... | Inserts into the arrays at a path.
JSON.ARRLEN | 1.0.0 | -2 | readonly | 1 | O(N) | any | key:k [path] | Gives the lengths of the arrays at a path.
JSON.ARRPOP | 1.0.0 | -2 | write | 1 | O(N) | any | key:k [path] [index:i] | Takes an element of the arrays at a path.
JSON.ARRTRIM | 1.0.0 | 5 | write | 1 | O(N) | any | key:k path start:i stop:i | Keeps a range of the arrays at a path.
JSON.CLEAR | 2.0.0 | -2 | write | 1 | O(N) | int | key:k [path] | Empties arrays and objects and sets numbers to 0; gives how many.
JSON.DEBUG MEMORY | 1.0.0 | -3 | readonly | 2 | O(N) | any | key:k [path] | Gives the bytes that a value takes.
JSON.DEL | 1.0.0 | -2 | write | 1 | O(N) | int | key:k [path] | Deletes the values at a path; gives how many.
JSON.FORGET | 1.0.0 | -2 | write | 1 | O(N) | int | key:k [path] | Does what JSON.DEL does.
JSON.GET | 1.0.0 | -2 | readonly | 1 | O(N) | str? | key:k [INDENT indent] [NEWLINE newline] [SPACE space] [path] | Reads a document, or the values at a path, as JSON text.
JSON.MERGE | 2.6.0 | 4 | write denyoom | 1 | O(M+N) | ok | key:k path value | Merges a value into the values at a path.
JSON.MGET | 1.0.0 | -3 | readonly | 1..-2 | O(M*N) | strs? | keys:k... path | Reads the values at a path of several documents.
JSON.MSET | 2.6.0 | -4 | write denyoom | 1..-1/3 | O(K*(M+N)) | ok | (key:k path value)... | Writes values of several documents.
JSON.NUMINCRBY | 1.0.0 | 4 | write | 1 | O(N) | any | key:k path value:d | Adds to the numbers at a path.
JSON.NUMMULTBY | 1.0.0 | 4 | write | 1 | O(N) | any | key:k path value:d | Multiplies the numbers at a path.
JSON.OBJKEYS | 1.0.0 | -2 | readonly | 1 | O(N) | any | key:k [path] | Lists the names in the objects at a path.
JSON.OBJLEN | 1.0.0 | -2 | readonly | 1 | O(1) | any | key:k [path] | Counts the names in the objects at a path.
JSON.RESP | 1.0.0 | -2 | readonly | 1 | O(N) | any | key:k [path] | Reads the value at a path as RESP.
JSON.SET | 1.0.0 | -4 | write denyoom | 1 | O(M+N) | ok? | key:k path value [NX] [XX] | Writes a value; null says that NX or XX kept it from being written.
JSON.STRAPPEND | 1.0.0 | -3 | write denyoom | 1 | O(N) | any | key:k [path] value | Appends to the strings at a path.
JSON.STRLEN | 1.0.0 | -2 | readonly | 1 | O(1) | any | key:k [path] | Gives the lengths of the strings at a path.
JSON.TOGGLE | 2.0.0 | 3 | write | 1 | O(N) | any | key:k path | Turns true to false and false to true at a path.
JSON.TYPE | 1.0.0 | -2 | readonly | 1 | O(1) | any | key:k [path] | Names the types of the values at a path.
# search
FT._LIST | 2.0.0 | 1 | readonly | | O(1) | texts | | Lists the indexes.
FT.AGGREGATE | 1.1.0 | -3 | readonly | | O(1) | any | index query words:x... | Searches, groups and computes: words as in GROUPBY 1 @city REDUCE COUNT 0.
FT.ALIASADD | 1.0.0 | 3 | write | | O(1) | ok | alias index | Gives an index another name.
FT.ALIASDEL | 1.0.0 | 2 | write | | O(1) | ok | alias | Deletes a name of an index.
FT.ALIASUPDATE | 1.0.0 | 3 | write | | O(1) | ok | alias index | Points a name to an index.
FT.ALTER | 1.0.0 | -6 | write | | O(N) | ok | index [SKIPINITIALSCAN] SCHEMA ADD words:x... | Adds a field to an index.
FT.CONFIG GET | 1.0.0 | 3 | readonly | | O(1) | any | option | Reads settings.
FT.CONFIG SET | 1.0.0 | 4 | readonly | | O(1) | ok | option value | Changes a setting.
FT.CREATE | 1.0.0 | -4 | write | | O(K) | ok | index words:x... | Creates an index: words as in ON HASH PREFIX 1 doc: SCHEMA title TEXT.
FT.CURSOR DEL | 1.1.0 | 4 | write | | O(1) | ok | index cursor:i | Deletes a cursor.
FT.CURSOR READ | 1.1.0 | -4 | readonly | | O(1) | any | index cursor:i [COUNT count:i] | Reads what comes next.
FT.DICTADD | 1.4.0 | -3 | write | | O(1) | int | dictionary terms... | Adds terms to a dictionary; gives how many are new.
FT.DICTDEL | 1.4.0 | -3 | write | | O(1) | int | dictionary terms... | Deletes terms of a dictionary; gives how many there were.
FT.DICTDUMP | 1.4.0 | 2 | readonly | | O(N) | strs | dictionary | Lists the terms of a dictionary.
FT.DROPINDEX | 2.0.0 | -2 | write | | O(1) | ok | index [DD] | Deletes an index, with DD its documents as well.
FT.EXPLAIN | 1.0.0 | -3 | readonly | | O(1) | text | index query [DIALECT dialect:i] | Shows how a query is understood.
FT.EXPLAINCLI | 1.0.0 | -3 | readonly | | O(1) | texts | index query [DIALECT dialect:i] | Shows how a query is understood, line by line.
FT.HYBRID | 8.4.0 | -6 | readonly | | O(N) | any | index words:x... | Searches by text and by vectors together.
FT.INFO | 1.0.0 | 2 | readonly | | O(1) | record | index | Describes an index.
FT.PROFILE | 2.2.0 | -5 | readonly | | O(N) | any | index kind<SEARCH|AGGREGATE> [LIMITED] QUERY query words:x... | Measures a query.
FT.SEARCH | 1.0.0 | -3 | readonly | | O(N) | any | index query words:x... | Searches: words as in RETURN 1 title LIMIT 0 10.
FT.SPELLCHECK | 1.4.0 | -3 | readonly | | O(1) | any | index query words:x... | Suggests other spellings.
FT.SUGADD | 1.0.0 | -4 | write | 1 | O(1) | int | key:k text score:d [INCR] [PAYLOAD payload] | Adds a suggestion; gives how many there are.
FT.SUGDEL | 1.0.0 | 3 | write | 1 | O(1) | bool | key:k text | Deletes a suggestion.
FT.SUGGET | 1.0.0 | -3 | readonly | 1 | O(1) | any | key:k prefix [FUZZY] [WITHSCORES] [WITHPAYLOADS] [MAX count:i] | Gives suggestions for a beginning.
FT.SUGLEN | 1.0.0 | 2 | readonly | 1 | O(1) | int | key:k | Counts the suggestions.
FT.SYNDUMP | 1.2.0 | 2 | readonly | | O(1) | any | index | Lists synonyms.
FT.SYNUPDATE | 1.2.0 | -4 | write | | O(1) | ok | index group [SKIPINITIALSCAN] terms... | Makes terms synonyms.
FT.TAGVALS | 1.0.0 | 3 | readonly | | O(N) | strs | index field | Lists the values of a tag field.
# timeseries
TS.ADD | 1.0.0 | -4 | write denyoom | 1 | O(M) | int | key:k timestamp value:d words:x... | Adds a sample; gives its time.
TS.ALTER | 1.0.0 | -2 | write | 1 | O(N) | ok | key:k words:x... | Changes a series.
TS.CREATE | 1.0.0 | -2 | write denyoom | 1 | O(1) | ok | key:k words:x... | Creates a series: words as in RETENTION 60000 LABELS city Rome.
TS.CREATERULE | 1.0.0 | -6 | write | 1..2 | O(1) | ok | source:k destination:k AGGREGATION aggregator duration:i [align:i] | Lets one series summarize another.
TS.DECRBY | 1.0.0 | -3 | write denyoom | 1 | O(M) | int | key:k value:d words:x... | Adds a sample that is so much less than the last.
TS.DEL | 1.6.0 | 4 | write | 1 | O(N) | int | key:k from to | Deletes samples; gives how many.
TS.DELETERULE | 1.0.0 | 3 | write | 1..2 | O(1) | ok | source:k destination:k | Ends a summary.
TS.GET | 1.0.0 | -2 | readonly | 1 | O(1) | any | key:k [LATEST] | Reads the last sample.
TS.INCRBY | 1.0.0 | -3 | write denyoom | 1 | O(M) | int | key:k value:d words:x... | Adds a sample that is so much more than the last.
TS.INFO | 1.0.0 | -2 | readonly | 1 | O(1) | record | key:k [DEBUG] | Describes a series.
TS.MADD | 1.0.0 | -4 | write denyoom | 1..-1/3 | O(N*M) | any | (key:k timestamp value:d)... | Adds samples to several series.
TS.MGET | 1.0.0 | -3 | readonly | | O(n) | any | words:x... | Reads the last samples of series with labels: words as in FILTER city=Rome.
TS.MRANGE | 1.0.0 | -4 | readonly | | O(n/m+k) | any | from to words:x... | Reads ranges of series with labels.
TS.MREVRANGE | 1.4.0 | -4 | readonly | | O(n/m+k) | any | from to words:x... | Reads ranges of series with labels in reverse.
TS.QUERYINDEX | 1.0.0 | -2 | readonly | | O(n) | texts | filters... | Lists the series with labels.
TS.RANGE | 1.0.0 | -4 | readonly | 1 | O(n/m+k) | any | key:k from to words:x... | Reads a range of samples.
TS.REVRANGE | 1.4.0 | -4 | readonly | 1 | O(n/m+k) | any | key:k from to words:x... | Reads a range of samples in reverse.
# bloom
BF.ADD | 1.0.0 | 3 | write denyoom | 1 | O(k) | bool | key:k item | Adds an item; false when it may have been there.
BF.CARD | 2.4.4 | 2 | readonly | 1 | O(1) | int | key:k | Counts the items that were added.
BF.EXISTS | 1.0.0 | 3 | readonly | 1 | O(k) | bool | key:k item | Tells whether an item may be there.
BF.INFO | 1.0.0 | -2 | readonly | 1 | O(1) | any | key:k [CAPACITY] [SIZE] [FILTERS] [ITEMS] [EXPANSION] | Describes a filter.
BF.INSERT | 1.0.0 | -4 | write denyoom | 1 | O(k*n) | bools | key:k [CAPACITY capacity:i] [ERROR error:d] [EXPANSION expansion:i] [NOCREATE] [NONSCALING] ITEMS items... | Adds items, and makes the filter when it is missing.
BF.LOADCHUNK | 1.0.0 | 4 | write denyoom | 1 | O(n) | ok | key:k iterator:i data | Restores a part of a filter.
BF.MADD | 1.0.0 | -3 | write denyoom | 1 | O(k*n) | bools | key:k items... | Adds items.
BF.MEXISTS | 1.0.0 | -3 | readonly | 1 | O(k*n) | bools | key:k items... | Tells which items may be there.
BF.RESERVE | 1.0.0 | -4 | write denyoom | 1 | O(1) | ok | key:k error:d capacity:i [EXPANSION expansion:i] [NONSCALING] | Makes a filter.
BF.SCANDUMP | 1.0.0 | 3 | readonly | 1 | O(n) | any | key:k iterator:i | Saves a part of a filter.
CF.ADD | 1.0.0 | 3 | write denyoom | 1 | O(k+i) | bool | key:k item | Adds an item.
CF.ADDNX | 1.0.0 | 3 | write denyoom | 1 | O(k+i) | bool | key:k item | Adds an item unless it may be there.
CF.COUNT | 1.0.0 | 3 | readonly | 1 | O(k) | int | key:k item | Estimates how often an item was added.
CF.DEL | 1.0.0 | 3 | write | 1 | O(k) | bool | key:k item | Deletes an item.
CF.EXISTS | 1.0.0 | 3 | readonly | 1 | O(k) | bool | key:k item | Tells whether an item may be there.
CF.INFO | 1.0.0 | 2 | readonly | 1 | O(1) | record | key:k | Describes a filter.
CF.INSERT | 1.0.0 | -4 | write denyoom | 1 | O(n*(k+i)) | ints | key:k [CAPACITY capacity:i] [NOCREATE] ITEMS items... | Adds items.
CF.INSERTNX | 1.0.0 | -4 | write denyoom | 1 | O(n*(k+i)) | ints | key:k [CAPACITY capacity:i] [NOCREATE] ITEMS items... | Adds items that are not there.
CF.LOADCHUNK | 1.0.0 | 4 | write denyoom | 1 | O(n) | ok | key:k iterator:i data | Restores a part of a filter.
CF.MEXISTS | 1.0.0 | -3 | readonly | 1 | O(k*n) | bools | key:k items... | Tells which items may be there.
CF.RESERVE | 1.0.0 | -3 | write denyoom | 1 | O(1) | ok | key:k capacity:i [BUCKETSIZE bucketsize:i] [MAXITERATIONS maxiterations:i] [EXPANSION expansion:i] | Makes a filter.
CF.SCANDUMP | 1.0.0 | 3 | readonly | 1 | O(n) | any | key:k iterator:i | Saves a part of a filter.
CMS.INCRBY | 2.0.0 | -4 | write denyoom | 1 | O(n) | ints | key:k (item increment:i)... | Counts items; gives the sums.
CMS.INFO | 2.0.0 | 2 | readonly | 1 | O(1) | record | key:k | Describes a sketch.
CMS.INITBYDIM | 2.0.0 | 4 | write denyoom | 1 | O(1) | ok | key:k width:i depth:i | Makes a sketch of a size.
CMS.INITBYPROB | 2.0.0 | 4 | write denyoom | 1 | O(1) | ok | key:k error:d probability:d | Makes a sketch with an error.
CMS.MERGE | 2.0.0 | -4 | write denyoom | 1 | O(n) | ok | destination:k numkeys sources:k... [WEIGHTS weights:x] | Combines sketches.
CMS.QUERY | 2.0.0 | -3 | readonly | 1 | O(n) | ints | key:k items... | Estimates how often items were counted.
TOPK.ADD | 2.0.0 | -3 | write denyoom | 1 | O(n*k) | strs? | key:k items... | Counts items; gives those that fell off the list.
TOPK.COUNT | 2.0.0 | -3 | readonly | 1 | O(n) | ints | key:k items... | Estimates how often items were counted.
TOPK.INCRBY | 2.0.0 | -4 | write denyoom | 1 | O(n*k*i) | strs? | key:k (item increment:i)... | Counts items by more than one.
TOPK.INFO | 2.0.0 | 2 | readonly | 1 | O(1) | record | key:k | Describes a list.
TOPK.LIST | 2.0.0 | -2 | readonly | 1 | O(k*log(k)) | any | key:k [WITHCOUNT] | Gives the most frequent items.
TOPK.QUERY | 2.0.0 | -3 | readonly | 1 | O(n) | bools | key:k items... | Tells which items are on the list.
TOPK.RESERVE | 2.0.0 | -3 | write denyoom | 1 | O(1) | ok | key:k topk:i [dimensions:x] | Makes a list.
TDIGEST.ADD | 2.4.0 | -3 | write denyoom | 1 | O(N) | ok | key:k values:d... | Adds observations.
TDIGEST.BYRANK | 2.4.0 | -3 | readonly | 1 | O(1) | doubles | key:k ranks:i... | Estimates the values at ranks.
TDIGEST.BYREVRANK | 2.4.0 | -3 | readonly | 1 | O(1) | doubles | key:k ranks:i... | Estimates the values at ranks from the top.
TDIGEST.CDF | 2.4.0 | -3 | readonly | 1 | O(1) | doubles | key:k values:d... | Estimates the share of what is not above values.
TDIGEST.CREATE | 2.4.0 | -2 | write denyoom | 1 | O(1) | ok | key:k [COMPRESSION compression:i] | Makes a digest.
TDIGEST.INFO | 2.4.0 | 2 | readonly | 1 | O(1) | record | key:k | Describes a digest.
TDIGEST.MAX | 2.4.0 | 2 | readonly | 1 | O(1) | double | key:k | Gives the largest observation.
TDIGEST.MERGE | 2.4.0 | -4 | write denyoom | 1 | O(N*K) | ok | destination:k numkeys sources:k... [COMPRESSION compression:i] [OVERRIDE] | Combines digests.
TDIGEST.MIN | 2.4.0 | 2 | readonly | 1 | O(1) | double | key:k | Gives the smallest observation.
TDIGEST.QUANTILE | 2.4.0 | -3 | readonly | 1 | O(1) | doubles | key:k quantiles:d... | Estimates the values at quantiles.
TDIGEST.RANK | 2.4.0 | -3 | readonly | 1 | O(1) | ints | key:k values:d... | Estimates the ranks of values.
TDIGEST.RESET | 2.4.0 | 2 | write denyoom | 1 | O(1) | ok | key:k | Empties a digest.
TDIGEST.REVRANK | 2.4.0 | -3 | readonly | 1 | O(1) | ints | key:k values:d... | Estimates the ranks of values from the top.
TDIGEST.TRIMMED_MEAN | 2.4.0 | 4 | readonly | 1 | O(N) | double | key:k low:d high:d | Estimates the mean between two quantiles.
# vector_set
VADD | 8.0.0 | -5 | write denyoom | 1 | O(log(N)) | bool | key:k [REDUCE dimensions:i] vector<FP32 vector|VALUES vector:x> element [CAS] [NOQUANT] [Q8] [BIN] [EF effort:i] [SETATTR attributes] [M links:i] | Adds an element with its vector.
VCARD | 8.0.0 | 2 | readonly fast | 1 | O(1) | int | key:k | Counts the elements.
VDIM | 8.0.0 | 2 | readonly fast | 1 | O(1) | int | key:k | Gives the dimensions of the vectors.
VEMB | 8.0.0 | -3 | readonly fast | 1 | O(1) | any | key:k element [RAW] | Reads the vector of an element.
VGETATTR | 8.0.0 | 3 | readonly fast | 1 | O(1) | str? | key:k element | Reads the attributes of an element.
VINFO | 8.0.0 | 2 | readonly fast | 1 | O(1) | any | key:k | Describes a vector set.
VISMEMBER | 8.0.0 | 3 | readonly fast | 1 | O(1) | bool | key:k element | Tells whether an element is there.
VLINKS | 8.0.0 | -3 | readonly fast | 1 | O(1) | any | key:k element [WITHSCORES] | Lists the neighbours of an element in the graph.
VRANDMEMBER | 8.0.0 | -2 | readonly fast | 1 | O(N) | any | key:k [count:i] | Gives some elements.
VRANGE | 8.4.0 | -4 | readonly | 1 | O(log(K)+M) | strs | key:k start end [count:i] | Lists elements between two names.
VREM | 8.0.0 | 3 | write | 1 | O(log(N)) | bool | key:k element | Deletes an element.
VSETATTR | 8.0.0 | 4 | write fast | 1 | O(1) | bool | key:k element attributes | Writes the attributes of an element.
VSIM | 8.0.0 | -4 | readonly | 1 | O(log(N)) | any | key:k to<ELE element|FP32 vector|VALUES vector:x> [WITHSCORES] [WITHATTRIBS] [COUNT count:i] [EPSILON delta:d] [EF effort:i] [FILTER expression] [FILTER-EF effort:i] [TRUTH] [NOTHREAD] | Finds the elements that are nearest to a vector or an element.
`;
