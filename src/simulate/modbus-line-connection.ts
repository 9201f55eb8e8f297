import type { Socket } from 'node:net';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { Timer } from '../ports/clock.ts';
import { answerModbus, exceptionPdu } from './modbus-answer.ts';
import { type LineFraming, LineSplitter, lineFrame, type SerialPlace } from './modbus-line.ts';
import type { ConnectionContext, Served } from './modbus-served.ts';

/** Units on a line without transaction numbers: what is not for them, or damaged, they leave unanswered. */
export class LineConnection implements Served {
  readonly #splitter: LineSplitter;
  readonly #framing: LineFraming;
  readonly #context: ConnectionContext;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #timers = new Set<Timer>();
  #isFrozen = false;

  constructor(framing: LineFraming, context: ConnectionContext, write: (bytes: Uint8Array) => void) {
    this.#splitter = new LineSplitter(framing);
    this.#framing = framing;
    this.#context = context;
    this.#write = write;
  }

  /** On a connection of a master to a serial device server. */
  static onSocket(socket: Socket, framing: LineFraming, context: ConnectionContext): LineConnection {
    const connection = new LineConnection(framing, context, (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    });
    socket.on('data', (chunk: Buffer) => connection.receive(chunk));
    socket.on('close', () => connection.end());
    return connection;
  }

  setFrozen(isFrozen: boolean): void {
    this.#isFrozen = isFrozen;
  }

  receive(chunk: Uint8Array): void {
    if (this.#isFrozen) return;
    for (const { unit, pdu } of this.#splitter.push(chunk)) this.#request(unit, pdu);
  }

  /** No answer is sent any more. */
  end(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #request(unit: number, pdu: Uint8Array): void {
    const { units, faultsOf, clock } = this.#context;
    const served = units.get(unit);
    if (served === undefined || served.unit.isSilent || faultsOf(served).isUnitDead) return;
    const answer = () => {
      const { exception } = faultsOf(served);
      const reply = exception === null ? answerModbus(served.unit, pdu) : exceptionPdu(pdu[0] ?? 0, exception);
      if (!this.#isFrozen) this.#write(lineFrame(this.#framing, unit, reply));
    };
    const { delayMs } = faultsOf(served);
    if (delayMs === 0) {
      answer();
      return;
    }
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer);
      answer();
    });
    this.#timers.add(timer);
  }
}

/** A serial port in place of a listening one. */
export class SerialListener {
  /** There is none. */
  readonly port = 0;
  readonly #place: SerialPlace;
  readonly #framing: LineFraming;
  readonly #context: ConnectionContext;
  readonly #keep: (connection: Served) => () => void;
  #connection: LineConnection | null = null;
  #forget: () => void = () => {};

  constructor(
    place: SerialPlace,
    framing: LineFraming,
    context: ConnectionContext,
    keep: (connection: Served) => () => void,
  ) {
    this.#place = place;
    this.#framing = framing;
    this.#context = context;
    this.#keep = keep;
  }

  /** @throws SIMULATE_PORT_TAKEN it cannot be opened */
  async open(): Promise<void> {
    if (this.#connection !== null) return;
    const place = this.#place;
    const connection = new LineConnection(this.#framing, this.#context, (bytes) => place.write(bytes));
    this.#connection = connection;
    this.#forget = this.#keep(connection);
    try {
      await place.open({ onData: (chunk) => connection.receive(chunk), onDown: () => void this.close() });
    } catch (cause) {
      await this.close();
      throw new HeadgateError('SIMULATE_PORT_TAKEN', { host: place.path, port: '', problem: messageOf(cause) }, cause);
    }
  }

  async close(): Promise<void> {
    this.#connection?.end();
    this.#connection = null;
    this.#forget();
    await this.#place.close();
  }
}
