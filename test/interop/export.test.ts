import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { openJournal } from '../../src/journal/journal-client.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { headgate } from '../cli/run-headgate.ts';
import { int16List, plainEvent, report } from '../support/events.ts';
import { recordingObserver } from '../support/observer.ts';

/*
 * Exports, read by DuckDB (Parquet, CSV) and cbor2. Needs the interpreter that scripts/test-interop prepares.
 */

const START = Date.UTC(2026, 10, 25, 10);
const REPORTS = 30_000;
const list = int16List('press-1', 2);

async function readBack(kind: string, path: string) {
  const python = process.env['HEADGATE_INTEROP_PYTHON'];
  if (python === undefined) throw new Error('run this by: npm run test:interop');
  const script = fileURLToPath(new URL('read_export.py', import.meta.url));
  const { stdout } = await promisify(execFile)(python, [script, kind, path], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

t.test('exports are read by what others wrote', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-export-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const journal = await openJournal({
    directory: join(directory, 'journal'),
    config: { commit_linger_ms: 0 },
    clock: systemClock,
    observer: recordingObserver(),
  });
  for (let i = 0; i < REPORTS; i += 1000) {
    const second = (n: number) => report(list, [n % 100, -(n % 100)], START + n * 1000);
    await journal.append(Array.from({ length: 1000 }, (_, k) => second(i + k)));
  }
  await journal.append([plainEvent(1)]);
  await journal.close();
  const config = join(directory, 'config');
  await headgate(['init', '--minimal', config]);
  await writeFile(join(config, 'gateway.yaml'), `gateway:\n  name: gw\n  asset: acme\n  data_dir: ${directory}\n`);
  const file = async (format: string) => {
    const path = join(directory, `export.${format}`);
    const result = await headgate(['-c', config, 'event', 'export', '--format', format, '--output', path]);
    t.equal(result.code, 0, result.err);
    return readBack(format, path);
  };
  const rows = [
    ['register_40001', REPORTS, 0, 99, START, 'Good'],
    ['register_40002', REPORTS, -99, 0, START, 'Good'],
  ];
  const parquet = await file('parquet');
  t.strictSame(parquet.rows, rows, 'in more than one row group');
  t.strictSame(Object.fromEntries(parquet.columns), {
    time: 'TIMESTAMP WITH TIME ZONE',
    asset: 'VARCHAR',
    tag: 'VARCHAR',
    value: 'DOUBLE',
    text: 'VARCHAR',
    unit: 'VARCHAR',
    quality: 'VARCHAR',
    status: 'BIGINT',
    recorded: 'TIMESTAMP WITH TIME ZONE',
    sequence: 'BIGINT',
    id: 'VARCHAR',
    type: 'VARCHAR',
  });
  t.strictSame((await file('csv')).rows, rows);
  const cbor = await file('cbor');
  t.equal(cbor.format, 'headgate.batch.v1');
  t.strictSame(
    cbor.sequences,
    Array.from({ length: REPORTS + 1 }, (_, i) => i + 1),
  );
});
