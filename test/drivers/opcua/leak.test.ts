import t from 'tap';
import { until } from '../../support/until.ts';
import { harness, tag } from './harness.ts';
import { startServer } from './test-server.ts';

t.test('nothing of a dead client is kept: no timer, no socket', async (t) => {
  const server = await startServer();
  const timers = () => process.getActiveResourcesInfo().filter((name) => /Timeout|TCP/.test(name)).length;
  const before = timers();
  const h = await harness({ config: { endpoint: server.endpoint }, tags: [tag('a', 'ns=2;s=Counter0')] });
  await h.driver.start();
  await until(() => h.readings('a').length > 1, { what: 'first values' });
  await server.kill();
  await until(() => h.last('a')?.value === null, { what: 'Bad values' });
  await h.driver.stop();
  await until(() => timers() <= before, { what: `no more than ${before} timers and sockets` });
  t.pass();
});
