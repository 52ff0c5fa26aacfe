// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Properties of properties that are looked at. */
const DEPTH_MAX = 8;

/**
 * Whether two schemas are seen to have no document in common: by their types, by the values that
 * they list, or by a property that both require and whose schemas are disjoint. For `oneOf`, of
 * which exactly one schema may fit.
 *
 * @param resolve what a schema refers to, or itself
 */
export function areDisjoint(
  one: unknown,
  other: unknown,
  resolve: (schema: unknown) => unknown,
  depth: number = 0,
): boolean {
  const [a, b] = [resolve(one), resolve(other)];
  if (a === false || b === false) return true;
  if (!isObject(a) || !isObject(b)) return false;
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)];
  if (valuesA && valuesB) return valuesA.every((value) => !valuesB.includes(value));
  const [typesA, typesB] = [typesOf(a), typesOf(b)];
  if (typesA && typesB && typesA.every((type) => !typesB.includes(type))) return true;
  if (depth === DEPTH_MAX) return false;
  const isBothObject = typesA?.join() === "object" && typesB?.join() === "object";
  return isBothObject && requiredOf(a).some((name) => {
    const [propertyA, propertyB] = [propertyOf(a, name), propertyOf(b, name)];
    return requiredOf(b).includes(name) && areDisjoint(propertyA, propertyB, resolve, depth + 1);
  });
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The values that a schema lists, as JSON. */
function valuesOf(schema: Fields): string[] | undefined {
  if (Object.hasOwn(schema, "const")) return [jsonOf(schema.const)];
  return Array.isArray(schema.enum) ? schema.enum.map(jsonOf) : undefined;
}

/** The same for objects with the same members, whatever their order. */
function jsonOf(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) => isObject(part) ? Object.fromEntries(Object.entries(part).sort()) : part,
  );
}

/** Types of a schema; whole numbers are numbers. */
function typesOf(schema: Fields): string[] | undefined {
  const listed = (Array.isArray(schema.enum) ? schema.enum : undefined) ??
    (Object.hasOwn(schema, "const") ? [schema.const] : undefined);
  if (listed) return [...new Set(listed.map(typeOf))];
  if (schema.type === undefined) return undefined;
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  return types.map((type) => type === "integer" ? "number" : type);
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function requiredOf(schema: Fields): string[] {
  return Array.isArray(schema.required) ? schema.required : [];
}

function propertyOf({ properties }: Fields, name: string): unknown {
  return isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : true;
}
