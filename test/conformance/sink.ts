import type { Test } from 'tap';
import { HeadgateError } from '../../src/errors/headgate-error.ts';
import type { OutgoingBatch, Sink } from '../../src/ports/sink.ts';
import type { ReceivedBatch } from '../../src/sinks/batch-decoder.ts';
import { plainEvent } from '../support/events.ts';
import { livedMsOf } from '../support/lived-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { until } from '../support/until.ts';

/** A destination under control, and a sink that points at it. */
export interface SinkBench {
  readonly sink: Sink;
  /** All that the destination got so far, in the order it came. */
  received(): readonly Pick<ReceivedBatch, 'events' | 'historical' | 'sink' | 'coverage' | 'journalId'>[];
  /** The link ends with an error. */
  cut(): void;
  /** Nothing passes any more, and nothing says so; new connections hang. */
  sever(): void;
  /** Only confirmations are lost. */
  loseConfirmations(): void;
  heal(): void;
  close(): Promise<void>;
}

/** Deadlines that the bench must give its sink. */
export const SINK_BENCH_TIMES = { connectTimeoutMs: 1_000, ackTimeoutMs: 1_000 };

type CodeOf = (error: unknown) => string;
const codeOf: CodeOf = (error) => (error instanceof HeadgateError ? error.code : String(error));

