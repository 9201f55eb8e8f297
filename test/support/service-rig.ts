import { fileURLToPath } from 'node:url';
import type { EventDraft } from '../../src/model/event.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { ServiceLimits } from '../../src/runtime/service-host/limits.ts';
import { createServiceHost, type ServiceHost } from '../../src/runtime/service-host.ts';
import { livedClock } from './lived-time.ts';
import { type RecordingObserver, recordingObserver } from './observer.ts';
import { until } from './until.ts';

const COUNTER = fileURLToPath(new URL('./services/counter.js', import.meta.url));

/** Short times, so that crashes and hangs are over soon; long enough for a busy machine. */
const QUICK: Partial<ServiceLimits> = {
  heartbeatMs: 50,
  hangMs: 1_500,
  backoffMs: 20,
  maxBackoffMs: 50,
  maxOldSpaceMb: 64,
};

interface CounterConfig {
  readonly subject: string;
  readonly mode?: 'live' | 'durable';
  readonly slow_ms?: number;
}

interface CounterPlace extends CounterConfig {
  readonly isolation?: 'own' | 'shared';
}

/** A host with services named after the keys, all running the counter of test/support/services. */
export function counterHost(
  journal: Journal,
  dataDir: string,
  counters: Readonly<Record<string, CounterPlace>>,
  limits: Partial<ServiceLimits> = {},
): { host: ServiceHost; observer: RecordingObserver } {
  const observer = recordingObserver();
  const modules = Object.entries(counters).map(([name, { isolation = 'own', ...config }]) => ({
    name,
    module: COUNTER,
    isolation,
    config,
  }));
  const host = createServiceHost({
    services: [{ name: 'custom', config: { modules } }],
    journal,
    gatewayName: 'gw',
    dataDir,
    clock: livedClock,
    random: Math.random,
    observer,
    limits: { ...QUICK, ...limits },
  });
  return { host, observer };
}

/** Start, and wait until every service runs. */
export async function running(host: ServiceHost): Promise<void> {
  await host.start();
  await allRun(host);
}

export async function allRun(host: ServiceHost): Promise<void> {
  await until(() => host.list().every(({ state }) => state === 'running'), {
    what: 'all services run',
    timeoutMs: 30_000,
  });
}

/** The number event that the counter adds up; `order` makes it misbehave. */
export function number(subject: string, value: number, order?: string): EventDraft {
  return {
    source: '/headgate/gw/test',
    type: 'acme.number.v1',
    subject,
    time: 1_700_000_000_000 + value,
    lane: 'normal',
    data: order === undefined ? { value } : { value, order },
  };
}
