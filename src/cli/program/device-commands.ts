import { type Command, Option } from 'commander';
import { collect, millisOption, wholeOption } from '../option-parsers.ts';
import type { Does } from './does.ts';

/** The commands about devices and their wires. */
export function addDeviceCommands(program: Command, does: Does): void {
  const device = program.command('device').description('devices of the configuration');
  device
    .command('list')
    .description('devices, and how they stand if the daemon runs')
    .action(() => does(async (context) => (await import('../device-list.ts')).deviceList(context)));
  device
    .command('add')
    .argument('<name>', 'name of the device')
    .option('--driver <kind>', 'modbus-tcp, modbus-rtu, modbus-ascii, modbus-rtu-tcp, modbus-ascii-tcp, opcua')
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
      does(async (context) => (await import('../device-add.ts')).deviceAdd(context, name, options)),
    );
  device
    .command('remove')
    .argument('<name>', 'name of the device')
    .option('--with-tags', 'the tags that are read from it go too')
    .description('take a device out of the configuration')
    .action((name: string, options) =>
      does(async (context) => (await import('../device-remove.ts')).deviceRemove(context, name, options)),
    );
  device
    .command('test')
    .argument('<name>', 'name of the device')
    .description('connect to a device and read all its tags once, without the daemon')
    .action((name: string) => does(async (context) => (await import('../device-test.ts')).deviceTest(context, name)));
  const modbus = program.command('modbus').description('Modbus wires');
  modbus
    .command('sunspec')
    .argument('<device>', 'a configured Modbus device')
    .option('--asset <path>', 'where the tags are filed (default: below the asset of the gateway)')
    .option('--scan-ms <ms>', 'period of the tags', wholeOption(10, 86_400_000, 'a period'), 1000)
    .option('--write', 'make them the tags of the device')
    .option('--replace', 'replace the table of the device')
    .description('what an inverter or meter says of itself by SunSpec, as a tag table')
    .action((name: string, options) =>
      does(async (context) => (await import('../modbus-sunspec.ts')).modbusSunspec(context, name, options)),
    );
  modbus
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
    .option('--timeout <time>', 'how long a unit may take, in ms or with a unit', millisOption, 500)
    .option('--pause <time>', 'pause between an answer and the next request, in ms or with a unit', millisOption, 10)
    .option('--max-requests <count>', 'most requests for the areas of one unit', wholeOption(1, 10_000, 'a count'), 800)
    .description('which units are on a wire, who they are and what can be read; reads only')
    .action(({ timeout, pause, ...options }) =>
      does(async (context) =>
        (await import('../modbus-scan.ts')).modbusScan(context, { ...options, timeoutMs: timeout, pauseMs: pause }),
      ),
    );
}

/** The commands about profiles of devices. */
export function addProfileCommands(program: Command, does: Does): void {
  const profile = program.command('profile').description('kinds of devices whose registers are known');
  profile
    .command('list')
    .description('all of them')
    .action(() => does(async (context) => (await import('../profile-show.ts')).profileList(context)));
  profile
    .command('show')
    .argument('<name>', 'name of the profile')
    .description('its tags, settings and sources')
    .action((name: string) => does(async (context) => (await import('../profile-show.ts')).profileShow(context, name)));
}
