import { connectAsync, type MqttClient } from 'mqtt';
import { messageOf } from '../../errors/headgate-error.ts';
import { decodeBatch, type ReceivedEvent } from '../../sinks/batch-decoder.ts';
import { Receiver, type ReceiverFigures } from '../../sinks/receiver.ts';

/** What stands at the far end: takes every batch from the upstream broker, drops repeats by id, and counts. */
export interface UpstreamReceiver {
  figures(): ReceiverFigures;
  /** Ids that came through although they had come before: 0, or the receiver is wrong. */
  readonly duplicatesAfterDedupe: number;
  /** Batches that could not be read. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** Subscribe on the upstream broker. @param onEvent called with each event once */
export async function receiveUpstream(
  port: number,
  onEvent: (event: ReceivedEvent) => void,
): Promise<UpstreamReceiver> {
  const client: MqttClient = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: 'demo-receiver' });
  const receiver = new Receiver({ firstSequence: 1 });
  const seen = new Set<string>();
  const problems: string[] = [];
  let duplicates = 0;
  let work = Promise.resolve();
  client.on('message', (_topic, payload) => {
    // In order: a batch is taken when the one before it has been.
    work = work.then(async () => {
      try {
        for (const event of receiver.receive(await decodeBatch(payload))) {
          if (seen.has(event.id)) duplicates++;
          seen.add(event.id);
          onEvent(event);
        }
      } catch (error) {
        problems.push(messageOf(error));
      }
    });
  });
  await client.subscribeAsync('headgate/#', { qos: 1 });
  return {
    figures: () => receiver.figures(),
    get duplicatesAfterDedupe() {
      return duplicates;
    },
    problems,
    close: async () => {
      await client.endAsync();
      await work;
    },
  };
}
