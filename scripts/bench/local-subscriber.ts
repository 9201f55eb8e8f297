import { connectAsync } from 'mqtt';
import { Latencies } from './latencies.ts';

const TIME_KEY = Buffer.from('"t":');

/** A subscriber of the local broker to the telemetry of some units, which takes the age of each report. */
export interface LocalSubscriber {
  /** Count from now on. */
  begin(): void;
  /** Latencies so far: from the oldest of the first and the last sample's source times to the arrival here. */
  readonly latencies: Latencies;
  readonly reports: number;
  end(): Promise<void>;
}

/** @param assets whose reports are subscribed to */
export async function subscribeLocally(port: number, assets: readonly string[]): Promise<LocalSubscriber> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
  const latencies = new Latencies();
  let isMeasuring = false;
  let reports = 0;
  client.on('message', (_topic, payload) => {
    const now = Date.now();
    if (!isMeasuring) return;
    // Looked up in the bytes: parsing reports of 10,000 samples would be a large part of the time that is measured.
    const first = timeAt(payload, payload.indexOf(TIME_KEY, payload.indexOf('"data":')));
    const last = timeAt(payload, payload.lastIndexOf(TIME_KEY));
    latencies.add(now - Math.min(first, last));
    reports++;
  });
  await client.subscribeAsync(assets.map((asset) => `uns/v1/${asset}/_telemetry_v1/#`));
  return {
    begin: () => {
      isMeasuring = true;
    },
    latencies,
    get reports() {
      return reports;
    },
    end: () => client.endAsync(),
  };
}

function timeAt(payload: Buffer, at: number): number {
  if (at < 0) throw new Error('a report without a sample');
  return Number.parseFloat(payload.toString('latin1', at + TIME_KEY.length, at + TIME_KEY.length + 20));
}
