import t, { type Test } from 'tap';
import {
  busTiming,
  characterMs,
  exchangeMs,
  frameCharacters,
  frameGapMs,
  frameMs,
  readMs,
  readReplyPduBytes,
  type SerialLine,
} from '../../../src/drivers/modbus/bus-timing.ts';

const line = (baudRate: number, over: Partial<SerialLine> = {}): SerialLine => ({
  ...{ baudRate, dataBits: 8, parity: 'even', stopBits: 1 },
  ...over,
});
const near = (t: Test, found: number, wanted: number) => t.ok(Math.abs(found - wanted) < 1e-9, `${found} is ${wanted}`);

t.test('a character has a start bit, data, parity and stop bits', async (t) => {
  near(t, characterMs(line(9_600)), 11 / 9.6);
  near(t, characterMs(line(9_600, { parity: 'none' })), 10 / 9.6);
  near(t, characterMs(line(115_200, { parity: 'none', stopBits: 2 })), 11 / 115.2);
  near(t, characterMs(line(1_200, { dataBits: 7 })), 10 / 1.2);
});

t.test('the silence between RTU frames is 3.5 characters, and fixed above 19200 baud', async (t) => {
  near(t, frameGapMs(line(9_600)), (3.5 * 11) / 9.6);
  near(t, frameGapMs(line(19_200)), (3.5 * 11) / 19.2);
  t.equal(frameGapMs(line(38_400)), 1.75);
  t.equal(frameGapMs(line(921_600)), 1.75);
});

t.test('frames have the overhead of their transport', async (t) => {
  t.equal(frameCharacters(busTiming('tcp', null, 0), 5), 12);
  t.equal(frameCharacters(busTiming('tcp', line(9_600), 0), 5), 8, 'behind a gateway the line carries RTU');
  t.equal(frameCharacters(busTiming('rtu', line(9_600), 0), 5), 8);
  t.equal(frameCharacters(busTiming('ascii', line(9_600), 0), 5), 17);
});

t.test('reading 125 registers at 9600 baud 8E1 takes 263 characters and two silences', async (t) => {
  const timing = busTiming('rtu', line(9_600), 0);
  near(t, readMs(timing, { area: 'holding', count: 125 }, 0), ((8 + 255 + 7) * 11) / 9.6);
  near(t, readMs(timing, { area: 'holding', count: 125 }, 20), ((8 + 255 + 3.5) * 11) / 9.6 + 20);
});

t.test('a pause of the configuration counts where it is longer than the silence', async (t) => {
  const pdu = { request: 5, reply: 4 };
  const bare = exchangeMs(busTiming('rtu', line(9_600), 0), pdu, 10);
  t.equal(exchangeMs(busTiming('rtu', line(9_600), 3), pdu, 10), bare);
  near(t, exchangeMs(busTiming('rtu', line(9_600), 50), pdu, 10), bare + 50 - frameGapMs(line(9_600)));
});

t.test('without a line only latency and pause count', async (t) => {
  t.equal(readMs(busTiming('tcp', null, 2), { area: 'input', count: 100 }, 7), 9);
  t.equal(frameMs(busTiming('rtu', null, 0), 100), 0);
});

t.test('bits come eight to a byte', async (t) => {
  t.equal(readReplyPduBytes({ area: 'coil', count: 9 }), 4);
  t.equal(readReplyPduBytes({ area: 'holding', count: 9 }), 20);
});
