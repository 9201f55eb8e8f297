import t from 'tap';
import { Confirmations } from '../../../src/runtime/forwarder/confirmations.ts';

t.test(
  'an event has the time at which the batch over it was confirmed, and the latest one if there were two',
  async (t) => {
    const confirmations = new Confirmations();
    t.equal(confirmations.timeOf(1), null);
    confirmations.add(1, 10, 100);
    confirmations.add(11, 11, 200);
    confirmations.add(5, 6, 300);
    t.same(
      [1, 5, 6, 10, 11, 12].map((sequence) => confirmations.timeOf(sequence)),
      [100, 300, 300, 100, 200, null],
    );
  },
);

t.test('the oldest are forgotten, never the latest', async (t) => {
  const confirmations = new Confirmations();
  for (let i = 1; i <= 1000; i++) confirmations.add(i, i, 1000 + i);
  t.equal(confirmations.timeOf(1), null);
  t.equal(confirmations.timeOf(600), 1600);
  t.equal(confirmations.timeOf(1000), 2000);
});
