import { HeadgateError } from '../../src/errors/headgate-error.ts';
import type { ControlApi, StatusReport } from '../../src/ports/control.ts';

const LANE = { segments: 1, events: 10, bytes: 2048 };

/** A status as the daemon gives it. */
export const STATUS: StatusReport = {
  gateway: 'g1',
  version: '0.1.0',
  nodeVersion: '26.10.0',
  pid: 1,
  startedAt: 1_700_000_000_000,
  uptimeMs: 3_723_000,
  rssMb: 90,
  resources: { heapBytes: 1, externalBytes: 2, handles: { Timeout: 3 }, listeners: 4 },
  cpuCores: 0.05,
  samples: { read: 1000, reported: 900, refused: 0 },
  devices: [
    {
      name: 'plc-1',
      driver: 'modbus-tcp',
      state: { device: 'plc-1', state: 'disconnected', reason: 'connection refused', since: 1_700_000_000_000 },
      tags: 5,
      stats: {
        device: 'plc-1',
        requests: 10,
        failures: 1,
        timeouts: 1,
        reconnects: 2,
        scanMs: { '1000': 12 },
        faultyTags: [],
      },
    },
  ],
  tagFaults: [{ device: 'plc-1', tag: 'speed', reason: 'illegal data address 40123' }],
  sinks: [
    {
      name: 'up',
      kind: 'mqtt',
      link: 'down',
      reason: 'ECONNREFUSED',
      settled: 3,
      waiting: 7,
      backlog: 7,
      held: [{ what: 'backlog', by: 'schedule', until: 1_700_000_000_000 }],
      inFlight: 0,
      sentBytes: 99,
      reconnects: 1,
    },
  ],
  services: [],
  broker: { address: { host: '127.0.0.1', port: 1883 }, clients: 2, subscriptions: 3, delivered: 4 },
  journal: {
    journalId: 'j1',
    lastSequence: 10,
    lanes: { critical: LANE, normal: LANE, bulk: LANE },
    bytes: 6144,
    quotaBytes: 2_147_483_648,
    freeDiskBytes: 1e9,
    blocked: null,
    gaps: [{ lane: 'bulk', first: 1, last: 3, count: 3, unused: 0, reason: 'quota', at: 1_700_000_000_000 }],
    ledger: [{ consumer: 'up', received: 10, settled: 3, waiting: 4, gaps: 3 }],
  },
  counters: { modbus_timeouts_total: 1 },
};

async function* noPages() {}

/** A daemon's answers of the tests' own; every part may be replaced. */
export function fakeApi(parts: Partial<ControlApi> = {}): ControlApi {
  return {
    status: async () => STATUS,
    currentValues: async ({ device = 'plc-1', tag = 'speed' }) => [
      {
        device,
        tag,
        asset: 'acme/p',
        address: '40001',
        unit: 'rpm',
        current: { value: 12345678901234567890n, status: 0, time: 1_700_000_000_000 },
      },
    ],
    tags: async () => [],
    explainTag: async () => {
      throw new HeadgateError('RUNTIME_TAG_UNKNOWN', { device: 'any', tag: 'x' });
    },
    readTags: async (_device, tags) => tags.map(() => ({ value: 7, status: 0, time: 1_700_000_000_000 })),
    writeTag: async ({ id, tag, value }) => ({ id, tag, outcome: 'done', problem: null, before: 0, after: value }),
    tailEvents: () => () => undefined,
    recordFrames: () => () => undefined,
    replayEvents: () => noPages(),
    searchEvents: () => ({ journalId: 'j1', until: 0, pages: noPages() }),
    journalStatus: async () => STATUS.journal,
    journalLedger: async () => ({ streams: [], rows: [] }),
    journalVerify: async () => ({ ok: true }),
    forgetSink: async () => ({ events: 4 }),
    services: async () => [],
    serviceQuery: async (service, query, argument) => ({ service, query, argument }),
    ...parts,
  };
}
