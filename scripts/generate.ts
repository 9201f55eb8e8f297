import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generate/generated-files.ts';

// Writes what is generated from the sources (schemas, reference pages); with --check only says what is stale, and fails then.
const root = join(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');
const stale: string[] = [];
for (const [path, content] of generatedFiles()) {
  const target = join(root, path);
  const before = await readFile(target, 'utf8').catch(() => null);
  if (before === content) continue;
  stale.push(path);
  if (isCheck) continue;
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
}
if (stale.length > 0) {
  process.stdout.write(`${isCheck ? 'stale, run "npm run generate"' : 'written'}: ${stale.join(', ')}\n`);
  if (isCheck) process.exitCode = 1;
}
