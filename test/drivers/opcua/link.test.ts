import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  backoffMs,
  IDLE_LINK,
  type LinkEvent,
  type LinkState,
  linkTransition,
} from '../../../src/drivers/opcua/link.ts';
import { Status } from '../../../src/model/quality.ts';

const SETTINGS = { reconnectMinMs: 1_000, reconnectMaxMs: 30_000 };
const FAILED: LinkEvent = { type: 'failed', at: 5_000, reason: 'gone' };

function run(events: readonly LinkEvent[]) {
  let state: LinkState = IDLE_LINK;
  const done: string[] = [];
  for (const event of events) {
    const [next, effects] = linkTransition(state, event, SETTINGS, 0.5);
    state = next;
    for (const effect of effects) {
      if (effect.do === 'announce') done.push(effect.state);
      else if (effect.do === 'report-gone') done.push(`gone ${effect.status.toString(16)}`);
      else if (effect.do === 'retry-after') done.push(`retry ${effect.delayMs}`);
      else if (effect.do === 'tear-down') done.push(effect.isGraceful ? 'goodbye' : 'tear-down');
      else done.push(effect.do);
    }
  }
  return { state, done };
}

t.test('connects, loses, tells once, and comes back', (t) => {
  const { done, state } = run([
    { type: 'start' },
    { type: 'connected', at: 100 },
    FAILED,
    { type: 'retry' },
    FAILED,
    { type: 'retry' },
    { type: 'connected', at: 9_000 },
  ]);
  t.strictSame(done, [
    ...['connecting', 'connect', 'connected'],
    ...['tear-down', 'disconnected', `gone ${Status.Bad_NoCommunication.toString(16)}`, 'retry 750', 'connect'],
    ...['tear-down', 'disconnected', 'retry 1500', 'connect', 'connected'],
  ]);
  t.equal(state.phase, 'up');
  t.end();
});

t.test('a first attempt that fails gives Bad_NotConnected', (t) => {
  t.ok(run([{ type: 'start' }, FAILED]).done.includes(`gone ${Status.Bad_NotConnected.toString(16)}`));
  t.end();
});

t.test('a connection that dies young keeps its backoff, one that held begins anew', (t) => {
  const young = run([
    { type: 'start' },
    FAILED,
    { type: 'retry' },
    { type: 'connected', at: 0 },
    { ...FAILED, at: 29_999 },
  ]);
  t.equal(young.done.at(-1), 'retry 1500');
  const steady = run([
    { type: 'start' },
    FAILED,
    { type: 'retry' },
    { type: 'connected', at: 0 },
    { ...FAILED, at: 30_000 },
  ]);
  t.equal(steady.done.at(-1), 'retry 750');
  t.end();
});

t.test('after stop nothing has an effect', (t) => {
  const { done } = run([
    { type: 'start' },
    { type: 'stop' },
    FAILED,
    { type: 'retry' },
    { type: 'connected', at: 1 },
    { type: 'stop' },
  ]);
  t.strictSame(done, ['connecting', 'connect', 'goodbye', 'stopped']);
  t.end();
});

t.test('no order of events connects twice at a time, or tells that all is gone twice in a row', (t) => {
  const event = fc.constantFrom<LinkEvent>(
    { type: 'start' },
    { type: 'connected', at: 1 },
    FAILED,
    { type: 'retry' },
    { type: 'stop' },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const { done } = run(events);
      let open = 0;
      let gone = false;
      for (const one of done) {
        if (one === 'connect') assert.equal(++open, 1);
        if (one === 'tear-down' || one === 'goodbye') open = 0;
        if (one === 'connected') gone = false;
        if (one.startsWith('gone')) {
          assert.equal(gone, false);
          gone = true;
        }
      }
    }),
    { numRuns: 200 },
  );
  t.pass();
  t.end();
});

t.test('the pause doubles up to the cap, between half of it and all of it', (t) => {
  t.strictSame(
    [1, 2, 3, 6, 99].map((failures) => backoffMs(failures, SETTINGS, 0)),
    [500, 1_000, 2_000, 15_000, 15_000],
  );
  t.ok(backoffMs(99, SETTINGS, 0.999_999) <= 30_000);
  t.end();
});
