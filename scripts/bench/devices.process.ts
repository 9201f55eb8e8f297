/** The device side of a bench, in a process of its own: argv = protocol, tags, period ms, units, directory for the configuration. */
import { createObserver } from '../../src/observe/observer.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { startSyntheticDevices } from '../../src/simulate/synthetic.ts';

const [protocol = '', tags = '', periodMs = '', units = '', directory = ''] = process.argv.slice(2);
const { observer } = createObserver({ write: () => {}, now: () => Date.now(), level: 'error', format: 'text' });
const devices = await startSyntheticDevices({
  protocol: protocol === 'opcua' ? 'opcua' : 'modbus-tcp',
  tags: Number(tags),
  periodMs: Number(periodMs),
  units: Number(units),
  values: 'sensors',
  clock: systemClock,
  observer,
});
await devices.configuration(directory);
process.send?.('ready');
process.on('disconnect', () => process.exit());
