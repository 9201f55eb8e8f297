/** Loaded before a life: gives one source file its mutant, named by HEADGATE_MUTANT. Its file must be loaded, and its text stand there once. */
import { registerHooks } from 'node:module';
import { MUTANTS } from './mutants.table.ts';

const mutant = MUTANTS.find(({ name }) => name === process.env['HEADGATE_MUTANT']);
if (mutant === undefined) throw new Error(`no mutant is called ${process.env['HEADGATE_MUTANT']}`);
const target = new URL(`../../${mutant.file}`, import.meta.url).href;

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    const parts = String(loaded.source).split(mutant.from);
    if (parts.length !== 2) throw new Error(`${mutant.file} has the text of ${mutant.name} ${parts.length - 1} times`);
    return { ...loaded, source: parts.join(mutant.to) };
  },
});
