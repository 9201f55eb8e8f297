import { HeadgateError, isHeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { decodeBatch, type ReceivedEvent } from '../batch-decoder.ts';
import { OrderedReceiver, type OrderedReceiverOptions } from '../ordered-receiver.ts';
import type { HeldMessage, ReceiverFile } from '../receiver-file.ts';
import { type Subscription, type SubscriptionOptions, subscribe } from './subscription.ts';

export interface ReceiveOptions extends Omit<SubscriptionOptions, 'onMessage'>, OrderedReceiverOptions {
  /** Where the account is kept, so that a restart repeats nothing; without it each start begins anew. */
  readonly stateFile?: string;
  /** Take events: each comes once, those of a stream in their order. What was taken is confirmed to the broker afterwards. */
  readonly onEvents: (events: readonly ReceivedEvent[]) => void | Promise<void>;
  /** A message that is no batch or event of a gateway; it is passed over. */
  readonly onProblem?: (topic: string, reason: string) => void;
}

export interface Receiving {
  readonly isConnected: boolean;
  /** Rejects with what `onEvents` threw. */
  readonly failed: Subscription['failed'];
  figures(): ReturnType<OrderedReceiver['figures']>;
  /** Without a state file, what waits for its turn is passed on; with one, another may have that file. */
  close(): Promise<void>;
}

/**
 * Receive what gateways send to an MQTT broker, in any format of their MQTT sink: each event once, in order, with an account of gaps and
 * losses. Messages are taken, written to the account and only then confirmed: a crash repeats at most what was being taken.
 * @throws RECEIVER_STATE_LOCKED another receiver has the state file; RECEIVER_STATE_INVALID; RECEIVER_STATE_UNWRITABLE, also later in
 *   `failed`; or what the first connection ends with
 */
export async function receiveEvents({ stateFile, ...options }: ReceiveOptions): Promise<Receiving> {
  if (stateFile === undefined) return receiveWith(options, null);
  const { ReceiverFile } = await import('../receiver-file.ts');
  const file = new ReceiverFile(stateFile);
  try {
    return await receiveWith(options, file);
  } catch (error) {
    file.release();
    throw error;
  }
}

async function receiveWith(options: Omit<ReceiveOptions, 'stateFile'>, file: ReceiverFile | null): Promise<Receiving> {
  const { onEvents, onProblem, order, maxHeldEvents, firstSequence, passReplays, ...connection } = options;
  const receiver = new OrderedReceiver(
    {
      ...(order === undefined ? {} : { order }),
      ...(maxHeldEvents === undefined ? {} : { maxHeldEvents }),
      ...(firstSequence === undefined ? {} : { firstSequence }),
      ...(passReplays === undefined ? {} : { passReplays }),
    },
    file?.load() ?? null,
  );
  const take = async (payload: Uint8Array) => {
    const due = receiver.receive(await decodeBatch(payload));
    const waits = receiver.lastHeld;
    if (due.length > 0) await onEvents(due);
    return { hasPassedOn: due.length > 0, held: waits === null ? null : { payload, waits } };
  };
  if (file !== null) {
    const stillHeld: HeldMessage[] = [];
    for (const payload of file.held()) {
      const { held } = await take(payload).catch((cause: unknown) => {
        if (!isHeadgateError(cause, 'BATCH_INVALID')) throw cause;
        throw new HeadgateError('RECEIVER_STATE_INVALID', { path: file.heldPath, reason: messageOf(cause) }, cause);
      });
      if (held !== null) stillHeld.push(held);
    }
    // Before anything is passed on that could not be written down.
    file.begin(receiver.state(), stillHeld);
  }
  const subscription = await subscribe({
    ...connection,
    onMessage: async (topic, payload) => {
      const taken = await take(payload).catch((error: unknown) => {
        if (!isHeadgateError(error, 'BATCH_INVALID')) throw error;
        onProblem?.(topic, messageOf(error));
        return null;
      });
      if (taken === null) return;
      const { held, hasPassedOn } = taken;
      if (held !== null) file?.hold(held);
      // A message of which all waits changes nothing that it does not change again when it is received again.
      if (held === null || hasPassedOn) file?.save(receiver.state(), receiver.held > 0);
    },
  });
  return {
    get isConnected() {
      return subscription.isConnected;
    },
    failed: subscription.failed,
    figures: () => receiver.figures(),
    close: async () => {
      try {
        await subscription.close();
      } finally {
        file?.release();
      }
      if (file !== null) return;
      const rest = receiver.flush();
      if (rest.length > 0) await onEvents(rest);
    },
  };
}
