import fc from 'fast-check';
import t from 'tap';
import { readTagTable } from '../../src/config/tag-table.ts';

const HEADER = 'device,name,asset,address';

/** The columns of the first row, or its problems as `column: found`. */
function row(columns: string, cells: string): Record<string, unknown> | string[] {
  const table = readTagTable(`${HEADER},${columns}\np,n,a/b,1,${cells}\n`, 'f');
  if (table.problems.length > 0) return table.problems.map(({ where, found }) => `${where}: ${found}`);
  return { ...table.rows[0]?.tag };
}

t.test('reads every dialect of spreadsheets alike', async (t) => {
  const plain = readTagTable('device,name,asset,address,scale,unit\np,n,a/b,"1,5",0.5,m/s\n', 'f').rows[0]?.tag;
  t.match(plain, { device: 'p', address: '1,5', scale: 0.5, unit: 'm/s' });
  const dialects: readonly (readonly [string, string])[] = [
    ['semicolons and decimal commas', 'device;name;asset;address;scale;unit\np;n;a/b;1,5;0,5;m/s\n'],
    ['semicolons and decimal points', 'device;name;asset;address;scale;unit\np;n;a/b;1,5;0.5;m/s\n'],
    ['tabs', 'device\tname\tasset\taddress\tscale\tunit\np\tn\ta/b\t1,5\t0,5\tm/s\n'],
    ['CRLF', 'device;name;asset;address;scale;unit\r\np;n;a/b;1,5;0,5;m/s\r\n'],
    ['CR alone', 'device;name;asset;address;scale;unit\rp;n;a/b;1,5;0,5;m/s\r'],
    ['no end of the last line', 'device;name;asset;address;scale;unit\np;n;a/b;1,5;0,5;m/s'],
    ['everything quoted', '"device";"name";"asset";"address";"scale";"unit"\n"p";"n";"a/b";"1,5";"0,5";"m/s"\n'],
    ['another order and case', 'Unit;SCALE;Address;Asset; Name ;Device\nm/s;0,5;1,5;a/b;n;p\n'],
    [
      'blank rows and comments',
      '\n# hello; you\n;;;;;\ndevice;name;asset;address;scale;unit\n"# a;b"\np;n;a/b;1,5;0,5;m/s\n\n',
    ],
    ['a separator line', 'sep=;\r\ndevice;name;asset;address;scale;unit\r\np;n;a/b;1,5;0,5;m/s\r\n'],
    ['empty columns at the end', 'device;name;asset;address;scale;unit;;\np;n;a/b;1,5;0,5;m/s;;\n'],
    ['blanks around cells', 'device ; name; asset; address; scale; unit\n p ; n ; a/b ; 1,5 ; 0,5 ; m/s \n'],
  ];
  for (const [title, text] of dialects) {
    const table = readTagTable(text, 'f');
    t.same(table.problems, [], title);
    t.same(table.rows[0]?.tag, plain, title);
  }
});

t.test('understands the type names of PLCs, C and data sheets', async (t) => {
  const names = {
    INT: 'int16',
    word: 'uint16',
    DInt: 'int32',
    REAL: 'float32',
    double: 'float64',
    Boolean: 'bool',
    UINT16: 'uint16',
    'U-Int': 'uint16',
    lreal: 'float64',
  };
  for (const [written, type] of Object.entries(names)) t.match(row('type', written), { type }, written);
});

