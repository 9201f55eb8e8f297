import fc from 'fast-check';
import t, { type Test } from 'tap';
import { GAP_TYPE } from '../../src/model/event.ts';
import { LANES, type Lane } from '../../src/model/tag.ts';
import type { Cursor, StoredEvent } from '../../src/ports/journal.ts';
import { countUnsettled } from '../../src/runtime/forwarder/cursor.ts';
import { Delivery, type Shipment } from '../../src/runtime/forwarder/delivery.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { OrderedReceiver } from '../../src/sinks/ordered-receiver.ts';
import type { Delivery as Incoming } from '../../src/sinks/receiver.ts';
import { plainEvent } from '../support/events.ts';

const event = (sequence: number, lane: Lane): ReceivedEvent => ({
  ...plainEvent(sequence),
  id: `j-${sequence}`,
  sequence,
  recordedtime: 1,
  lane,
});
const incoming = (lane: Lane, shipment: Shipment, settled: number): Incoming => ({
  journalId: 'j',
  sink: 'up',
  historical: shipment.historical,
  coverage: { lane, first: shipment.speaksFrom, last: shipment.last, absent: shipment.absent, settled },
  events: shipment.events.map(({ sequence }) => event(sequence, lane)),
});
const numbers = (events: readonly ReceivedEvent[]) => events.map(({ sequence }) => sequence);
const simple = (first: number, last: number, historical = false, settled = 0): Incoming => ({
  journalId: 'j',
  historical,
  coverage: { lane: 'bulk', first, last, settled },
  events: Array.from({ length: last - first + 1 }, (_, i) => event(first + i, 'bulk')),
});

t.test('live waits until the backlog before it has come', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1 });
  t.same(numbers(receiver.receive(simple(11, 12))), []);
  t.same(numbers(receiver.receive(simple(1, 5, true))), [1, 2, 3, 4, 5]);
  t.equal(receiver.held, 2);
  t.same(numbers(receiver.receive(simple(6, 10, true))), [6, 7, 8, 9, 10, 11, 12]);
  t.match(receiver.figures(), { held: 0, early: 0, unique: 12, missing: 0 });
});

t.test('passes on as it comes if it is asked to', async (t) => {
  const receiver = new OrderedReceiver({ order: 'arrival' });
  t.same(numbers(receiver.receive(simple(11, 12))), [11, 12]);
  t.same(numbers(receiver.receive(simple(1, 5, true))), [1, 2, 3, 4, 5]);
});

t.test('counts a step back in what it passes on, not one in what arrives and is put right', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1 });
  t.same(numbers(receiver.receive(simple(3, 4))), []);
  t.same(numbers(receiver.receive(simple(1, 2))), [1, 2, 3, 4]);
  t.match(receiver.figures(), { orderViolations: 0, arrivedOutOfOrder: 2 });
  const early = new OrderedReceiver({ firstSequence: 1, maxHeldEvents: 0 });
  early.receive(simple(3, 4));
  t.same(numbers(early.receive(simple(1, 2, true))), [1, 2]);
  t.match(
    early.figures(),
    { orderViolations: 2, arrivedOutOfOrder: 0, early: 2 },
    'out of order, though each as it was sent',
  );
  const again = new OrderedReceiver({}, JSON.parse(JSON.stringify(early.state())));
  t.match(again.figures(), { orderViolations: 2 }, 'also after a restart');
  const asItComes = new OrderedReceiver({ firstSequence: 1, order: 'arrival' });
  asItComes.receive(simple(3, 4));
  asItComes.receive(simple(1, 2));
  t.match(asItComes.figures(), { orderViolations: 2, arrivedOutOfOrder: 2 });
});

t.test('what lies before the account is no step back', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 10 });
  t.same(numbers(receiver.receive(simple(10, 12))), [10, 11, 12]);
  t.same(numbers(receiver.receive(simple(3, 5, true))), [3, 4, 5]);
  t.match(receiver.figures(), { orderViolations: 0 });
});

t.test('passes on the oldest early when too many wait', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1, maxHeldEvents: 3 });
  t.same(numbers(receiver.receive(simple(11, 15))), [11, 12]);
  t.match(receiver.figures(), { held: 3, early: 2 });
  t.same(numbers(receiver.receive(simple(1, 10, true))), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15]);
});

