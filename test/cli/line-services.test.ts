import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { lineServices } from '../../src/cli/line-services.ts';
import { checkSchema } from '../../src/config/schema-check.ts';
import { schemaNodeOf } from '../../src/config/schema-node.ts';
import { HEALTH_SPEC } from '../../src/services/health/config.ts';
import { readCsvFixture } from '../../src/simulate/csv-fixture.ts';

async function servicesOf(text: string, speed: number) {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-services-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'export.csv');
  await writeFile(path, text);
  const fixture = await readCsvFixture(path);
  const tags = fixture.tags.map((tag) => ({ ...tag, scanMs: Math.max(50, tag.scanMs / speed) }));
  const services = await lineServices(path, { fixture, tags }, speed);
  const { health } = services;
  if (health !== undefined) t.same(checkSchema(schemaNodeOf(HEALTH_SPEC.schema), health).issues, [], 'it validates');
  return health as
    | undefined
    | {
        tick_ms: number;
        learn_ticks: number;
        stale_ms: number;
        assets: { asset: string; signals: { tag: string }[] }[];
      };
}

/** A row each `stepMs` of a measurement, one that is mostly absent, a state and a text. */
function rows(count: number, stepMs: number): string {
  const lines = Array.from({ length: count }, (_, row) => {
    const time = new Date(Date.UTC(2026, 0, 1) + row * stepMs).toISOString();
    return `${time},${(20 + Math.sin(row)).toFixed(3)},${row % 9 === 0 ? '1.5' : ''},${row % 2},run`;
  });
  return `time,heat,rare,on,state\n${lines.join('\n')}\n`;
}

t.test('measurements are watched; states, texts and what is mostly absent are not', async (t) => {
  const health = await servicesOf(rows(1200, 1000), 20);
  t.match(health, {
    tick_ms: 500,
    learn_ticks: 30,
    assets: [{ asset: 'simulated/export', signals: [{ tag: 'heat' }] }],
  });
  t.same(
    health?.assets.flatMap(({ signals }) => signals),
    [{ tag: 'heat' }],
  );
});

t.test('what is learnt from is a part of the recording, however slow its rows are', async (t) => {
  const slow = await servicesOf(rows(4000, 300_000), 20_000);
  t.match(slow, { tick_ms: 50, learn_ticks: 300 });
  const real = await servicesOf(rows(400, 300_000), 1);
  t.match(real, { tick_ms: 60_000, learn_ticks: 360, stale_ms: 6_000_000 });
});

t.test('a file without measurements gets no service', async (t) => {
  t.equal(await servicesOf('time,state\n2026-01-01T00:00:00Z,run\n2026-01-01T00:00:01Z,stop\n', 1), undefined);
});
