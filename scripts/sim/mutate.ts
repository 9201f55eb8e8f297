/** Loaded before everything else: makes one mutant's change in the source as it is read. HEADGATE_SIM_MUTANT names it. */
import { registerHooks } from 'node:module';
import { MUTANTS } from './mutants.table.ts';

const name = process.env['HEADGATE_SIM_MUTANT'] ?? '';
const mutant = MUTANTS[name];
if (mutant === undefined) throw new Error(`there is no mutant ${JSON.stringify(name)}`);
const target = new URL(`../../${mutant.file}`, import.meta.url).href;

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    const source = String(loaded.source);
    const parts = source.split(mutant.from);
    if (parts.length !== 2)
      throw new Error(`mutant ${name}: its text stands ${parts.length - 1} times in ${mutant.file}`);
    return { ...loaded, source: parts.join(mutant.to) };
  },
});
