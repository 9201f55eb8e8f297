import t from 'tap';
import { planRetention } from '../../src/journal/retention.ts';
import { type RetentionRule, RetentionRules } from '../../src/journal/retention-rules.ts';
import type { SegmentInfo } from '../../src/journal/segment-info.ts';
import type { Lane } from '../../src/model/tag.ts';
import { openEngine, record, scratch } from './support.ts';

const DAY_MS = 86_400_000;
const FOREVER = { critical: 0, normal: 0, bulk: 0 };

const rule = (change: Partial<RetentionRule>): RetentionRule => ({
  lane: null,
  type: null,
  maxAgeMs: null,
  maxBytes: null,
  ...change,
});

const RULES = new RetentionRules({
  rules: [
    rule({ maxAgeMs: 30 * DAY_MS }),
    rule({ type: 'acme.noise*', maxAgeMs: DAY_MS }),
    rule({ type: 'acme.case.v1', maxAgeMs: 0 }),
    rule({ lane: 'bulk', maxAgeMs: 7 * DAY_MS, maxBytes: 1000 }),
    rule({ lane: 'bulk', type: 'acme.noise.v1', maxAgeMs: 2 * DAY_MS }),
  ],
  laneAgesMs: { ...FOREVER, normal: 99 * DAY_MS },
});

for (const [lane, type, days] of [
  ['normal', 'acme.other.v1', 30],
  ['bulk', 'acme.other.v1', 7],
  ['normal', 'acme.noise.v1', 1],
  ['bulk', 'acme.noise.v1', 2],
  ['bulk', 'acme.noise.v2', 1],
  ['bulk', 'acme.case.v1', 0],
] as const) {
  t.test(`${type} in ${lane} is kept for ${days === 0 ? 'ever' : `${days} days`}`, async (t) => {
    t.equal(RULES.maxAgeMs(lane, type), days * DAY_MS);
  });
}

t.test('a segment is kept as long as what is kept longest in it', async (t) => {
  const age = (lane: Lane, ...types: string[]) => RULES.segmentAgeMs(lane, 400 * DAY_MS, () => types) / DAY_MS;
  t.equal(age('bulk', 'acme.noise.v1'), 2);
  t.equal(age('bulk', 'acme.noise.v1', 'acme.other.v1'), 7);
  t.equal(age('bulk', 'acme.noise.v1', 'acme.case.v1'), 0);
  let asked = 0;
  const types = () => {
    asked++;
    return ['acme.noise.v1'];
  };
  t.equal(RULES.segmentAgeMs('bulk', DAY_MS / 2, types), 0, 'younger than every limit');
  t.equal(asked, 0, 'then its file is not asked');
  const plain = new RetentionRules({ rules: [], laneAgesMs: { ...FOREVER, bulk: DAY_MS } });
  t.equal(plain.segmentAgeMs('bulk', 2 * DAY_MS, types), DAY_MS);
  t.equal(asked, 0);
});

t.test('the oldest of a lane go when it takes more than its share, critical ones never', async (t) => {
  const segment = (lane: Lane, first: number, state: SegmentInfo['state'] = 'sealed'): SegmentInfo => ({
    lane,
    first,
    last: first + 9,
    count: 10,
    bytes: 400,
    openedAt: 0,
    endedAt: 0,
    state,
    times: null,
    thinnedAfter: null,
    sha256: null,
  });
  const { drops, blockedBy } = planRetention({
    segments: [
      ...[1, 11, 21].map((first) => segment('bulk', first)),
      segment('bulk', 31, 'active'),
      ...[41, 51, 61].map((first) => segment('critical', first)),
    ],
    now: 1000,
    usedBytes: 2800,
    quotaBytes: 10_000,
    freeBytes: 1e9,
    minFreeBytes: 0,
    maxAgeMs: () => 0,
    maxBytes: (lane) => (lane === 'normal' ? Number.POSITIVE_INFINITY : 1000),
    retainSettledMs: 0,
    isSettled: ({ first }) => first === 11,
  });
  t.equal(blockedBy, null);
  t.strictSame(
    drops.map(({ segment: { first }, reason }) => [first, reason]),
    [
      [11, 'settled'],
      [1, 'quota'],
    ],
  );
});

t.test('a journal drops by type: what is in the files decides, and the ledger says so', async (t) => {
  const start = 1_700_000_000_000;
  const config = {
    segment_mb: 0.0625,
    segment_age_h: 1,
    retention: [{ type: 'test.counted.v1', max_age_days: 1 }],
  };
  const { store, notices } = openEngine(scratch(t), config, start);
  store.openCursor('sink', 'beginning', start);
  const put = (now: number, type: string) => {
    const one = record(1, 'normal');
    store.commit([{ records: [{ ...one, stream: { ...one.stream, type } }], recorded: now }], now);
    store.tick(now + 2 * 3_600_000);
  };
  put(start, 'test.counted.v1');
  put(start + DAY_MS / 4, 'test.kept.v1');
  put(start + DAY_MS / 2, 'test.counted.v1');
  store.tick(start + 1.2 * DAY_MS);
  t.strictSame(
    notices.flatMap((notice) => (notice.kind === 'dropped' ? [[notice.segment.first, notice.reason]] : [])),
    [[1, 'age']],
  );
  store.tick(start + 10 * DAY_MS);
  t.equal(store.status().lanes.normal.events, 1, 'the kept one stays');
  t.match(store.status().ledger, [{ received: 3, waiting: 1, gaps: 2 }]);
  store.close(start + 10 * DAY_MS);
});
