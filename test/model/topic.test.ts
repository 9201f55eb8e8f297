import fc from 'fast-check';
import t from 'tap';
import { isEventType } from '../../src/model/event.ts';
import { isTopicFilter, segmentToType, topicMatches, typeToSegment } from '../../src/model/topic.ts';

// Source: MQTT 3.1.1 §4.7, its own examples among them.
const matches: readonly (readonly [string, string, boolean])[] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'a/b/c', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/uptime', false],
  ['+/uptime', '$SYS/uptime', false],
  ['$SYS/#', '$SYS/uptime', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a/B', false],
  ['a/b', 'a/b/c', false],
];
for (const [filter, topic, expected] of matches) {
  t.equal(topicMatches(filter, topic), expected, `${filter} ${expected ? 'matches' : 'does not match'} ${topic}`);
}

const filters: readonly (readonly [string, boolean])[] = [
  ['', false],
  ['a/#', true],
  ['a/#/b', false],
  ['a/b#', false],
  ['a+/b', false],
  ['+', true],
  ['a\0b', false],
  ['a'.repeat(65_536), false],
];
for (const [filter, expected] of filters)
  t.equal(isTopicFilter(filter), expected, `filter ${JSON.stringify(filter.slice(0, 10))}`);

t.test('event types map to topic segments and back', async (t) => {
  const word = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 99 }), (words, version) => {
      const type = `${words.join('.')}.v${version}`;
      return (
        isEventType(type) &&
        segmentToType(typeToSegment(type)) === type &&
        /^[A-Za-z0-9_-]{1,64}$/.test(typeToSegment(type))
      );
    }),
  );
  t.notOk(isEventType('Headgate.Telemetry.v1'));
  t.notOk(isEventType('headgate.telemetry'));
  t.notOk(isEventType('head_gate.v1'));
});
