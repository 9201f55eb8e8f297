import t, { type Test } from 'tap';
import type { TagExplanation } from '../../src/ports/control.ts';
import { TestModbusServer } from '../support/modbus-server.ts';
import { until } from '../support/until.ts';
import { Upstream } from '../support/upstream.ts';
import { runningGateway } from './running-gateway.ts';

/** A running gateway that reads a Modbus unit, and a sink; nobody answers it unless an address is given. */
async function running(t: Test, upstream = 'mqtt://127.0.0.1:1') {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  server.unit.areas.holding.set([0x4567, 0x0123], 0);
  server.unit.areas.coil[3] = 1;
  server.unit.refuse('holding', 50);
  const gateway = `sinks:\n  up: { kind: mqtt, url: "${upstream}" }\n`;
  const device = `name: meter\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: ${server.port}\n`;
  const tags = [
    'device,name,asset,address,type,byte_order,scan_ms,scale,unit,deadband,lane',
    'meter,power,acme/hh/m,40001,uint32,CDAB,100,0.001,kW,0.5,normal',
    'meter,door,acme/hh/m,CO:3,,,100,,,,',
    'meter,state,acme/hh/m,HR:60,uint16,,100,0=off|1=running,,,',
    'meter,absent,acme/hh/m,HR:50,uint16,,100,,,,',
  ];
  return { server, ...(await runningGateway(t, { gateway, device, tags }, 'power')) };
}

t.test('explain shows a live tag from its bytes to the sinks', async (t) => {
  const { server, cli } = await running(t);
  const { code, out, err } = await cli('explain', 'power');
  t.equal(code, 0, err);
  const lines = [
    /tag +acme\/hh\/m\/power of meter, every 100 ms/,
    /address +40001 is unit 1 holding 0 \(2 registers\)/,
    /request +03 00 00 00 02 to unit 1: read HR:0-1/,
    /answer +03 04 45 67 01 23 after \d+\.\d ms/,
    /registers +HR:0 = 4567, HR:1 = 0123/,
    /order +CDAB: 01 23 45 67 as uint32/,
    /raw +19088743 at 20/,
    /scaling +raw × 0\.001/,
    /value +19088\.74 kW/,
    /quality +Good/,
    /rule +not reported: it differs by 0 from the last reported 19088\.743, the deadband is 0\.5, at the latest/,
    /last report +19088\.74 kW Good/,
    /topic +uns\/v1\/acme\/hh\/m\/power/,
    /event +\S+-\d+ headgate\.telemetry\.v1, lane normal, 1 sample, accepted at 20/,
    /sink up +does not have it yet, link down/,
  ];
  for (const line of lines) t.match(out, line);
  server.unit.areas.holding.set([0x4567, 0x0124], 0);
  const json = (await cli('explain', 'acme/hh/m/power', '--json')).json();
  t.match(json, {
    raw: { value: 0x01244567 },
    rule: /^(reported|not reported)/,
    scaled: { isGood: true },
    sinks: [{ name: 'up' }],
  });
});

t.test('a sink that has the event tells when it confirmed it', async (t) => {
  const upstream = await Upstream.start();
  t.teardown(() => upstream.kill());
  const { cli } = await running(t, upstream.url);
  const found = async () => (await cli('explain', 'power', '--json')).json() as unknown as TagExplanation;
  await until(async () => (await found()).sinks[0]?.isSettled === true, { what: 'the sink has the event' });
  const { event, sinks } = await found();
  t.ok((sinks[0]?.confirmedTime ?? 0) >= (event?.recordedtime ?? Number.POSITIVE_INFINITY));
  t.match((await cli('explain', 'power')).out, /sink up +has it, confirmed at 20\d\d-.*, link up/);
});

t.test('a coil, a register that is refused, and a tag that does not exist', async (t) => {
  const { cli } = await running(t);
  const coil = await cli('explain', 'door');
  t.match(coil.out, /order +bit 0 of the answer, 1\n/);
  t.match(coil.out, /rule +every reading is reported/);
  const state = await cli('explain', 'state');
  t.match(state.out, /raw +0 at .*\nscaling +0 = off, 1 = running\nvalue +off\n/);
  const refused = await cli('explain', 'absent');
  t.equal(refused.code, 1);
  t.match(refused.out, /answer +83 02 after/);
  t.match(refused.out, /exception +2: illegal data address/);
  t.match(refused.out, /quality +Bad_NodeIdUnknown/);
  const unknown = await cli('explain', 'nothing');
  t.equal(unknown.code, 1);
  t.match(unknown.err, /has no tag nothing/);
});
