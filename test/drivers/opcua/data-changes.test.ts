import fc from 'fast-check';
import {
  BinaryStream,
  DataChangeNotification,
  DataType,
  DataValue,
  type DateTime,
  MonitoredItemNotification,
  StatusCodes,
  Variant,
  VariantArrayType,
} from 'node-opcua';
import t from 'tap';
import { PlainValue, readDataChanges } from '../../../src/drivers/opcua/data-changes.ts';

const scalars = fc.oneof(
  fc.boolean().map((value) => ({ dataType: DataType.Boolean, value })),
  fc.integer({ min: -128, max: 127 }).map((value) => ({ dataType: DataType.SByte, value })),
  fc.integer({ min: 0, max: 255 }).map((value) => ({ dataType: DataType.Byte, value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value) => ({ dataType: DataType.Int16, value })),
  fc.integer({ min: 0, max: 65_535 }).map((value) => ({ dataType: DataType.UInt16, value })),
  fc.integer().map((value) => ({ dataType: DataType.Int32, value })),
  fc.nat({ max: 4_294_967_295 }).map((value) => ({ dataType: DataType.UInt32, value })),
  fc.float({ noNaN: true }).map((value) => ({ dataType: DataType.Float, value })),
  fc.double({ noNaN: true }).map((value) => ({ dataType: DataType.Double, value })),
);
const others = fc.oneof(
  fc.string().map((value) => ({ dataType: DataType.String, value })),
  fc.constant({ dataType: DataType.Null, value: null }),
  fc
    .tuple(fc.nat(), fc.nat())
    .map((value) => ({ dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value })),
  fc.float64Array().map((value) => ({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value })),
);
const instant = fc.option(fc.date({ min: new Date(1), max: new Date(253_402_300_799_999), noInvalidDate: true }), {
  nil: null,
});
const item = fc.record({
  handle: fc.nat({ max: 4_294_967_295 }),
  variant: fc.option(fc.oneof({ weight: 4, arbitrary: scalars }, others), { nil: null }),
  status: fc.constantFrom(StatusCodes.Good, StatusCodes.BadNodeIdUnknown, StatusCodes.UncertainInitialValue),
  source: instant,
  server: instant,
  picoseconds: fc.constantFrom(0, 10, 5_000),
});

function notification(items: readonly (typeof item extends fc.Arbitrary<infer T> ? T : never)[]) {
  const monitoredItems = items.map(({ handle, variant, status, source, server, picoseconds }) => {
    const value = new DataValue({ statusCode: status });
    if (variant !== null) value.value = new Variant(variant);
    value.sourceTimestamp = source as DateTime;
    value.sourcePicoseconds = picoseconds;
    value.serverTimestamp = server as DateTime;
    value.serverPicoseconds = picoseconds;
    return new MonitoredItemNotification({ clientHandle: handle, value });
  });
  return new DataChangeNotification({ monitoredItems });
}

function encoded(message: DataChangeNotification): BinaryStream {
  const stream = new BinaryStream(100_000);
  message.encode(stream);
  return new BinaryStream(Buffer.from(stream.buffer.subarray(0, stream.length)));
}

const otherOf = (stream: BinaryStream) => () => {
  const data = new DataValue();
  data.decode(stream);
  return data;
};

t.test('says what the library says, of whatever a server sends', async (t) => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 30 }), (items) => {
      const stream = encoded(notification(items));
      const theirs = new DataChangeNotification();
      theirs.decode(stream);
      const end = stream.length;
      stream.length = 0;
      const changes = readDataChanges(stream, otherOf(stream));
      const plain = new PlainValue();
      if (stream.length !== end - 4 || changes.count !== items.length) return false;
      return (theirs.monitoredItems ?? []).every(({ clientHandle, value }, position) => {
        if (changes.handles[position] !== clientHandle) return false;
        const other = changes.others.get(position);
        if (other !== undefined) return JSON.stringify(other) === JSON.stringify(value);
        const variant = plain.of(changes, position);
        const theirTime = value.sourceTimestamp?.getTime() ?? value.serverTimestamp?.getTime() ?? 0;
        return (
          Object.is(variant?.value ?? null, value.value?.value ?? null) &&
          (variant?.dataType ?? DataType.Null) === (value.value?.dataType ?? DataType.Null) &&
          changes.statuses[position] === value.statusCode.value &&
          changes.times[position] === theirTime
        );
      });
    }),
  );
  t.pass('as said');
});

const neverAsked = () => {
  throw new Error('asked the library');
};

t.test('plain numbers make no object of the library', async (t) => {
  const items = fc
    .sample(item, 200)
    .flatMap((one) => fc.sample(scalars, 1).map((variant) => ({ ...one, variant })))
    .slice(0, 50);
  const stream = encoded(notification(items));
  const changes = readDataChanges(stream, neverAsked);
  t.equal(changes.count, 50);
});

t.test('bytes that end too early are an error, wherever they end', async (t) => {
  const items = fc.sample(item, 5);
  const whole = encoded(notification(items));
  for (let length = 0; length < whole.buffer.length - 4; length++) {
    const stream = new BinaryStream(Buffer.from(whole.buffer.subarray(0, length)));
    t.throws(() => readDataChanges(stream, otherOf(stream)), `after ${length} bytes`);
  }
  const lying = new BinaryStream(Buffer.from('ffffff7f0000000000', 'hex'));
  t.throws(() => readDataChanges(lying, otherOf(lying)), RangeError, 'a count without items');
});

t.test('a time before 1970 or after 9999 is none', async (t) => {
  for (const [ticks, expected] of [
    [0n, 0],
    [1n, 0],
    [0x7fff_ffff_ffff_ffffn, 0],
    [133_000_000_000_000_000n, 1_655_526_400_000],
  ] as const) {
    const body = Buffer.alloc(17);
    body.writeInt32LE(1, 0);
    body.writeUInt32LE(7, 4);
    body.writeUInt8(0x04, 8);
    body.writeBigUInt64LE(ticks, 9);
    const changes = readDataChanges({ buffer: body, length: 0 }, neverAsked);
    t.equal(changes.times[0], expected);
  }
});
