import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { inspectJournal } from '../../journal/inspect.ts';
import { counted } from '../../model/counted.ts';
import { createObserver } from '../../observe/observer.ts';
import type { StatusReport } from '../../ports/control.ts';
import { systemClock } from '../../ports/system-clock.ts';
import type { MaintenanceRequired } from '../../services/health/contracts.ts';
import { loadFixture, startSimulation } from '../../simulate/simulator.ts';
import { startUpstreamBroker } from '../../simulate/upstream-broker.ts';
import { openWanLink } from '../../simulate/wan-link.ts';
import type { ReceivedEvent } from '../../sinks/batch-decoder.ts';
import { writeDemoConfiguration } from './demo-configuration.ts';
import type { DemoCase, DemoResult } from './demo-report.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { receiveUpstream, type UpstreamReceiver } from './upstream-receiver.ts';

/** The WAN is cut for this part of the time. */
const CUT_FROM = 0.4;
const CUT_UNTIL = 0.6;
const DRAIN_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 1_000;
const MAINTENANCE_REQUIRED = 'headgate.maintenance-required.v1';

export interface DemoOptions {
  /** A fixture folder or a .csv file. */
  readonly fixture: string;
  readonly durationSeconds: number;
  /** Hears of what happens, for people. */
  readonly say: (line: string) => void;
  /** Ends the demo early, in order. */
  readonly stop: AbortSignal;
}

/**
 * The main job, end to end and for real: recorded equipment behind real servers, the daemon in a process of its own, an upstream
 * broker behind a WAN that is cut and healed, and a receiver that counts at the far end.
 * @throws FIXTURE_…, CSV_UNREADABLE, DEMO_GATEWAY_FAILED, DEMO_ENDED_EARLY
 */
export async function runDemo({ fixture: path, durationSeconds, say, stop }: DemoOptions): Promise<DemoResult> {
  const closers: (() => Promise<unknown>)[] = [];
  const workDirectory = await mkdtemp(join(tmpdir(), 'headgate-demo-'));
  closers.push(() => rm(workDirectory, { recursive: true, force: true }));
  try {
    const dataDirectory = join(workDirectory, 'data');
    const configDirectory = join(workDirectory, 'config');
    await mkdir(configDirectory);
    const upstream = await startUpstreamBroker();
    closers.push(() => upstream.close());
    const wan = await openWanLink({ targetPort: upstream.port });
    closers.push(() => wan.close());
    const cases = new Map<string, DemoCase>();
    const receiver = await receiveUpstream(upstream.port, (event) => noteCase(cases, event, say));
    closers.push(() => receiver.close());
    const fixture = await loadFixture(path);
    const { duration_ms: lineMs, source } = fixture.manifest.recorded;
    const speed = lineMs / (durationSeconds * 1000);
    const { observer } = createObserver({ write: () => {}, now: () => Date.now(), level: 'error', format: 'text' });
    const simulation = await startSimulation({
      fixture,
      speed,
      loop: false,
      host: '127.0.0.1',
      clock: systemClock,
      observer,
    });
    closers.push(() => simulation.close());
    say(`Line: ${fixture.manifest.description}`);
    say(`      recorded: ${source}`);
    say(
      `      ${counted(simulation.tags.length, 'tag')} on ${simulation.endpoints.map(({ url }) => url).join(', ')}, ${speed.toFixed(1)} times as fast`,
    );
    await writeDemoConfiguration(simulation, path, speed, { configDirectory, dataDirectory, wanPort: wan.port });
    const gateway = await startGatewayProcess(configDirectory, join(dataDirectory, 'headgate.sock'));
    closers.push(() => gateway.stop());
    say(`Gateway: process ${gateway.pid}; everything it accepts goes to the journal first, then upstream.`);

    const show = shower(gateway, receiver, say);
    const phase = async (untilShare: number, wanState: string) => {
      const until = startedAt + untilShare * durationSeconds * 1000;
      while (performance.now() < until) {
        const untilLook = Math.min(LOOK_EVERY_MS, Math.max(1, until - performance.now()));
        await pause(untilLook, undefined, { signal: stop });
        await show(wanState, (performance.now() - startedAt) / 1000);
      }
    };
    const startedAt = performance.now();
    await phase(CUT_FROM, 'up');
    say('--- the WAN is cut ---');
    wan.cut();
    const cutAt = performance.now();
    await phase(CUT_UNTIL, 'CUT');
    wan.heal();
    const healedAt = performance.now();
    say('--- the WAN is back ---');
    const drained = backlogGone(gateway);
    // Awaited below; until then a failure is the phase's to tell.
    drained.catch(() => undefined);
    await phase(1, 'up');
    const drainedAt = await drained;
    const assets = await gateway.assetHealth();
    const status = await nothingWaiting(gateway);
    await gateway.stop();
    const [ledger] = (await inspectJournal(join(dataDirectory, 'journal'))).ledger.filter(
      ({ consumer }) => consumer === 'upstream',
    );
    await pause(200);
    const figures = receiver.figures();
    const { received: accepted = 0, settled = 0, waiting = 0, gaps = 0 } = ledger ?? {};
    for (const problem of receiver.problems) say(`Unreadable at the receiver: ${problem}`);
    return {
      fixture: fixture.manifest.name,
      speed: Number(speed.toFixed(2)),
      durationSeconds,
      samplesRead: status.samples.read,
      eventsAccepted: accepted,
      eventsForwarded: settled,
      eventsWaiting: waiting,
      gaps,
      received: figures.unique,
      repeatsDropped: figures.repeats,
      lost: Math.max(0, accepted - waiting - gaps - figures.unique),
      duplicatesAfterDedupe: receiver.duplicatesAfterDedupe,
      orderViolations: figures.orderViolations,
      wanCutSeconds: seconds(healedAt - cutAt),
      drainSeconds: seconds(drainedAt - healedAt),
      cases: [...cases.values()],
      assets: assets.map(({ asset, state, learned, score, confidence, sensorFaults }) => ({
        asset,
        state,
        learned,
        score,
        confidence,
        sensorFaults,
      })),
    };
  } catch (error) {
    // Ctrl+C reaches the gateway as well: whatever failed then failed for that.
    throw stop.aborted ? new HeadgateError('DEMO_ENDED_EARLY', {}, error) : error;
  } finally {
    for (const close of closers.reverse())
      await close().catch((error: unknown) => say(`While closing: ${String(error)}`));
  }
}

