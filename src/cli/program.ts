import { resolve } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { IMPORT_FORMATS } from '../config/import/import-formats.table.ts';
import { TAG_COLUMNS } from '../config/tag-columns.table.ts';
import { BYTE_ORDERS } from '../model/tag.ts';
import { VERSION } from '../version.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { EXPORT_FORMATS } from './export-formats.table.ts';
import { collect, durationOption, numberOption, wholeOption } from './option-parsers.ts';
import { parseMoment } from './time-option.ts';

/** Gives the context of a command when it runs, with the directory it works on. */
export type MakeContext = (directory?: string) => CliContext;

/** What a command answers with. */
export type Answer = (code: number) => void;

/**
 * The whole command tree. What a command does is imported when it runs, so that help and small commands load little.
 * @param answer takes the exit code of the command that ran
 */
export function buildProgram(makeContext: MakeContext, answer: Answer): Command {
  const program = new Command('headgate')
    .description('Edge gateway for production lines: OPC UA and Modbus in, standard events out, nothing lost.')
    .version(VERSION, '-V, --version', 'show the version')
    .option('-c, --config <dir>', 'configuration directory (default: $HEADGATE_CONFIG, else /etc/headgate)')
    .option('--socket <path>', 'socket of the running daemon (default: as the configuration says)')
    .option('--json', 'one JSON value instead of text; a tail prints one a line')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    .addHelpText('after', `\nExit codes:\n${exitCodes()}`)
    .helpCommand('help [command]', 'show how a command is used');
  const does = (run: (context: CliContext) => Promise<number>, directory?: string) =>
    run(makeContext(directory)).then(answer);

  addSetupCommands(program, does);
  addLineCommands(program, does);
  addDeviceCommands(program, does);
  addProfileCommands(program, does);
  addTagCommands(program, does);
  addDaemonCommands(program, does);
  for (const command of everyCommand(program)) command.exitOverride().allowExcessArguments(false);
  return program;
}

type Does = (run: (context: CliContext) => Promise<number>, directory?: string) => Promise<void>;

function addSetupCommands(program: Command, does: Does): void {
  program
    .command('init')
    .argument('<dir>', 'directory to make')
    .option('--minimal', 'without example devices')
    .option('--force', 'overwrite files of the same name')
    .option(
      '--data-dir <dir>',
      'where the journal is to be (default: the state directory of systemd, else /var/lib/headgate)',
    )
    .description('write a commented example configuration')
    .action((dir: string, options) => does(async (context) => (await import('./init.ts')).init(context, dir, options)));
  program
    .command('validate')
    .argument('[dir]', 'configuration directory, as --config')
    .description('check a configuration and report everything that is wrong with it')
    .action((dir?: string) => does(async (context) => (await import('./validate.ts')).validate(context), dir));
  program
    .command('plan')
    .argument('[dir]', 'configuration directory, as --config')
    .description('what a configuration asks of each wire, and what it would change of the running daemon')
    .action((dir?: string) => does(async (context) => (await import('./plan.ts')).plan(context), dir));
  program
    .command('run')
    .option('--data-dir <dir>', 'instead of the configured data_dir')
    .addOption(
      new Option('--log-level <level>', 'instead of the configured one').choices(['debug', 'info', 'warn', 'error']),
    )
    .description('run the daemon in the foreground')
    .action((options) =>
      does(async (context) => {
        const { dataDir, ...rest } = options;
        const run = (await import('./run.ts')).run;
        return run(context, dataDir === undefined ? rest : { ...rest, dataDir: resolve(dataDir) });
      }),
    );
  program
    .command('status')
    .description('how the running daemon and all its parts are')
    .action(() => does(async (context) => (await import('./status.ts')).status(context)));
}

