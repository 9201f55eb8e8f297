import fc from 'fast-check';
import t from 'tap';
import { SequenceRanges } from '../../../src/model/sequence-ranges.ts';
import type { Cursor, StoredEvent } from '../../../src/ports/journal.ts';
import { countUnsettled } from '../../../src/runtime/forwarder/cursor.ts';
import { Delivery, type Shipment, type Stream } from '../../../src/runtime/forwarder/delivery.ts';

const stored = (sequence: number): StoredEvent => ({
  sequence,
  lane: 'bulk',
  recordedtime: 0,
  bytes: new Uint8Array(10),
  list: null,
});
/** Events that the sink of the plant lives will never take. */
const isPoison = ({ sequence }: StoredEvent) => sequence % 17 === 5;
const START: Cursor = { settled: 0, above: [] };

/** Ship up to `count` events of a stream, as the runner does. */
function ship(delivery: Delivery, stream: Stream, head: number, count: number): Shipment | null {
  const range = delivery.next(stream, head);
  if (range === null) return null;
  const last = Math.min(range.last, range.first + count - 1);
  const events = Array.from({ length: last - range.first + 1 }, (_, i) => stored(range.first + i));
  return delivery.ship(stream, { first: range.first, last }, events, 0);
}

t.test('what waits when the process starts is a backlog, however small', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(5, 5, () => true);
  t.match(ship(delivery, 'live', 6, 10), { first: 6, historical: false });
  t.match(ship(delivery, 'backlog', 6, 10), { first: 1, last: 5, historical: true });
});

t.test('a small backlog of later is sent in order with the rest', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.linkUp(50, countUnsettled(delivery.cursor, 50), () => 50 % 2 === 0);
  t.equal(delivery.boundary, null);
  t.match(ship(delivery, 'live', 50, 10), { first: 1, last: 10, historical: false });
});

t.test('a large backlog goes beside live, and both become one when it is through', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(200, countUnsettled(delivery.cursor, 200), () => 200 % 2 === 0);
  const live = ship(delivery, 'live', 201, 10);
  const backlog = ship(delivery, 'backlog', 201, 500);
  t.match(live, { first: 201, last: 201, historical: false });
  t.match(backlog, { first: 1, last: 200, historical: true });
  if (live === null || backlog === null) return;
  delivery.confirmed(live);
  t.same(delivery.cursor, { settled: 0, above: [{ first: 201, last: 201 }] });
  delivery.confirmed(backlog);
  t.same(delivery.cursor, { settled: 201, above: [] });
  t.equal(delivery.boundary, null);
});

t.test('what live has overtaken stays historical after the next loss, however little is left', async (t) => {
  const delivery = new Delivery({ settled: 5, above: [{ first: 201, last: 300 }] }, 100);
  delivery.linkUp(300, 195, () => true);
  const most = ship(delivery, 'backlog', 300, 190);
  if (most !== null) delivery.confirmed(most);
  delivery.linkUp(310, countUnsettled(delivery.cursor, 310), () => 310 % 2 === 0);
  t.match(ship(delivery, 'backlog', 310, 50), { first: 196, last: 200, historical: true });
  t.match(ship(delivery, 'live', 310, 50), { first: 301, last: 310, historical: false });
});

t.test('what live had on the way goes on as live if it is at hand, else it becomes backlog', async (t) => {
  for (const isAtHand of [true, false]) {
    const delivery = new Delivery(START, 100);
    delivery.linkUp(1000, 1000, () => true);
    const confirmed = ship(delivery, 'live', 1300, 300);
    if (confirmed !== null) delivery.confirmed(confirmed);
    ship(delivery, 'live', 1900, 600);
    delivery.linkUp(1900, 1600, () => isAtHand);
    t.equal(delivery.boundary, isAtHand ? 1000 : 1900);
    const live = ship(delivery, 'live', 1950, 700);
    t.match(live, { first: isAtHand ? 1301 : 1901, last: 1950, historical: false });
    t.match(ship(delivery, 'backlog', 1950, 5000), { first: 1, last: 1000, historical: true });
  }
});

t.test('a confirmation of an earlier link settles nothing', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.linkUp(10, 10, () => true);
  const shipment = ship(delivery, 'live', 10, 10);
  delivery.linkDown();
  delivery.linkUp(10, countUnsettled(delivery.cursor, 10), () => 10 % 2 === 0);
  t.equal(shipment === null ? null : delivery.confirmed(shipment), false);
  t.same(delivery.cursor, START);
  const again = ship(delivery, 'live', 10, 10);
  t.equal(again === null ? 0 : delivery.resentIn(again), 10);
});

t.test('a rejected batch is halved until one event is given up', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.linkUp(8, 8, () => true);
  const sent: string[] = [];
  let shipment = ship(delivery, 'live', 8, 8);
  while (shipment !== null) {
    sent.push(shipment.events.map(({ sequence }) => sequence).join());
    if (shipment.events.some(({ sequence }) => sequence === 6)) delivery.rejected(shipment);
    else delivery.confirmed(shipment);
    shipment = delivery.shipRemainder(0);
  }
  t.same(sent, ['1,2,3,4,5,6,7,8', '1,2,3,4', '5,6,7,8', '5,6', '5', '6', '7,8']);
  t.same(delivery.cursor, { settled: 8, above: [] });
});

