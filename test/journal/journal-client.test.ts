import t from 'tap';
import { journalConformance } from '../conformance/journal.ts';
import { open, scratch } from './support.ts';

journalConformance(t, (t) => {
  const directory = scratch(t);
  return { open: () => open(t, directory) };
});
