#!/usr/bin/env node
// Plain JavaScript that any Node since 12 can read: refuses an old runtime before anything native or newer than it is loaded.
const [major] = process.versions.node.split('.');
if (Number(major) < 24) {
  process.stderr.write(
    `headgate: needs Node.js 24 or newer, this is ${process.versions.node}; run it by scripts/headgate, which brings its own, or install Node.js 24.\n`,
  );
  process.exit(78);
}
const extension = import.meta.url.endsWith('/dist/entry.js') ? 'js' : 'ts';
const { runCli } = await import(`./cli/main.${extension}`);
process.exitCode = await runCli(process.argv.slice(2));
