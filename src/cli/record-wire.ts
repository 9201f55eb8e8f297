import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { lasting } from './lasting.ts';
import { printJson } from './output.ts';
import { withProgress } from './progress.ts';
import { needDevice } from './tag-select.ts';

export interface RecordWireOptions {
  readonly durationMs?: number;
  readonly device?: readonly string[];
}

/** `headgate record DIR --wire`: poll the Modbus devices as the daemon does, and keep every frame with its time. Ends on SIGINT or after a time. */
export async function recordWire(context: CliContext, directory: string, options: RecordWireOptions): Promise<number> {
  // From here on a signal ends the recording in order, so that what was recorded is whole.
  const { stop } = context;
  const configuration = await needConfiguration(context);
  const named = options.device?.map((device) => needDevice(configuration, device)) ?? configuration.devices;
  const devices = named.filter(({ driver }) => driver.startsWith('modbus-'));
  if (devices.length === 0) throw usageError('record', '--wire records Modbus devices, and none of these is one');
  const { createWireRecorder } = await import('../simulate/wire/wire-recorder.ts');
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: 'warn',
    format: 'text',
  });
  const recorder = await createWireRecorder({ directory, clock: systemClock, observer });
  const opened = await openDevices(context, configuration, {
    devices,
    isPolling: true,
    onFrame: (frame) => recorder.take(frame),
    onState: ({ device, state, reason }) => context.err(`${device}: ${state}${reason === null ? '' : `, ${reason}`}\n`),
  });
  try {
    await withProgress(context, `recording ${devices.length} devices`, (progress) =>
      lasting(stop, options.durationMs, () => progress(`${recorder.frames} frames`)),
    );
  } finally {
    await opened.close();
  }
  const summary = await recorder.finish();
  if (context.isJson) printJson(context, { directory, ...summary });
  else {
    const dropped = summary.dropped === 0 ? '' : `, ${summary.dropped} dropped because the disk was too slow`;
    context.out(`${summary.frames} frames of ${summary.links.join(', ')} written to ${directory}${dropped}\n`);
    context.out(`serve them to any master: headgate simulate ${directory} --wire\n`);
  }
  return summary.frames === 0 ? EXIT.failed.code : EXIT.ok.code;
}
