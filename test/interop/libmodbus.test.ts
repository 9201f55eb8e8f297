// Modbus TCP servers of libmodbus with the moods of real devices, side by side in one gateway.
import t from 'tap';
import { until } from '../support/until.ts';
import { CurrentValues } from './current-values.ts';
import { startLibmodbus } from './peer.ts';
import { rig } from './rig.ts';

/** What each device does: see libmodbus_server.c. */
const MOODS = ['plain', 'small', 'slow', 'busy', 'hasty', 'late', 'holes', 'mute'] as const;
const HOLDING = Array.from({ length: 40 }, (_, n) => n * 3);
const isBad = (quality = 0) => quality >>> 31 === 1;
/** Registers 50 to 59 of `holes`, where no register is. */
const isHole = (mood: string, tag: string) => mood === 'holes' && /^h5\d$/.test(tag);

/** What stands in a tag's place in the device. */
function expected(tag: string): unknown {
  const [, kind, digits = ''] = /^([a-z]+)(\d+)$/.exec(tag) ?? [];
  const n = Number(digits);
  if (kind === 'h') return 1000 + n;
  if (kind === 'i') return 2000 + n;
  if (kind === 'l') return (1000 + n) * 65_536 + 1000 + n + 1;
  return n % 2 === 1;
}

t.setTimeout(120_000);

t.test('every device is read as it is, and none is a burden to another', async (t) => {
  const servers = await Promise.all(MOODS.map((mood) => startLibmodbus([mood])));
  const gateway = rig({
    gateway: { broker: { listen: { port: 0 }, anonymous: { subscribe: ['uns/v1/#'] } } },
    devices: MOODS.map((mood, i) => ({
      name: mood,
      driver: 'modbus-tcp',
      host: '127.0.0.1',
      port: servers[i]?.port,
      timeout_ms: 500,
      reconnect_min_ms: 100,
      reconnect_max_ms: 1_000,
    })),
    tags: MOODS.flatMap((mood) => [
      ...HOLDING.map((n) => `${mood},h${n},test/${mood},HR:${n},uint16,,,,200,`),
      `${mood},i7,test/${mood},30008,uint16,,,,200,`,
      `${mood},l130,test/${mood},HR:130,uint32,,,,200,`,
      `${mood},c3,test/${mood},CO:3,bool,,,,200,`,
      `${mood},d4,test/${mood},DI:4,bool,,,,200,`,
      `${mood},h500,test/${mood},HR:500,uint16,,,,200,`,
    ]),
  });
  const daemon = await gateway.start();
  const port = (await daemon.status()).broker.address?.port ?? 0;
  const values = new Map<string, CurrentValues>();
  for (const mood of MOODS) values.set(mood, await CurrentValues.follow(port, `test/${mood}`));
  t.teardown(async () => {
    for (const one of values.values()) await one.close();
    await daemon.stop();
    await Promise.all(servers.map((server) => server.stop()));
    gateway.remove();
  });
  const tagsOf = (mood: string) =>
    [...HOLDING.map((n) => `h${n}`), 'i7', 'l130', 'c3', 'd4'].filter((tag) => !isHole(mood, tag));
  const scansOf = async (mood: string) => {
    const device = (await daemon.status()).devices.find(({ name }) => name === mood);
    return device?.stats?.requests ?? 0;
  };

  for (const mood of MOODS.filter((mood) => mood !== 'mute')) {
    await t.test(`${mood}: every tag has been Good`, async () => {
      const hasBeenGood = (tag: string) =>
        values
          .get(mood)
          ?.history(tag)
          .some(({ quality }) => quality === 0);
      await until(() => tagsOf(mood).every(hasBeenGood), { what: `${mood}: all tags`, timeoutMs: 30_000 });
    });
  }
  await t.test('mute: every tag is Bad', async () => {
    const mute = values.get('mute');
    await until(() => [...tagsOf('mute'), 'h500'].every((tag) => isBad(mute?.of(tag)?.quality)), { what: 'all Bad' });
  });
  await t.test('devices in a good mood are read at their pace beside the others', async (t) => {
    const before = await scansOf('plain');
    const began = performance.now();
    await until(async () => (await scansOf('plain')) >= before + 30, { what: '30 requests', timeoutMs: 20_000 });
    t.ok(performance.now() - began < 10_000, `${Math.round(performance.now() - began)} ms`);
  });
  await t.test('what is not there is named, alone', async (t) => {
    const faults = (await daemon.status()).tagFaults;
    const named = (mood: string) => faults.filter(({ device }) => device === mood).map(({ tag }) => tag);
    for (const mood of ['plain', 'small', 'slow']) t.same(named(mood), ['h500'], mood);
    t.same(named('holes').sort(), ['h500', 'h51', 'h54', 'h57']);
  });
  await t.test('no value was Good that the device does not hold', async (t) => {
    for (const mood of MOODS) {
      for (const tag of tagsOf(mood)) {
        for (const { value, quality } of values.get(mood)?.history(tag) ?? [])
          if (quality === 0 ? value !== expected(tag) : value !== null)
            t.fail(`${mood} ${tag}: ${JSON.stringify({ value, quality })}`);
      }
      t.notOk(
        values
          .get(mood)
          ?.history('h500')
          .some(({ quality }) => quality === 0),
        `${mood}: h500 was never Good`,
      );
    }
  });
});
