import t from 'tap';
import type { Block } from '../../../src/drivers/modbus/plan.ts';
import { type ModbusPoint, pointOf } from '../../../src/drivers/modbus/point.ts';
import { ScanBatch } from '../../../src/drivers/modbus/scan-batch.ts';
import { Status } from '../../../src/model/quality.ts';
import type { ReadingBatch } from '../../../src/model/reading.ts';
import type { DataType } from '../../../src/model/tag.ts';
import { tag } from '../../support/tag.ts';

/** Registers 0 to 3 of a unit, of which the group has another tag in between. */
const TAGS = ['HR:0', '2!HR:0', 'HR:1', 'HR:2', 'HR:3'].map((address, i) => tag(`t${i}`, { address, type: 'uint16' }));
const GROUP = { device: 'pump', periodMs: 1000, tags: TAGS };
const MEMBERS = Uint32Array.of(0, 2, 3, 4);
const TWO_BLOCKS: readonly Block[] = [
  { area: 'holding', offset: 0, count: 2, points: [0, 1] },
  { area: 'holding', offset: 2, count: 2, points: [2, 3] },
];

/** As the receiver sees it: index, value, status, time. */
function rowsOf({ count, indexes, values, statuses, times }: ReadingBatch): unknown[] {
  return Array.from({ length: count }, (_none, i) => [
    indexes === null ? i : indexes[i],
    values[i],
    typeof statuses === 'number' ? statuses : statuses[i],
    typeof times === 'number' ? times : times[i],
  ]);
}

function batchOf(type: DataType = 'uint16') {
  const points = Array.from(MEMBERS, (index): ModbusPoint => ({ ...pointOf(TAGS[index] ?? tag('x'), 1), type }));
  const batch = new ScanBatch(GROUP, MEMBERS);
  batch.leaveOut(new Map());
  batch.plan(TWO_BLOCKS, points);
  batch.begin();
  return { batch, points };
}

t.test('values have the time of their block, and one status while all are good', async (t) => {
  const { batch } = batchOf();
  batch.take(1, Uint8Array.of(0, 30, 0, 40), 2000);
  batch.take(0, Uint8Array.of(0, 10, 0, 20), 1000);
  const readings = batch.readings();
  t.equal(readings.statuses, Status.Good);
  t.strictSame(rowsOf(readings), [
    [0, 10, 0, 1000],
    [2, 20, 0, 1000],
    [3, 30, 0, 2000],
    [4, 40, 0, 2000],
  ]);
});

t.test('a block that is not given has no values; a part of it that is has them, with its own time', async (t) => {
  const { batch, points } = batchOf();
  batch.take(0, Uint8Array.of(0, 10, 0, 20), 1000);
  batch.take(1, Uint8Array.of(0, 30, 0, 40), 1000);
  batch.readings();
  batch.begin();
  batch.take(0, Uint8Array.of(0, 11, 0, 21), 2000);
  batch.failBlock(1, Status.Bad_CommunicationError, 2001);
  t.strictSame(batch.slotsOf(1), [2, 3]);
  batch.takePart({ area: 'holding', offset: 3, count: 1, points: [3] }, points, Uint8Array.of(0, 41), 2002);
  batch.fail(2, Status.Bad_ConfigurationError, 2003);
  t.strictSame(rowsOf(batch.readings()), [
    [0, 11, 0, 2000],
    [2, 21, 0, 2000],
    [3, null, Status.Bad_ConfigurationError, 2003],
    [4, 41, 0, 2002],
  ]);
  batch.begin();
  batch.take(0, Uint8Array.of(0, 12, 0, 22), 3000);
  batch.take(1, Uint8Array.of(0, 32, 0, 42), 3001);
  t.strictSame(rowsOf(batch.readings()), [
    [0, 12, 0, 3000],
    [2, 22, 0, 3000],
    [3, 32, 0, 3001],
    [4, 42, 0, 3001],
  ]);
});

t.test('what is no value of its type is Bad by itself', async (t) => {
  const { batch } = batchOf('bcd16');
  batch.take(0, Uint8Array.of(0, 0x12, 0, 0x1a), 1000);
  batch.take(1, Uint8Array.of(0, 0x34, 0, 0x56), 1001);
  t.strictSame(rowsOf(batch.readings()), [
    [0, 12, 0, 1000],
    [2, null, Status.Bad_DecodingError, 1000],
    [3, 34, 0, 1001],
    [4, 56, 0, 1001],
  ]);
});

t.test('members that are left out are not in the batch, and the others keep their index', async (t) => {
  const { batch, points } = batchOf();
  batch.leaveOut(new Map([[1, 'refused']]));
  t.equal(batch.count, 3);
  t.strictSame(
    [0, 1, 2].map((slot) => batch.positionOf(slot)),
    [0, 2, 3],
  );
  const live = [0, 2, 3].map((position) => points[position] as ModbusPoint);
  batch.plan([{ area: 'holding', offset: 0, count: 4, points: [0, 1, 2] }], live);
  batch.begin();
  batch.take(0, Uint8Array.of(0, 10, 0, 20, 0, 30, 0, 40), 1000);
  t.strictSame(rowsOf(batch.readings()), [
    [0, 10, 0, 1000],
    [3, 30, 0, 1000],
    [4, 40, 0, 1000],
  ]);
  t.strictSame(rowsOf(batch.gone(Status.Bad_NoCommunication, 5)), [
    [0, null, Status.Bad_NoCommunication, 5],
    [3, null, Status.Bad_NoCommunication, 5],
    [4, null, Status.Bad_NoCommunication, 5],
  ]);
});
