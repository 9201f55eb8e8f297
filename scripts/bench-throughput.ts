/**
 * Throughput, processor time, memory and latency of the whole daemon as `scripts/headgate run` starts it: journal durable, broker, both
 * services and a sink running. Devices, upstream and daemon run in processes of their own; this one is the local subscriber,
 * to the telemetry of the first and the last unit. Values are those of made-up 16-bit sensors, all changing (`SensorValues`).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { startGatewayProcess } from '../src/cli/demo/gateway-process.ts';
import { subscribeLocally } from './bench/local-subscriber.ts';
import { isCompiled, memoryMb, processorSeconds, threadSeconds } from './bench/process-usage.ts';

const USAGE = `npm run bench:throughput -- --protocol opcua|modbus [--tags 10000] [--period-ms 1000] [--seconds 30]
  [--units 10, opcua 1] [--in-flight 1, modbus only] [--rtt-ms 0] [--warmup-seconds 5] [--json]`;

const { values: options } = parseArgs({
  options: {
    protocol: { type: 'string' },
    tags: { type: 'string', default: '10000' },
    'period-ms': { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    units: { type: 'string' },
    'in-flight': { type: 'string', default: '1' },
    'rtt-ms': { type: 'string', default: '0' },
    'warmup-seconds': { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const { protocol } = options;
options.units ??= protocol === 'opcua' ? '1' : '10';
const numbers = Object.fromEntries(
  (['tags', 'period-ms', 'seconds', 'units', 'in-flight', 'rtt-ms', 'warmup-seconds'] as const).map((name) => [
    name,
    Number(options[name]),
  ]),
) as Record<'tags' | 'period-ms' | 'seconds' | 'units' | 'in-flight' | 'rtt-ms' | 'warmup-seconds', number>;
if ((protocol !== 'opcua' && protocol !== 'modbus') || Object.values(numbers).some((number) => !(number >= 0))) {
  process.stderr.write(`usage: ${USAGE}\n`);
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
const children: ChildProcess[] = [];
const start = async (script: string, args: readonly string[]): Promise<[ChildProcess, unknown]> => {
  const child = fork(fileURLToPath(new URL(`bench/${script}`, import.meta.url)), [...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const [message] = await once(child, 'message');
  return [child, message];
};
const ask = async (child: ChildProcess, message: string): Promise<Record<string, number>> => {
  const answer = once(child, 'message');
  child.send(message);
  return (await answer)[0];
};
const settle = async () => {
  for (const child of children) if (child.connected) child.disconnect();
  rmSync(work, { recursive: true, force: true });
};

try {
  const config = join(work, 'config');
  const data = join(work, 'data');
  await start('devices.process.ts', [
    protocol,
    ...[numbers.tags, numbers['period-ms'], numbers.units].map(String),
    config,
  ]);
  if (numbers['in-flight'] > 1) {
    const files = readdirSync(join(config, 'devices'));
    for (const file of files) appendFileSync(join(config, 'devices', file), `max_in_flight: ${numbers['in-flight']}\n`);
  }
  const [upstream, far] = await start('upstream.process.ts', [String(numbers['rtt-ms'])]);
  writeFileSync(join(config, 'gateway.yaml'), stringify(gatewayConfiguration(data, (far as { port: number }).port)));
  const beganAt = performance.now();
  const daemon = await startGatewayProcess(config, join(data, 'headgate.sock'));
  const readySeconds = (performance.now() - beganAt) / 1000;
  const { broker } = await daemon.status();
  const heard = [...new Set([1, numbers.units])].map((unit) => `synthetic/unit-${unit}`);
  const local = await subscribeLocally(broker.address?.port ?? 0, heard);

  await pause(numbers['warmup-seconds'] * 1000);
  upstream.send('reset');
  const before = await daemon.status();
  const usedBefore = processorSeconds(daemon.pid);
  const threadsBefore = threadSeconds(daemon.pid);
  const measuredFrom = performance.now();
  local.begin();
  await pause(numbers.seconds * 1000);
  const seconds = (performance.now() - measuredFrom) / 1000;
  const used = processorSeconds(daemon.pid) - usedBefore;
  const threads = threadSeconds(daemon.pid);
  const after = await daemon.status();
  const memory = memoryMb(daemon.pid);
  const far2 = await ask(upstream, 'report');
  const compiled = isCompiled(daemon.pid);
  await local.end();
  const stoppingAt = performance.now();
  const exitCode = await daemon.stop();
  const reported = after.samples.reported - before.samples.reported;
  const bytes = (after.sinks[0]?.sentBytes ?? 0) - (before.sinks[0]?.sentBytes ?? 0);
  const result = {
    protocol,
    tags: numbers.tags,
    units: numbers.units,
    inFlight: numbers['in-flight'],
    periodMs: numbers['period-ms'],
    roundTripMs: numbers['rtt-ms'],
    seconds: round(seconds, 1),
    samplesPerSecond: Math.round(reported / seconds),
    upstreamSamplesPerSecond: Math.round((far2['samples'] ?? 0) / seconds),
    daemonCpuCores: round(used / seconds, 3),
    threadCores: Object.fromEntries(
      Object.entries(threads).map(([name, total]) => [name, round((total - (threadsBefore[name] ?? 0)) / seconds, 4)]),
    ),
    ...memory,
    latencyMs: {
      ...local.latencies.quantiles(),
      reports: local.reports,
      upstreamAcknowledged: { p50: far2['p50'] ?? null, p99: far2['p99'] ?? null },
    },
    upstreamBytesPerSample: round(bytes / Math.max(1, reported), 2),
    journalBytesPerSample: round((after.journal.bytes - before.journal.bytes) / Math.max(1, reported), 2),
    readySeconds: round(readySeconds, 2),
    stopSeconds: round((performance.now() - stoppingAt) / 1000, 2),
    exitCode,
    gaps: after.journal.gaps.length,
    samplesRefused: after.samples.refused,
    servicesRunning: after.services.filter(({ state }) => state === 'running').length,
    compiled,
    eventsWaiting: after.sinks[0]?.waiting ?? 0,
    events: after.journal.lastSequence - before.journal.lastSequence,
    orderViolations: far2['orderViolations'],
    overruns: Object.fromEntries(
      Object.entries(after.counters).filter(([name]) => /overrun|overload|dropped|late/.test(name)),
    ),
  };
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await settle();
}

function gatewayConfiguration(dataDirectory: string, upstreamPort: number) {
  const asset = 'synthetic/unit-1';
  return {
    gateway: { name: 'bench', asset: 'bench/gateway', data_dir: dataDirectory },
    broker: { listen: { port: 0 }, anonymous: { subscribe: ['uns/v1/#', 'evt/v1/#'] } },
    sinks: { upstream: { kind: 'mqtt', url: `mqtt://127.0.0.1:${upstreamPort}` } },
    services: {
      'equipment-state': { assets: [{ asset, running_tag: 'v0', running_above: 0 }] },
      health: { tick_ms: 1000, assets: [{ asset, signals: Array.from({ length: 8 }, (_, i) => ({ tag: `v${i}` })) }] },
    },
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
