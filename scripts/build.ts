/** Compiles src/ to dist/, as packages and installations run it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${root}node_modules/typescript-native/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
  cwd: root,
  stdio: 'inherit',
});
chmodSync(`${root}dist/entry.js`, 0o755);