t.test('of two batches that are refused the parts of the earlier go first', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.linkUp(4, 4, () => true);
  const [early, late] = [ship(delivery, 'live', 4, 2), ship(delivery, 'live', 4, 2)];
  for (const shipment of [early, late]) if (shipment !== null) delivery.rejected(shipment);
  const sent: number[] = [];
  for (let part = delivery.shipRemainder(0); part !== null; part = delivery.shipRemainder(0)) {
    sent.push(...part.events.map(({ sequence }) => sequence));
    delivery.confirmed(part);
  }
  t.same(sent, [1, 2, 3, 4]);
});

t.test('the kept cursor holds on to an event that was given up until its gap is stored', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.linkUp(1, 1, () => true);
  const shipment = ship(delivery, 'live', 1, 1);
  const givenUp = shipment === null ? null : delivery.rejected(shipment);
  t.same(delivery.cursor, { settled: 1, above: [] });
  t.same(delivery.keptCursor, { settled: 0, above: [] });
  if (givenUp !== null) delivery.recorded(givenUp);
  t.same(delivery.keptCursor, { settled: 1, above: [] });
  t.match(ship(delivery, 'live', 2, 2), { speaksFrom: 1, last: 2 }, 'the next tells that it will not come');
});

/**
 * Plant life: commits, sends, confirmations in any order, losses, rejections. What a receiver on the other side sees must always be
 * in order by stream and kind, and a cursor never runs ahead of it.
 */
t.test('whatever happens: settled only what was received, in order, and all in the end', async (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record({
      kind: fc.constant('ship' as const),
      stream: fc.constantFrom<Stream>('live', 'backlog'),
      count: fc.integer({ min: 1, max: 12 }),
    }),
    // Answered: confirmed, or rejected if an event is in it that the sink will never take.
    fc.record({ kind: fc.constant('answer' as const), which: fc.nat(5) }),
    // How many of those on the way the receiver still got, in the order sent, before the link went.
    fc.record({ kind: fc.constant('loss' as const), arrived: fc.nat(6) }),
    fc.record({ kind: fc.constant('split' as const) }),
    fc.record({ kind: fc.constant('restart' as const), arrived: fc.nat(6) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      let delivery = new Delivery(START, 20);
      let head = 0;
      let flying: { shipment: Shipment; isReceived: boolean }[] = [];
      const received = new SequenceRanges();
      const givenUp = new Set<number>();
      // What was refused comes late, after what was on the way behind it.
      const late = new Set<number>();
      const highest = { live: 0, historical: 0 };
      const receive = (entry: { shipment: Shipment; isReceived: boolean }) => {
        if (entry.isReceived) return;
        entry.isReceived = true;
        if (entry.shipment.events.some(isPoison)) {
          for (const { sequence } of entry.shipment.events) late.add(sequence);
          return;
        }
        const kind = entry.shipment.historical ? 'historical' : 'live';
        for (const { sequence } of entry.shipment.events) {
          if (received.add(sequence, sequence) === 0 || late.has(sequence)) continue;
          if (sequence < highest[kind]) throw new Error(`${sequence} after ${highest[kind]} (${kind})`);
          highest[kind] = sequence;
        }
      };
      const check = () => {
        const { settled, above } = delivery.cursor;
        for (const range of [{ first: 1, last: settled }, ...above]) {
          for (const { first, last } of received.missing(range.first, range.last)) {
            for (let n = first; n <= last; n++) if (!givenUp.has(n)) throw new Error(`${n} settled but not received`);
          }
        }
        if (above.length > 64) throw new Error('too many ranges');
      };
      const answer = (entry: { shipment: Shipment; isReceived: boolean } | undefined) => {
        if (entry === undefined) return;
        // The wire keeps order: what was sent before it has arrived before it.
        for (const earlier of flying.slice(0, flying.indexOf(entry) + 1)) receive(earlier);
        flying = flying.filter((other) => other !== entry);
        if (!entry.shipment.events.some(isPoison)) delivery.confirmed(entry.shipment);
        else {
          const lost = delivery.rejected(entry.shipment);
          if (lost !== null) givenUp.add(lost.sequence);
        }
      };
      const loss = (arrived: number) => {
        for (const entry of flying.slice(0, arrived)) receive(entry);
        flying = [];
      };
      delivery.linkUp(head, countUnsettled(delivery.cursor, head), () => head % 2 === 0);
      const send = (stream: Stream, count: number) => {
        const shipment = delivery.hasRemainders ? delivery.shipRemainder(0) : ship(delivery, stream, head, count);
        const { settled, above } = delivery.cursor;
        const isSettled = ({ sequence }: StoredEvent) =>
          sequence <= settled || above.some(({ first, last }) => first <= sequence && sequence <= last);
        if (shipment?.events.some(isSettled)) throw new Error('sent again what is settled');
        if (shipment !== null) flying.push({ shipment, isReceived: false });
        return shipment !== null;
      };
      for (const action of steps) {
        if (action.kind === 'commit') head += action.count;
        else if (action.kind === 'ship') send(action.stream, action.count);
        else if (action.kind === 'answer') answer(flying[action.which]);
        else if (action.kind === 'split') delivery.split(head, countUnsettled(delivery.cursor, head));
        else {
          loss(action.arrived);
          delivery.linkDown();
          if (action.kind === 'restart') delivery = new Delivery(delivery.cursor, 20);
          delivery.linkUp(head, countUnsettled(delivery.cursor, head), () => head % 2 === 0);
        }
        check();
      }
      for (let i = 0; delivery.cursor.settled < head && i < 10_000; i++) {
        if (!send('backlog', 50)) send('live', 50);
        answer(flying[0]);
        check();
      }
      return delivery.cursor.settled === head && received.count + givenUp.size === head;
    }),
    { numRuns: 1000 },
  );
  t.pass('as said');
});
