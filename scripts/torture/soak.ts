import type { StatusReport } from '../../src/ports/control.ts';
import { until } from '../../test/support/until.ts';
import { CountingOracle } from './counting-oracle.ts';
import { INSPECTABLE, Inspector } from './inspector.ts';
import { Plant } from './plant.ts';
import { figuresOf } from './plants.ts';
import { robustSlope } from './robust-slope.ts';
import type { Torture } from './torture-case.ts';

const EVENTS_A_RUN = 1000;
/** Each a client: the local broker remembers the last 65,535 message ids of each, which is what the start of a soak fills. */
const STREAMS = 2;
const WINDOW = 400;
/** How often it is looked at, right after a garbage collection. */
const MOST_LOOKS = 200;
const FEWEST_LOOKS = 20;
const EVENTS_A_LOOK = 10_000;
/** What starts, fills its caches and is compiled is no leak: it levels off within so many events (README.md), */
const WARMUP_EVENTS = 3_000_000;
/** of which a short run has a part behind it. */
const WARMUP_SHARE = 0.3;
const MAX_MB_PER_10M = 1;
/**
 * With fewer a slope says nothing about ten millions: over the two millions that are left the heap, which wanders by 0.5 MB from look to look, leaves
 * more doubt than the goal has room for. Then the memory must just stay where it was.
 */
const EVENTS_FOR_SLOPE = 6_000_000;
const MAX_GROWTH_MB = 24;
/** Handles that come and go with the requests of the test itself and with timers between two beats. */
const HANDLE_SLACK = 6;

/** 24 hours of events, compressed to as fast as they go: memory, handles, timers and listeners must stay where they are. */
export const torture: Torture = {
  run: async ({ runs, seed, random, say }) => {
    const total = runs * EVENTS_A_RUN;
    const oracle = new CountingOracle(STREAMS, WINDOW);
    const plant = await Plant.open({
      random,
      window: 1,
      journal: { retain_settled_h: 0, segment_mb: 4 },
      onArrived: (event) => oracle.arrived(event),
    });
    const looks: Look[] = [];
    try {
      await plant.start({ environment: INSPECTABLE });
      const inspector = await Inspector.connect(plant.daemon);
      await oracle.connect(plant.host, plant.brokerPort);
      const began = performance.now();
      const looksPlanned = Math.max(FEWEST_LOOKS, Math.min(MOST_LOOKS, total / EVENTS_A_LOOK));
      const step = Math.ceil(total / looksPlanned);
      for (let done = 0; done < total; done += step) {
        await oracle.publish(Math.min(step, total - done));
        await inspector.collectGarbage();
        const status = await plant.status();
        if (status === null) throw new Error('the gateway does not answer');
        const look = { events: oracle.accepted, ...held(status) };
        looks.push(look);
        const perSecond = Math.round(look.events / ((performance.now() - began) / 1000));
        say(
          `${look.events} events, ${perSecond} a second, ${mb(look.bytes)} MB of heap and buffers, ${status.rssMb} MB in all`,
        );
      }
      inspector.close();
      const eventsPerSecond = Math.round(total / ((performance.now() - began) / 1000));
      await until(() => oracle.lost === 0, { what: 'all arrived', timeoutMs: 60_000, everyMs: 100 }).catch(() => {});
      await oracle.close();
      const isLong = oracle.accepted >= EVENTS_FOR_SLOPE;
      const warmup = isLong ? WARMUP_EVENTS : total * WARMUP_SHARE;
      const settled = looks.filter(({ events }) => events >= warmup);
      const { slope, low, high } = robustSlope(
        settled.map(({ events, bytes }) => [events / 10_000_000, bytes / 1_048_576]),
      );
      const growthMb = mb((settled.at(-1)?.bytes ?? 0) - (settled[0]?.bytes ?? 0));
      const early = settled.slice(0, settled.length >>> 1);
      const late = settled.slice(settled.length >>> 1);
      const most = (some: readonly Look[], key: 'handles' | 'listeners' | 'rssMb') =>
        Math.max(...some.map((look) => look[key]));
      const figures = figuresOf(plant, await plant.rest(), seed);
      const failures = [...figures.failures];
      const note = (is: boolean, text: string) => {
        if (is) failures.push(`seed ${seed}: ${text}`);
      };
      note(isLong && slope > MAX_MB_PER_10M, `memory grows by ${slope.toFixed(2)} MB in 10 million events`);
      note(!isLong && growthMb > MAX_GROWTH_MB, `memory grew by ${growthMb} MB`);
      note(
        most(late, 'handles') > most(early, 'handles') + HANDLE_SLACK,
        `handles grow: ${most(early, 'handles')}, then ${most(late, 'handles')}`,
      );
      note(most(late, 'listeners') > most(early, 'listeners'), 'listeners grow');
      note(oracle.lost > 0, `${oracle.lost} accepted and lost`);
      return {
        ...figures,
        acceptedLost: figures.acceptedLost + oracle.lost,
        duplicatesAfterDedupe: figures.duplicatesAfterDedupe + oracle.duplicates,
        orderViolations: figures.orderViolations + oracle.orderViolations,
        own: {
          ...figures.own,
          events: oracle.accepted,
          eventsPerSecond,
          memoryMbPer10MEvents: Number(slope.toFixed(2)),
          memoryMbPer10MEventsBounds: [low, high].map((bound) => Number(bound.toFixed(2))),
          isSlopeJudged: isLong,
          memoryGrowthMb: growthMb,
          memoryMb: mb(settled.at(-1)?.bytes ?? 0),
          rssMb: { early: most(early, 'rssMb'), late: most(late, 'rssMb') },
          handles: { early: most(early, 'handles'), late: most(late, 'handles') },
          listeners: { early: most(early, 'listeners'), late: most(late, 'listeners') },
        },
        failures,
      };
    } finally {
      await plant.close();
    }
  },
};

/** What the gateway holds after so many events. */
interface Look extends ReturnType<typeof held> {
  readonly events: number;
}

function held({ resources, rssMb }: StatusReport) {
  const { heapBytes, externalBytes, handles, listeners } = resources;
  return {
    bytes: heapBytes + externalBytes,
    handles: Object.values(handles).reduce((sum, count) => sum + count, 0),
    listeners,
    rssMb,
  };
}

function mb(bytes: number): number {
  return Number((bytes / 1_048_576).toFixed(1));
}
