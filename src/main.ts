import { componentSpecs } from './component-specs.ts';
import { loadConfiguration } from './config/load.ts';
import { controlSocketOf } from './config/paths.ts';
import { formatProblem, hasErrors } from './config/problem.ts';
import { isHeadgateError, messageOf } from './errors/headgate-error.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { counted } from './model/counted.ts';
import type { LogLevel } from './observe/internal-event.ts';
import { createObserver, type ObserverOptions } from './observe/observer.ts';
import type { Timer } from './ports/clock.ts';
import { systemClock } from './ports/system-clock.ts';
import { trimHeap } from './ports/trim-heap.ts';
import { createSdNotify, type SdNotify } from './system/sd-notify.ts';
import { VERSION } from './version.ts';

/** When devices that are there have connected, and what that took of memory can be given back. */
const TRIM_AFTER_MS = 3_000;

/** What the daemon ends with. Source: sysexits.h for 78. */
const EXIT = { clean: 0, failed: 1, configuration: 78 } as const;
/** A stop that takes longer is cut off: everything accepted is in the journal anyway. */
const STOP_DEADLINE_MS = 4_800;

export interface DaemonOptions {
  readonly configDirectory: string;
  /** Instead of the configured data_dir. */
  readonly dataDirectory?: string;
  /** Instead of the configured socket. */
  readonly socketPath?: string;
  readonly logLevel?: LogLevel;
}

/** Run the daemon until SIGTERM or SIGINT, or until it cannot go on. @returns the exit code */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const environment =
    options.dataDirectory === undefined ? process.env : { ...process.env, STATE_DIRECTORY: options.dataDirectory };
  const { configuration: loaded, problems } = await loadConfiguration(
    options.configDirectory,
    componentSpecs,
    environment,
  );
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (loaded === null || hasErrors(problems)) return EXIT.configuration;
  const { gateway } = loaded.gateway;
  const configuration =
    options.dataDirectory === undefined
      ? loaded
      : { ...loaded, gateway: { ...loaded.gateway, gateway: { ...gateway, data_dir: options.dataDirectory } } };
  const { observer, metrics } = createObserver({
    write: (line) => process.stderr.write(`${line}\n`),
    now: () => Date.now(),
    level: options.logLevel ?? configuration.gateway.log.level,
    format: logFormatOf(configuration.gateway.log.format),
  });
  observer.emit('daemon-starting', { gateway: gateway.name, version: VERSION, node: process.versions.node });
  const stopSignal = nextStopSignal();
  const notify = createSdNotify({ environment: process.env, clock: systemClock, observer });
  const socketPath = options.socketPath ?? controlSocketOf(configuration.gateway.gateway, process.env);
  let running: Gateway;
  try {
    running = await startGateway({
      configuration,
      socketPath,
      clock: systemClock,
      random: Math.random,
      observer,
      metrics,
    });
  } catch (error) {
    observer.emit('daemon-failed', {
      reason: messageOf(error),
      ...(isHeadgateError(error) ? { do: error.action } : {}),
    });
    // A part that was left open must not keep a daemon alive that does nothing: systemd would wait for it.
    setTimeout(() => {
      observer.emit('daemon-stop-late', {});
      process.exit(EXIT.failed);
    }, STOP_DEADLINE_MS).unref();
    return EXIT.failed;
  }
  observer.emit('daemon-ready', {
    devices: configuration.devices.length,
    tags: configuration.tags.length,
    socket: socketPath,
  });
  notify.ready(`${counted(configuration.devices.length, 'device')}, ${counted(configuration.tags.length, 'tag')}`);
  const watchdog = feedWatchdog(notify);
  const trim = systemClock.after(TRIM_AFTER_MS, trimHeap);
  const end = await Promise.race([stopSignal, running.failed]);
  const hasFailed = end instanceof Error;
  if (hasFailed) observer.emit('daemon-failed', { reason: end.message });
  notify.stopping();
  trim.cancel();
  observer.emit('daemon-stopping', hasFailed ? {} : { signal: end });
  const code = hasFailed ? EXIT.failed : EXIT.clean;
  const deadline = systemClock.after(STOP_DEADLINE_MS, () => {
    observer.emit('daemon-stop-late', {});
    process.exit(code);
  });
  await running.stop();
  deadline.cancel();
  watchdog();
  observer.emit('daemon-stopped', {});
  return code;
}

function logFormatOf(format: string): ObserverOptions['format'] {
  if (format !== 'auto') return format as ObserverOptions['format'];
  return process.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journald';
}

/** A second signal ends the process at once: the operator insists. */
function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isStopping = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (isStopping) process.exit(EXIT.failed);
      isStopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** From the main loop, so that a hung loop is seen. @returns the end of it */
function feedWatchdog(notify: SdNotify): () => void {
  const { watchdogIntervalMs } = notify;
  if (watchdogIntervalMs === null) return () => {};
  let timer: Timer;
  const feed = () => {
    notify.watchdog();
    timer = systemClock.after(watchdogIntervalMs, feed);
  };
  feed();
  return () => timer.cancel();
}
