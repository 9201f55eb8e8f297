import type { EventDraft } from '../../src/model/event.ts';
import { makeTagList } from '../../src/model/event-codec.ts';
import { LANES, type Lane } from '../../src/model/tag.ts';
import { type TagList, TelemetryReport } from '../../src/model/telemetry.ts';
import type { Dice, VirtualTime } from './virtual-time.ts';

interface StreamSource {
  readonly lane: Lane;
  readonly key: string;
  readonly list: TagList | null;
  /** Of the filler of an event. */
  readonly bytes: number;
}

const FILLER = 'x'.repeat(8000);
/** Groups that are offered once faults have stopped: acceptance must be back. */
const LAST_GROUPS = 3;
const BURST_EVENTS = 320;

/** What the plant has to tell: groups of events over lanes and streams, each event told apart by its time. */
export class Producers {
  static readonly maxGroup = BURST_EVENTS;
  readonly #dice: Dice;
  readonly #time: VirtualTime;
  readonly #streams: readonly StreamSource[];
  /** The others fall silent: what they passed over no event tells. */
  readonly #lastLanes: readonly Lane[];
  readonly #silentFrom: number;
  #n = 0;
  #lastGroups = 0;

  constructor(dice: Dice, time: VirtualTime) {
    this.#dice = dice;
    this.#time = time;
    const size = dice.pick([20, 200, 2000, 7000]);
    this.#streams = Array.from({ length: dice.whole(2, 6) }, (_, i) => {
      const lane = dice.pick([...LANES, 'bulk', 'normal'] as const);
      const isTelemetry = dice.chance(0.3);
      const key = `plant/line/machine-${i}`;
      return { lane, key, list: isTelemetry ? listOf(key, lane) : null, bytes: Math.floor(size * dice.random()) };
    });
    const speaking = dice.chance(0.3) ? LANES : LANES.filter(() => dice.chance(0.4));
    this.#lastLanes = speaking.length > 0 ? speaking : [dice.pick(LANES)];
    this.#silentFrom = time.now + dice.between(5_000, 60_000);
  }

  /** Enough was offered after the faults. */
  get isFinished(): boolean {
    return this.#lastGroups >= LAST_GROUPS;
  }

  /** Some events; once faults have stopped, one in each lane that still speaks. */
  next(isFaulty: boolean): EventDraft[] {
    if (!isFaulty) {
      this.#lastGroups++;
      return this.#lastLanes.map((lane) =>
        this.#event({ lane, key: `plant/line/last-${lane}`, list: null, bytes: 10 }),
      );
    }
    const count = this.#dice.chance(0.8) ? this.#dice.whole(1, 4) : this.#dice.whole(5, 25);
    return this.#pick(count).map((stream) => this.#event(stream));
  }

  /** Many small events of one stream at once: more than a sink takes for live. */
  burst(): EventDraft[] {
    const [picked] = this.#pick(1);
    if (picked === undefined) return [];
    const stream = { ...picked, bytes: 10 };
    return Array.from({ length: BURST_EVENTS }, () => this.#event(stream));
  }

  /** Streams that have something to tell, in lanes that still speak. */
  #pick(count: number): StreamSource[] {
    const picked = Array.from({ length: count }, () => this.#dice.pick(this.#streams));
    return this.#time.now < this.#silentFrom ? picked : picked.filter(({ lane }) => this.#lastLanes.includes(lane));
  }

  #event({ lane, key, list, bytes }: StreamSource): EventDraft {
    const n = ++this.#n;
    const time = 1_000_000_000 + n;
    if (list !== null) {
      const values = Float64Array.of(n, this.#time.now, 0);
      return {
        source: list.source,
        type: 'headgate.telemetry.v1',
        subject: list.asset,
        partitionkey: `${list.asset}/${list.group}`,
        time,
        lane,
        data: new TelemetryReport(list, { indexes: null, values, statuses: 0, timeBase: time, timeDeltas: 0 }),
      };
    }
    return {
      source: '/headgate/simulated/device',
      type: 'simulated.counted.v1',
      subject: key,
      time,
      lane,
      data: { n, filler: FILLER.slice(0, bytes) },
    };
  }
}

function listOf(asset: string, lane: Lane): TagList {
  return makeTagList({
    source: `/headgate/simulated/${asset}`,
    device: 'device',
    asset,
    group: 'device_1000ms',
    lane,
    names: ['a', 'b', 'c'],
    units: ['', '', ''],
    types: ['float64', 'float64', 'float64'],
  });
}