/** What every sink must do, whatever it speaks: run with a bench for each implementation and each of its formats. */
export function testSink(t: Test, makeBench: () => Promise<SinkBench>): void {
  const journal = new MemoryJournal({ journalId: 'j1' });
  journal.commit(Array.from({ length: 400 }, (_, i) => plainEvent(i)));
  const batch = (first: number, count: number, historical = false): OutgoingBatch => ({
    events: journal.events.slice(first, first + count),
    historical,
    coverage: { lane: 'normal', first: first + 1, last: first + count, settled: 0 },
  });
  const bench = async (t: Test) => {
    const made = await makeBench();
    t.teardown(() => made.close());
    return made;
  };
  const sequences = (made: SinkBench) =>
    made.received().flatMap(({ events }) => events.map(({ sequence }) => sequence));

  t.test('confirms what the destination has, with its size', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    const receipt = await made.sink.send(batch(0, 3));
    await until(() => sequences(made).length === 3, { what: 'arrival' });
    t.same(sequences(made), [1, 2, 3]);
    t.ok(receipt.bytes > 0);
    t.match(made.received()[0]?.events[0], { id: 'j1-1', subject: 'acme/hamburg/line-1', data: { number: 0 } });
  });

  t.test('keeps the order of the calls with a full window', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    const sizes = [200, 1, 50, 1, 1, 100, 1, 1].slice(0, made.sink.maxInFlight);
    let first = 0;
    const sends = sizes.map((size) => {
      first += size;
      return made.sink.send(batch(first - size, size));
    });
    await Promise.all(sends);
    await until(() => sequences(made).length === first, { what: 'arrival' });
    t.same(
      sequences(made),
      Array.from({ length: first }, (_, i) => i + 1),
    );
  });

  t.test('marks a backlog as historical', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    await made.sink.send(batch(0, 2, true));
    await made.sink.send(batch(2, 1));
    await until(() => sequences(made).length === 3, { what: 'arrival' });
    t.same(
      made.received().flatMap(({ events, historical }) => events.map(() => historical)),
      [true, true, false],
    );
  });

  t.test('tells what each batch speaks for, and who sent it', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    const coverage = { lane: 'normal', first: 2, last: 9, settled: 1 } as const;
    await made.sink.send({ ...batch(4, 2), coverage });
    await until(() => sequences(made).length === 2, { what: 'arrival' });
    const told = made.received().map(({ coverage, sink }) => ({ ...coverage, sink }));
    t.match(told[0], { lane: 'normal', first: 2, settled: 1, sink: 'up' });
    t.match(told.at(-1), { lane: 'normal', last: 9, settled: 1, sink: 'up' });
    // In one piece or in several, one after the other.
    told.slice(1).forEach(({ first }, i) => {
      t.equal(first, (told[i]?.last ?? 0) + 1);
    });
  });

  t.test('tells what was passed over without an event to carry it', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    const coverage = { lane: 'bulk', first: 3, last: 9, absent: [{ first: 12, last: 15 }], settled: 20 } as const;
    const receipt = await made.sink.send({ events: [], historical: false, coverage });
    t.ok(receipt.bytes > 0);
    await until(() => made.received().length === 1, { what: 'arrival' });
    t.match(made.received()[0], { events: [], historical: false, sink: 'up', coverage, journalId: 'j1' });
  });

  t.test('refuses to send while it is not connected', async (t) => {
    const made = await bench(t);
    await t.rejects(made.sink.send(batch(0, 1)), { code: 'SINK_DISCONNECTED' });
  });

  t.test('rejects everything on the way when the link is cut, then says so once', async (t) => {
    const made = await bench(t);
    const order: string[] = [];
    made.sink.onDown(() => order.push('down'));
    await made.sink.connect();
    made.loseConfirmations();
    const sends = [made.sink.send(batch(0, 1)), made.sink.send(batch(1, 1))];
    const outcomes = sends.map((send) =>
      send.then(
        () => order.push('confirmed'),
        (error) => order.push(codeOf(error)),
      ),
    );
    await until(() => sequences(made).length === 2, { what: 'arrival' });
    made.cut();
    await Promise.all(outcomes);
    await until(() => order.includes('down'), { what: 'word of the loss' });
    t.same([...order].sort(), ['SINK_DISCONNECTED', 'SINK_DISCONNECTED', 'down']);
  });

  t.test('gives up a link on which confirmations stay away', async (t) => {
    const made = await bench(t);
    let downs = 0;
    made.sink.onDown(() => downs++);
    await made.sink.connect();
    made.sever();
    const tookMs = await livedMsOf(() => t.rejects(made.sink.send(batch(0, 1)), { code: 'SINK_TIMEOUT' }));
    t.ok(tookMs < SINK_BENCH_TIMES.ackTimeoutMs + 500);
    await until(() => downs === 1, { what: 'word of the loss' });
  });

  t.test('connects again after a loss and remembers nothing of before', async (t) => {
    const made = await bench(t);
    let downs = 0;
    made.sink.onDown(() => downs++);
    for (let round = 0; round < 5; round++) {
      await made.sink.connect();
      await made.sink.send(batch(round, 1));
      made.cut();
      await until(() => downs === round + 1, { what: 'word of the loss' });
      await made.sink.disconnect();
    }
    await until(() => sequences(made).length >= 5, { what: 'arrival' });
    t.same(sequences(made), [1, 2, 3, 4, 5]);
  });

  t.test('gives up connecting to a destination that says nothing', async (t) => {
    const made = await bench(t);
    made.sever();
    const tookMs = await livedMsOf(() => t.rejects(made.sink.connect(), { code: 'SINK_CONNECT_TIMEOUT' }));
    t.ok(tookMs < SINK_BENCH_TIMES.connectTimeoutMs + 500);
    made.heal();
    await made.sink.connect();
    await made.sink.send(batch(0, 1));
  });

  t.test('disconnects within a second with sends on the way, which reject', async (t) => {
    const made = await bench(t);
    await made.sink.connect();
    made.sever();
    const send = made.sink.send(batch(0, 1)).then(() => 'confirmed', codeOf);
    t.ok((await livedMsOf(() => made.sink.disconnect())) < 1000);
    t.equal(await send, 'SINK_DISCONNECTED');
  });

  t.test('disconnects while it connects', async (t) => {
    const made = await bench(t);
    made.sever();
    const connecting = made.sink.connect().then(() => 'connected', codeOf);
    await made.sink.disconnect();
    t.equal(await connecting, 'SINK_DISCONNECTED');
  });
}
