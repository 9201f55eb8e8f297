import t from 'tap';
import { callInChunks, chunksOf, operationLimits } from '../../../src/drivers/opcua/chunks.ts';

const TOO_MANY_OPERATIONS = 0x80100000;
const statusOf = (error: unknown) => (typeof error === 'number' ? error : null);

t.test('the limits of the server hold where they are smaller; 0 and nothing mean ours', (t) => {
  t.strictSame(operationLimits([100, 0, null], 1_000), { perRead: 100, perMonitoredItems: 1_000, perTranslate: 1_000 });
  t.strictSame(operationLimits([5_000, Number.NaN], 1_000), {
    perRead: 1_000,
    perMonitoredItems: 1_000,
    perTranslate: 1_000,
  });
  t.end();
});

t.test('chunks keep the order and leave nothing out', (t) => {
  t.strictSame(chunksOf([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  t.strictSame(chunksOf([], 2), []);
  t.end();
});

t.test('a server that takes fewer than it announced gets smaller calls, each item once', async (t) => {
  const calls: number[] = [];
  const items = Array.from({ length: 100 }, (_, index) => index);
  const call = async (chunk: readonly number[]) => {
    calls.push(chunk.length);
    if (chunk.length > 30) throw TOO_MANY_OPERATIONS;
    return chunk.map((item) => item * 2);
  };
  t.strictSame(
    await callInChunks(items, 100, call, statusOf),
    items.map((item) => item * 2),
  );
  t.strictSame(calls, [100, 50, 25, 25, 25, 25]);
});

t.test('other failures, and a single item that is too large, are thrown', async (t) => {
  const failing = (status: number) => callInChunks([1, 2], 2, () => Promise.reject(status), statusOf);
  t.equal(await failing(0x80050000).catch((error) => error), 0x80050000);
  t.equal(await failing(TOO_MANY_OPERATIONS).catch((error) => error), TOO_MANY_OPERATIONS);
});
