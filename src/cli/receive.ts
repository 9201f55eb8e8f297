import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { toCloudEventJson } from '../model/cloud-event.ts';
import { counted } from '../model/counted.ts';
import { GAP_TYPE, type HeadgateEvent } from '../model/event.ts';
import type { ReceivedEvent } from '../sinks/batch-decoder.ts';
import type { Receiving } from '../sinks/mqtt/receive.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { formatTime } from './format.ts';
import { oneLine, printFacts } from './output.ts';

export interface ReceiveCommandOptions {
  readonly url: string;
  readonly topic: string;
  readonly state?: string;
  readonly order: 'stream' | 'arrival';
  readonly hold: number;
  readonly replays?: true;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly clientId?: string;
  /** End after so many events. */
  readonly count?: number;
}

type Figures = ReturnType<Receiving['figures']>;

const LOOK_EVERY_MS = 1000;
/** A hole that the sender holds for delivered is told when it is still there after so many looks: a gap event may be on its way. */
const LOOKS_BEFORE_LOST = 10;

/**
 * `headgate receive`: what gateways send upstream, each event once and in order; with --json one CloudEvent a line. Ends on SIGINT; exit 1 if
 * events were lost or passed on out of order.
 */
export async function receive(context: CliContext, options: ReceiveCommandOptions): Promise<number> {
  const { receiveEvents } = await import('../sinks/mqtt/receive.ts');
  const enough = Promise.withResolvers<void>();
  let left = options.count ?? Number.POSITIVE_INFINITY;
  const receiving = await receiveEvents({
    ...(await connectionOf(options)),
    order: options.order,
    maxHeldEvents: options.hold,
    passReplays: options.replays === true,
    ...(options.state === undefined ? {} : { stateFile: options.state }),
    onEvents: async (events) => {
      for (const event of events) show(context, event);
      await context.drained();
      left -= events.length;
      if (left <= 0) enough.resolve();
    },
    onProblem: (topic, reason) => context.err(`${oneLine(topic)}: ${oneLine(reason)}\n`),
    onState: (state, reason) => context.err(state === 'connected' ? `connected to ${options.url}\n` : `${reason}\n`),
  }).catch((cause: unknown) => {
    if (cause instanceof HeadgateError) throw cause;
    throw new HeadgateError('RECEIVER_UNREACHABLE', { url: options.url, reason: messageOf(cause) }, cause);
  });
  const summary = setInterval(lookAt(context, receiving), LOOK_EVERY_MS);
  try {
    await Promise.race([aborted(context.stop), enough.promise, receiving.failed]);
  } finally {
    clearInterval(summary);
    await receiving.close();
  }
  const figures = receiving.figures();
  if (context.isJson) context.err(`${JSON.stringify(figures)}\n`);
  else printSummary(context, figures);
  return figures.lost === 0 && figures.orderViolations === 0 ? EXIT.ok.code : EXIT.failed.code;
}

async function connectionOf(options: ReceiveCommandOptions) {
  const { url, user, passwordFile, ca, clientId } = options;
  if (!/^mqtts?:\/\/[^\s/@]+\/?$/.test(url)) {
    throw usageError(
      'receive',
      `--url ${JSON.stringify(url)}: expected mqtt://host:port or mqtts://host:port, without a user`,
    );
  }
  // All below it, however that is written.
  const topic = options.topic.replace(/\/#?$/, '');
  if (topic === '' || /[#\0]/.test(topic)) {
    throw usageError(
      'receive',
      `--topic ${JSON.stringify(options.topic)}: expected a prefix such as headgate or plants/hamburg`,
    );
  }
  const text = async (path: string) => {
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw new HeadgateError('CLI_FILE_UNREADABLE', { path, reason: messageOf(cause) }, cause);
    }
  };
  return {
    url,
    topic,
    clientId: clientId ?? `headgate-receive-${hostname()}-${topic.replaceAll('/', '-')}`,
    ...(user === undefined ? {} : { username: user }),
    ...(passwordFile === undefined ? {} : { password: (await text(passwordFile)).trimEnd() }),
    ...(ca === undefined ? {} : { ca: await text(ca) }),
  };
}

function show(context: CliContext, event: ReceivedEvent): void {
  if (context.isJson) context.out(`${toCloudEventJson(event as HeadgateEvent)}\n`);
  else if (event.type === GAP_TYPE) {
    const { lane, first, last, count, reason }: Readonly<Record<string, unknown>> = { ...(event.data as object) };
    context.out(
      oneLine(
        `${formatTime(event.time)} gap: ${counted(Number(count), 'event')} of lane ${lane} in ${first}–${last}: ${reason}`,
      ),
    );
    context.out('\n');
  }
}

/** Tells once a second how it stands, when anything has changed, and what is lost. */
function lookAt(context: CliContext, receiving: Receiving): () => void {
  let before = '';
  let unique = 0;
  let looksWithLoss = 0;
  let lostTold = 0;
  return () => {
    const figures = receiving.figures();
    looksWithLoss = figures.lost > lostTold ? looksWithLoss + 1 : 0;
    if (looksWithLoss >= LOOKS_BEFORE_LOST) {
      lostTold = figures.lost;
      const ranges = figures.missingRanges.slice(0, 5).map(({ lane, first, last }) => `${lane} ${first}–${last}`);
      context.err(
        `lost: up to ${counted(figures.lost, 'event')}, confirmed upstream and never received: ${ranges.join(', ')}\n`,
      );
    }
    if (context.isJson) return;
    const line = summaryLine(figures);
    if (line !== before)
      context.out(`${formatTime(Date.now()).slice(11)} ${line}, ${figures.unique - unique} a second\n`);
    before = line;
    unique = figures.unique;
  };
}

function summaryLine({ unique, repeats, held, gapEvents, missing, lost }: Figures): string {
  return `${counted(unique, 'event')}, ${counted(repeats, 'repeat')} dropped, ${held} held for order, ${gapEvents} in gaps, ${missing} outstanding, ${lost} lost`;
}

function printSummary(context: CliContext, figures: Figures): void {
  printFacts(context, [
    ['events', `${figures.unique}`],
    ['repeats dropped', `${figures.repeats}`],
    ['held for order', `${figures.held}`],
    ['passed on early', `${figures.early}`],
    ['in gaps', `${figures.gapEvents}`],
    ['outstanding', `${figures.missing}`],
    ['lost', `${figures.lost}`],
    ['arrived out of order', `${figures.arrivedOutOfOrder}`],
    ['passed on out of order', `${figures.orderViolations}`],
  ]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
