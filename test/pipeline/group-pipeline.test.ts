import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../../src/model/reading.ts';
import type { TagDefinition, TagValue } from '../../src/model/tag.ts';
import { GroupPipeline } from '../../src/pipeline/group-pipeline.ts';
import { ReportScratch } from '../../src/pipeline/report-stream.ts';
import { tag } from '../support/tag.ts';

const SOURCE = '/headgate/test/pump';

function pipelineOf(tags: readonly TagDefinition[], maxSilenceMs = 60_000) {
  const group: ScanGroup = { device: 'pump', periodMs: 1000, tags };
  const pipeline = new GroupPipeline(group, SOURCE, maxSilenceMs, new ReportScratch(tags.length));
  let now = 0;
  const scan = (values: readonly TagValue[], over: Partial<ReadingBatch> = {}) => {
    now += 1000;
    const batch: ReadingBatch = {
      group,
      count: values.length,
      indexes: null,
      values,
      statuses: Status.Good,
      times: 5000 + now,
      ...over,
    };
    return pipeline.accept(batch, now).map((draft) => ({ draft, samples: draft.data.toJSON().samples }));
  };
  return {
    pipeline,
    scan,
    later: (ms: number) => {
      now += ms;
      return pipeline.overdue(now).map((draft) => draft.data.toJSON().samples);
    },
  };
}

t.test('each tag has its own texts, and its own square root, beside others of the group', async (t) => {
  const root = { curve: 'sqrt', rawLow: 0, rawHigh: 100, engLow: 0, engHigh: 10 } as const;
  const { scan } = pipelineOf([
    tag('valve', { texts: { 0: 'closed', 1: 'open' }, type: 'uint16' }),
    tag('pump', { texts: { 0: 'off', 1: 'running' }, type: 'uint16' }),
    tag('flow', root),
    tag('other', { ...root, rawLow: 10, rawHigh: 110 }),
  ]);
  const [report] = scan([1, 1, 25, 35]);
  t.same(
    report?.samples.map(({ v }) => v),
    ['open', 'running', 5, 5],
  );
});

t.test('reports every tag at the first scan, with its source time', async (t) => {
  const { scan } = pipelineOf([tag('a'), tag('b')]);
  const [only] = scan([1, 2.5]);
  t.equal(only?.draft.subject, 'acme/line/pump');
  t.equal(only?.draft.source, SOURCE);
  t.equal(only?.draft.partitionkey, 'acme/line/pump/pump_1000ms');
  t.same(only?.samples, [
    { n: 'a', v: 1, q: 0, t: 6000 },
    { n: 'b', v: 2.5, q: 0, t: 6000 },
  ]);
});

t.test('makes no event when nothing changed', async (t) => {
  const { scan } = pipelineOf([tag('a')]);
  scan([1]);
  t.same(scan([1]), []);
});

const deadbands: { title: string; tag: TagDefinition; values: TagValue[]; reported: TagValue[] }[] = [
  {
    title: 'none reports every reading',
    tag: tag('a', { deadbandType: 'none' }),
    values: [1, 1, 1],
    reported: [1, 1, 1],
  },
  { title: 'absolute 0 reports every change', tag: tag('a'), values: [1, 1, 2, 2], reported: [1, 2] },
  {
    title: 'absolute is measured from the last report',
    tag: tag('a', { deadband: 1 }),
    values: [0, 0.6, 1.2, 1.5, 2.3],
    reported: [0, 1.2, 2.3],
  },
  {
    title: 'a change as large as the deadband is not reported',
    tag: tag('a', { deadband: 1 }),
    values: [0, 1, -1, 1.01],
    reported: [0, 1.01],
  },
  {
    title: 'percent is of the range',
    tag: tag('a', { deadbandType: 'percent', deadband: 10, engLow: 0, engHigh: 50 }),
    values: [10, 14, 16],
    reported: [10, 16],
  },
  {
    title: 'percent without a range is of the last report',
    tag: tag('a', { deadbandType: 'percent', deadband: 10 }),
    values: [100, 109, 111],
    reported: [100, 111],
  },
  {
    title: 'texts report on change',
    tag: tag('a', { type: 'string', length: 4 }),
    values: ['x', 'x', 'y', 'x'],
    reported: ['x', 'y', 'x'],
  },
  {
    title: 'booleans report on change',
    tag: tag('a', { type: 'bool' }),
    values: [true, true, false],
    reported: [true, false],
  },
  {
    title: 'booleans of an undeclared type stay booleans',
    tag: tag('a', { type: 'auto' }),
    values: [true, false, 3],
    reported: [true, false, 3],
  },
  {
    title: 'bigints stay whole',
    tag: tag('a', { type: 'uint64' }),
    values: [2n ** 63n, 2n ** 63n, 5],
    reported: [(2n ** 63n).toString(), 5],
  },
];
for (const { title, tag: definition, values, reported } of deadbands) {
  t.test(`deadband: ${title}`, async (t) => {
    const { scan } = pipelineOf([definition]);
    t.same(
      values.flatMap((value) => scan([value]).flatMap(({ samples }) => samples.map((sample) => sample.v))),
      reported,
    );
  });
}

