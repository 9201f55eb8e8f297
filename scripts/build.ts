/** Compiles src/ to dist/, as packages and installations run it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = `${root}node_modules/typescript-native/bin/tsc`;
if (!existsSync(compiler)) {
  process.stderr.write(
    'build: the compiler is not installed (npm ci without --omit=dev installs it); dist/ is left as it is\n',
  );
  process.exit();
}
// Taken before the sources are read: what changes meanwhile is newer than the build.
const startedAt = new Date();
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], { cwd: root, stdio: 'inherit' });
const { vendorTypebox } = await import('./vendor-typebox.ts');
await vendorTypebox(`${root}dist`);
chmodSync(`${root}dist/entry.js`, 0o755);
utimesSync(`${root}dist/entry.js`, startedAt, startedAt);
