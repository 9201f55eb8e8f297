import t from 'tap';
import { TestModbusServer, TestUnit } from '../support/modbus-server.ts';
import { SerialUnitServer, TcpLine } from '../support/serial-unit-server.ts';
import { headgate } from './run-headgate.ts';

interface Scan {
  readonly asked: number;
  readonly found: readonly {
    readonly unit: number;
    readonly identity: Record<string, string> | null;
    readonly sameAs: number | null;
    readonly requests: number;
    readonly areas: readonly {
      readonly area: string;
      readonly isThere: boolean;
      readonly isComplete: boolean;
      readonly ranges: readonly { readonly first: number; readonly last: number }[];
    }[];
  }[];
}

/** Holding registers 0–59 and 1000–1099, input registers 10–19, no coils. */
function fill(unit: TestUnit): void {
  unit.refuse('holding', 0, 65_536);
  unit.allow('holding', 0, 60);
  unit.allow('holding', 1_000, 100);
  unit.refuse('input', 0, 65_536);
  unit.allow('input', 10, 10);
  unit.unknown.add(1);
}

t.test('units, who they are and what can be read, on TCP', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  fill(server.unit);
  server.unit.identity = ['Acme', 'Meter 7', '1.2'];
  const other = new TestUnit();
  other.refuse('holding', 0, 65_536);
  server.units.set(9, other);
  const at = [
    'modbus',
    'scan',
    '--host',
    '127.0.0.1',
    '--port',
    String(server.port),
    '--timeout',
    '200ms',
    '--pause',
    '1ms',
  ];
  const run = await headgate([...at, '--units', '1,9', '--areas', 'holding,input,coil', '--json']);
  t.equal(run.code, 0, run.err);
  const { asked, found } = run.json<Scan>();
  t.equal(asked, 2);
  t.match(found[0], {
    unit: 1,
    identity: { vendor: 'Acme', product: 'Meter 7', version: '1.2' },
    areas: [
      {
        area: 'holding',
        isThere: true,
        isComplete: true,
        ranges: [
          { first: 0, last: 59 },
          { first: 1_000, last: 1_099 },
        ],
      },
      { area: 'input', isThere: true, ranges: [{ first: 10, last: 19 }] },
      { area: 'coil', isThere: false, ranges: [] },
    ],
  });
  t.match(found[1], { unit: 9, areas: [{ area: 'holding', ranges: [] }, { area: 'input' }, { area: 'coil' }] });
  t.ok(
    server.seen.every(({ code }) => [1, 3, 4, 43].includes(code)),
    'nothing but reads',
  );

  const people = await headgate([...at, '--units', '1', '--areas', 'holding']);
  t.match(people.out, /1 .*vendor Acme, product Meter 7/);
  t.match(people.out, /holding .*0–59, 1000–1099/);
  const few = await headgate([...at, '--units', '1', '--areas', 'holding', '--max-requests', '9', '--json']);
  t.equal(few.json<Scan>().found[0]?.requests, 9);
  t.equal(few.json<Scan>().found[0]?.areas[0]?.isComplete, false);
});

t.test('a device that does not look at unit ids is searched once, and told as such', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  fill(server.unit);
  server.unit.areas.holding.set([17, 4, 1_234], 2);
  for (let unit = 0; unit <= 255; unit++) server.units.set(unit, server.unit);
  // A value that is another one each time tells nothing.
  server.behave = ({ socket, honest }) => {
    server.unit.areas.holding[0] = ((server.unit.areas.holding[0] ?? 0) + 1) & 0xffff;
    socket.write(honest);
  };
  const at = ['modbus', 'scan', '--host', '127.0.0.1', '--port', String(server.port), '--timeout', '500ms'];
  const quick = [...at, '--pause', '1ms', '--areas', 'holding,input'];
  const run = await headgate([...quick, '--json']);
  t.equal(run.code, 0, run.err);
  const { asked, found } = run.json<Scan>();
  t.equal(found.length, asked);
  t.strictSame(new Set(found.map(({ sameAs }) => sameAs)), new Set([null, 1]));
  t.strictSame(found.at(-1)?.areas, found[0]?.areas);
  const [first = 0, ...others] = found.map(({ requests }) => requests);
  t.ok(first > 100, `${first} requests for the map`);
  t.ok(Math.max(...others) <= 15, `${Math.max(...others)} requests for another unit`);
  const people = await headgate([...quick, '--units', '1-6,9']);
  t.match(people.out, /units 2–6, 9 answer exactly like unit 1, .*: the device seems to answer for every unit id/);
  t.equal(people.out.match(/0–59, 1000–1099/g)?.length, 1, 'one map');
});

