import { busTiming, frameMs, type SerialLine } from '../../src/drivers/modbus/bus-timing.ts';
import { Pty } from '../../test/support/pty.ts';
import { SerialUnitServer } from '../../test/support/serial-unit-server.ts';

/** Bytes that a UART hands over at once. */
const FIFO_BYTES = 16;

// A serial port on which everything takes the time that it takes on a wire: the request its characters, the unit t3.5 at least, the answer its
// characters, in pieces as a UART hands them over. Argument: the baud rate.
const line: SerialLine = { baudRate: Number(process.argv[2]), dataBits: 8, parity: 'none', stopBits: 1 };
const timing = busTiming('rtu', line, 0);
const pty = await Pty.open();
const server = new SerialUnitServer('rtu');
server.isForgetful = true;
server.behave = ({ pdu, honest, send }) => {
  const from = performance.now() + frameMs(timing, pdu.length) + timing.frameGapMs;
  // One after the other: a process that stands still meanwhile must not change their order.
  const sendFrom = (sent: number) => {
    const piece = honest.subarray(sent, sent + FIFO_BYTES);
    const end = sent + piece.length;
    atTime(from + end * timing.characterMs, () => {
      send(piece);
      if (end < honest.length) sendFrom(end);
    });
  };
  sendFrom(0);
};
pty.onData = (chunk) => server.receive(chunk, (bytes) => pty.write(bytes));
process.send?.(pty.path);
process.on('disconnect', () => void pty.close().then(() => process.exit()));

/** As exactly as this process can: timers are whole milliseconds. */
function atTime(due: number, act: () => void): void {
  const restMs = due - performance.now();
  if (restMs > 2) setTimeout(() => atTime(due, act), restMs - 1.5);
  else if (restMs > 0) setImmediate(() => atTime(due, act));
  else act();
}
