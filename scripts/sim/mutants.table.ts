/** One deliberate fault in the product: a text that stands once in a source file, and what takes its place. */
export interface Mutant {
  readonly name: string;
  /** Below the top of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The promise that it breaks. */
  readonly breaks: string;
}

/** Faults of the kinds that other gateways ship with; the simulation must notice every one. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'delete-before-acknowledgement',
    file: 'src/journal/books.ts',
    from: 'if (this.#unsettledCount(consumer, segment) > 0) return false;',
    to: 'if (this.#unsettledCount(consumer, segment) < 0) return false;',
    breaks: 'an event is deleted only when every sink has settled it',
  },
  {
    name: 'acknowledge-before-commit',
    file: 'src/journal/lane-writer.ts',
    from: '    active.file.commit();\n    const { info } = active;',
    to: '    active.file.rollback();\n    const { info } = active;',
    breaks: 'accepted means that the commit returned',
  },
  {
    name: 'failed-fsync-is-a-full-disk',
    file: 'src/journal/refusal.ts',
    from: 'if (isSyncFailure(error)) return false;',
    to: 'if (isSyncFailure(error)) return true;',
    breaks: 'after a failed fsync nothing is acknowledged any more',
  },
  {
    name: 'sequence-not-reserved',
    file: 'src/journal/open-store.ts',
    from: 'head.lastSequence = isUnsure ? Math.max(named, head.reserved) : highest;',
    to: 'head.lastSequence = highest;',
    breaks: 'a sequence is given out once',
  },
  {
    name: 'tail-believed-after-a-power-cut',
    file: 'src/journal/open-store.ts',
    from: "head.bootId === '' || head.bootId !== disk.bootId",
    to: "head.bootId === ''",
    breaks: 'a sequence is given out once, whatever the disk has lost without a sign',
  },
  {
    name: 'reserved-behind-what-is-used',
    file: 'src/journal/store.ts',
    from: 'if (last > head.reserved ||',
    to: 'if (last < 0 ||',
    breaks: 'no number is used that is not reserved',
  },
  {
    name: 'forget-a-gap',
    file: 'src/journal/ledger-writer.ts',
    from: "    this.#parts.notify({ kind: 'gap', gap: stored });",
    to: "    if (unused === 0) this.#parts.notify({ kind: 'gap', gap: stored });",
    breaks: 'each loss is told upstream',
  },
  {
    name: 'dropped-without-a-gap',
    file: 'src/journal/capacity.ts',
    from: "if (reason !== 'settled' && !books.bookDrop(",
    to: "if (reason === 'age' && !books.bookDrop(",
    breaks: 'what a quota drops is told as a gap',
  },
  {
    name: 'untold-gaps-forgotten-at-open',
    file: 'src/journal/journal-client.ts',
    from: 'for (const gap of opened.untold) this.#own.gap(gap);',
    to: '',
    breaks: 'a gap is told although the process ended before',
  },
  {
    name: 'quarantine-without-booking',
    file: 'src/journal/books.ts',
    from: '    this.bookLoss(segment.lane, segment, segment.count,',
    to: '    if (segment.count < 0) this.bookLoss(segment.lane, segment, segment.count,',
    breaks: 'received = settled + waiting + gaps',
  },
  {
    name: 'unlink-before-the-ledger-is-saved',
    file: 'src/journal/capacity.ts',
    from: 'they go all the same.\n      books.saveOrMakeRoom();',
    to: 'they go all the same.',
    breaks: 'a crash in the middle of a drop loses no account',
  },
  {
    name: 'cursor-counts-what-is-on-the-way',
    file: 'src/runtime/forwarder/delivery.ts',
    from: '    this.#flying.add(shipment);\n',
    to: '    this.#flying.add(shipment);\n    this.#cursor = settle(this.#cursor, shipment);\n',
    breaks: 'a cursor moves on confirmation, not on sending',
  },
  {
    name: 'confirmation-of-an-earlier-link',
    file: 'src/runtime/forwarder/delivery.ts',
    from: '    for (const { events, first, last } of this.#flying) if (events.length > 0) this.#sentUnconfirmed.add(first, last);\n',
    to: '    for (const shipment of this.#flying) this.#settle(shipment);\n',
    breaks: 'what was on the way when a link died is sent again',
  },
  {
    name: 'retry-out-of-order',
    file: 'src/runtime/forwarder/delivery.ts',
    from: 'this.#position = { live: settled, backlog: settled };\n    const before',
    to: 'this.#position = { live: Math.max(settled, this.#position.live - 1), backlog: settled };\n    const before',
    breaks: 'after a link is lost sending goes on from the cursor',
  },
  {
    name: 'backlog-sent-as-live',
    file: 'src/runtime/forwarder/delivery.ts',
    from: "historical: stream === 'backlog' }",
    to: 'historical: false }',
    breaks: 'order within a stream, live and historical seen apart',
  },
  {
    name: 'halves-behind-the-rest',
    file: 'src/runtime/forwarder/delivery.ts',
    from: '.sort((a, b) => a.first - b.first)',
    to: '.sort((a, b) => b.first - a.first)',
    breaks: 'parts of a refused batch keep their order',
  },
  {
    name: 'passed-over-and-never-told',
    file: 'src/runtime/forwarder/delivery.ts',
    from: 'if (untold.length === 0) return this.#cursor;',
    to: 'if (untold.length >= 0) return this.#cursor;',
    breaks: 'a receiver hears of every number',
  },
  {
    name: 'silent-lane-tells-nothing',
    file: 'src/runtime/forwarder/sink-runner.ts',
    from: '    this.#tellPassedOver();\n',
    to: '',
    breaks: 'a receiver hears of what a lane passed over though no event follows in it',
  },
  {
    name: 'telling-lost-and-not-told-again',
    file: 'src/journal/books.ts',
    from: 'if (lane === GAP_LANE && Object.keys(consumers).length > 0) this.#writer.untold(range, this.now);',
    to: '',
    breaks: 'a loss is told although the event that told it is lost',
  },
  {
    name: 'gap-event-lets-pass',
    file: 'src/sinks/receiver.ts',
    from: 'const next = account.covered.endFrom(through + 1);',
    to: 'const next = account.covered.endFrom(through + 1) ?? account.gaps.ranges.endFrom(through + 1);',
    breaks: 'an ordered receiver hands on each lane in its order',
  },
  {
    name: 'receiver-keeps-repeats',
    file: 'src/sinks/receiver.ts',
    from: '        this.#counts.repeats++;\n        continue;',
    to: '        this.#counts.repeats++;',
    breaks: 'a receiver hands an event on once',
  },
  {
    name: 'window-ignored',
    file: 'src/runtime/forwarder/sink-runner.ts',
    from: 'while (this.#inFlight() < this.#slots()) {',
    to: 'while (this.#inFlight() <= this.#slots()) {',
    breaks: 'no more batches on the way than the sink allows',
  },
  {
    name: 'settled-again-counts-again',
    file: 'src/journal/consumer.ts',
    from: 'for (const fresh of settled.missing(first, Math.min(last, lastSequence))) {',
    to: 'for (const fresh of [{ first, last: Math.min(last, lastSequence) }]) {',
    breaks: 'the ledger balances',
  },
];
