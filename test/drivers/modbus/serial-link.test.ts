import t from 'tap';
import { SerialLink } from '../../../src/drivers/modbus/serial-link.ts';
import { livedClock } from '../../support/lived-time.ts';
import { Pty } from '../../support/pty.ts';

t.test('a port that another program has open is told as such', async (t) => {
  const pty = await Pty.open();
  t.teardown(() => pty.close());
  const line = { baudRate: 19_200, dataBits: 8, parity: 'none', stopBits: 1 } as const;
  const link = () => {
    const made = new SerialLink({ path: pty.path, line, rts: null, clock: livedClock });
    t.teardown(() => made.close());
    return made;
  };
  const handlers = { onData: () => {}, onDown: () => {} };
  const first = link();
  await first.open(handlers);
  await t.rejects(link().open(handlers), { message: /another program has it open; .*"headgate tag read"/ });
  await first.close();
  await t.resolves(link().open(handlers), 'once it is free it opens');
});
