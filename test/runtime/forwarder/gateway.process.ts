// The real journal and the forwarder in a process that tests can kill: `node gateway.process.ts DIRECTORY URL [SINK CONFIG JSON]`.
// A message `{ append: n }` appends n events in one call; it answers `{ accepted: n }` after the commit; `{ status: true }` → status.
import { openJournal } from '../../../src/journal/journal-client.ts';
import { systemClock } from '../../../src/ports/system-clock.ts';
import { createForwarder } from '../../../src/runtime/forwarder.ts';
import { mqttSink } from '../../../src/sinks/mqtt/module.ts';
import { int16List, report } from '../../support/events.ts';
import { recordingObserver } from '../../support/observer.ts';

const [directory = '', url = '', config = '{}'] = process.argv.slice(2);
const observer = recordingObserver();
const journal = await openJournal({ directory, config: { ballast_mb: 0 }, clock: systemClock, observer });
const forwarder = createForwarder({
  sinks: [{ name: 'up', kind: 'mqtt', config: { url, ...JSON.parse(config) }, module: mqttSink }],
  journal,
  clock: systemClock,
  random: Math.random,
  observer,
  gatewayName: 'gw',
  readSecret: async () => '',
});
await forwarder.start();

const LIST = int16List('press', 100);
process.on('message', (message: { append?: number; status?: boolean; stop?: boolean }) => {
  if (message.append !== undefined) {
    const noise = () => Array.from({ length: 100 }, () => Math.floor(Math.random() * 65_536) - 32_768);
    const drafts = Array.from({ length: message.append }, () => report(LIST, noise(), Date.now()));
    journal.append(drafts).then((events) => process.send?.({ accepted: events.length }));
  }
  if (message.status === true) process.send?.({ status: forwarder.status()[0], lastSequence: journal.lastSequence });
  if (message.stop === true) {
    forwarder
      .stop()
      .then(() => journal.close())
      .then(() => process.exit());
  }
});
process.on('disconnect', () => process.exit(1));
process.send?.({ ready: true, lastSequence: journal.lastSequence });
