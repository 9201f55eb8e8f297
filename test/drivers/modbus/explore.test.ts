import t from 'tap';
import { exploreArea, type Probe } from '../../../src/drivers/modbus/explore.ts';

interface Device {
  readonly ranges: readonly (readonly [first: number, last: number])[];
  readonly maxBlock?: number;
  /** Whole pairs only, from even addresses of a range on. */
  readonly isPaired?: boolean;
  readonly answer?: Probe;
}

async function explore(device: Device, more: { anchors?: number[]; maxSpan?: number; most?: number } = {}) {
  let asked = 0;
  const read = async (offset: number, count: number): Promise<Probe> => {
    asked++;
    if (device.answer !== undefined) return device.answer;
    if (count > (device.maxBlock ?? 125)) return 'refused';
    const range = device.ranges.find(([first, last]) => offset >= first && offset + count - 1 <= last);
    if (range === undefined) return 'refused';
    const isWhole = (offset - range[0]) % 2 === 0 && count % 2 === 0;
    return device.isPaired === true && !isWhole ? 'refused' : 'read';
  };
  const found = await exploreArea(read, {
    anchors: more.anchors ?? [0, 1, 10, 100, 1_000, 5_000, 65_535],
    maxBlock: 125,
    maxSpan: more.maxSpan ?? 2_000,
    hasPairs: true,
    mayAsk: () => asked < (more.most ?? 1_000),
  });
  return {
    ...found,
    ranges: found.ranges.map(({ first, last }) => [first, last]),
    asked,
    open: found.ranges.map((r) => r.isOpen),
  };
}

const DEVICES: readonly (readonly [what: string, device: Device, found: readonly (readonly number[])[]])[] = [
  ['nothing', { ranges: [] }, []],
  ['one register', { ranges: [[10, 10]] }, [[10, 10]]],
  ['a range from 0', { ranges: [[0, 79]] }, [[0, 79]]],
  ['a range around an anchor', { ranges: [[937, 1_234]] }, [[937, 1_234]]],
  [
    'ranges side by side',
    {
      ranges: [
        [0, 4],
        [6, 20],
        [90, 130],
      ],
    },
    [
      [0, 4],
      [6, 20],
      [90, 130],
    ],
  ],
  ['the last address', { ranges: [[65_530, 65_535]] }, [[65_530, 65_535]]],
  ['a device that gives ten at once', { ranges: [[90, 999]], maxBlock: 10 }, [[90, 999]]],
  ['a device that gives one at once', { ranges: [[95, 105]], maxBlock: 1 }, [[95, 105]]],
  ['whole 32-bit values only', { ranges: [[100, 139]], isPaired: true }, [[100, 139]]],
];

t.test('ranges are found to their ends', async (t) => {
  for (const [what, device, expected] of DEVICES) {
    const { ranges, isComplete, isThere } = await explore(device);
    t.same(ranges, expected, what);
    t.ok(isComplete && isThere, what);
  }
});

t.test('a range of hundreds takes few requests', async (t) => {
  const { asked } = await explore({ ranges: [[0, 399]] });
  t.ok(asked < 40, `${asked} requests`);
});

t.test('a device that answers to any address is not followed for ever', async (t) => {
  const { ranges, open } = await explore({ ranges: [[0, 65_535]] }, { anchors: [0], maxSpan: 500 });
  t.same(ranges, [[0, 500]]);
  t.same(open, [true]);
});

t.test('the bound of requests ends the search, and it says so', async (t) => {
  const { asked, isComplete } = await explore({ ranges: [[0, 399]] }, { most: 5 });
  t.equal(asked, 5);
  t.equal(isComplete, false);
});

t.test('an area that is not there is asked for once', async (t) => {
  t.match(await explore({ ranges: [], answer: 'absent' }), { asked: 1, isThere: false, ranges: [] });
});

t.test('an area that does not answer is left alone', async (t) => {
  t.match(await explore({ ranges: [], answer: 'unanswered' }), { asked: 3, isComplete: false });
});
