import fc from 'fast-check';
import t from 'tap';
import Type, { type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { checkSchema } from '../../src/config/schema-check.ts';
import { schemaNodeOf } from '../../src/config/schema-node.ts';

const SCHEMA = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 3 }),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 9, default: 3 })),
    share: Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 })),
    mode: Type.Optional(Type.Union([Type.Literal('a'), Type.Literal('b')])),
    list: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 2, uniqueItems: true })),
    map: Type.Optional(Type.Record(Type.String({ pattern: '^k' }), Type.Boolean(), { additionalProperties: false })),
    choice: Type.Optional(
      Type.Union([
        Type.Object({ kind: Type.Literal('x'), x: Type.Integer() }, { additionalProperties: false }),
        Type.Object({ kind: Type.Literal('y'), y: Type.String() }, { additionalProperties: false }),
        Type.Null(),
      ]),
    ),
  },
  { additionalProperties: false },
);

const check = (schema: TSchema, value: unknown) => checkSchema(schemaNodeOf(schema), value);

t.test('agrees with TypeBox on every value', async (t) => {
  const scalar = fc.oneof(
    fc.constantFrom('', 'a', 'b', 'abc', 'abcd', 'x', 0, 1, 9, 10, 0.5, true, false),
    fc.integer({ min: -2, max: 12 }),
  );
  const value = fc.record(
    {
      name: scalar,
      count: scalar,
      share: fc.oneof(scalar, fc.double({ min: -1, max: 2, noNaN: true })),
      mode: scalar,
      list: fc.oneof(fc.array(scalar, { maxLength: 3 }), scalar),
      map: fc.oneof(fc.dictionary(fc.constantFrom('k', 'k1', 'z'), scalar), scalar),
      choice: fc.oneof(
        fc.record({ kind: fc.constantFrom('x', 'y', 'z'), x: scalar, y: scalar }, { requiredKeys: [] }),
        fc.constant(null),
        scalar,
      ),
      other: scalar,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(value, (candidate) => {
      const mine = check(SCHEMA, candidate).issues.length === 0;
      return mine === Value.Check(SCHEMA, candidate);
    }),
    { numRuns: 2000 },
  );
  t.pass('as said');
});

t.test('fills defaults in, nested ones too, and leaves the value given as it was', async (t) => {
  const inner = Type.Optional(Type.Object({ x: Type.Optional(Type.Integer({ default: 1 })) }, { default: {} }));
  const given = { map: { k: {} } };
  const { value } = check(Type.Object({ inner, map: Type.Record(Type.String(), inner) }), given);
  t.same(value, { inner: { x: 1 }, map: { k: { x: 1 } } });
  t.same(given, { map: { k: {} } });
});

t.test('a key with nothing behind it is a key left out', async (t) => {
  const schema = Type.Object({ a: Type.Optional(Type.Integer({ default: 1 })), b: Type.Integer() });
  const { value, issues } = check(schema, { a: null, b: null });
  t.match(value, { a: 1 });
  t.match(issues, [{ kind: 'missing-key', path: ['b'] }]);
});

t.test('judges a choice of mappings by the kind that was named', async (t) => {
  t.same(check(SCHEMA, { name: 'n', choice: { kind: 'y', x: 1 } }).issues, [
    {
      kind: 'unknown-key',
      path: ['choice', 'x'],
      found: 'the key "x"',
      expected: 'one of the keys kind, y',
    },
    { kind: 'missing-key', path: ['choice', 'y'], found: 'nothing', expected: 'y: text' },
  ]);
});

t.test('says what would be right', async (t) => {
  const cases: readonly (readonly [TSchema, unknown, string])[] = [
    [Type.Integer({ minimum: 1, maximum: 5, default: 2 }), 7, 'a whole number from 1 to 5, such as 2'],
    [Type.Integer(), '7', 'a whole number (without quotes)'],
    [Type.Number({ exclusiveMinimum: 0 }), 0, 'a number greater than 0'],
    [Type.String({ maxLength: 2 }), 5, 'text of at most 2 characters (numbers that are text need quotes)'],
    [Type.Boolean(), 'yes', 'true or false'],
    [Type.Enum(['a', 'b']), 'c', 'one of a, b'],
    [Type.Array(Type.Integer()), {}, 'a list of a whole number'],
    [Type.Union([Type.String(), Type.Null()]), 5, 'text, or nothing'],
  ];
  for (const [schema, value, expected] of cases) t.equal(check(schema, value).issues[0]?.expected, expected);
});