function addLineCommands(program: Command, does: Does): void {
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
          return (await import('./simulate-wire.ts')).simulateWire(context, fixture, { ...options, serverPort });
        }
        if (serverPort !== undefined) throw usageError('simulate', '--server-port goes with --wire');
        return (await import('./simulate.ts')).simulate(context, fixture, options);
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
    .description('record the configured devices into a fixture folder')
    .action((dir: string, { duration, wire, ...rest }) =>
      does(async (context) => {
        const options = duration === undefined ? rest : { ...rest, durationMs: duration };
        if (wire === true) return (await import('./record-wire.ts')).recordWire(context, dir, options);
        return (await import('./record.ts')).record(context, dir, options);
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
    .option('--user <name>', 'user name at the broker')
    .option('--password-file <file>', 'file with the password')
    .option('--ca <file>', 'certificates to trust (PEM) instead of the usual authorities')
    .option('--client-id <id>', 'MQTT client id (default: by host and topic)')
    .option('-n, --count <number>', 'end after so many events', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('receive what gateways send upstream: each event once, in order, with an account of gaps and losses')
    .action((options) => does(async (context) => (await import('./receive.ts')).receive(context, options)));
  program
    .command('demo')
    .option('--duration <time>', 'how long, such as 60 or 2min', durationOption, 60_000)
    .option('--fixture <path>', 'fixture folder or CSV file instead of the line that comes with Headgate')
    .description('show the main job end to end: a line, a cut WAN, and nothing lost')
    .action(({ duration, ...options }) =>
      does(async (context) => (await import('./demo.ts')).demo(context, { ...options, durationMs: duration })),
    );
}

function addDeviceCommands(program: Command, does: Does): void {
  const device = program.command('device').description('devices of the configuration');
  device
    .command('list')
    .description('devices, and how they stand if the daemon runs')
    .action(() => does(async (context) => (await import('./device-list.ts')).deviceList(context)));
  device
    .command('add')
    .argument('<name>', 'name of the device')
    .option('--driver <kind>', 'modbus-tcp, opcua')
    .option(
      '--profile <name>',
      'kind of device whose registers are known: its tags are added too (headgate profile list)',
    )
    .option('--asset <path>', "where a profile's tags are filed (default: below the asset of the gateway)")
    .option('--scan-ms <ms>', "period of a profile's tags that name none", wholeOption(10, 86_400_000, 'a period'))
    .option('--host <address>', 'address (Modbus TCP)')
    .option('--port <number>', 'TCP port (Modbus TCP)', wholeOption(1, 65_535, 'a port'))
    .option('--unit <number>', 'unit id (Modbus)', wholeOption(0, 255, 'a unit id'))
    .option('--endpoint <url>', 'endpoint, such as opc.tcp://192.168.0.10:4840 (OPC UA)')
    .option(
      '--set <key=value>',
      'any other key of the device file, such as security.policy=None; may be repeated',
      collect,
    )
    .option('--replace', 'write the file of an existing device anew')
    .description('write a device file')
    .action((name: string, options) =>
      does(async (context) => (await import('./device-add.ts')).deviceAdd(context, name, options)),
    );
  device
    .command('test')
    .argument('<name>', 'name of the device')
    .description('connect to a device and read all its tags once, without the daemon')
    .action((name: string) => does(async (context) => (await import('./device-test.ts')).deviceTest(context, name)));
  program
    .command('modbus')
    .description('Modbus wires')
    .command('scan')
    .option('--device <name>', 'the connection of this device of the configuration')
    .option('--host <address>', 'a device or gateway on TCP')
    .option('--port <number>', 'TCP port', wholeOption(1, 65_535, 'a port'))
    .addOption(
      new Option('--framing <kind>', 'what is spoken: on TCP tcp, rtu or ascii; on a serial port rtu or ascii')
        .choices(['tcp', 'rtu', 'ascii'])
        .default('tcp'),
    )
    .option('--serial <path>', 'a serial port, such as /dev/serial/by-id/usb-…')
    .option('--baud <rate>', 'of the serial port', wholeOption(50, 4_000_000, 'a baud rate'), 9_600)
    .addOption(new Option('--parity <kind>', 'of the serial port').choices(['none', 'even', 'odd']).default('even'))
    .option('--units <ids>', 'unit ids, such as 1-10,20 (default: all on a serial line, the usual ones on TCP)')
    .option('--areas <names>', 'data areas', 'holding,input,coil,discrete')
    .option('--timeout <time>', 'how long a unit may take', durationOption, 500)
    .option('--pause <time>', 'pause between an answer and the next request', durationOption, 10)
    .option('--max-requests <count>', 'most requests for the areas of one unit', wholeOption(1, 10_000, 'a count'), 800)
    .description('which units are on a wire, who they are and what can be read; reads only')
    .action(({ timeout, pause, ...options }) =>
      does(async (context) =>
        (await import('./modbus-scan.ts')).modbusScan(context, { ...options, timeoutMs: timeout, pauseMs: pause }),
      ),
    );
}

function addProfileCommands(program: Command, does: Does): void {
  const profile = program.command('profile').description('kinds of devices whose registers are known');
  profile
    .command('list')
    .description('all of them')
    .action(() => does(async (context) => (await import('./profile-show.ts')).profileList(context)));
  profile
    .command('show')
    .argument('<name>', 'name of the profile')
    .description('its tags, settings and sources')
    .action((name: string) => does(async (context) => (await import('./profile-show.ts')).profileShow(context, name)));
}

function addTagCommands(program: Command, does: Does): void {
  const tag = program.command('tag').description('tags of the configuration');
  const filtered = (command: Command) =>
    command
      .option('--device <name>', 'only tags of this device')
      .option('--asset <path>', 'only tags of this asset and below');
  filtered(tag.command('list'))
    .option('--values', 'current values too, from the daemon')
    .description('tags with their resolved addresses')
    .action((options) => does(async (context) => (await import('./tag-list.ts')).tagList(context, options)));
  const add = tag.command('add').argument('<name>', 'name of the tag').description('add a tag');
  for (const { name, required, description, fallback } of TAG_COLUMNS) {
    if (name === 'name') continue;
    const flags = `--${name.replaceAll('_', '-')} <value>`;
    if (required) add.requiredOption(flags, description);
    else add.option(flags, `${description} Default: ${fallback}.`);
  }
  add
    .option('--file <table>', 'table in tags/ (default: the one with tags of this device)')
    .action((name: string, options) =>
      does(async (context) => (await import('./tag-add.ts')).tagAdd(context, name, options)),
    );
  tag
    .command('remove')
    .argument('<tag...>', 'asset/name, or the name alone where it is unique')
    .description('remove tags')
    .action((tags: string[]) => does(async (context) => (await import('./tag-remove.ts')).tagRemove(context, tags)));
  tag
    .command('import')
    .argument('<file>', 'tag table of Headgate or of another product')
    .addOption(
      new Option('--format <format>', 'what the file is').choices(['auto', 'csv', ...IMPORT_FORMATS]).default('auto'),
    )
    .option('--device <name>', 'configured device that the tags are of, where the table names none')
    .option('--asset <path>', 'where they are filed (default: below the asset of the gateway)')
    .addOption(
      new Option('--byte-order <order>', 'of values of several registers, where the table names none').choices(
        BYTE_ORDERS,
      ),
    )
    .option('--scan-ms <ms>', 'period, where the table names none', wholeOption(10, 86_400_000, 'a period'), 1000)
    .option('--file <table>', 'name of the table in tags/ (default: the name of the file)')
    .option('--replace', 'replace a table of the same name')
    .option('--dry-run', 'only say what would be written')
    .description('take tags over: each one that cannot be is named with the reason')
    .action((file: string, options) =>
      does(async (context) => (await import('./tag-import.ts')).tagImport(context, file, options)),
    );
  filtered(tag.command('export'))
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .description('all tags as one table, with every column')
    .action((options) => does(async (context) => (await import('./tag-export.ts')).tagExport(context, options)));
  filtered(tag.command('read'))
    .argument('[tag...]', 'asset/name, or the name alone where it is unique; default: all of the device or asset')
    .description('read tags from their devices now')
    .action((tags: string[], options) =>
      does(async (context) => (await import('./tag-read.ts')).tagRead(context, tags, options)),
    );
  tag
    .command('write')
    .argument('<tag>', 'asset/name, or the name alone where it is unique')
    .argument('<value>', 'as people read it, after scaling; true or false for a switch')
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--expires <time>', 'not after this time from now, such as 5s', durationOption, 10_000)
    .description('write a tag through the daemon, by the rules of `commands` in gateway.yaml')
    .action((name: string, value: string, { expires, reason }) =>
      does(async (context) =>
        (await import('./tag-write.ts')).tagWrite(context, { name, value, reason, ttlMs: expires }),
      ),
    );
}

/** Moments of one command line, all by the same clock. */
function momentOption(): (text: string) => number {
  const now = Date.now();
  return (text) => parseMoment(text, now);
}

/** Options that choose stored events. */
function selecting(command: Command): Command {
  return selectingFrom(command).option('--to <time>', 'source time until, exclusive', momentOption());
}

function selectingFrom(command: Command): Command {
  return command
    .option('--asset <path>', 'only events of this asset and below')
    .option('--type <type>', 'event type, or a prefix ending in *, such as headgate.maintenance*')
    .option(
      '--from <time>',
      'source time from: 2026-11-25T10:30, 10:30, -2h, today, yesterday; local unless Z or +01:00',
      momentOption(),
    )
    .option('--tag <name>', 'only samples of this tag')
    .option('--lane <lane>', 'critical, normal or bulk; may be repeated', collect);
}

function addDaemonCommands(program: Command, does: Does): void {
  program
    .command('explain')
    .argument('<tag>', 'asset/name, or the name alone where it is unique')
    .description('a live tag step by step: bytes, registers, order, raw, scaled, quality, rule, event, sinks')
    .action((tag: string) => does(async (context) => (await import('./explain.ts')).explain(context, tag)));
  const event = program.command('event').description('events');
  event
    .command('tail')
    .option('--type <type>', 'event type, or a prefix ending in *, such as headgate.maintenance*')
    .option('--asset <path>', 'only events of this asset and below')
    .option('-n, --count <number>', 'end after so many', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('show events as they are committed')
    .action((options) => does(async (context) => (await import('./event-tail.ts')).eventTail(context, options)));
  selecting(event.command('query'))
    .option('-n, --limit <number>', 'end after so many', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('show stored events, oldest first; also while the daemon is down')
    .action((options) => does(async (context) => (await import('./event-query.ts')).eventQuery(context, options)));
  selecting(event.command('export'))
    .addOption(new Option('--format <format>', 'format of the file').choices(EXPORT_FORMATS).makeOptionMandatory())
    .requiredOption('-o, --output <file>', 'file to write; it is there as a whole or not at all')
    .option('--force', 'replace an existing file')
    .description('write stored events to a file; also while the daemon is down')
    .action((options) => does(async (context) => (await import('./event-export.ts')).eventExport(context, options)));
  selectingFrom(event.command('replay'))
    .requiredOption(
      '--to <name>',
      'a sink or a service (sink:<name>, service:<name> where both have it); once more: source time until',
      collect,
    )
    .option('--rate <number>', 'events a second, at most', numberOption(0.1, 100_000, 'a rate'), 1000)
    .option('--keep-effects', 'to a service: keep what its handlers set and publish (default: discard it)')
    .description('deliver stored events once more to one sink or service, marked as a replay')
    .action((options) => does(async (context) => (await import('./event-replay.ts')).eventReplay(context, options)));
  const moment = momentOption();
  event
    .command('timeline')
    .argument('<asset>', 'asset path; what lies below it is included')
    .option('--from <time>', 'source time from, as in event query', moment)
    .option('--to <time>', 'source time until, exclusive', moment)
    .option('-n, --limit <number>', 'most happenings to list', wholeOption(1, 1_000_000, 'a count'), 2000)
    .description('what happened on one asset: states, cases, commands, gaps, quality, extremes of its tags')
    .action((asset: string, options) =>
      does(async (context) => (await import('./event-timeline.ts')).eventTimeline(context, asset, options)),
    );
  const journal = program.command('journal').description('the durable journal');
  journal
    .command('status')
    .description('what is stored, and what waits for whom')
    .action(() => does(async (context) => (await import('./journal-status.ts')).journalStatus(context)));
  journal
    .command('ledger')
    .option('--stream <name>', 'only streams whose name begins so, such as acme/hamburg/line-3')
    .description('received = settled + waiting + gaps, for each consumer and stream; also while the daemon is down')
    .action((options) =>
      does(async (context) => (await import('./journal-ledger.ts')).journalLedger(context, options)),
    );
  journal
    .command('verify')
    .description('read every stored event and prove the ledger')
    .action(() => does(async (context) => (await import('./journal-verify.ts')).journalVerify(context)));
  const sink = program.command('sink').description('destinations');
  sink
    .command('list')
    .description('destinations, how they stand, and what is kept for removed ones')
    .action(() => does(async (context) => (await import('./sink-list.ts')).sinkList(context)));
  sink
    .command('forget')
    .argument('<name>', 'name of a sink that is no longer configured')
    .option('--yes', 'do it')
    .description('let go what waits for a removed sink')
    .action((name: string, options) =>
      does(async (context) => (await import('./sink-forget.ts')).sinkForget(context, name, options)),
    );
  program
    .command('service')
    .description('services')
    .command('list')
    .description('services of the running daemon')
    .action(() => does(async (context) => (await import('./service-list.ts')).serviceList(context)));
  program
    .command('health')
    .description('health of equipment')
    .command('show')
    .argument('[asset]', 'asset path; default: one line for each asset')
    .description('score, reasons, maintenance case and predicted failure')
    .action((asset?: string) => does(async (context) => (await import('./health-show.ts')).healthShow(context, asset)));
}

/** A command and all below it. */
export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function exitCodes(): string {
  return Object.values(EXIT)
    .map(({ code, meaning }) => `  ${String(code).padEnd(4)}${meaning}`)
    .join('\n');
}

/** True for what commander throws when it has shown help or the version. */
export function isShown(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
