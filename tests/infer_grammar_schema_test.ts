// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { GrammarError } from "../infer/mod.ts";
import { randomSchema } from "./infer_grammar_random_schema.ts";
import { isValid } from "./infer_grammar_schema_checker.ts";
import { grammars, randomAnswer, takes } from "./infer_grammar_walk.ts";
import { seededRandom } from "./infer_vocabulary.ts";

const SCHEMAS = 2000;

Deno.test("2 000 random schemas give valid documents and nothing else", () => {
  const random = seededRandom(2000);
  for (let i = 0; i < SCHEMAS; i++) {
    const schema = randomSchema(random);
    const text = randomAnswer({ json: schema }, random);
    const isGood = isValid(schema, JSON.parse(text));
    assert(isGood, `schema ${i} ${JSON.stringify(schema)} gave ${text}`);
  }
});

Deno.test("a schema of thousands of properties that may be left out is followed", () => {
  const names = Array.from({ length: 2000 }, (_, i) => `p${i}`);
  const properties = Object.fromEntries(names.map((name) => [name, { type: "null" }]));
  const json = { type: "object", properties };
  assertEquals(takes({ json }, '{"p7":null,"p1999":null}'), true);
  assertEquals(takes({ json }, '{"p1999":null,"p7":null}'), false);
});

Deno.test("any JSON object is an object", () => {
  const random = seededRandom(3);
  for (let i = 0; i < 200; i++) {
    const value = JSON.parse(randomAnswer({ jsonObject: true }, random));
    assert(typeof value === "object" && value !== null && !Array.isArray(value));
  }
});

// Data: schema, documents as text that are taken, and such that are not.
const CASES: [unknown, string[], string[]][] = [
  [{ type: "object", properties: { a: { type: "null" }, b: { type: "null" } } }, [
    ...'{}|{ }|{"a":null}|{"b": null}|{"a": null, "b": null}'.split("|"),
    '{\n  "a": null,\n  "b": null\n}',
  ], ['{"b":null,"a":null}', '{"c":null}', '{"a":null,}', '{,"b":null}', "[]", '{"a":null']],
  [{ properties: { a: { type: "null" } }, required: ["a"] }, ['{"a":null}'], ["{}", "1"]],
  [{ type: "object", properties: { ab: {} }, additionalProperties: { type: "null" } }, [
    '{"ab":1}',
    '{"a":null,"abc":null}',
    '{"ab":1,"x":null}',
  ], ['{"x":1}', '{"x":null,"ab":1}', '{"ab":1,"ab":null}']],
  [{ type: "array", prefixItems: [{ type: "null" }], items: false }, ["[]", "[null]", "[ null ]"], [
    "[1]",
    "[null,null]",
  ]],
  [{ type: "array", items: { enum: [1, 2] }, minItems: 1, maxItems: 2 }, ["[1]", "[1, 2]"], [
    "[]",
    "[1,2,1]",
    "[3]",
  ]],
  [{ type: "string", minLength: 1, maxLength: 2 }, ['"é"', '"\\n\\u00e9"', '"😀a"'], [
    '""',
    '"abc"',
    '"\n"',
    '"\\ud83d"',
    '"\\x"',
  ]],
  [{ type: "string", pattern: '^a"\\n.$' }, ['"a\\"\\nx"', '"a\\"\\n\\\\"'], ['"a"', '"a"\nx"']],
  [{ type: "number" }, ["0", "-1.5e-3", "12", "1E9"], ["01", ".5", "1.", "+1", "- 1", "1e"]],
  [{ type: "integer" }, ["0", "-12"], ["1.0", "1e2", "-"]],
  // What pydantic and zod write.
  [
    {
      oneOf: [{ $ref: "#/$defs/A" }, { $ref: "#/$defs/B" }],
      discriminator: { propertyName: "k" },
      $defs: {
        A: { type: "object", properties: { k: { const: "a" } }, required: ["k"] },
        B: { type: "object", properties: { k: { const: "b" } }, required: ["k"] },
      },
    },
    ['{"k":"a"}', '{"k":"b"}'],
    ['{"k":"c"}'],
  ],
  [
    { type: "object", propertyNames: { type: "string" }, additionalProperties: { type: "null" } },
    ['{"a":null}', "{}"],
    ['{"a":1}'],
  ],
  [{ allOf: [{ type: "null" }], description: "wrapped" }, ["null"], ["1"]],
  [{ type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }, [
    ...["0", "-9007199254740991", "9007199254740991"],
  ], ["9007199254740992", "-9007199254740992", "1.5"]],
  [{ type: "number", minimum: 9007199254740990 }, ["9007199254740991"], ["9007199254740989"]],
  // Names that look like places in the schema.
  [
    {
      type: "object",
      properties: {
        a: { type: "object", properties: { b: { enum: ["x"] } }, required: ["b"] },
        "a/properties/b": { enum: [1] },
        "a after 0": { enum: [2] },
        "%61": { enum: [3] },
        "c": { $ref: "#/properties/%61" },
      },
    },
    ['{"a":{"b":"x"},"a/properties/b":1,"a after 0":2,"%61":3,"c":{"b":"x"}}'],
    ['{"a":{"b":"x"},"a/properties/b":"x"}', '{"c":3}'],
  ],
  [{ type: "object", required: ["a", "a"] }, ['{"a":1}'], ['{"a":1,"a":1}']],
  [{ enum: ["a", 1, null, { b: [] }] }, ['"a"', "1", "null", '{"b":[]}'], ["2", '"b"']],
  [{ type: "string", enum: ["a", 1] }, ['"a"'], ["1"]],
  [{ const: 'x"y' }, ['"x\\"y"'], ['"x"']],
  [{ type: ["integer", "null"] }, ["1", "null"], ['"1"']],
  [{ $ref: "#/$defs/a~1b", $defs: { "a/b": { type: "boolean" } } }, ["true"], ["null"]],
  [true, ["null", "[{}]"], ["", "nul"]],
];

