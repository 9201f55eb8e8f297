import { HeadgateError } from '../../src/errors/headgate-error.ts';
import { SequenceRanges } from '../../src/model/sequence-ranges.ts';
import type { OutgoingBatch, SendReceipt, Sink, SinkContext, SinkPacing } from '../../src/ports/sink.ts';
import { BatchEncoder } from '../../src/sinks/batch-encoder.ts';
import type { Destination, Line } from './destination.ts';
import type { Oracle } from './oracle.ts';
import type { Dice } from './virtual-time.ts';

const CONNECT_TIMEOUT_MS = 3000;
const ACK_TIMEOUT_MS = 5000;

/** How the sinks of a life are fed. */
export interface SimSinkSettings {
  readonly maxInFlight: number;
  readonly pacing: SinkPacing;
}

interface Pending {
  readonly batch: OutgoingBatch;
  reject(error: HeadgateError): void;
}

/** A sink whose link and far side are simulated; what goes over it are the real batches. */
export class SimSink implements Sink {
  readonly maxInFlight: number;
  readonly pacing: SinkPacing;
  readonly #name: string;
  readonly #context: SinkContext;
  readonly #destination: Destination;
  readonly #dice: Dice;
  readonly #oracle: Oracle;
  readonly #encoder: BatchEncoder;
  readonly #pending = new Set<Pending>();
  /** What this process has heard to be confirmed. */
  readonly #confirmed = new SequenceRanges();
  /** First sequences of batches that were refused on this line and have not come again, by lane. */
  readonly #refused = new Map<string, number[]>();
  #line: Line | null = null;
  #onDown: (reason: string) => void = () => undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    name: string,
    context: SinkContext,
    far: {
      readonly destination: Destination;
      readonly dice: Dice;
      readonly settings: SimSinkSettings;
      readonly oracle: Oracle;
    },
  ) {
    this.#name = name;
    this.#context = context;
    this.#destination = far.destination;
    this.#dice = far.dice;
    this.#oracle = far.oracle;
    this.maxInFlight = far.settings.maxInFlight;
    this.pacing = far.settings.pacing;
    this.#encoder = new BatchEncoder({
      journalId: context.journalId,
      gateway: context.gatewayName,
      sink: name,
      encoding: 'cbor',
      compression: 'none',
    });
  }

  connect(): Promise<void> {
    const { clock } = this.#context;
    return new Promise((resolve, reject) => {
      const { mode } = this.#destination;
      if (mode === 'half-open') {
        clock.after(CONNECT_TIMEOUT_MS, () => reject(this.#error('SINK_CONNECT_TIMEOUT', 'no answer')));
        return;
      }
      clock.after(this.#dice.between(1, 200), () => {
        if (mode === 'down') {
          reject(this.#error('SINK_UNREACHABLE', 'refused'));
          return;
        }
        const line = this.#destination.connect((reason) => this.#lost(line, reason));
        this.#line = line;
        resolve();
      });
    });
  }

  onDown(listener: (reason: string) => void): void {
    this.#onDown = listener;
  }

  send(batch: OutgoingBatch): Promise<SendReceipt> {
    const line = this.#line;
    if (line === null) return Promise.reject(this.#error('SINK_DISCONNECTED', 'not connected'));
    this.#checkBatch(batch);
    this.#checkParts(batch);
    const encoded = this.#encoder.encode(batch, this.#context.clock.now());
    const earlier = this.#turn;
    return new Promise((resolve, reject) => {
      const pending = { batch, reject };
      this.#pending.add(pending);
      const timer = this.#context.clock.after(ACK_TIMEOUT_MS, () => settle(() => reject(this.#timeout())));
      const settle = (how: () => void) => {
        if (!this.#pending.delete(pending)) return;
        timer.cancel();
        how();
      };
      this.#turn = Promise.all([earlier, encoded]).then(([, payload]) => {
        line.transmit(payload, batch, (answer) => {
          // An answer on a line that was left is heard by nobody.
          if (this.#line !== line) return;
          if (answer === 'confirmed') {
            settle(() => {
              for (const { sequence } of batch.events) this.#confirmed.add(sequence, sequence);
              resolve({ bytes: payload.length });
            });
          } else {
            settle(() => {
              if (answer === 'SINK_REJECTED') this.#noteRefused(batch);
              reject(this.#error(answer, 'by the far side'));
            });
          }
        });
      });
    });
  }

  async disconnect(): Promise<void> {
    this.#leave('closed');
  }

  #checkBatch({ events, coverage }: OutgoingBatch): void {
    if (this.#pending.size >= this.maxInFlight) {
      this.#oracle.fail('queues are bounded', `${this.#name}: ${this.#pending.size + 1} batches on the way`);
    }
    const isOfLane = ({ batch }: Pending) => batch.coverage?.lane === coverage?.lane;
    if (events.length === 0 && [...this.#pending].some(isOfLane)) {
      this.#oracle.fail('queues are bounded', `${this.#name}: told without events, with a batch on the way`);
    }
    const again = events.find(({ sequence }) => this.#confirmed.has(sequence));
    if (again !== undefined) {
      this.#oracle.fail('what is settled is not sent again', `${this.#name}: ${again.sequence}`);
    }
  }

  #noteRefused({ events, coverage }: OutgoingBatch): void {
    const [first] = events;
    if (events.length < 2 || first === undefined || coverage === null) return;
    const refused = this.#refused.get(coverage.lane) ?? [];
    this.#refused.set(
      coverage.lane,
      [...refused, first.sequence].sort((a, b) => a - b),
    );
  }

  /** What was refused comes again before all else of its lane, the lowest first. */
  #checkParts({ events, coverage }: OutgoingBatch): void {
    const refused = this.#refused.get(coverage?.lane ?? '') ?? [];
    const [lowest] = refused;
    const sequence = events[0]?.sequence;
    if (lowest === undefined || sequence === undefined) return;
    if (sequence > lowest) {
      this.#oracle.fail('parts of a refused batch go in order', `${this.#name}: ${sequence} before ${lowest}`);
    }
    if (sequence === lowest) refused.shift();
  }

  #lost(line: Line, reason: string): void {
    if (this.#line !== line) return;
    this.#leave(reason);
    this.#onDown(reason);
  }

  #leave(reason: string): void {
    this.#line?.leave();
    this.#refused.clear();
    this.#line = null;
    this.#turn = Promise.resolve();
    const pending = [...this.#pending];
    for (const send of pending) send.reject(this.#error('SINK_DISCONNECTED', reason));
    this.#pending.clear();
  }

  #timeout(): HeadgateError {
    return new HeadgateError('SINK_TIMEOUT', { sink: this.#name, timeoutMs: ACK_TIMEOUT_MS });
  }

  #error(
    code: 'SINK_UNREACHABLE' | 'SINK_CONNECT_TIMEOUT' | 'SINK_DISCONNECTED' | 'SINK_REFUSED' | 'SINK_REJECTED',
    reason: string,
  ): HeadgateError {
    return new HeadgateError(code, { sink: this.#name, reason });
  }
}
