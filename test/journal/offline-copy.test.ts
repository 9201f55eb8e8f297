import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { scratch } from './support.ts';

t.test(
  'says why a directory cannot be looked into, and only of one without a journal that there is none',
  async (t) => {
    const directory = scratch(t);
    await t.rejects(inspectJournal(join(directory, 'none')), { message: /there is no journal yet/ });
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    await t.rejects(inspectJournal(loop), { message: /ELOOP/ });
  },
);
