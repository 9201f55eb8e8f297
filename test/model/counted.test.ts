import t from 'tap';
import { counted } from '../../src/model/counted.ts';

t.test('one is one, and all else are many', async (t) => {
  t.strictSame(
    [0, 1, 2].map((count) => counted(count, 'tag')),
    ['0 tags', '1 tag', '2 tags'],
  );
});
