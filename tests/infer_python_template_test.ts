// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { PythonTemplate } from "../infer/chat/python_template.ts";

// What Python 3.11 answers, where the template engine alone answers otherwise.

const VALUE = {
  b: [1, 2.5, 1e-5, 1.5e-7, 2 ** 60, true, null, 'é\u2028"\\\n\x7f\x01😀'],
  a: {},
  "\u{1f600}": [],
  "\uffff": { x: 1 },
};
const LIST = String.raw`1, 2.5, 1e-05, 1.5e-07, 1152921504606846976, true, null, `;
const TEXT = '"é\u2028\\"\\\\\\n\x7f\\u0001😀"';
const ASCII = String.raw`"\u00e9\u2028\"\\\n\u007f\u0001\ud83d\ude00"`;

// Data: an expression, and what json.dumps gives for the same options.
// deno-fmt-ignore
const JSON_CASES: readonly (readonly [string, string])[] = [
  ["value | tojson", `{"b": [${LIST}${TEXT}], "a": {}, "😀": [], "\uffff": {"x": 1}}`],
  ["value | tojson(sort_keys=true)", `{"a": {}, "b": [${LIST}${TEXT}], "\uffff": {"x": 1}, "😀": []}`],
  ["value | tojson(ensure_ascii=true)", `{"b": [${LIST}${ASCII}], "a": {}, "\\ud83d\\ude00": [], "\\uffff": {"x": 1}}`],
  ["value | tojson(separators=(';', '='))", `{"b"=[${LIST.replaceAll(", ", ";")}${TEXT}];"a"={};"😀"=[];"\uffff"={"x"=1}}`],
  ["value['\uffff'] | tojson(indent=2)", '{\n  "x": 1\n}'],
  ["[value.a, [1, {'k': []}]] | tojson(indent=1, separators=(', ', ': '))", '[\n {}, \n [\n  1, \n  {\n   "k": []\n  }\n ]\n]'],
  ["value.a | tojson(true, 2)", "{}"],
  ["'a' | tojson", '"a"'],
  ["none | tojson", "null"],
];

for (const [expression, expected] of JSON_CASES) {
  Deno.test(`render() of {{ ${expression} }} equals Python's json.dumps`, () => {
    assertEquals(new PythonTemplate(`{{ ${expression} }}`).render({ value: VALUE }), expected);
  });
}

// Data: a text, and what strip(), lstrip(), rstrip(), strip('\n'), lstrip('a\n') and rstrip('a😀')
// leave of it.
// deno-fmt-ignore
const STRIP_CASES: readonly (readonly [string, readonly string[]])[] = [
  ["\x1c\u2007 a \x85\ufeff", ["a \x85\ufeff", "a \x85\ufeff", "\x1c\u2007 a \x85\ufeff", "\x1c\u2007 a \x85\ufeff", "\x1c\u2007 a \x85\ufeff", "\x1c\u2007 a \x85\ufeff"]],
  ["\ufeff a",                ["\ufeff a", "\ufeff a", "\ufeff a", "\ufeff a", "\ufeff a", "\ufeff "]],
  ["\n\n a\n",                ["a", "a\n", "\n\n a", " a", " a\n", "\n\n a\n"]],
  ["aba",                     ["aba", "aba", "aba", "aba", "ba", "ab"]],
  ["😀x😀",                   ["😀x😀", "😀x😀", "😀x😀", "😀x😀", "😀x😀", "😀x"]],
  ["",                        ["", "", "", "", "", ""]],
  [" \x1f\u3000",             ["", "", "", " \x1f\u3000", " \x1f\u3000", " \x1f\u3000"]],
];

Deno.test("render() strips what Python's str.strip strips", () => {
  const calls = [
    "strip()",
    "lstrip()",
    "rstrip()",
    "strip('\\n')",
    "lstrip('a\\n')",
    "rstrip('a😀')",
  ];
  const templates = calls.map((call) => new PythonTemplate(`{{ x.${call} }}`));
  const trim = new PythonTemplate("{{ '<' + x | trim + '>' }}");
  for (const [x, expected] of STRIP_CASES) {
    assertEquals(templates.map((template) => template.render({ x })), expected);
    assertEquals(trim.render({ x }), `<${expected[0]}>`);
  }
  assertEquals(new PythonTemplate("{{ x | trim('a') }}").render({ x: "aba" }), "b");
});

Deno.test("render() trims None to its name, and what is not there to nothing", () => {
  const render = (source: string) => new PythonTemplate(source).render({ m: { none: null } });
  assertEquals(render("[{{ m.none | trim }}{{ m['none']|trim('N') }}]"), "[Noneone]");
  assertEquals(render("[{{ m.text | trim }}{{ x | trim }}{{ x | default(' d ') | trim }}]"), "[d]");
  assertThrows(() => render("{{ m.text.strip() }}"));
  assertThrows(() => render("{{ m | trim }}"), Error, "not a text");
});

Deno.test("render() reaches strip wherever it stands in a template", () => {
  const source =
    "{% macro m(t=' d '.strip()) %}[{{ t }}]{% endmacro %}{{ m() }}{{ m(x.strip()) }}" +
    "{% for y in [x.lstrip()] if y.strip() %}" +
    "{{ y.rstrip() if y.strip() == 'a' else 1 }}{% endfor %}" +
    "{% set z = {'k': x.strip()} %}{{ z.k }}{% if x.strip() == 'a' %}!{% endif %}";
  assertEquals(new PythonTemplate(source).render({ x: "\x1fa\x1f" }), "[d][a]aa!");
});

Deno.test("render() selects and rejects texts, and counts ranges", () => {
  const render = (source: string) => new PythonTemplate(source).render({ x: ["a", "b", "a"] });
  assertEquals(render("{{ x | reject('equalto', 'a') | join(',') }}"), "b");
  assertEquals(render("{{ x | select('eq', 'a') | join(',') }}"), "a,a");
  assertEquals(render("{% for i in range(3) %}{{ i }}{% endfor %}"), "012");
  assertEquals(render("{% for i in range(5, 1, -2) %}{{ i }}{% endfor %}"), "53");
});
