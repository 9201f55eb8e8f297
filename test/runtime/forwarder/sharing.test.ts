import t from 'tap';
import { parseWeeklyWindows } from '../../../src/model/weekly-window.ts';
import { type Candidate, LinkShare } from '../../../src/runtime/forwarder/link-share.ts';
import { RateCap } from '../../../src/runtime/forwarder/rate-cap.ts';
import { SendSchedule } from '../../../src/runtime/forwarder/send-schedule.ts';

const BULK: readonly Candidate[] = [
  { lane: 'bulk', stream: 'live' },
  { lane: 'bulk', stream: 'backlog' },
];

/** Let both send all they can in batches of these sizes. @returns bytes of each */
function share(weight: number, liveBatch: number, backlogBatch: number, total: number) {
  const link = new LinkShare(weight);
  const sent = { live: 0, backlog: 0 };
  while (sent.live + sent.backlog < total) {
    const chosen = link.choose(BULK);
    if (chosen === null) break;
    const bytes = chosen.stream === 'live' ? liveBatch : backlogBatch;
    sent[chosen.stream] += bytes;
    link.sent(chosen, bytes);
  }
  return sent;
}

for (const [weight, liveBatch, backlogBatch] of [
  [4, 1000, 1000],
  [4, 250, 64_000],
  [1, 100_000, 300],
  [0.5, 1000, 1000],
] as const) {
  t.test(`live and backlog share ${weight}:1 with batches of ${liveBatch} and ${backlogBatch} bytes`, async (t) => {
    const { live, backlog } = share(weight, liveBatch, backlogBatch, 20_000_000);
    t.ok(Math.abs(live / backlog / weight - 1) < 0.05, `${live}:${backlog}`);
  });
}

t.test('critical goes before all, then normal before bulk', async (t) => {
  const link = new LinkShare(4);
  const critical: Candidate = { lane: 'critical', stream: 'backlog' };
  const normal: Candidate = { lane: 'normal', stream: 'live' };
  t.equal(link.choose([...BULK, normal, critical]), critical);
  t.equal(link.choose([...BULK, normal]), normal);
  t.equal(link.choose([]), null);
});

t.test('who was alone for long does not pay for it, nor gain by it', async (t) => {
  const link = new LinkShare(4);
  const [live, backlog] = BULK as [Candidate, Candidate];
  for (const alone of [backlog, live]) {
    link.choose([alone]);
    link.sent(alone, 100_000_000);
    let first = 0;
    for (let i = 0; i < 10; i++) {
      const chosen = link.choose(BULK);
      if (chosen === null) break;
      if (chosen.stream === 'live') first++;
      link.sent(chosen, 1000);
    }
    t.ok(first >= 7 && first <= 9, `${first} of 10 are live`);
  }
});

t.test('a cap holds over a minute, whatever batches compress to', async (t) => {
  const cap = new RateCap(10_000);
  let wire = 0;
  for (let now = 0; now < 60_000; ) {
    const wait = cap.waitMs(now);
    if (wait > 0) {
      now += wait;
      continue;
    }
    const bytes = Math.min(50_000, cap.batchBytes);
    const charged = cap.charge(bytes, now);
    const ratio = now < 30_000 ? 0.3 : 0.9;
    wire += bytes * ratio;
    cap.correct(charged, bytes, bytes * ratio);
  }
  t.ok(wire < 620_000 && wire > 580_000, `${Math.round(wire)} bytes in 60 s at 10,000 a second`);
});

t.test('without a cap nothing waits', async (t) => {
  const cap = new RateCap(null);
  cap.charge(1e12, 0);
  t.equal(cap.waitMs(0), 0);
  t.equal(cap.batchBytes, Number.POSITIVE_INFINITY);
});

t.test('a schedule says what is held and until when', async (t) => {
  const schedule = new SendSchedule({
    backlog: parseWeeklyWindows('22:00-06:00'),
    bulk: parseWeeklyWindows('sat,sun 00:00-24:00'),
    timeZone: 'UTC',
  });
  const at = (day: number, hour: number, minute = 0) => Date.UTC(2026, 10, day, hour, minute);
  // 25 November 2026 is a Wednesday.
  t.same(schedule.holds(at(25, 12)), { backlog: at(25, 22), bulk: at(28, 0) });
  t.same(schedule.holds(at(25, 22)), { backlog: null, bulk: at(28, 0) });
  t.same(schedule.holds(at(25, 21, 59) + 59_999), { backlog: at(25, 22), bulk: at(28, 0) });
  t.same(schedule.holds(at(29, 5)), { backlog: null, bulk: null });
  t.equal(schedule.nextLookMs(at(25, 12) + 59_000), 1000);
  t.same(new SendSchedule(null).holds(0), { backlog: null, bulk: null });
});
