import t from 'tap';
import { RecentSlowest } from '../../../src/drivers/modbus/recent-slowest.ts';

t.test('what was slow once is forgotten after two periods of a minute with enough answers', async (t) => {
  const slowest = new RecentSlowest();
  t.equal(slowest.ms, 0);
  slowest.take(900, 0);
  for (let second = 1; second <= 60; second++) slowest.take(20, second * 1_000);
  t.equal(slowest.ms, 900, 'the period before counts');
  for (let second = 61; second <= 119; second++) slowest.take(20, second * 1_000);
  t.equal(slowest.ms, 900);
  slowest.take(20, 120_000);
  t.equal(slowest.ms, 20);
});

t.test('few answers are remembered for longer, and a slower one counts at once', async (t) => {
  const slowest = new RecentSlowest();
  slowest.take(900, 0);
  for (let hour = 1; hour < 32; hour++) slowest.take(20, hour * 3_600_000);
  t.equal(slowest.ms, 900);
  slowest.take(2_000, 32 * 3_600_000);
  t.equal(slowest.ms, 2_000);
});