t.test('tells of a message that waits even when no more may wait, and no longer when it has passed', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1, maxHeldEvents: 3 });
  receiver.receive(simple(11, 13));
  t.same(numbers(receiver.receive(simple(14, 15))), [11, 12]);
  const waits = receiver.lastHeld;
  t.equal(waits?.(), true);
  t.same(numbers(receiver.receive(simple(14, 15))), []);
  t.equal(receiver.lastHeld, null, 'a repeat of what waits is kept once');
  receiver.receive(simple(1, 10, true));
  t.equal(receiver.lastHeld, null);
  t.equal(waits?.(), false);
});

t.test('what waits is counted once, before and after a restart', async (t) => {
  const before = new OrderedReceiver({ firstSequence: 1 });
  before.receive(simple(1, 2));
  before.receive(simple(11, 12));
  t.match(before.figures(), { received: 4, unique: 4 });
  const after = new OrderedReceiver({}, JSON.parse(JSON.stringify(before.state())));
  after.receive(simple(11, 12));
  t.match(after.figures(), { received: 4, unique: 4, repeats: 0 });
});

t.test('a replay that fills the hole lets pass what waits behind it, and a restart misses none of that', async (t) => {
  for (const passReplays of [false, true]) {
    const receiver = new OrderedReceiver({ firstSequence: 1, passReplays });
    receiver.receive(simple(3, 4));
    const { events } = simple(1, 2);
    t.same(numbers(receiver.receive({ journalId: 'j', historical: true, replay: 'r', events })), [1, 2, 3, 4]);
  }
});

t.test('does not wait for what the sender holds for confirmed', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1 });
  t.same(numbers(receiver.receive(simple(11, 12))), []);
  t.same(numbers(receiver.receive(simple(13, 13, false, 12))), [11, 12, 13]);
  t.match(receiver.figures(), { lost: 10 });
});

t.test('a gap event alone lets nothing pass: what is in its range may still come', async (t) => {
  const receiver = new OrderedReceiver({ firstSequence: 1 });
  t.same(numbers(receiver.receive(simple(11, 12))), []);
  const data = { gap: 1, lane: 'bulk', first: 1, last: 10, count: 3, unused: 0, consumers: { up: 3 } };
  const gap: ReceivedEvent = { ...event(13, 'critical'), type: GAP_TYPE, data };
  const coverage = { lane: 'critical', first: 13, last: 13, settled: 0 } as const;
  t.same(numbers(receiver.receive({ journalId: 'j', sink: 'up', historical: false, coverage, events: [gap] })), []);
  t.same(numbers(receiver.receive(simple(4, 5, true))), [], 'the sender had it in memory when the file was dropped');
  const { events } = simple(8, 8, true);
  const spoken = { lane: 'bulk', first: 6, last: 10, absent: [{ first: 1, last: 3 }], settled: 0 } as const;
  const rest: Incoming = { journalId: 'j', sink: 'up', historical: true, coverage: spoken, events };
  t.same(numbers(receiver.receive(rest)), [4, 5, 8, 11, 12]);
});

/** One lane of a gateway with its real Delivery. */
class Sender {
  readonly lane: Lane;
  delivery: Delivery;
  flying: Shipment[] = [];
  stored: number[] = [];

  constructor(lane: Lane, cursor: Cursor) {
    this.lane = lane;
    this.delivery = new Delivery(cursor, 8);
  }

  link(head: number): void {
    const waiting = Math.min(countUnsettled(this.delivery.cursor, head), this.stored.length);
    this.delivery.linkUp(head, waiting, () => head % 2 === 0);
  }

  ship(stream: 'live' | 'backlog', head: number, count: number): Shipment | null {
    const range = this.delivery.next(stream, head);
    if (range === null) return null;
    const inside = this.stored.filter((sequence) => sequence >= range.first && sequence <= range.last);
    const events = inside.slice(0, count).map((sequence): StoredEvent => {
      return { sequence, lane: this.lane, recordedtime: 0, bytes: new Uint8Array(10), list: null };
    });
    const last = inside.length > count ? (events.at(-1)?.sequence ?? range.last) : range.last;
    if (events.length > 0) return this.delivery.ship(stream, { first: range.first, last }, events, 0);
    this.delivery.skip(stream, { first: range.first, last });
    return null;
  }
}