function noteCase(cases: Map<string, DemoCase>, event: ReceivedEvent, say: (line: string) => void): void {
  if (event.type !== MAINTENANCE_REQUIRED) return;
  const data = event.data as MaintenanceRequired;
  cases.set(data.caseId, { ...data, asset: event.subject });
  say(`*** maintenance case ${data.status}: ${event.subject}, ${data.urgency}: ${data.evidence}`);
}

function shower(gateway: GatewayProcess, receiver: UpstreamReceiver, say: (line: string) => void) {
  return async (wanState: string, elapsedSeconds: number) => {
    const { samples, journal, sinks, rssMb, cpuCores } = await gateway.status();
    const waiting = sinks.reduce((sum, sink) => sum + sink.waiting, 0);
    say(
      `${elapsedSeconds.toFixed(0).padStart(4)} s  WAN ${wanState.padEnd(3)}  samples ${samples.read}  events ${journal.lastSequence}  ` +
        `waiting ${waiting}  received ${receiver.figures().unique}  ${rssMb} MB  ${(cpuCores * 100).toFixed(0)} % of a core`,
    );
  };
}

/** When the sink no longer had a backlog beside what is live. */
async function backlogGone(gateway: GatewayProcess): Promise<number> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const { sinks } = await gateway.status();
    if (sinks.every(({ link, backlog }) => link === 'up' && backlog === 0) || performance.now() > deadline)
      return performance.now();
    await pause(20);
  }
}

/** The status once everything is settled, or after the deadline whatever still waits. */
async function nothingWaiting(gateway: GatewayProcess): Promise<StatusReport> {
  const deadline = performance.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const status = await gateway.status();
    if (status.sinks.every(({ waiting }) => waiting === 0) || performance.now() > deadline) return status;
    await pause(20);
  }
}

function seconds(ms: number): number {
  return Number((ms / 1000).toFixed(2));
}
