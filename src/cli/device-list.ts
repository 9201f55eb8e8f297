import type { DeviceRow } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { askDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatDuration } from './format.ts';
import { printJson, printTable, tinted } from './output.ts';

export const DEVICE_HEAD = [
  'device',
  'driver',
  'state',
  'tags',
  'requests',
  'failures',
  'reconnects',
  'scan',
  'reason',
];

/** A device in tables. */
export function deviceRow(context: CliContext, { name, driver, state, stats, tags }: DeviceRow): string[] {
  const level = state.state === 'connected' ? 'good' : state.state === 'connecting' ? 'warn' : 'bad';
  const scans = Object.values(stats?.scanMs ?? {});
  return [
    name,
    driver,
    tinted(context, level, state.state),
    String(tags),
    String(stats?.requests ?? 0),
    String(stats?.failures ?? 0),
    String(stats?.reconnects ?? 0),
    scans.length === 0 ? '' : formatDuration(Math.max(...scans)),
    state.reason ?? '',
  ];
}

/** `headgate device list`: what is configured and, if the daemon runs, how it stands. */
export async function deviceList(context: CliContext): Promise<number> {
  const configuration = await needConfiguration(context);
  const status = await askDaemon(context, (daemon) => daemon.status());
  const live = new Map(status?.devices.map((row) => [row.name, row]));
  const counts = new Map<string, number>();
  for (const { device } of configuration.tags) counts.set(device, (counts.get(device) ?? 0) + 1);
  const devices = configuration.devices.map(({ name, driver, file }) => ({
    name,
    driver,
    file,
    tags: counts.get(name) ?? 0,
    state: live.get(name)?.state ?? null,
    stats: live.get(name)?.stats ?? null,
  }));
  if (context.isJson) {
    printJson(context, { daemon: status !== null, devices });
    return EXIT.ok.code;
  }
  if (devices.length === 0) context.out('no devices; add one with "headgate device add"\n');
  else if (status === null) {
    printTable(
      context,
      ['device', 'driver', 'tags', 'file'],
      devices.map((row) => [row.name, row.driver, String(row.tags), row.file]),
    );
    context.err('the daemon is not running: states are not known\n');
  } else {
    const rows = devices.map(({ state, file: _file, ...row }) =>
      state === null
        ? [
            row.name,
            row.driver,
            'not loaded yet',
            String(row.tags),
            '',
            '',
            '',
            '',
            'the daemon runs with an earlier configuration',
          ]
        : deviceRow(context, { ...row, state }),
    );
    printTable(context, DEVICE_HEAD, rows);
  }
  return EXIT.ok.code;
}
