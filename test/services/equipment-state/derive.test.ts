import t from 'tap';
import { Status } from '../../../src/model/quality.ts';
import type { Reading } from '../../../src/model/reading.ts';
import type { TagValue } from '../../../src/model/tag.ts';
import { ruleOf } from '../../../src/services/equipment-state/config.ts';
import {
  type Inputs,
  judge,
  type Memory,
  NOTHING_KNOWN,
  remember,
  ripen,
  sideOf,
} from '../../../src/services/equipment-state/derive.ts';
import type { EquipmentState } from '../../../src/services/equipment-state/equipment-state.ts';

const NONE: Inputs = { state: null, running: null, fault: null };
const good = (value: TagValue): Reading => ({ value, status: Status.Good, time: 0 });
const bad = (status: number): Reading => ({ value: null, status, time: 0 });

t.test('PackML states 1 to 17, by number and by name', (t) => {
  const rule = ruleOf({ asset: 'a', state_tag: 'S', preset: 'packml' });
  const table: readonly [TagValue, EquipmentState, string][] = [
    [0, 'unknown', 'S is 0, which no state is given for'],
    [1, 'fault', 'S is 1 (Clearing)'],
    [2, 'idle', 'S is 2 (Stopped)'],
    [3, 'running', 'S is 3 (Starting)'],
    [4, 'idle', 'S is 4 (Idle)'],
    [5, 'idle', 'S is 5 (Suspended)'],
    [6, 'running', 'S is 6 (Execute)'],
    [7, 'idle', 'S is 7 (Stopping)'],
    [8, 'fault', 'S is 8 (Aborting)'],
    [9, 'fault', 'S is 9 (Aborted)'],
    [10, 'idle', 'S is 10 (Holding)'],
    [11, 'idle', 'S is 11 (Held)'],
    [12, 'running', 'S is 12 (Unholding)'],
    [13, 'idle', 'S is 13 (Suspending)'],
    [14, 'running', 'S is 14 (Unsuspending)'],
    [15, 'idle', 'S is 15 (Resetting)'],
    [16, 'running', 'S is 16 (Completing)'],
    [17, 'idle', 'S is 17 (Complete)'],
    [18, 'unknown', 'S is 18, which no state is given for'],
    [6n, 'running', 'S is 6 (Execute)'],
    ['execute', 'running', 'S is 6 (Execute)'],
    ['ABORTED', 'fault', 'S is 9 (Aborted)'],
    ['6', 'unknown', 'S is 6, which no state is given for'],
  ];
  for (const [value, state, reason] of table) {
    t.match(judge(rule, { ...NONE, state: good(value) }, false), { state, reason }, `${typeof value} ${String(value)}`);
  }
  t.end();
});

t.test('listed values come before the preset; what is not listed is unknown', (t) => {
  const rule = ruleOf({
    asset: 'a',
    state_tag: 'S',
    preset: 'packml',
    states: { idle: [3], running: ['AUTO'], fault: [true] },
  });
  t.equal(judge(rule, { ...NONE, state: good(3) }, false).state, 'idle');
  t.equal(judge(rule, { ...NONE, state: good(' auto ') }, false).state, 'running');
  t.equal(judge(rule, { ...NONE, state: good(true) }, false).state, 'fault');
  t.equal(judge(rule, { ...NONE, state: good(false) }, false).state, 'unknown');
  t.end();
});

t.test('what cannot be read is unknown with its reason, never the last state', (t) => {
  const rule = ruleOf({ asset: 'a', state_tag: 'S', preset: 'packml', fault_tag: 'F' });
  const table: readonly [string, Inputs, EquipmentState, string][] = [
    ['nothing yet', NONE, 'unknown', 'no reading of S yet'],
    [
      'state tag bad',
      { ...NONE, state: bad(Status.Bad_NoCommunication), fault: good(0) },
      'unknown',
      'S is Bad_NoCommunication',
    ],
    ['state tag without a value', { ...NONE, state: good(null), fault: good(0) }, 'unknown', 'S has no value'],
    [
      'fault tag bad',
      { ...NONE, state: good(6), fault: bad(Status.Bad_NotConnected) },
      'unknown',
      'F is Bad_NotConnected',
    ],
    [
      'fault tag bad in a fault',
      { ...NONE, state: good(9), fault: bad(Status.Bad_NotConnected) },
      'fault',
      'S is 9 (Aborted)',
    ],
    ['fault in a state that cannot be read', { ...NONE, state: bad(Status.Bad), fault: good(4) }, 'fault', 'F is 4'],
    [
      'uncertain is used',
      { ...NONE, state: { value: 6, status: Status.Uncertain, time: 0 }, fault: good(0) },
      'running',
      'S is 6 (Execute)',
    ],
  ];
  for (const [what, inputs, state, reason] of table) t.match(judge(rule, inputs, false), { state, reason }, what);
  t.end();
});

