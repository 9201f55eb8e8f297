import { type Command, Option } from 'commander';
import { usageError } from '../cli-context.ts';
import { collect, durationOption, numberOption, wholeOption } from '../option-parsers.ts';
import type { Does } from './does.ts';

/** The commands that serve, record and receive lines. */
export function addLineCommands(program: Command, does: Does): void {
  program
    .command('simulate')
    .argument(
      '<fixture>',
      'fixture folder, or a CSV file with a time column and one column per signal; with --wire a recording of a wire',
    )
    .option('--wire', 'serve frames that `record --wire` kept, or a pcap or pcapng capture, to any Modbus master')
    .option(
      '--server-port <port>',
      'port of the Modbus servers in a capture (default: 502); may be repeated',
      (text: string, before?: number[]) => [...(before ?? []), wholeOption(1, 65_535, 'a port')(text)],
    )
    .option('--speed <factor>', 'line time per wall time', numberOption(0.001, 10_000, 'a factor'), 1)
    .addOption(
      new Option('--protocol <kind>', 'what a CSV file is served as').choices(['mixed', 'opcua', 'modbus-tcp']),
    )
    .option('--loop', 'begin again at the end')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <device=port>', 'port of a device; may be repeated', collect)
    .addOption(
      new Option(
        '--modbus-framing <kind>',
        'how Modbus devices are served over TCP: tcp, or rtu and ascii as a serial device server passes them on',
      ).choices(['tcp', 'rtu', 'ascii']),
    )
    .option('--serial <device=path>', 'serve a Modbus device on a serial port, 8N1; may be repeated', collect)
    .option('--baud-rate <rate>', 'of those serial ports', wholeOption(50, 4_000_000, 'a baud rate'), 115_200)
    .option('--any-port', "any free ports instead of the fixture's own")
    .option('--fault <fault>', 'device:kind[:key=value…], such as press-7:gone:from_ms=5000; may be repeated', collect)
    .option(
      '--write-config <dir>',
      'write devices/, tags/ and, if there is none, gateway.yaml, so that a gateway reads the simulated line',
    )
    .description('serve a recorded line as real OPC UA and Modbus TCP servers')
    .action((fixture: string, { wire, serverPort, ...options }) =>
      does(async (context) => {
        if (wire === true) {
          return (await import('../simulate-wire.ts')).simulateWire(context, fixture, { ...options, serverPort });
        }
        if (serverPort !== undefined) throw usageError('simulate', '--server-port goes with --wire');
        return (await import('../simulate.ts')).simulate(context, fixture, options);
      }),
    );
  program
    .command('record')
    .argument('<dir>', 'fixture folder to make')
    .option('--name <name>', 'name of the recording')
    .option('--wire', 'record the frames on the wires of Modbus devices, with their times, instead of values')
    .option('--description <text>', 'what the line is', '')
    .option('--source <text>', 'where the values come from', 'recorded from real equipment')
    .option('--duration <time>', 'end after this time, such as 30min (default: on Ctrl+C)', durationOption)
    .option('--device <name>', 'only this device; may be repeated', collect)
    .option(
      '--max-mb <mb>',
      'with --wire: end when the recording is so large',
      wholeOption(1, 100_000, 'megabytes'),
      100,
    )
    .description(
      'record the configured devices into a fixture folder; with --wire what the running daemon sends and gets',
    )
    .action((dir: string, { duration, wire, ...rest }) =>
      does(async (context) => {
        const options = duration === undefined ? rest : { ...rest, durationMs: duration };
        if (wire === true) return (await import('../record-wire.ts')).recordWire(context, dir, options);
        return (await import('../record.ts')).record(context, dir, options);
      }),
    );
  program
    .command('receive')
    .requiredOption('--url <url>', 'upstream broker, mqtt://host:port or mqtts://host:port')
    .requiredOption('--topic <prefix>', "topic prefix, as in the gateway's sink; headgate for all with the default one")
    .option('--state <file>', 'keep the account here, so that a restart repeats nothing')
    .addOption(
      new Option('--order <order>', 'stream: live waits for the backlog of its lane; arrival: as it comes')
        .choices(['stream', 'arrival'])
        .default('stream'),
    )
    .option('--hold <events>', 'events that may wait for their turn', wholeOption(0, 10_000_000, 'a count'), 50_000)
    .option('--replays', 'pass events on that are replayed on request even if they came before')
    .option('--user <name>', 'user name at the broker')
    .option('--password-file <file>', 'file with the password')
    .option('--ca <file>', 'certificates to trust (PEM) instead of the usual authorities')
    .option('--client-id <id>', 'MQTT client id (default: by host and topic)')
    .option('-n, --count <number>', 'end after so many events', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('receive what gateways send upstream: each event once, in order, with an account of gaps and losses')
    .action((options) => does(async (context) => (await import('../receive.ts')).receive(context, options)));
  program
    .command('demo')
    .addOption(
      new Option('--duration <time>', 'how long, such as 60 or 2min').argParser(durationOption).default(60_000, '60s'),
    )
    .option('--fixture <path>', 'fixture folder or CSV file instead of the line that comes with Headgate')
    .description('show the main job end to end: a line, a cut WAN, and nothing lost')
    .action(({ duration, ...options }) =>
      does(async (context) => (await import('../demo.ts')).demo(context, { ...options, durationMs: duration })),
    );
}