t.test('so is one whose ranges end without an answer, or where the search did', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  server.unit.areas.holding.fill(7);
  for (let unit = 2; unit <= 4; unit++) server.units.set(unit, server.unit);
  server.behave = ({ socket, honest, offset, count }) => {
    if (offset > 40 || offset + count <= 40) socket.write(honest);
  };
  const at = ['modbus', 'scan', '--host', '127.0.0.1', '--port', String(server.port), '--pause', '1ms'];
  const quick = [...at, '--timeout', '100ms', '--units', '1-4', '--areas', 'holding', '--json'];
  for (const most of ['6', '30']) {
    const run = await headgate([...quick, '--max-requests', most]);
    t.match(run.json<Scan>().found, [{ sameAs: null }, { sameAs: 1 }, { sameAs: 1 }, { sameAs: 1 }], most);
  }
});

t.test('two devices of one kind are not taken for one', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  for (const [unit, serial] of [
    [1, 4711],
    [2, 4712],
  ] as const) {
    fill(server.unitAt(unit));
    server.unitAt(unit).identity = ['Acme', 'Meter 7', '1.2'];
    server.unitAt(unit).areas.holding[3] = serial;
  }
  const third = server.unitAt(3);
  fill(third);
  third.identity = ['Acme', 'Meter 7', '1.2'];
  third.areas.holding[3] = 4711;
  third.allow('holding', 60);
  const at = ['modbus', 'scan', '--host', '127.0.0.1', '--port', String(server.port), '--pause', '1ms'];
  const run = await headgate([...at, '--units', '1-3', '--areas', 'holding', '--json']);
  t.match(run.json<Scan>().found, [
    { unit: 1, sameAs: null },
    { unit: 2, sameAs: null },
    { unit: 3, sameAs: null, areas: [{ ranges: [{ first: 0, last: 60 }] }] },
  ]);
});

t.test('a serial line behind a device server, where most units are not there', async (t) => {
  const server = new SerialUnitServer('rtu');
  const line = await TcpLine.open(server);
  t.teardown(() => line.close());
  fill(server.unit);
  const at = ['modbus', 'scan', '--host', '127.0.0.1', '--port', String(line.port), '--framing', 'rtu'];
  const run = await headgate([
    ...at,
    '--units',
    '1-4',
    '--areas',
    'input',
    '--timeout',
    '50ms',
    '--pause',
    '1ms',
    '--json',
  ]);
  t.equal(run.code, 0, run.err);
  t.match(run.json<Scan>(), { asked: 4, found: [{ unit: 1, areas: [{ ranges: [{ first: 10, last: 19 }] }] }] });
  t.equal(run.json<Scan>().found.length, 1);
});

const MISTAKES: readonly (readonly [args: string, says: RegExp])[] = [
  ['', /name one of --device NAME, --host ADDRESS and --serial PATH/],
  ['--host a --serial b', /name one of/],
  ['--host a --units 300', /expected unit ids from 0 to 255/],
  ['--host a --units 9-1', /expected unit ids/],
  ['--host a --areas coils', /expected holding, input, coil, discrete/],
  ['--host a --framing rtuu', /Allowed choices are tcp, rtu, ascii/],
];

t.test('mistakes are named', async (t) => {
  for (const [args, says] of MISTAKES) {
    const { code, err } = await headgate(['modbus', 'scan', ...args.split(' ').filter((word) => word !== '')]);
    t.equal(code, 2, args);
    t.match(err, says, args);
  }
});

t.test('a place that nobody listens at is an error, and nobody found is a failure', async (t) => {
  const server = await TestModbusServer.start();
  const { port } = server;
  const at = ['modbus', 'scan', '--host', '127.0.0.1', '--port', String(port), '--units', '1', '--timeout', '100ms'];
  server.unit.isSilent = true;
  const silent = await headgate(at);
  t.equal(silent.code, 1);
  t.match(silent.out, /1 unit asked, none answered/);
  await server.close();
  const gone = await headgate(at);
  t.match(gone.err, /MODBUS_CONNECT_FAILED/);
});
