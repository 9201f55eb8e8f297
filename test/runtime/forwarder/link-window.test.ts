import t from 'tap';
import { backoffMs } from '../../../src/runtime/forwarder/backoff.ts';
import { LinkWindow } from '../../../src/runtime/forwarder/link-window.ts';
import { RateMeter } from '../../../src/runtime/forwarder/rate-meter.ts';

/** A link of some speed and round trip, kept full by the window: what it settles at. */
function settleOn(link: { bytesPerSecond: number; roundTripMs: number }): { bytes: number; queueMs: number } {
  const window = new LinkWindow(6_291_456);
  const flying: { bytes: number; sentAt: number; doneAt: number }[] = [];
  let now = 0;
  let freeAt = 0;
  for (let i = 0; i < 5000; i++) {
    const bytes = window.bytes / 4;
    while (flying.reduce((sum, each) => sum + each.bytes, 0) < window.bytes) {
      freeAt = Math.max(freeAt, now) + (bytes / link.bytesPerSecond) * 1000;
      flying.push({ bytes, sentAt: now, doneAt: freeAt + link.roundTripMs });
    }
    const done = flying.shift();
    if (done === undefined) break;
    now = done.doneAt;
    window.confirmed(done.bytes, done.sentAt, now);
  }
  return { bytes: window.bytes, queueMs: (window.bytes / link.bytesPerSecond) * 1000 };
}

t.test('fills a fast link with a long round trip', async (t) => {
  t.ok(settleOn({ bytesPerSecond: 100_000_000, roundTripMs: 600 }).bytes >= 4_000_000);
});

t.test('keeps the queue on a slow link short', async (t) => {
  for (const bytesPerSecond of [50_000, 200_000, 1_000_000]) {
    const { queueMs } = settleOn({ bytesPerSecond, roundTripMs: 50 });
    t.ok(queueMs < 1500, `${Math.round(queueMs)} ms at ${bytesPerSecond} bytes/s`);
  }
});

t.test('a lost link is begun small again', async (t) => {
  const window = new LinkWindow(1_000_000);
  for (let i = 0; i < 10; i++) window.confirmed(100_000, 0, 10);
  t.equal(window.bytes, 1_000_000);
  window.lost();
  t.ok(window.bytes <= 131_072);
});

t.test('waits double from the shortest to the longest and vary by chance', async (t) => {
  t.same(
    [0, 1, 2, 3, 10, 1000].map((failures) => backoffMs(failures, 500, 30_000, () => 0)),
    [250, 500, 1000, 2000, 15_000, 15_000],
  );
  t.ok(backoffMs(2, 500, 30_000, () => 0.999) <= 2000);
});

t.test('a rate is that of the last ten seconds', async (t) => {
  const meter = new RateMeter();
  for (let second = 100; second < 110; second++) meter.add(50, second * 1000 + 500);
  t.equal(meter.perSecond(110_000), 50);
  t.equal(meter.perSecond(115_000), 25);
  t.equal(meter.perSecond(200_000), 0);
});