t.test('a changed status is reported though the value is the same', async (t) => {
  const { scan } = pipelineOf([tag('a')]);
  scan([1]);
  t.same(scan([1], { statuses: Status.Uncertain_LastUsableValue })[0]?.samples[0]?.q, Status.Uncertain_LastUsableValue);
});

t.test('a Bad reading has no value, whatever the driver handed in', async (t) => {
  const { scan } = pipelineOf([tag('a')]);
  scan([7]);
  t.same(scan([7], { statuses: Status.Bad_NoCommunication })[0]?.samples, [
    { n: 'a', v: null, q: Status.Bad_NoCommunication, t: 7000 },
  ]);
  t.same(scan([7])[0]?.samples[0]?.v, 7, 'and the same value is news afterwards');
});

t.test('infinities and NaN from a device are Bad_OutOfRange without a value', async (t) => {
  const { scan } = pipelineOf([tag('a'), tag('b')]);
  t.same(
    scan([Number.NaN, Number.POSITIVE_INFINITY])[0]?.samples.map(({ v, q }) => [v, q]),
    [
      [null, Status.Bad_OutOfRange],
      [null, Status.Bad_OutOfRange],
    ],
  );
});

const flow = { curve: 'sqrt', rawLow: 4_000, rawHigh: 20_000, engLow: 0, engHigh: 80, type: 'uint16' } as const;
const texts = { '0': 'off', '1': 'running' };
const scalings: { title: string; tag: TagDefinition; raw: TagValue; value: TagValue; status: number }[] = [
  { title: 'square root in the middle', tag: tag('a', flow), raw: 8_000, value: 40, status: Status.Good },
  { title: 'square root at the top', tag: tag('a', flow), raw: 20_000, value: 80, status: Status.Good },
  { title: 'square root of less than nothing', tag: tag('a', flow), raw: 3_900, value: 0, status: Status.Good },
  {
    title: 'square root above the range',
    tag: tag('a', flow),
    raw: 40_000,
    value: 80,
    status: Status.Good_Clamped,
  },
  {
    title: 'the text of a number',
    tag: tag('a', { texts, type: 'uint16' }),
    raw: 1,
    value: 'running',
    status: Status.Good,
  },
  { title: 'the text of a bit', tag: tag('a', { texts, type: 'bool' }), raw: false, value: 'off', status: Status.Good },
  {
    title: 'a number without a text',
    tag: tag('a', { texts, type: 'uint16' }),
    raw: 7,
    value: '7',
    status: Status.Uncertain,
  },
  { title: 'scale and offset', tag: tag('a', { scale: 0.1, offset: -40 }), raw: 650, value: 25, status: Status.Good },
  {
    title: 'raw range to engineering range',
    tag: tag('a', { rawLow: 4000, rawHigh: 20000, engLow: 0, engHigh: 10 }),
    raw: 12000,
    value: 5,
    status: Status.Good,
  },
  {
    title: 'clamped above',
    tag: tag('a', { rawLow: 0, rawHigh: 100, engLow: 0, engHigh: 1 }),
    raw: 130,
    value: 1,
    status: Status.Good_Clamped,
  },
  {
    title: 'clamped below, range given upside down',
    tag: tag('a', { rawLow: 0, rawHigh: 100, engLow: 10, engHigh: 0 }),
    raw: 130,
    value: 0,
    status: Status.Good_Clamped,
  },
  {
    title: 'a bigint is scaled as a number',
    tag: tag('a', { scale: 0.5 }),
    raw: 2n ** 60n,
    value: 2 ** 59,
    status: Status.Good,
  },
  {
    title: 'a text is left alone',
    tag: tag('a', { scale: 2, type: 'string' }),
    raw: 'P7',
    value: 'P7',
    status: Status.Good,
  },
];
for (const { title, tag: definition, raw, value, status } of scalings) {
  t.test(`scaling: ${title}`, async (t) => {
    const { scan } = pipelineOf([definition]);
    const sample = scan([raw])[0]?.samples[0];
    t.same([sample?.v, sample?.q], [value, status]);
  });
}

