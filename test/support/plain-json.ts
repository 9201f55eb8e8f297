import fc from 'fast-check';

/** Any JSON value without a key `__proto__`, which the CBOR decoder renames so that nobody's prototype is set. */
export function plainJson(): fc.Arbitrary<fc.JsonValue> {
  return fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
}
