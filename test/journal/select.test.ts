import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { OfflineReader } from '../../src/journal/offline-reader.ts';
import type { EventDraft } from '../../src/model/event.ts';
import { makeTagList } from '../../src/model/event-codec.ts';
import { LANES, type Lane } from '../../src/model/tag.ts';
import { TelemetryReport } from '../../src/model/telemetry.ts';
import type { EventSelection, Page, PageRequest } from '../../src/ports/journal.ts';
import { open, scratch } from './support.ts';

const START = 1_700_000_000_000;
const ASSETS = ['acme/line-1', 'acme/line-1/press', 'acme/line-10', 'acme/line-2'];
const TYPES = ['acme.a.v1', 'acme.a.v2', 'acme.b_.v1', 'headgate.telemetry.v1'];

/** An event that follows from three numbers; every fourth type is a report of the tags a and its own. */
function eventOf([type, asset, minute]: readonly number[], n: number): EventDraft {
  const subject = ASSETS[(asset ?? 0) % ASSETS.length] ?? '';
  const time = START + (minute ?? 0) * 60_000;
  const lane = LANES[n % 3] as Lane;
  const name = TYPES[(type ?? 0) % TYPES.length] ?? '';
  if (name !== 'headgate.telemetry.v1') {
    return { source: '/x', type: name, subject, time, lane, data: { n, filler: 'x'.repeat(200) } };
  }
  const names = ['a', `tag_${n % 3}`];
  const list = makeTagList({
    source: '/x',
    device: 'd',
    asset: subject,
    group: 'd_1000ms',
    lane,
    names,
    units: ['', ''],
    types: ['float64', 'float64'],
  });
  const columns = {
    indexes: null,
    values: new Float64Array([n, n]),
    statuses: 0,
    timeBase: time,
    timeDeltas: 0,
  } as const;
  return { source: '/x', type: name, subject, time, lane, data: new TelemetryReport(list, columns) };
}

function matches(draft: EventDraft, where: EventSelection, lanes: readonly Lane[] | undefined): boolean {
  const { type, asset, tag, from, to } = where;
  return (
    (type === undefined || (type.endsWith('*') ? draft.type.startsWith(type.slice(0, -1)) : draft.type === type)) &&
    (asset === undefined || draft.subject === asset || draft.subject.startsWith(`${asset}/`)) &&
    (tag === undefined || (draft.data instanceof TelemetryReport && draft.data.list.names.includes(tag))) &&
    (from === undefined || draft.time >= from) &&
    (to === undefined || draft.time < to) &&
    (lanes === undefined || lanes.includes(draft.lane))
  );
}

async function search(read: (request: PageRequest) => Page | Promise<Page>, request: PageRequest): Promise<number[]> {
  const found: number[] = [];
  for (let after = request.after; after < request.until; ) {
    const page = await read({ ...request, after });
    if (page.through <= after) throw new Error(`no progress after ${after}`);
    found.push(...page.events.map(({ sequence }) => sequence));
    after = page.through;
  }
  return found;
}

t.test('a selection finds what matches, in order, whatever the pages, in the journal and in its files', async (t) => {
  const directory = scratch(t);
  const journal = await open(t, directory, { segment_mb: 0.0625 });
  const drafts: EventDraft[] = [];
  const numbers = fc.sample(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(60)), 1500);
  for (let i = 0; i < numbers.length; i += 100) {
    const some = numbers.slice(i, i + 100).map((three, k) => eventOf(three, i + k));
    drafts.push(...some);
    await journal.append(some);
  }
  const until = journal.lastSequence;
  const selection = fc.record(
    {
      type: fc.constantFrom('acme.a.v1', 'acme.*', 'acme.b_.v1', 'acme.b*', '*', 'headgate.telemetry.v1', 'none.v1'),
      asset: fc.constantFrom('acme', 'acme/line-1', 'acme/line-10', 'acme/line-2', 'acm', 'acme/line_1'),
      tag: fc.constantFrom('a', 'tag_1', 'tag_9'),
      from: fc.nat(60).map((minute) => START + minute * 60_000),
      to: fc.nat(60).map((minute) => START + minute * 60_000),
    },
    { requiredKeys: [] },
  );
  const files = new OfflineReader(directory);
  t.teardown(() => files.close());
  await fc.assert(
    fc.asyncProperty(
      selection,
      fc.option(fc.subarray([...LANES]), { nil: undefined }),
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 50_000 }),
      async (where, lanes, maxEvents, maxBytes) => {
        const wanted = drafts.flatMap((draft, i) => (matches(draft, where, lanes) ? [i + 1] : []));
        const request = { after: 0, until, where, maxEvents, maxBytes, ...(lanes === undefined ? {} : { lanes }) };
        t.strictSame(await search((one) => journal.read(one), request), wanted);
        t.strictSame(await search((one) => files.read(one), request), wanted);
      },
    ),
    { numRuns: 60 },
  );
});

t.test('a question about a time does not open segments of other times', async (t) => {
  const directory = scratch(t);
  const journal = await open(t, directory, { segment_mb: 0.0625 });
  for (let minute = 0; minute < 60; minute++) {
    await journal.append(Array.from({ length: 30 }, (_, i) => eventOf([0, 0, minute], i * 3 + 2)));
  }
  const until = journal.lastSequence;
  const names = readdirSync(join(directory, 'bulk'))
    .filter((name) => name.endsWith('.db'))
    .sort();
  t.ok(names.length > 5, 'there are several segments');
  // What is opened there would be found damaged.
  for (const name of names.slice(0, 2)) truncateSync(join(directory, 'bulk', name), 4096);
  const where = { from: START + 50 * 60_000, to: START + 52 * 60_000 };
  const request = { after: 0, until, where, maxEvents: 1000, maxBytes: 1_000_000 };
  t.equal((await search((one) => journal.read(one), request)).length, 60);
  const quarantined = () => journal.observer.emitted.filter(({ name }) => name === 'journal-segment-quarantined');
  t.strictSame(quarantined(), []);
  t.equal((await search((one) => journal.read(one), { ...request, where: { to: START + 60_000 } })).length, 0);
  t.equal(quarantined().length, 1, 'the first one is');
});

t.test('a search does not hold up a consumer that is behind', async (t) => {
  const journal = await open(t, scratch(t), { segment_mb: 0.0625 });
  for (let i = 0; i < 60; i++) await journal.append(Array.from({ length: 300 }, (_, k) => eventOf([0, 0, i], k)));
  const until = journal.lastSequence;
  let isSearching = true;
  const bounds = { maxEvents: 100, maxBytes: 100_000 };
  const searching = search((one) => journal.read(one), { after: 0, until, where: { type: 'none.v1' }, ...bounds }).then(
    (found) => {
      isSearching = false;
      return found;
    },
  );
  const page = await journal.read({ after: 0, until, ...bounds });
  t.equal(page.events.length, 100);
  t.equal(isSearching, true, 'the page came before the search was through');
  t.strictSame(await searching, []);
});
