import t from 'tap';
import { isGood, Status, severityOf, statusName } from '../../src/model/quality.ts';

const rows: readonly (readonly [number, string, string])[] = [
  [0x00000000, 'good', 'Good'],
  [0x808a0000, 'bad', 'Bad_NotConnected'],
  [0x80310000, 'bad', 'Bad_NoCommunication'],
  [0x40900000, 'uncertain', 'Uncertain_LastUsableValue'],
  [0x00000400, 'good', 'Good'],
  [0xc0000000, 'bad', 'Bad_0xC0000000'],
  [0x8fff0000, 'bad', 'Bad_0x8FFF0000'],
];
for (const [status, severity, name] of rows) {
  t.equal(severityOf(status), severity, `0x${status.toString(16)} is ${severity}`);
  t.equal(statusName(status), name);
  t.equal(isGood(status), severity === 'good');
}

t.test('the codes that Headgate gives have the names of the standard', async (t) => {
  for (const [name, status] of Object.entries(Status)) t.equal(statusName(status), name);
});