for (const maxHeldEvents of [50_000, 3]) {
  const promise =
    maxHeldEvents === 3 ? 'each event once, also those that passed early' : 'each event once, and each lane in order';
  t.test(`whatever link, gateway and receiver do: ${promise}`, (t) => livesOf(t, maxHeldEvents));
}

async function livesOf(t: Test, maxHeldEvents: number) {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('commit' as const),
        lanes: fc.array(fc.constantFrom(...LANES), { minLength: 1, maxLength: 20 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('ship' as const),
        lane: fc.nat(2),
        stream: fc.constantFrom('live' as const, 'backlog' as const),
        count: fc.integer({ min: 1, max: 6 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('confirm' as const), lane: fc.nat(2) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('loss' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('receiver restarts' as const) }) },
  );
  const options = { firstSequence: 1, maxHeldEvents };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const senders = LANES.map((lane) => new Sender(lane, { settled: 0, above: [] }));
      let head = 0;
      let receiver = new OrderedReceiver(options);
      let account = JSON.stringify(receiver.state());
      let spool: { readonly message: Incoming; readonly waits: () => boolean }[] = [];
      const output = new Map<Lane, number[]>(LANES.map((lane) => [lane, []]));
      const pass = (events: readonly ReceivedEvent[]) => {
        for (const { lane, sequence } of events) if (lane !== undefined) output.get(lane)?.push(sequence);
      };
      // As receive.ts does: what waits is spooled, the account is kept of what was passed on.
      const arrive = (message: Incoming) => {
        const due = receiver.receive(message);
        pass(due);
        const waits = receiver.lastHeld;
        if (waits !== null) spool.push({ message, waits });
        if (waits === null || due.length > 0) account = JSON.stringify(receiver.state());
        spool = spool.filter((held) => held.waits());
      };
      const settled = () => Math.min(...senders.map(({ delivery }) => delivery.cursor.settled));
      const drain = (sender: Sender) => {
        for (let i = 0; i < 1000 && sender.delivery.cursor.settled < head; i++) {
          for (const stream of ['backlog', 'live'] as const) {
            const shipment = sender.ship(stream, head, 50);
            if (shipment === null) continue;
            arrive(incoming(sender.lane, shipment, settled()));
            sender.delivery.confirmed(shipment);
          }
        }
      };
      for (const sender of senders) sender.link(0);
      for (const action of steps) {
        if (action.kind === 'commit')
          for (const lane of action.lanes) senders[LANES.indexOf(lane)]?.stored.push(++head);
        else if (action.kind === 'loss') {
          for (const sender of senders) {
            sender.flying = [];
            sender.delivery.linkDown();
            sender.link(head);
          }
        } else if (action.kind === 'receiver restarts') {
          receiver = new OrderedReceiver(options, JSON.parse(account));
          for (const { message } of spool.splice(0)) arrive(message);
        } else {
          const sender = senders[action.lane];
          if (sender === undefined) continue;
          if (action.kind === 'ship') {
            const shipment = sender.ship(action.stream, head, action.count);
            if (shipment === null) continue;
            sender.flying.push(shipment);
            arrive(incoming(sender.lane, shipment, settled()));
          } else {
            const shipment = sender.flying.shift();
            if (shipment !== undefined) sender.delivery.confirmed(shipment);
          }
        }
      }
      // No event tells what was passed over last: every lane falls silent.
      for (const sender of senders) {
        sender.delivery.linkDown();
        sender.flying = [];
        sender.link(head);
        drain(sender);
        const telling = sender.delivery.tell(0);
        if (telling === null) continue;
        arrive(incoming(sender.lane, telling, settled()));
        sender.delivery.confirmed(telling);
      }
      for (const sender of senders) {
        const came = output.get(sender.lane) ?? [];
        if (maxHeldEvents === 3) came.sort((a, b) => a - b);
        if (came.join() !== sender.stored.join())
          throw new Error(`${sender.lane}: ${came} instead of ${sender.stored}`);
      }
      const figures = receiver.figures();
      if (figures.lost > 0 || figures.missing > 0 || figures.held > 0) throw new Error(JSON.stringify(figures));
    }),
    { numRuns: 600 },
  );
  t.pass('600 lives');
}
