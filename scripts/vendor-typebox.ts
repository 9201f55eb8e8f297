import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

/** Its entry points that we use, by the name of their file in dist/vendor. */
const ENTRIES: Readonly<Record<string, string>> = {
  typebox: 'typebox',
  'typebox-value': 'typebox/value',
  'typebox-schema': 'typebox/schema',
};
const SPECIFIER = /(from|import) '(typebox(?:\/[a-z]+)?)'/g;

/**
 * Put typebox into dist/vendor as a few small files, and point dist at them. It comes as 700 modules of which we run a part: loading them
 * costs 17 MB and half a second in the main thread, and again in each service worker; as a bundle 8 MB and 0.1 s (Node 26).
 * @param dist the compiled tree, changed in place
 * @throws Error when dist imports an entry point that is not listed here
 */
export async function vendorTypebox(dist: string): Promise<void> {
  await build({
    entryPoints: ENTRIES,
    outdir: join(dist, 'vendor'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    minify: true,
    legalComments: 'none',
    banner: { js: '/* typebox, MIT licence, https://github.com/sinclairzx81/typebox */' },
    logLevel: 'error',
  });
  const fileOf = new Map(Object.entries(ENTRIES).map(([file, specifier]) => [specifier, `${file}.js`]));
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js') || name.startsWith('vendor')) continue;
    const path = join(dist, name);
    const before = readFileSync(path, 'utf8');
    const after = before.replace(SPECIFIER, (_match, keyword: string, specifier: string) => {
      const file = fileOf.get(specifier);
      if (file === undefined) throw new Error(`${name} imports ${specifier}, which vendor-typebox.ts does not list`);
      const target = relative(dirname(path), join(dist, 'vendor', file));
      return `${keyword} '${target.startsWith('.') ? target : `./${target}`}'`;
    });
    if (after !== before) writeFileSync(path, after);
  }
}
