import t from 'tap';
import { createObserver, type ObserverOptions } from '../../src/observe/observer.ts';

function observing(over: Partial<ObserverOptions> = {}) {
  const lines: string[] = [];
  const time = { now: 1_790_000_000_000 };
  const made = createObserver({
    write: (line) => lines.push(line),
    now: () => time.now,
    level: 'info',
    format: 'journald',
    ...over,
  });
  return { ...made, lines, time };
}

t.test('an internal event makes one line and raises its counter', async (t) => {
  const { observer, metrics, lines } = observing();
  observer.with({ device: 'plc 1' }).emit('device-disconnected', { reason: 'reset' });
  t.same(lines, ['<4>device disconnected device="plc 1" reason=reset']);
  t.equal(metrics.snapshot()['device_disconnects_total'], 1);
});

t.test('a repeated failure is logged once, then with its count', async (t) => {
  const { observer, metrics, lines, time } = observing();
  for (let i = 0; i < 5; i++) observer.emit('device-disconnected', { device: 'a' });
  observer.emit('device-disconnected', { device: 'b' });
  t.equal(lines.length, 2);
  time.now += 61_000;
  observer.emit('device-disconnected', { device: 'a' });
  t.match(lines[2], /device=a repeated=4/);
  t.equal(metrics.snapshot()['device_disconnects_total'], 7, 'each is counted');
});

t.test('a clock set back does not silence a failure', async (t) => {
  const { observer, lines, time } = observing();
  observer.emit('device-disconnected', { device: 'a' });
  time.now -= 3_600_000;
  observer.emit('device-disconnected', { device: 'a' });
  t.equal(lines.length, 2);
});

t.test('a line stays one line whatever is in its fields', async (t) => {
  const { observer, lines } = observing();
  observer.emit('device-disconnected', { reason: 'a\nb\r\n<3>forged "x"' });
  t.equal(lines.length, 1);
  t.notMatch(lines[0], /[\r\n]/);
});

t.test('json lines carry the event name', async (t) => {
  const { observer, lines } = observing({ format: 'json' });
  observer.emit('device-connected', { device: 'a' });
  t.match(JSON.parse(lines[0] ?? ''), { level: 'info', event: 'device-connected', device: 'a' });
});

t.test('lines below the level are not written, and counted all the same', async (t) => {
  const { observer, metrics, lines } = observing({ level: 'error' });
  observer.emit('device-disconnected', {});
  t.same(lines, []);
  t.equal(metrics.snapshot()['device_disconnects_total'], 1);
});
