import { closeSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PageReader } from '../../src/journal/page-reader.ts';
import { complete } from '../../src/journal/segment-bytes.ts';
import type { Store } from '../../src/journal/store.ts';
import { openEngine, record, scratch } from './support.ts';

const NOW = 1_700_000_000_000;
const CONFIG = { segment_mb: 2 };
const REQUEST = { after: 0, maxEvents: 10_000, maxBytes: 64_000_000 };

/** Two sealed and hashed segments of 2 MB, with a restart since. */
function sealed(directory: string): Store {
  const { store } = openEngine(directory, CONFIG);
  for (let n = 0; n < 1200; n += 100) {
    const records = Array.from({ length: 100 }, (_, i) => record(n + i, 'bulk', 4000));
    store.commit([{ records, recorded: NOW }], NOW);
  }
  for (const segment of store.unhashed) store.setHash(segment, complete(store.hash(segment)));
  store.close(NOW);
  return openEngine(directory, CONFIG).store;
}

/** Steps until a page comes, with a commit after each. */
function stepsToPage(store: Store, reader: PageReader) {
  for (let steps = 1; ; steps++) {
    const done = reader.step(store);
    if (done !== null) return { steps, page: done.page };
    store.commit([{ records: [record(steps, 'critical')], recorded: NOW }], NOW);
  }
}

t.test('the hash of a segment is compared slice by slice, with commits in between, and once', (t) => {
  const store = sealed(scratch(t));
  const reader = new PageReader();
  const until = store.lastSequence;
  const where = { asset: 'nothing/of/the/kind' };
  reader.ask(1, { ...REQUEST, until, where });
  const first = stepsToPage(store, reader);
  t.equal(first.page.ends.length, 0);
  t.ok(first.steps > 15, `${first.steps} steps for 4 MB`);
  reader.ask(2, { ...REQUEST, until, where });
  t.ok(stepsToPage(store, reader).steps < 8, 'it is not compared again');
  store.close(NOW);
  t.end();
});

t.test('a search about a time compares no segment of another time', (t) => {
  const store = sealed(scratch(t));
  const reader = new PageReader();
  reader.ask(1, { ...REQUEST, until: store.lastSequence, where: { from: 5_000_000 } });
  t.equal(stepsToPage(store, reader).steps, 1);
  store.close(NOW);
  t.end();
});

t.test('a segment whose hash differs is put aside before anything of it is read, and the rest is read', (t) => {
  const directory = scratch(t);
  const store = sealed(directory);
  const [name = ''] = readdirSync(join(directory, 'bulk')).sort();
  const path = join(directory, 'bulk', name);
  const handle = openSync(path, 'r+');
  writeSync(handle, new Uint8Array([0x55]), 0, 1, statSync(path).size - 3000);
  closeSync(handle);
  const reader = new PageReader();
  const until = store.lastSequence;
  reader.ask(1, { ...REQUEST, until });
  const { page } = stepsToPage(store, reader);
  t.ok((page.sequences[0] ?? 0) > 400, 'the first segment is gone');
  t.equal(page.sequences.at(-1), until);
  t.equal(readdirSync(join(directory, 'quarantine')).length, 1);
  store.close(NOW);
  t.end();
});
