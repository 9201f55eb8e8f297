import { counted } from '../model/counted.ts';
import { createObserver } from '../observe/observer.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { WireRecorder } from '../simulate/wire/wire-recorder.ts';
import type { ControlClient } from '../system/control-client.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { askDaemon } from './daemon.ts';
import { openDevices } from './direct-devices.ts';
import { EXIT } from './exit-code.table.ts';
import { lasting } from './lasting.ts';
import { printJson } from './output.ts';
import { withProgress } from './progress.ts';
import { needDevice } from './tag-select.ts';

export interface RecordWireOptions {
  readonly durationMs?: number;
  readonly device?: readonly string[];
  /** The recording ends when it is so large. */
  readonly maxMb: number;
}

/** Frames on their way into a recorder; `close` ends them. */
interface FrameSource {
  /** For people: what is recorded. */
  readonly what: string;
  /** Settles when no more frames come. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
  /** Lost on the way to this process. */
  dropped(): number;
}

/**
 * `headgate record DIR --wire`: keep every frame of Modbus devices with its time: what the running daemon sends and gets, or, where none runs, by
 * polling as it does. Ends on SIGINT, after a time, or when the recording is as large as it may be.
 */
export async function recordWire(context: CliContext, directory: string, options: RecordWireOptions): Promise<number> {
  // From here on a signal ends the recording in order, so that what was recorded is whole.
  const { stop } = context;
  const { createWireRecorder } = await import('../simulate/wire/wire-recorder.ts');
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: 'warn',
    format: 'text',
  });
  const daemon = await askDaemon(context, async (client) => {
    await client.tags();
    return client;
  });
  const maxBytes = options.maxMb * 1_048_576;
  const begin = daemon === null ? await polling(context, options) : listening(daemon, options);
  const recorder = await createWireRecorder({ directory, clock: systemClock, observer, maxBytes });
  const source = await begin(recorder);
  const ended = new AbortController();
  let failure: unknown = null;
  source.ended.then(
    () => ended.abort(),
    (error: unknown) => {
      failure = error;
      ended.abort();
    },
  );
  try {
    await withProgress(context, `recording ${source.what}`, (progress) =>
      lasting(AbortSignal.any([stop, recorder.full, ended.signal]), options.durationMs, () =>
        progress(`${counted(recorder.frames, 'frame')}`),
      ),
    );
  } finally {
    await source.close();
  }
  if (failure !== null) throw failure;
  const summary = await recorder.finish();
  const dropped = summary.dropped + source.dropped();
  const isFull = recorder.full.aborted;
  if (context.isJson)
    printJson(context, { directory, ...summary, dropped, isFull, by: daemon === null ? 'polling' : 'daemon' });
  else {
    const lost = dropped === 0 ? '' : `, ${dropped} dropped because the disk was too slow`;
    context.out(`${counted(summary.frames, 'frame')} of ${summary.links.join(', ')} written to ${directory}${lost}\n`);
    if (isFull) context.out(`it ended at ${options.maxMb} MB: --max-mb allows more\n`);
    context.out(`serve them to any master: headgate simulate ${directory} --wire\n`);
  }
  return summary.frames === 0 ? EXIT.failed.code : EXIT.ok.code;
}

type Begin = (recorder: WireRecorder) => Promise<FrameSource>;

/** The frames of the running daemon, without a request more on the wire. */
function listening(daemon: ControlClient, { device = [] }: RecordWireOptions): Begin {
  return async (recorder) => {
    const end = new AbortController();
    let dropped = 0;
    const read = async () => {
      for await (const line of daemon.recordFrames(device, end.signal)) {
        if ('dropped' in line) dropped += line.dropped;
        else recorder.take({ ...line, bytes: Buffer.from(line.hex, 'hex') }, line.atMs);
      }
    };
    const ended = read();
    return {
      what: `what the daemon sends and gets${device.length === 0 ? '' : ` on the wires of ${device.join(', ')}`}`,
      ended,
      close: async () => {
        end.abort();
        await ended.catch(() => {});
      },
      dropped: () => dropped,
    };
  };
}

/** Poll devices as the daemon does. */
async function polling(context: CliContext, options: RecordWireOptions): Promise<Begin> {
  const configuration = await needConfiguration(context);
  const named = options.device?.map((device) => needDevice(configuration, device)) ?? configuration.devices;
  const devices = named.filter(({ driver }) => driver.startsWith('modbus-'));
  if (devices.length === 0) throw usageError('record', '--wire records Modbus devices, and none of these is one');
  return async (recorder) => {
    const opened = await openDevices(context, configuration, {
      devices,
      isPolling: true,
      onFrame: (frame) => recorder.take(frame),
      onState: ({ device, state, reason }) =>
        context.err(`${device}: ${state}${reason === null ? '' : `, ${reason}`}\n`),
    });
    return {
      what: `${counted(devices.length, 'device')}`,
      ended: new Promise(() => {}),
      close: () => opened.close(),
      dropped: () => 0,
    };
  };
}