t.test('a fault bit is looked at alone', (t) => {
  const rule = ruleOf({ asset: 'a', running_tag: 'R', fault_tag: 'F', fault_bit: 3 });
  const stateOf = (fault: TagValue) => judge(rule, { ...NONE, running: good(true), fault: good(fault) }, false).state;
  t.equal(stateOf(0b0111), 'running');
  t.equal(stateOf(0b1000), 'fault');
  t.equal(stateOf(-1), 'fault', 'a signed register with all bits set');
  t.equal(stateOf(1n << 40n), 'running');
  t.equal(stateOf((1n << 40n) | 8n), 'fault');
  t.equal(stateOf(1.5), 'unknown');
  t.equal(stateOf('x'), 'unknown');
  const high = ruleOf({ asset: 'a', running_tag: 'R', fault_tag: 'F', fault_bit: 40 });
  t.equal(judge(high, { ...NONE, running: good(1), fault: good(2 ** 40) }, false).state, 'fault', 'above 32 bits');
  t.end();
});

t.test('a threshold has a hysteresis, and equality is not above', (t) => {
  const rule = ruleOf({ asset: 'a', running_tag: 'I', running_above: 5, hysteresis: 1 });
  let isAbove = false;
  const steps: readonly [TagValue, EquipmentState][] = [
    [5, 'idle'],
    [5.01, 'running'],
    [4.5, 'running'],
    [4, 'running'],
    [3.99, 'idle'],
    [4.5, 'idle'],
    [100, 'running'],
    ['fast', 'unknown'],
    [4.5, 'running'],
  ];
  for (const [value, state] of steps) {
    isAbove = sideOf(rule, good(value), isAbove);
    t.equal(judge(rule, { ...NONE, running: good(value) }, isAbove).state, state, String(value));
  }
  t.equal(sideOf(rule, bad(Status.Bad), true), true, 'a bad reading moves nothing');
  t.end();
});

t.test('a run signal without a threshold runs when it is on', (t) => {
  const rule = ruleOf({ asset: 'a', running_tag: 'R' });
  const table: readonly [TagValue, EquipmentState][] = [
    [true, 'running'],
    [false, 'idle'],
    [0, 'idle'],
    [2, 'running'],
    ['on', 'running'],
    ['Off', 'idle'],
  ];
  for (const [value, state] of table)
    t.equal(judge(rule, { ...NONE, running: good(value) }, false).state, state, String(value));
  t.end();
});

t.test('running and idle must last the dwell; fault and unknown count at once', (t) => {
  const verdict = (state: EquipmentState) => ({ state, reason: state, evidence: null });
  const steps: readonly [time: number, says: EquipmentState, state: EquipmentState, since: number][] = [
    [1_000, 'idle', 'idle', 1_000],
    [2_000, 'running', 'idle', 1_000],
    [3_000, 'idle', 'idle', 1_000],
    [4_000, 'running', 'idle', 1_000],
    [5_999, 'running', 'idle', 1_000],
    [6_000, 'running', 'running', 4_000],
    [7_000, 'fault', 'fault', 7_000],
    [8_000, 'idle', 'fault', 7_000],
    [9_000, 'unknown', 'unknown', 9_000],
    [10_000, 'running', 'running', 10_000],
  ];
  let memory: Memory = NOTHING_KNOWN;
  for (const [time, says, state, since] of steps) {
    memory = remember(memory, verdict(says), time, time, 2_000);
    t.match(memory, { state, since }, `${time} ${says}`);
  }
  t.end();
});

t.test('a candidate that hears nothing more ripens by the clock', (t) => {
  const idle = remember(NOTHING_KNOWN, { state: 'idle', reason: '', evidence: null }, 1_000, 500_000, 2_000);
  const waiting = remember(idle, { state: 'running', reason: 'up', evidence: null }, 5_000, 504_000, 2_000);
  t.equal(ripen(waiting, 505_999, 2_000), waiting);
  t.match(ripen(waiting, 506_000, 2_000), { state: 'running', reason: 'up', since: 5_000, candidate: null });
  t.equal(ripen(idle, 999_999, 2_000), idle);
  t.end();
});