for (const [schema, documents, others] of CASES) {
  Deno.test(`the schema ${JSON.stringify(schema).slice(0, 70)} takes its documents alone`, () => {
    for (const text of documents) assertEquals(takes({ json: schema }, text), true, text);
    for (const text of others) assertEquals(takes({ json: schema }, text), false, text);
  });
}

Deno.test("whole numbers within bounds are just those", () => {
  const random = seededRandom(4);
  for (let i = 0; i < 60; i++) {
    const low = Math.floor((random() - 0.5) * 300);
    const high = low + Math.floor(random() * 150);
    const schema = { type: "integer", minimum: low, exclusiveMaximum: high + 0.5 };
    for (let value = low - 12; value <= high + 12; value++) {
      const isIn = low <= value && value <= high;
      assertEquals(takes({ json: schema }, `${value}`), isIn, `${low} ${value} ${high}`);
    }
  }
});

Deno.test("numbers within bounds keep them to the last digit", () => {
  const json = { type: "number", exclusiveMinimum: -0.25, maximum: 1e-1 };
  for (const text of ["0", "-0.249", "-0.2499", "0.1", "0.10", "0.0999", "-0.1"]) {
    assertEquals(takes({ json }, text), true, text);
  }
  for (const text of ["-0.25", "-0.250", "0.11", "0.101", "1", "-1", "-0", "00", "0.", "1e-2"]) {
    assertEquals(takes({ json }, text), false, text);
  }
});

// Data: schemas that cannot be followed, what the error names.
const REFUSED: [unknown, string][] = [
  ...["not", "if", "patternProperties", "minProperties", "contains"].map(
    (keyword): [unknown, string] => [{ type: "object", [keyword]: {} }, `"${keyword}" at #`],
  ),
  ...["uniqueItems", "multipleOf", "dependentRequired", "unevaluatedItems", "$dynamicRef"].map(
    (keyword): [unknown, string] => [{ properties: { a: { [keyword]: 1 } } }, `"${keyword}"`],
  ),
  [{ type: "string", minlength: 2 }, '"minlength"'],
  [{ type: "text" }, '"type" "text"'],
  [{ type: "string", format: "iri" }, '"format" "iri"'],
  [{ type: "string", pattern: "(?=a)" }, "(?=a"],
  [{ type: "string", pattern: "a", maxLength: 3 }, '"maxLength" beside "pattern"'],
  [{ type: "string", minLength: -1 }, '"minLength" -1'],
  [{ type: "array", items: [{}] }, "schema that is no object at #/items"],
  [{ type: "array", minItems: 1e9 }, '"minItems" 1000000000'],
  [{ type: "number", minimum: "1" }, '"minimum" "1"'],
  [{ type: "number", minimum: 1e300 }, '"minimum" 1e+300'],
  [{ $ref: "other.json" }, '"$ref" to "other.json"'],
  [{ $ref: "#/$defs/x" }, "which is not there"],
  [{ $ref: "#/$defs/x", type: "null", $defs: { x: {} } }, '"type" beside "$ref"'],
  [{ anyOf: [{}], properties: {} }, '"properties" beside "anyOf"'],
  [{ oneOf: [{ type: "integer" }, { type: "number" }] }, '"oneOf" where 0 and 1'],
  [{ enum: "a" }, "no list at #/enum"],
  [{ type: "object", propertyNames: { minLength: 1 } }, '"propertyNames" that not all'],
  [{ allOf: [{}, {}] }, '"allOf" of 2 schemas'],
  [{ oneOf: [{ $ref: "#/oneOf/1" }, { $ref: "#/oneOf/0" }] }, "leads nowhere"],
  [{ oneOf: [{ const: { a: 1, b: 2 } }, { const: { b: 2, a: 1 } }] }, '"oneOf" where 0 and 1'],
  [{ $ref: "#/%" }, '"$ref" to #/%'],
  [{ type: "object", required: [1] }, '"required" names'],
  [{ $ref: "#" }, "no text follows"],
  [false, "no text follows"],
  [{ type: "integer", minimum: 2, maximum: 1 }, "no text follows"],
  [{ type: "array", minItems: 2, maxItems: 1 }, "no text follows"],
  [{ properties: { a: { $ref: "#" } }, required: ["a"] }, "no text follows"],
  [3, "schema that is no object"],
];

for (const [schema, what] of REFUSED) {
  Deno.test(`the schema ${JSON.stringify(schema)} is refused: ${what}`, () => {
    assertThrows(() => grammars.matcher({ json: schema }), GrammarError, what);
  });
}
