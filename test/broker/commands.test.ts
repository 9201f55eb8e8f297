import t, { type Test } from 'tap';
import { publishRefusal } from '../../src/broker/access.ts';
import { readClientCommand } from '../../src/broker/client-command.ts';
import type { CommandDesk, TagCommand } from '../../src/ports/command.ts';
import { until } from '../support/until.ts';
import { client, EVERYTHING, outcome, running } from './support.ts';

const EXPIRES = '2030-01-31T13:45:00Z';
const TOPIC = 'cmd/v1/acme/line/pump/speed';
const COMMAND = { id: 'c1', value: 1_200, reason: 'shift change', expires: EXPIRES };

const READ: readonly (readonly [what: string, topic: string, payload: string, expected: RegExp | 'taken'])[] = [
  ['a command', TOPIC, JSON.stringify(COMMAND), 'taken'],
  ['a switch', TOPIC, JSON.stringify({ ...COMMAND, value: false }), 'taken'],
  ['no value', TOPIC, JSON.stringify({ ...COMMAND, value: undefined }), /value is not a number/],
  ['an object as value', TOPIC, JSON.stringify({ ...COMMAND, value: {} }), /value is not a number/],
  ['no expiry', TOPIC, JSON.stringify({ ...COMMAND, expires: undefined }), /expires is not RFC 3339/],
  ['a day that does not exist', TOPIC, JSON.stringify({ ...COMMAND, expires: '2030-02-31X' }), /expires is not/],
  ['no id', TOPIC, JSON.stringify({ ...COMMAND, id: '' }), /id is not a text/],
  ['no reason', TOPIC, JSON.stringify({ ...COMMAND, reason: 7 }), /reason is not a text/],
  ['a key too many', TOPIC, JSON.stringify({ ...COMMAND, vlaue: 1 }), /"vlaue" is not one of id, value/],
  ['no JSON', TOPIC, '1200', /not a JSON object/],
  ['not UTF-8', TOPIC, '{', /not JSON in UTF-8/],
  ['a tag without an asset', 'cmd/v1/speed', JSON.stringify(COMMAND), /the topic is not/],
  ['an empty level', 'cmd/v1/acme//speed', JSON.stringify(COMMAND), /the topic is not/],
];

t.test('a message is a whole command or none, with the reason', async (t) => {
  for (const [what, topic, payload, expected] of READ) {
    const read = readClientCommand({ topic, payload: Buffer.from(payload), retain: false }, 'hmi');
    if (expected === 'taken') {
      t.match(read, { id: 'c1', tag: 'acme/line/pump/speed', actor: 'mqtt:hmi', expires: Date.parse(EXPIRES) }, what);
    } else t.match(read, expected, what);
  }
  const retained = { topic: TOPIC, payload: Buffer.from(JSON.stringify(COMMAND)), retain: true };
  t.match(readClientCommand(retained, 'hmi'), /must not be retained/);
});

t.test('only a rule that begins with cmd/v1/ opens commands', async (t) => {
  t.match(publishRefusal({ publish: ['#'], subscribe: [] }, TOPIC), /no publish rule that begins with cmd\/v1\//);
  t.equal(publishRefusal({ publish: ['cmd/v1/acme/#'], subscribe: [] }, TOPIC), null);
  t.match(publishRefusal({ publish: ['cmd/v1/other/#'], subscribe: [] }, TOPIC), /no publish rule that begins/);
});

const RULES = { publish: ['cmd/v1/acme/#'], subscribe: [] };

/** A broker whose commands are kept, and taken or not as the test says. */
async function withDesk(t: Test, submit: CommandDesk['submit']) {
  const taken: TagCommand[] = [];
  const { url, observer } = await running(
    t,
    { users: { hmi: { password: { file: '/x' }, ...RULES }, other: { password: { file: '/x' }, ...EVERYTHING } } },
    {
      commands: {
        submit: (command) => {
          taken.push(command);
          return submit(command);
        },
      },
    },
  );
  const signIn = (username: string, more = {}) => client(t, url, { username, password: 'geheim', ...more });
  return { taken, signIn, observer };
}

const done = (command: TagCommand) => ({
  id: command.id,
  tag: command.tag,
  outcome: 'done' as const,
  problem: null,
  before: null,
  after: null,
});

t.test('a command is acknowledged once its request is recorded, not before', async (t) => {
  let record: () => void = () => undefined;
  const recorded = new Promise<void>((resolve) => {
    record = resolve;
  });
  const { signIn } = await withDesk(t, async (command) => {
    await recorded;
    return { result: Promise.resolve(done(command)) };
  });
  const hmi = await signIn('hmi');
  let isAcknowledged = false;
  const acknowledged = hmi.publishAsync(TOPIC, JSON.stringify(COMMAND), { qos: 1 }).then(() => {
    isAcknowledged = true;
  });
  // A round trip later the command has long been with the desk.
  await hmi.subscribeAsync('nothing').catch(() => undefined);
  t.equal(isAcknowledged, false);
  record();
  await acknowledged;
  t.equal(isAcknowledged, true);
});

t.test('a command that cannot be recorded is not acknowledged', async (t) => {
  const { signIn } = await withDesk(t, () => Promise.reject(new Error('disk full')));
  t.equal(await outcome(await signIn('hmi'), TOPIC, JSON.stringify(COMMAND)), 'closed');
});

t.test('commands at QoS 0, from clients without the rule, or malformed never reach the desk', async (t) => {
  const { signIn, taken, observer } = await withDesk(t, async (command) => ({
    result: Promise.resolve(done(command)),
  }));
  const hmi = await signIn('hmi');
  await hmi.publishAsync(TOPIC, JSON.stringify(COMMAND), { qos: 0 });
  t.equal(await outcome(await signIn('other'), TOPIC, JSON.stringify(COMMAND)), 'closed');
  t.equal(await outcome(hmi, TOPIC, '{}'), 'closed');
  t.same(taken, []);
  t.ok(observer.emitted.filter(({ name }) => name === 'broker-publish-refused').length >= 3);
});

t.test('a will that is a command is not carried out', async (t) => {
  const { signIn, taken, observer } = await withDesk(t, async (command) => ({
    result: Promise.resolve(done(command)),
  }));
  const hmi = await signIn('hmi', { will: { topic: TOPIC, payload: Buffer.from(JSON.stringify(COMMAND)), qos: 1 } });
  hmi.stream.destroy();
  await until(() => observer.emitted.some(({ name }) => name === 'broker-publish-refused'), { what: 'the refusal' });
  t.same(taken, []);
});
