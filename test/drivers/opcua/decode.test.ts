import t from 'tap';
import {
  type DecodePlan,
  decodeVariant,
  explainUndecodable,
  type VariantLike,
} from '../../../src/drivers/opcua/decode.ts';
import type { TagValue } from '../../../src/model/tag.ts';

const AUTO: DecodePlan = { type: 'auto', bit: null, element: null };
const scalar = (dataType: number, value: unknown): VariantLike => ({ dataType, arrayType: 0, value });

t.test('decodes every built-in type', (t) => {
  const cases: readonly [string, VariantLike, TagValue | undefined][] = [
    ['Null', scalar(0, null), null],
    ['Boolean', scalar(1, false), false],
    ['SByte', scalar(2, -128), -128],
    ['UInt32', scalar(7, 4_294_967_295), 4_294_967_295],
    ['Int64 small', scalar(8, [0xffffffff, 0xfffffffb]), -5],
    ['Int64 edge of safe', scalar(8, [0x001fffff, 0xffffffff]), Number.MAX_SAFE_INTEGER],
    ['Int64 beyond', scalar(8, [0x00200000, 0x00000000]), 9_007_199_254_740_992n],
    ['Int64 least', scalar(8, [0x80000000, 0]), -9_223_372_036_854_775_808n],
    ['UInt64 most', scalar(9, [0xffffffff, 0xffffffff]), 18_446_744_073_709_551_615n],
    ['UInt64 in words of Uint32Array', scalar(9, new Uint32Array([1, 2])), 4_294_967_298],
    ['Float', scalar(10, 0.5), 0.5],
    ['Double', scalar(11, -1e300), -1e300],
    ['String', scalar(12, 'ä'), 'ä'],
    ['String null', scalar(12, null), null],
    ['DateTime', scalar(13, new Date(1_700_000_000_123)), 1_700_000_000_123],
    ['Guid', scalar(14, 'A-B'), 'A-B'],
    ['ByteString', scalar(15, Buffer.from('hi')), 'aGk='],
    ['StatusCode', scalar(19, { value: 0x80340000 }), 0x80340000],
    ['LocalizedText', scalar(21, { text: 'läuft', locale: 'de' }), 'läuft'],
    ['LocalizedText empty', scalar(21, { text: null, locale: 'de' }), null],
    ['Structure', scalar(22, {}), undefined],
    ['array', { dataType: 11, arrayType: 1, value: new Float64Array([1, 2]) }, undefined],
  ];
  for (const [name, variant, value] of cases) t.strictSame(decodeVariant(variant, AUTO), value, name);
  t.end();
});

t.test('fits values to the declared type, or says that they do not fit', (t) => {
  const cases: readonly [DecodePlan['type'], VariantLike, TagValue | undefined][] = [
    ['bool', scalar(1, true), true],
    ['bool', scalar(6, 2), true],
    ['bool', scalar(9, [0, 0]), false],
    ['bool', scalar(12, 'true'), undefined],
    ['int16', scalar(6, 32_767), 32_767],
    ['int16', scalar(6, 32_768), undefined],
    ['int16', scalar(11, 3.5), undefined],
    ['int16', scalar(11, 3), 3],
    ['uint8', scalar(2, -1), undefined],
    ['uint8', scalar(1, true), 1],
    ['int64', scalar(8, [0x7fffffff, 0xffffffff]), 9_223_372_036_854_775_807n],
    ['int64', scalar(9, [0xffffffff, 0xffffffff]), undefined],
    ['float64', scalar(8, [0x40000000, 0]), 2 ** 62],
    ['float64', scalar(1, true), 1],
    ['float32', scalar(12, '1'), undefined],
    ['string', scalar(11, 1.5), '1.5'],
    ['string', scalar(13, new Date(0)), '1970-01-01T00:00:00.000Z'],
  ];
  for (const [type, variant, value] of cases) {
    t.strictSame(decodeVariant(variant, { ...AUTO, type }), value, `${type} of type ${variant.dataType}`);
  }
  t.end();
});

t.test('takes a bit of an integer of any width', (t) => {
  const bit = (variant: VariantLike, at: number) => decodeVariant(variant, { ...AUTO, bit: at });
  t.equal(bit(scalar(4, -12), 15), true);
  t.equal(bit(scalar(4, 4), 2), true);
  t.equal(bit(scalar(4, 4), 1), false);
  t.equal(bit(scalar(7, 0x80000000), 31), true);
  t.equal(bit(scalar(4, -1), 40), true);
  t.equal(bit(scalar(9, [0x80000000, 0]), 63), true);
  t.equal(bit(scalar(8, [0x00000001, 0]), 32), true);
  t.equal(bit(scalar(11, 1.5), 0), undefined);
  t.equal(bit(scalar(1, true), 0), undefined);
  t.end();
});

t.test('takes one element, whether the server cut it out or sent the whole array', (t) => {
  const array = (value: unknown, dimensions: number[] | null = null): VariantLike => ({
    dataType: 11,
    arrayType: dimensions === null ? 1 : 2,
    value,
    dimensions,
  });
  const at = (variant: VariantLike, ...element: number[]) => decodeVariant(variant, { ...AUTO, element });
  t.equal(at(array(new Float64Array([7])), 3), 7);
  t.equal(at(array([1, 2, 3, 4]), 3), 4);
  t.equal(at(array([1, 2, 3, 4]), 4), undefined);
  t.equal(at(array([1, 2, 3, 4, 5, 6], [2, 3]), 1, 2), 6);
  t.equal(at(array([1, 2, 3, 4, 5, 6], [2, 3]), 1, 3), undefined);
  t.equal(at(array([1, 2, 3, 4, 5, 6], [2, 3]), 1), undefined);
  t.equal(at(scalar(11, 1), 0), undefined);
  t.end();
});

t.test('explains what cannot be decoded in stable words', (t) => {
  const why = (variant: VariantLike, plan: Partial<DecodePlan>) =>
    explainUndecodable(variant, { ...AUTO, ...plan }).reason;
  const doubles: VariantLike = { dataType: 11, arrayType: 1, value: [1, 2] };
  t.equal(why(doubles, {}), 'array of Double: name one element, such as …[0]');
  t.equal(why(doubles, { element: [5] }), 'array of Double has no element [5]');
  t.equal(why(scalar(11, 1), { element: [5] }), 'Double is no array');
  t.equal(why(scalar(22, {}), {}), 'Structure is no tag value');
  t.equal(why(scalar(12, 'x'), { type: 'int16' }), 'String of the server does not fit int16');
  t.equal(why(scalar(11, 1.5), { bit: 3 }), 'Double of the server does not fit bit 3 of an integer');
  t.end();
});