const GOOD: readonly (readonly [columns: string, cells: string, expected: Record<string, unknown>])[] = [
  [
    'type',
    '',
    { type: null, byteOrder: 'ABCD', bit: null, length: null, access: 'r', scanMs: 1000, scale: 1, offset: 0 },
  ],
  ['byte_order', 'little-endian', { byteOrder: 'DCBA' }],
  ['byte_order', '3412', { byteOrder: 'CDAB' }],
  ['access', 'RO', { access: 'r' }],
  ['access', 'read-write', { access: 'rw' }],
  ['scan_ms', '500.0', { scanMs: 500 }],
  ['bit', '15', { bit: 15 }],
  ['type,length', 'string,16', { type: 'string', length: 16 }],
  ['scale,offset', '1e-3,-.5', { scale: 0.001, offset: -0.5 }],
  ['scale,raw_low,raw_high,eng_low,eng_high', 'sqrt,0,100,0,5', { scale: 1, curve: 'sqrt' }],
  [
    'type,scale',
    'uint16,0=off|1=at speed | -1 = fault',
    { scale: 1, texts: { '0': 'off', '1': 'at speed', '-1': 'fault' } },
  ],
  ['type,bit,length', 'uint16,4,3', { bit: 4, length: 3 }],
  ['deadband', '0.5', { deadband: 0.5, deadbandType: 'absolute' }],
  ['deadband', '5 %', { deadband: 5, deadbandType: 'percent' }],
  ['deadband,deadband_type', '0,Absolute', { deadband: 0, deadbandType: 'absolute' }],
  ['eng_low,eng_high', '0,100', { rawLow: null, engLow: 0, engHigh: 100 }],
  ['raw_low,raw_high,eng_low,eng_high', '4000,20000,100,0', { rawLow: 4000, rawHigh: 20000, engLow: 100, engHigh: 0 }],
  ['lane', 'CRITICAL', { lane: 'critical' }],
  ['description', '"say ""hi"", friend"', { description: 'say "hi", friend' }],
];
for (const [columns, cells, expected] of GOOD) {
  t.test(`accepts ${columns} ${cells}`, async (t) => void t.match(row(columns, cells), expected));
}

const BAD: readonly (readonly [columns: string, cells: string, problems: readonly string[]])[] = [
  ['type', 'flaot', ['tag n, type: "flaot"']],
  ['byte_order', 'ACBD', ['tag n, byte_order: "ACBD"']],
  ['bit', '64', ['tag n, bit: "64"']],
  ['bit', '1.5', ['tag n, bit: "1.5"']],
  ['scan_ms', '5', ['tag n, scan_ms: "5"']],
  ['scan_ms', '1 s', ['tag n, scan_ms: "1 s"']],
  ['scale', '0', ['tag n, scale: "0"']],
  ['scale', 'sqrt', ['tag n, scale: "sqrt"']],
  ['scale', '0=off|0=on', ['tag n, scale: "0=off|0=on"']],
  ['scale', '0=off|on', ['tag n, scale: "0=off|on"']],
  ['scale', 'NaN', ['tag n, scale: "NaN"']],
  ['scale', '0x10', ['tag n, scale: "0x10"']],
  ['scale', '"0,1"', ['tag n, scale: "0,1"']],
  ['offset', '1e999', ['tag n, offset: "1e999"']],
  ['raw_low,raw_high', '0,10', ['tag n, eng_low: an empty cell', 'tag n, eng_high: an empty cell']],
  ['raw_low,raw_high,eng_low,eng_high', '1,1,0,5', ['tag n, raw_high: "1"']],
  ['eng_low,eng_high', '5,1', ['tag n, eng_high: "1"']],
  ['scale,raw_low,raw_high,eng_low,eng_high', '2,0,1,0,5', ['tag n, scale: "2" beside raw_low … eng_high']],
  ['deadband', '-1', ['tag n, deadband: "-1"']],
  ['deadband', '101%', ['tag n, deadband: "101%"']],
  ['deadband,deadband_type', '1%,absolute', ['tag n, deadband_type: "absolute"']],
  ['type,length', 'int16,4', ['tag n, length: "4"']],
  ['lane', 'urgent', ['tag n, lane: "urgent"']],
  ['unit', 'x'.repeat(33), ['tag n, unit: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"']],
];
for (const [columns, cells, problems] of BAD) {
  t.test(`refuses ${columns} ${cells}`, async (t) => void t.same(row(columns, cells), problems));
}

