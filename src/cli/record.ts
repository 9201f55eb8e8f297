import type { Configuration, DeviceConfiguration } from '../config/configuration.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import { isSegment, proposeSegment } from '../model/asset.ts';
import { counted } from '../model/counted.ts';
import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { RecordedDevice } from '../simulate/recorder.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { formatDuration } from './format.ts';
import { lasting } from './lasting.ts';
import { printJson } from './output.ts';
import { withProgress } from './progress.ts';
import { needDevice } from './tag-select.ts';

export interface RecordOptions {
  readonly name?: string;
  readonly description: string;
  readonly source: string;
  readonly durationMs?: number;
  readonly device?: readonly string[];
}

/** `headgate record DIR`: what the configured devices say, through the real drivers, into a fixture folder. Ends on SIGINT or after a time. */
export async function record(context: CliContext, directory: string, options: RecordOptions): Promise<number> {
  const { name } = options;
  if (name === undefined) throw usageError('record', '--name NAME is needed: what the recording is called');
  if (!isSegment(name)) {
    throw usageError('record', `--name ${JSON.stringify(name)}: expected a name such as ${proposeSegment(name)}`);
  }
  // From here on a signal ends the recording in order, so that what was recorded is whole.
  const { stop } = context;
  const configuration = await needConfiguration(context);
  const devices = options.device?.map((device) => needDevice(configuration, device)) ?? configuration.devices;
  const names = new Set(devices.map((device) => device.name));
  const tags = [...configuration.tags].filter(({ device, access }) => names.has(device) && access !== 'w');
  if (tags.length === 0) {
    throw new HeadgateError('CLI_NOT_FOUND', {
      what: 'readable tag of',
      name: [...names].join(', '),
      hint: '',
      list: 'tag list',
    });
  }
  const { createRecorder } = await import('../simulate/recorder.ts');
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: 'warn',
    format: 'text',
  });
  const recorder = await createRecorder({
    directory,
    name,
    description: options.description,
    source: options.source,
    throughDrivers: true,
    devices: devices.map(recordedDevice),
    tags,
    clock: systemClock,
    observer,
  });
  const opened = await openDevices(context, configuration, {
    devices,
    isPolling: true,
    report: (batch) => recorder.report(batch),
    onState: ({ device, state, reason }) => context.err(`${device}: ${state}${reason === null ? '' : `, ${reason}`}\n`),
  });
  try {
    await withProgress(context, `recording ${counted(tags.length, 'tag')}`, (progress) =>
      lasting(stop, options.durationMs, () => progress(`${recorder.readings} readings`)),
    );
  } finally {
    await opened.close();
  }
  const summary = await recorder.finish();
  if (context.isJson) printJson(context, summary);
  else {
    const dropped = summary.dropped === 0 ? '' : `, ${summary.dropped} dropped because the disk was too slow`;
    context.out(
      `${summary.readings} readings of ${formatDuration(summary.durationMs)} written to ${summary.directory}${dropped}\n`,
    );
  }
  return EXIT.ok.code;
}

function recordedDevice({ name, driver, config }: Configuration['devices'][number]): RecordedDevice {
  const { unit } = config as { readonly unit?: unknown };
  return {
    name,
    // Whatever wire a unit was read over, it is served over TCP.
    protocol: driver.startsWith('modbus-') ? 'modbus-tcp' : 'opcua',
    ...(typeof unit === 'number' ? { unit } : {}),
    deviceConfig: config as DeviceConfiguration['config'] & Readonly<Record<string, unknown>>,
  };
}
