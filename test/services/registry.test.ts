import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openJournal } from '../../src/journal/journal-client.ts';
import type { HeadgateEvent } from '../../src/model/event.ts';
import { decodeEvent } from '../../src/model/event-codec.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { createServiceHost } from '../../src/runtime/service-host.ts';
import { BUILT_IN_SERVICES, loadService, SERVICE_SPECS } from '../../src/services/registry.ts';
import { int16List, report } from '../support/events.ts';
import { recordingObserver } from '../support/observer.ts';
import { allRun } from '../support/service-rig.ts';
import { until } from '../support/until.ts';

t.test('every built-in service loads under the name that its configuration has', async (t) => {
  for (const { spec, isolation } of BUILT_IN_SERVICES) {
    const { manifest, configSchema } = await loadService(spec.kind, null);
    t.equal(manifest.name, spec.kind);
    t.equal(manifest.isolation, isolation);
    t.equal(configSchema, spec.schema);
  }
  t.same(SERVICE_SPECS.map(({ kind }) => kind).sort(), ['custom', 'equipment-state', 'health']);
});

t.test('a file that is no service names the file and what is missing', async (t) => {
  const dir = t.testdir({
    'empty.js': 'export const manifest = {};',
    'broken.js': 'export default {',
    'half.js': 'export default { manifest: null };',
  });
  await t.rejects(loadService('mine', join(dir, 'none.js')), { code: 'SERVICE_LOAD_FAILED', message: /none\.js/ });
  await t.rejects(loadService('mine', join(dir, 'broken.js')), { code: 'SERVICE_LOAD_FAILED' });
  await t.rejects(loadService('mine', join(dir, 'empty.js')), {
    code: 'SERVICE_LOAD_FAILED',
    message: /the default export needs/,
  });
  await t.rejects(loadService('mine', join(dir, 'half.js')), {
    code: 'SERVICE_LOAD_FAILED',
    message: /the default export needs/,
  });
  await t.rejects(loadService('mine', null), { code: 'SERVICE_UNKNOWN' });
});

t.test(
  'the service in the README counts what equipment-state reports, over a restart, from a real journal',
  async (t) => {
    const readme = readFileSync(fileURLToPath(new URL('../../src/services/README.md', import.meta.url)), 'utf8');
    const dir = t.testdir({});
    const file = join(dir, 'part-counter.mjs');
    writeFileSync(file, /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '');
    const list = int16List('press-7', 1_000);
    const journal = await openJournal({
      directory: dir,
      config: {},
      clock: systemClock,
      observer: recordingObserver(),
    });
    const makeHost = () =>
      createServiceHost({
        services: [
          {
            name: 'equipment-state',
            config: { assets: [{ asset: list.asset, state_tag: 'register_40001', preset: 'packml' }] },
          },
          {
            name: 'custom',
            config: {
              modules: [{ name: 'part-counter', module: file, isolation: 'shared', config: { asset: list.asset } }],
            },
          },
        ],
        journal,
        gatewayName: 'gw',
        dataDir: dir,
        clock: systemClock,
        random: Math.random,
        observer: recordingObserver(),
      });
    const first = makeHost();
    await first.start();
    await allRun(first);
    const scan = (state: number, time: number) => report(list, [state, ...new Array<number>(999).fill(0)], time);
    await journal.append([scan(4, 1_000)]);
    await journal.append([scan(6, 2_000)]);
    await until(async () => (await first.query('part-counter', 'parts')) === 1, { what: 'the first part' });
    await first.stop();
    await journal.append([scan(6, 3_000), scan(4, 4_000), scan(6, 5_000)]);
    const second = makeHost();
    t.teardown(async () => {
      await second.stop();
      await journal.close();
    });
    await second.start();
    await allRun(second);
    await until(async () => (await second.query('part-counter', 'parts')) === 2, { what: 'the second part' });
    let events: HeadgateEvent<Record<string, unknown>>[] = [];
    const ofType = (wanted: string) => events.filter(({ type }) => type === wanted);
    const accepted = async () => {
      const page = await journal.read({ after: 0, until: journal.lastSequence, maxEvents: 100, maxBytes: 1_000_000 });
      events = page.events.map((stored) => decodeEvent(stored, journal.journalId) as (typeof events)[number]);
      return ofType('acme.parts-counted.v1').length === 2;
    };
    await until(accepted, { what: 'both counts in the journal' });
    t.same(
      ofType('headgate.equipment-state-changed.v1').map(({ data, time }) => [data['previous'], data['state'], time]),
      [
        ['unknown', 'idle', 1_000],
        ['idle', 'running', 2_000],
        ['running', 'idle', 4_000],
        ['idle', 'running', 5_000],
      ],
    );
    t.match(
      ofType('acme.parts-counted.v1').map(({ source, data }) => [source, data]),
      [
        ['/headgate/gw/part-counter', { parts: 1 }],
        ['/headgate/gw/part-counter', { parts: 2 }],
      ],
    );
  },
);