t.test('proposes a decimal point where a comma separates cells', async (t) => {
  const [problem] = readTagTable(`${HEADER},scale\np,n,a/b,1,"0,1"\n`, 'f').problems;
  t.match(problem, { suggestion: '0.1', expected: /decimal point/ });
});

t.test('proposes legal names and asset paths', async (t) => {
  const { problems } = readTagTable(`${HEADER}\np,Motor.Current (A),ACME\\Halle 3//Presse (7),1\np,_x,a/_b,1\n`, 'f');
  t.same(
    problems.map(({ line, column, suggestion }) => [line, column, suggestion]),
    [
      [2, 3, 'Motor_Current_A'],
      [2, 21, 'ACME/Halle_3/Presse_7'],
      [3, 3, 'x'],
      [3, 6, 'a/b'],
    ],
  );
});

t.test('reports every bad row and keeps the others', async (t) => {
  const table = readTagTable(
    `${HEADER}\np,a,x/y,1\np,b c,x/y,1\np,d,x/y,"1\np,e,x/y,1,surplus\np,f,x/y,"1"z\np,g,x/y,1\n`,
    'f',
  );
  t.same(table.problems.map(({ line, column, found }) => `${line}:${column} ${found}`).sort(), [
    '3:3 "b c"',
    '4:9 a quote that never closes',
    '5:11 5 cells',
    '6:12 text after a closing quote',
  ]);
  t.same(
    table.rows.filter(({ isSound }) => isSound).map(({ tag }) => tag.name),
    ['a', 'g'],
  );
});

t.test('counts lines through quoted line breaks', async (t) => {
  const { problems } = readTagTable(`${HEADER},description\r\np,a,x/y,1,"two\r\nlines"\r\np,b c,x/y,1,\r\n`, 'f');
  t.same(
    problems.map(({ line, column }) => [line, column]),
    [[4, 3]],
  );
});

t.test(
  'names unknown, repeated and missing columns, and checks the rows all the same where it can guess',
  async (t) => {
    const { problems } = readTagTable('device,name,asset,adress,unit,unit\np,b c,x/y,1,m,m\n', 'f');
    t.same(
      problems.map(({ code, line, column, suggestion }) => [code, line, column, suggestion]),
      [
        ['CONFIG_UNKNOWN_KEY', 1, 19, 'address'],
        ['CONFIG_DUPLICATE', 1, 31, undefined],
        ['CONFIG_INVALID_VALUE', 2, 3, 'b_c'],
      ],
    );
    t.match(readTagTable('device,name\np,a\n', 'f').problems, [
      { code: 'CONFIG_MISSING_KEY', expected: /asset/ },
      { code: 'CONFIG_MISSING_KEY', expected: /address/ },
    ]);
  },
);

t.test('an empty table is a warning', async (t) => {
  t.match(readTagTable('# nothing yet\n', 'f').problems, [{ severity: 'warning', code: 'CONFIG_EMPTY' }]);
});

t.test('reads 50,000 rows in well under 2 s', async (t) => {
  const rows = Array.from(
    { length: 50_000 },
    (_, i) => `p;tag_${i};acme/line-${i % 50};"4,${i}";REAL;1000;0,1;°C;"a ""b"""\r\n`,
  );
  const text = `device;name;asset;address;type;scan_ms;scale;unit;description\r\n${rows.join('')}`;
  const start = process.cpuUsage();
  const table = readTagTable(text, 'f');
  const { user, system } = process.cpuUsage(start);
  const tookMs = (user + system) / 1_000;
  t.equal(table.rows.length, 50_000);
  t.ok(tookMs < 1500, `took ${tookMs} ms of processor time`);
});

t.test('never throws, whatever the text', async (t) => {
  const piece = fc.constantFrom(
    'device',
    'name',
    ',',
    ';',
    '\t',
    '"',
    '\n',
    '\r',
    '#',
    '0',
    ' ',
    'é',
    '\u0000',
    'asset,address',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      readTagTable(pieces.join(''), 'f');
    }),
    { numRuns: 500 },
  );
  t.pass('as said');
});
