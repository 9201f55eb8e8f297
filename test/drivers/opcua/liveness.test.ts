import t from 'tap';
import { Liveness, livenessLimits } from '../../../src/drivers/opcua/liveness.ts';

t.test('limits are three intervals, at least the heartbeat, and leave room for a late keep-alive', (t) => {
  t.strictSame(livenessLimits(100, 25, 5_000), { messageMs: 5_000, tickMs: 5_000 });
  t.strictSame(livenessLimits(10_000, 1, 5_000), { messageMs: 30_000, tickMs: 30_000 });
  t.strictSame(livenessLimits(1_000, 20, 5_000), { messageMs: 22_000, tickMs: 5_000 });
  t.end();
});

t.test('a server time that stopped is silence, though messages come', (t) => {
  const liveness = new Liveness({ messageMs: 5_000, tickMs: 3_000 }, 0);
  for (const now of [0, 1_000, 2_000]) {
    liveness.noteMessage(now);
    liveness.noteTick(now);
  }
  liveness.noteMessage(5_000);
  t.equal(liveness.silence(5_000), null);
  t.equal(liveness.silence(5_001), 'server time unchanged for 3001 ms');
  t.end();
});

t.test('a server that never samples its time is judged by its messages', (t) => {
  const liveness = new Liveness({ messageMs: 5_000, tickMs: 3_000 }, 0);
  liveness.noteTick(0);
  liveness.noteMessage(10_000);
  t.equal(liveness.silence(15_000), null);
  t.equal(liveness.silence(15_001), 'no message for 5001 ms');
  t.end();
});

t.test('what came before a restart is no silence', (t) => {
  const liveness = new Liveness({ messageMs: 5_000, tickMs: 3_000 }, 0);
  liveness.noteTick(0);
  liveness.noteTick(1_000);
  liveness.restart(60_000);
  t.equal(liveness.silence(63_000), null);
  t.equal(liveness.silence(63_001), 'server time unchanged for 3001 ms');
  t.end();
});
