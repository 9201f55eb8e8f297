/** The far end of a bench, in a process of its own: a broker, a WAN with a round trip, and a receiver. argv = round trip ms. */
import { receiveUpstream } from '../../src/cli/demo/upstream-receiver.ts';
import { type HeadgateEvent, isTelemetry } from '../../src/model/event.ts';
import { startUpstreamBroker } from '../../src/simulate/upstream-broker.ts';
import { openWanLink } from '../../src/simulate/wan-link.ts';
import { Latencies } from './latencies.ts';

const roundTripMs = Number(process.argv[2] ?? 0);
const broker = await startUpstreamBroker();
const wan = await openWanLink({ targetPort: broker.port, delayMs: roundTripMs / 2 });
let latencies = new Latencies();
let samples = 0;
const receiver = await receiveUpstream(broker.port, (event) => {
  if (!isTelemetry(event as HeadgateEvent)) return;
  const report = (event as HeadgateEvent).data as { size: number; time(position: number): number };
  samples += report.size;
  // The acknowledgement is under way when the message is here; it takes half a round trip back.
  latencies.add(Date.now() + roundTripMs / 2 - Math.min(report.time(0), report.time(report.size - 1)));
});
process.send?.({ port: wan.port });
process.on('message', (message) => {
  if (message === 'reset') {
    latencies = new Latencies();
    samples = 0;
  } else
    process.send?.({ samples, ...latencies.quantiles(), ...receiver.figures(), problems: receiver.problems.length });
});
process.on('disconnect', () => process.exit());
