import { modbusRtuTcp, modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { isGood } from '../../../src/model/quality.ts';
import type { ReadingBatch } from '../../../src/model/reading.ts';
import type { TagDefinition } from '../../../src/model/tag.ts';
import type { Random } from '../../../src/ports/clock.ts';
import { systemClock } from '../../../src/ports/system-clock.ts';
import { recordingObserver } from '../../../test/support/observer.ts';
import { tag } from '../../../test/support/tag.ts';
import { linePlace, type PlaceTimes, tcpPlace } from './hostile-places.ts';
import { HostileUnit } from './hostile-unit.ts';
import { tickAt, wrongIn } from './stamped-registers.ts';

const PERIOD_MS = 20;
const TAGS = 60;

/** The whole driver against hostile units, until the others are done: what it reports as Good is judged by the time it puts on it. */
export async function scanLane(
  random: Random,
  faultRate: number,
  times: PlaceTimes,
  until: Promise<unknown>,
): Promise<{ readonly readings: number; readonly wrong: number }> {
  let readings = 0;
  let wrong = 0;
  const judge = (batch: ReadingBatch) => {
    for (let i = 0; i < batch.count; i++) {
      const definition = batch.group.tags.at(
        batch.indexes === null ? i : (batch.indexes[i] as number),
      ) as TagDefinition;
      const status = typeof batch.statuses === 'number' ? batch.statuses : (batch.statuses[i] as number);
      if (!isGood(status)) continue;
      const time = typeof batch.times === 'number' ? batch.times : (batch.times[i] as number);
      const data = Buffer.alloc(4);
      data.writeUInt32BE(Number(batch.values[i]));
      readings++;
      const sent = tickAt(time);
      if (wrongIn(data, Number(definition.address.slice(3)), sent) !== null) wrong++;
    }
  };
  const lanes = [
    { module: modbusTcp, isNumbered: true },
    { module: modbusRtuTcp, isNumbered: false },
  ].map(async ({ module, isNumbered }) => {
    const unit = new HostileUnit({
      ...{ random, faultRate, isNumbered, isRelayed: false },
      lateMs: [times.timeoutMs + 1, times.timeoutMs + times.lateReplyMs / 2],
    });
    const place = isNumbered ? await tcpPlace(unit, times, 4) : await linePlace(unit, times, 'rtu');
    const tags = Array.from({ length: TAGS }, (_none, i) =>
      tag(`t${i}`, { device: 'hostile', type: 'uint32', address: `HR:${i * 2 + (i % 10) * 300}`, scanMs: PERIOD_MS }),
    );
    const driver = await module.create(
      [{ name: 'hostile', config: place.config, groups: [{ device: 'hostile', periodMs: PERIOD_MS, tags }] }],
      {
        ...{ clock: systemClock, random, observer: { ...recordingObserver(), emit: () => {} }, dataDir: null },
        ...{ report: judge, deviceState: () => {}, tagFault: () => {} },
      },
    );
    await driver.start();
    await until.catch(() => {});
    await driver.stop();
    await place.close();
  });
  await Promise.all(lanes);
  return { readings, wrong };
}
