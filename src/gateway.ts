import { join } from 'node:path';
import { type Broker, startBroker } from './broker/broker.ts';
import type { BrokerConfig } from './broker/config.ts';
import type { Configuration } from './config/configuration.ts';
import { driverModules } from './drivers/registry.ts';
import { messageOf } from './errors/headgate-error.ts';
import type { JournalConfig } from './journal/config.ts';
import { type JournalHandle, openJournal } from './journal/journal-client.ts';
import { DEVICE_STATE_TYPE } from './model/event.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Observer } from './observe/observer.ts';
import type { PipelineConfig } from './pipeline/config.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import type { Clock, Random } from './ports/clock.ts';
import type { ControlApi } from './ports/control.ts';
import type { DeviceState } from './ports/driver.ts';
import { CommandRunner } from './runtime/commands/command-desk.ts';
import type { CommandsConfig } from './runtime/commands/config.ts';
import { createControlApi } from './runtime/control-api.ts';
import { DeviceSupervisor } from './runtime/device-supervisor.ts';
import { createForwarder } from './runtime/forwarder.ts';
import { ProcessorMeter } from './runtime/processor-meter.ts';
import { createReplays } from './runtime/replay.ts';
import { scanGroupsOf } from './runtime/scan-groups.ts';
import { createServiceHost } from './runtime/service-host.ts';
import { sinkModules } from './sinks/registry.ts';
import { type ControlServer, startControlServer } from './system/control-server.ts';
import { readSecret } from './system/credentials.ts';
import { settlePacketCaches } from './system/mqtt-packet-cache.ts';
import { VERSION } from './version.ts';

export interface GatewayOptions {
  readonly configuration: Configuration;
  readonly socketPath: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly metrics: Metrics;
}

/** A running gateway. */
export interface Gateway {
  readonly control: ControlApi;
  readonly broker: Broker;
  /** Resolves with the error when nothing can be accepted any more; the process must end then. */
  readonly failed: Promise<Error>;
  /** Stop collecting, let services and sinks finish, close the journal; within 5 s whatever the parts do. */
  stop(): Promise<void>;
}

/**
 * The only composition root: opens the parts from the journal outwards, so that each finds what it needs, and closes them in the
 * other direction, so that nothing accepted is left behind.
 * @throws JOURNAL_LOCKED, JOURNAL_… , BROKER_LISTEN_FAILED, CONTROL_…: the gateway cannot run; what was opened is closed again
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { configuration, clock, random, observer, metrics } = options;
  const { gateway } = configuration.gateway;
  const dataDir = gateway.data_dir;
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of opened.reverse())
      await close().catch((error) => observer.emit('part-close-failed', { reason: messageOf(error) }));
  };
  settlePacketCaches();
  try {
    const journal = await openJournal({
      directory: join(dataDir, 'journal'),
      config: configuration.gateway.journal as JournalConfig,
      source: `/headgate/${gateway.name}/journal`,
      subject: gateway.asset,
      clock,
      observer,
    });
    opened.push(() => journal.close());
    const collecting = startCollecting(options, journal);
    opened.push(async () => collecting.pipeline.stop());
    const commands = new CommandRunner({
      config: configuration.gateway.commands as CommandsConfig,
      tags: configuration.tags,
      targets: collecting.devices,
      journal,
      origin: { source: `/headgate/${gateway.name}/commands`, asset: gateway.asset },
      clock,
      observer,
    });
    // The first command tries again.
    commands.recall().catch(() => {});
    const broker = await startBroker({
      config: configuration.gateway.broker as BrokerConfig,
      journal,
      commands,
      gatewayAsset: gateway.asset,
      gatewayName: gateway.name,
      dataDir,
      clock,
      observer,
      readSecret,
    });
    opened.push(() => broker.close());
    const forwarder = createForwarder({
      sinks: configuration.sinks.flatMap((sink) => {
        const module = sinkModules.find(({ kind }) => kind === sink.kind);
        return module === undefined ? [] : [{ ...sink, module }];
      }),
      journal,
      clock,
      random,
      observer,
      gatewayName: gateway.name,
      readSecret,
    });
    await forwarder.start();
    opened.push(() => forwarder.stop());
    const services = createServiceHost({
      services: configuration.services,
      journal,
      gatewayName: gateway.name,
      dataDir,
      clock,
      random,
      observer,
    });
    opened.push(async () => {
      await Promise.all([collecting.stop(), services.stop()]);
    });
    await services.start();
    await collecting.devices.start();
    const processor = new ProcessorMeter(clock);
    const control = createControlApi({
      configuration,
      version: VERSION,
      clock,
      metrics,
      observer,
      journal,
      broker,
      forwarder,
      services,
      processor,
      maxSilenceMs: (configuration.gateway.pipeline as Required<PipelineConfig>).max_silence_ms,
      commands,
      replays: createReplays({ journal, forwarder, services, clock, observer }),
      ...collecting,
    });
    const server: ControlServer = await startControlServer({ socketPath: options.socketPath, api: control, observer });
    opened.push(() => {
      processor.stop();
      return server.close();
    });
    return { control, broker, failed: journal.failed, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** The part that reads equipment: drivers and the pipeline that turns their readings into events. */
function startCollecting({ configuration, clock, random, observer }: GatewayOptions, journal: JournalHandle) {
  const { gateway } = configuration.gateway;
  const groups = scanGroupsOf(configuration.tags);
  const pipeline = new Pipeline({
    groups: [...groups.values()].flat(),
    gatewayName: gateway.name,
    maxSilenceMs: (configuration.gateway.pipeline as Required<PipelineConfig>).max_silence_ms,
    clock,
    observer,
    journal,
  });
  const onState = (state: DeviceState) => {
    const { device, reason, since } = state;
    observer.emit(state.state === 'connected' ? 'device-connected' : 'device-disconnected', { device, reason });
    const draft = {
      source: `/headgate/${gateway.name}/${device}`,
      type: DEVICE_STATE_TYPE,
      subject: gateway.asset,
      partitionkey: `${gateway.asset}/${device}`,
      time: since,
      lane: 'normal',
      data: { device, state: state.state, reason },
    } as const;
    journal.append([draft]).catch((error: unknown) => {
      observer.emit('device-state-unrecorded', { device, reason: messageOf(error) });
    });
  };
  const devices = new DeviceSupervisor({
    devices: configuration.devices,
    groups,
    modules: driverModules,
    clock,
    random,
    observer,
    dataDir: gateway.data_dir,
    report: (batch) => pipeline.accept(batch),
    onState,
  });
  const stop = async () => {
    pipeline.stop();
    await devices.stop();
  };
  return { pipeline, devices, stop };
}
