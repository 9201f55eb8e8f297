import t from 'tap';
import type { TagDefinition, TagValue } from '../../../src/model/tag.ts';
import { type CommandRule, checkCommands } from '../../../src/runtime/commands/config.ts';
import { decide, interlockRefusal } from '../../../src/runtime/commands/decide.ts';
import { tag } from '../../support/tag.ts';

const NOW = 1_700_000_000_000;
const RULE: CommandRule = { tags: ['acme/line/+/speed'], actors: ['mqtt:hmi', 'cli:*'], min: -10, max: 1_500 };

function ask(value: TagValue, given: Partial<TagDefinition> = {}, more: object = {}, context: object = {}) {
  const definition = tag('speed', { asset: 'acme/line/pump', type: 'int16', access: 'rw', ...given });
  const command = { id: '1', tag: 'acme/line/pump/speed', value, actor: 'mqtt:hmi', reason: 'r', expires: NOW + 5_000 };
  const answer = decide({ ...command, ...more }, definition, {
    config: { rules: [RULE, { tags: [WIDE.tag], actors: ['mqtt:hmi'] }] },
    now: NOW,
    sinceLastMs: null,
    ...context,
  });
  return typeof answer === 'string' ? answer : answer.raw;
}

/** A tag that may have any value. */
const WIDE = { tag: 'acme/line/pump/total' };

const ANSWERS: readonly (readonly [what: string, answer: TagValue, expected: TagValue | RegExp])[] = [
  ['a value within the rule', ask(1_200), 1_200],
  ['a value between registers is rounded', ask(12.4), 12],
  ['scaled values go back to raw ones', ask(12.5, { scale: 0.1, offset: 2 }), 105],
  ['a mapped range too', ask(50, { rawLow: 0, rawHigh: 27_648, engLow: 0, engHigh: 100 }), 13_824],
  ['the mapped range is a bound', ask(101, { rawLow: 0, rawHigh: 27_648, engLow: 0, engHigh: 100 }), /above 100/],
  ['below the rule', ask(-11), /-11 is below -10/],
  ['above the rule', ask(1_501), /1501 is above 1500/],
  ['beyond the type', ask(1_000, { type: 'int8' }), /does not fit int8 \(raw 1000\)/],
  ['beyond an unsigned type', ask(-1, { type: 'uint32' }), /does not fit uint32/],
  ['a 64-bit integer stays exact', ask(1_200n, { type: 'uint64' }), 1_200n],
  ['a 64-bit integer as text', ask('-9007199254740993', { type: 'int64' }, WIDE), -9_007_199_254_740_993n],
  ['one that was rounded', ask(9_007_199_254_740_992, { type: 'int64' }, WIDE), /rounded.*as text, "9007199254740992"/],
  ['one beyond its type', ask('9223372036854775808', { type: 'int64' }, WIDE), /does not fit int64/],
  ['a text for fewer bits', ask('12', { type: 'int32' }), /"12" is no number/],
  ['a float', ask(1.5, { type: 'float32' }), 1.5],
  ['no number', ask('fast'), /"fast" is no number/],
  ['not a number', ask(Number.NaN), /no finite number/],
  ['nothing', ask(null), /no value/],
  ['a switch', ask(true, { type: 'bool' }), true],
  ['a switch as a number', ask(0, { type: 'bool' }), false],
  ['a bit of a register', ask(1, { bit: 3 }), true],
  ['no switch', ask(2, { type: 'bool' }), /not true or false/],
  ['a text', ask('abc', { type: 'string', length: 4 }), 'abc'],
  ['a text that is too long', ask('Grüße', { type: 'string', length: 6 }), /has 7 bytes and the tag 6/],
  ['another actor', ask(1, {}, { actor: 'mqtt:guest' }), /no rule lets mqtt:guest write/],
  ['any user of the command line', ask(1, {}, { actor: 'cli:anna' }), 1],
  ['another kind with the same beginning', ask(1, {}, { actor: 'clix:anna' }), /no rule lets/],
  ['another tag', ask(1, {}, { tag: 'acme/line/pump/torque' }), /no rule allows writing/],
  ['a read-only tag', ask(1, { access: 'r' }), /read-only in the tag table/],
  ['too far ahead', ask(1, {}, { expires: NOW + 60_001 }), /more than 60000 ms ahead/],
  ['without a reason', ask(1, {}, { reason: ' ' }), /no reason/],
  ['too soon after the last', ask(1, {}, {}, { sinceLastMs: 999 }), /less than 1000 ms ago/],
  ['long enough after the last', ask(1, {}, {}, { sinceLastMs: 1_000 }), 1],
  ['no rules at all', ask(1, {}, {}, { config: {} }), /no rule allows writing/],
];

t.test('a command is allowed by rule, range and type, or refused with the reason', async (t) => {
  for (const [what, answer, expected] of ANSWERS) {
    if (expected instanceof RegExp) t.match(answer, expected, what);
    else t.equal(answer, expected, what);
  }
});

t.test('a tag that is not there is named', async (t) => {
  const command = { id: '1', tag: 'a/b', value: 1, actor: 'mqtt:hmi', reason: 'r', expires: NOW };
  t.match(decide(command, undefined, { config: {}, now: NOW, sinceLastMs: null }), /there is no tag a\/b/);
});

const LOCKS: readonly (readonly [what: string, refusal: string | null, expected: RegExp | null])[] = [
  ['closed guard', interlockRefusal({ tag: 'a/guard', equals: true }, true, true), null],
  ['closed guard as a register', interlockRefusal({ tag: 'a/guard', equals: true }, 1, true), null],
  ['open guard', interlockRefusal({ tag: 'a/guard', equals: true }, false, true), /a\/guard is false, not true/],
  ['unknown guard', interlockRefusal({ tag: 'a/guard', equals: true }, true, false), /not known/],
  ['no value', interlockRefusal({ tag: 'a/guard', equals: false }, null, true), /not known/],
  ['state by number', interlockRefusal({ tag: 'a/state', equals: 4 }, 4, true), null],
  ['level in range', interlockRefusal({ tag: 'a/level', min: 10, max: 90 }, 50, true), null],
  ['level too low', interlockRefusal({ tag: 'a/level', min: 10 }, 9, true), /is 9, below 10/],
  ['level too high', interlockRefusal({ tag: 'a/level', max: 90 }, 91, true), /is 91, above 90/],
  ['a text is no level', interlockRefusal({ tag: 'a/level', max: 90 }, 'x', true), /above 90/],
];

t.test('an interlock allows only what it knows', async (t) => {
  for (const [what, refusal, expected] of LOCKS) {
    if (expected === null) t.equal(refusal, null, what);
    else t.match(refusal, expected, what);
  }
});

t.test('rules that mean nothing are named', async (t) => {
  const rules = [
    { tags: ['speed', 'a/#/b'], actors: ['hmi'], min: 2, max: 1, interlock: { tag: 'a/b' } },
    { tags: ['a/b'], actors: ['mqtt:x'] },
  ];
  t.same(
    checkCommands({ rules }).map(({ field }) => field),
    ['rules.0.tags.0', 'rules.0.tags.1', 'rules.0.actors.0', 'rules.0.min', 'rules.0.interlock'],
  );
});
