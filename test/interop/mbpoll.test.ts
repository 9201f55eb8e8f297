// Our simulated units as mbpoll reads them, which is libmodbus as a master: over TCP, and in RTU on a serial port.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { serialPlace } from '../../src/cli/serial-places.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { makeFixture, makeTag } from '../simulate/support.ts';
import { NullModem } from '../support/null-modem.ts';
import { recordingObserver } from '../support/observer.ts';

const line = makeFixture(
  [{ name: 'meter', protocol: 'modbus-tcp', unit: 7 }],
  [
    [makeTag({ device: 'meter', name: 'a', address: '40001', type: 'uint16' }), [0, 4711]],
    [makeTag({ device: 'meter', name: 'b', address: '40002', type: 'int16' }), [0, -2]],
    [makeTag({ device: 'meter', name: 'c', address: '30011', type: 'uint16' }), [0, 99]],
    [makeTag({ device: 'meter', name: 'd', address: '00003', type: 'bool' }), [0, true]],
  ],
);

/** @returns what mbpoll printed of the values, by reference from 1 */
async function mbpoll(args: readonly string[]): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)('mbpoll', ['-1', '-q', '-a', '7', ...args]);
  const values = [...stdout.matchAll(/^\[(\d+)\]:\s+(-?\d+)/gm)];
  return Object.fromEntries(values.map(([, reference, value]) => [reference, value]));
}

async function check(t: Test, place: readonly string[]): Promise<void> {
  const at = (type: string, reference: string, count: string) =>
    mbpoll([...place.slice(0, -1), '-t', type, '-r', reference, '-c', count, place.at(-1) ?? '']);
  t.match(await at('4', '1', '2'), { 1: '4711', 2: '65534' });
  t.match(await at('3', '11', '1'), { 11: '99' });
  t.match(await at('0', '3', '1'), { 3: '1' });
  await t.rejects(at('4', '100', '1'), { code: 1 }, 'a register that is not there');
}

t.test('over TCP', async (t) => {
  const observer = recordingObserver();
  const simulation = await startSimulation({
    ...{ fixture: line, speed: 1, loop: false, host: '127.0.0.1', clock: systemClock, observer },
  });
  t.teardown(() => simulation.close());
  await check(t, ['-m', 'tcp', '-p', String(simulation.endpoints[0]?.port), '127.0.0.1']);
});

t.test('in RTU on a serial port', async (t) => {
  const wire = await NullModem.open();
  const modbus = { framing: 'tcp', serial: new Map([['meter', serialPlace(wire.far.path, 19_200)]]) } as const;
  const observer = recordingObserver();
  const simulation = await startSimulation({
    ...{ fixture: line, speed: 1, loop: false, host: '127.0.0.1', modbus, clock: systemClock, observer },
  });
  t.teardown(async () => {
    await simulation.close();
    await wire.close();
  });
  await check(t, ['-m', 'rtu', '-b', '19200', '-P', 'none', wire.near.path]);
});