t.test('after the maximum silence a tag is reported again, with the time it had', async (t) => {
  const { scan, later } = pipelineOf([tag('a'), tag('b')], 10_000);
  scan([1, 2]);
  scan([1, 3]);
  t.same(later(8_900), []);
  t.same(later(100), [[{ n: 'a', v: 1, q: 0, t: 7000 }]], 'b was reported later');
});

t.test('a tag that was never read is not reported', async (t) => {
  const { later } = pipelineOf([tag('a')], 1000);
  t.same(later(5000), []);
});

t.test('assets and lanes of one group are reported apart', async (t) => {
  const { scan } = pipelineOf([
    tag('a'),
    tag('b', { asset: 'acme/line/motor' }),
    tag('c', { lane: 'critical' }),
    tag('d'),
  ]);
  t.same(
    scan([1, 2, 3, 4]).map(({ draft, samples }) => [
      draft.subject,
      draft.lane,
      draft.data.list.group,
      samples.map((s) => s.n),
    ]),
    [
      ['acme/line/pump', 'bulk', 'pump_1000ms', ['a', 'd']],
      ['acme/line/motor', 'bulk', 'pump_1000ms', ['b']],
      ['acme/line/pump', 'critical', 'pump_1000ms_critical', ['c']],
    ],
  );
});

t.test('a batch with indexes and several readings of one tag keeps them all in order', async (t) => {
  const { scan } = pipelineOf([tag('a'), tag('b')]);
  const drafts = scan([1, 2, 3], { indexes: [1, 1, 1], times: [10, 20, 30] });
  t.same(
    drafts.flatMap(({ samples }) => samples.map(({ n, v, t: time }) => [n, v, time])),
    [
      ['b', 1, 10],
      ['b', 2, 20],
      ['b', 3, 30],
    ],
  );
});

t.test('columns are the narrowest that hold the values exactly', async (t) => {
  const { scan } = pipelineOf([tag('a', { deadbandType: 'none' }), tag('b', { deadbandType: 'none' })]);
  const kinds: [TagValue[], string][] = [
    [[0, 255], 'Uint8Array'],
    [[-1, 127], 'Int8Array'],
    [[0, 65_535], 'Uint16Array'],
    [[-32_768, 5], 'Int16Array'],
    [[0, 4_294_967_295], 'Uint32Array'],
    [[-1, 2_147_483_647], 'Int32Array'],
    [[0, 4_294_967_296], 'Float32Array'],
    [[0, 4_294_967_297], 'Float64Array'],
    [[0.5, 3], 'Float32Array'],
    [[0.1, 3], 'Float64Array'],
    [[null, 3], 'Float32Array'],
  ];
  for (const [values, name] of kinds)
    t.equal(scan(values)[0]?.draft.data.columns.values.constructor.name, name, String(values));
});
