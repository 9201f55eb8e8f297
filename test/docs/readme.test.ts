// What the pages tell people to type does what they say: every command is run, here or by .ci/run.
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildProgram } from '../../src/cli/program.ts';
import { headgate } from '../cli/run-headgate.ts';
import { REPOSITORY, ScratchCheckout } from './scratch-checkout.ts';
import { type ShownCommand, shownCommands } from './shown-commands.ts';

const read = (path: string) => readFile(join(REPOSITORY, path), 'utf8');
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: REPOSITORY,
  encoding: 'utf8',
});
const shown: ShownCommand[] = [];
for (const file of pages.trim().split('\n').sort()) shown.push(...shownCommands(file, await read(file), isOurs));
const ci = await read('.ci/run');
const systemd = await read('scripts/test-systemd');

/** Commands that go on until they are ended, and what they say when they are ready. */
const LASTING: readonly (readonly [RegExp, RegExp])[] = [
  [/headgate.* run\b/, /headgate is ready/],
  [/headgate simulate /, /end with Ctrl\+C/],
];
/** Commands that end with another code than 0, for a reason: the table that is taken over holds two tags that no gateway could read. */
const ENDING: readonly (readonly [RegExp, number])[] = [[/tag import fixtures\/import\//, 1]];
const codeOf = (command: string) => ENDING.find(([pattern]) => pattern.test(command))?.[1] ?? 0;
/** Commands that take minutes, and what makes them short. */
const SHORTENED: readonly (readonly [RegExp, string])[] = [
  [/scripts\/record-line\.ts/, ' --speed 8 --duration-ms 8000'],
];

/** Commands that end otherwise than with 0: the tables to import have tags that must be refused. */
const EXIT_CODES: readonly (readonly [RegExp, number])[] = [[/ tag import fixtures\//, 1]];

function wordsOf(command: string): string[] {
  return command.split(/\s+/).filter((word) => word !== '');
}

async function testFiles(): Promise<string[]> {
  const files = await readdir(join(REPOSITORY, 'test/cli'));
  return files.filter((name) => name.endsWith('.test.ts')).map((name) => `test/cli/${name}`);
}

/** All words of the command in this order, in one line of .ci/run. */
function isRunByCi(command: string): boolean {
  const words = wordsOf(command);
  return ci.split('\n').some((line) => {
    let at = 0;
    for (const word of wordsOf(line)) if (word === words[at]) at++;
    return at === words.length;
  });
}

/** `device list` of `scripts/headgate --config x device list --json`; null when there is no such command. */
function commandPath(command: string): string | null {
  let group = buildProgram(
    () => {
      throw new Error('not run here');
    },
    () => {},
  );
  const path: string[] = [];
  for (const word of wordsOf(command).slice(1)) {
    const next = group.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    group = next;
    path.push(word);
  }
  return path.length > 0 && group.commands.length === 0 ? path.join(' ') : null;
}

/** `tag import FILE`: the words of a command of two, and something after them or not. */
function isOurs(code: string): boolean {
  const path = commandPath(`headgate ${code}`);
  return path?.includes(' ') === true && `${code} `.startsWith(`${path} `);
}

const isHere = ({ command, where }: ShownCommand) =>
  where === 'block' && /^(scripts\/headgate|node scripts\/)/.test(command);

t.setTimeout(180_000);

t.test('every command that a page shows is run by something', async (t) => {
  const here = new Set(shown.filter(isHere).map(({ command }) => commandPath(command)));
  const tests = (await Promise.all((await testFiles()).map(read))).join('\n');
  /** Run by a shell block, or by a test: `'device', 'add'` in its arguments, or `device add ` in a line of them. */
  const isTested = (path: string | null) => {
    if (path === null || here.has(path)) return path !== null;
    const words = path.split(' ');
    const asList = words.map((word) => `'${word}'`).join(',\\s*');
    return new RegExp(`${asList}|['\\s]${path} `).test(tests);
  };
  for (const { file, line, command, where } of shown) {
    const what = `${file}:${line}: ${command}`;
    if (isHere({ file, line, command, where })) t.pass(`${what}: run below`);
    else if (/^npm\b/.test(command)) t.ok(isRunByCi(command), `${what}: needs a step of .ci/run`);
    else if (/--help$/.test(command)) t.ok(/headgate/.test(command), `${what}: run below`);
    else if (/^(scripts\/)?headgate /.test(command))
      t.ok(isTested(commandPath(command)), `${what}: needs a shell block that shows it, or a test that runs it`);
    else if (/^(sudo|systemctl|journalctl|scripts\/)/.test(command))
      t.ok(systemd.includes(command.replace(/^sudo /, '')), `${what}: needs a test in scripts/test-systemd`);
    else t.fail(`${what}: nothing runs it`);
  }
  t.ok(shown.length > 20, 'the commands were found');
});

t.test('every command that an error or a page names is one', async (t) => {
  const errors = await read('config/errors.md');
  const named = new Set(
    [...errors.matchAll(/(?:["`(]|or |: )headgate ([a-z]+(?: [a-z]+)?)/g)].map(([, words = '']) => words),
  );
  t.ok(named.size > 5, 'the commands were found');
  for (const words of named) t.ok(commandPath(`headgate ${words}`), words);
});

t.test('what the shell blocks show works as shown', { timeout: 240_000 }, async (t) => {
  const checkout = await ScratchCheckout.make();
  t.teardown(() => checkout.close());
  const runToItsEnd = async ({ file, line, command }: ShownCommand) => {
    const more = SHORTENED.find(([pattern]) => pattern.test(command))?.[1] ?? '';
    const { code, err, out } = await checkout.run(command + more);
    const expected = EXIT_CODES.find(([pattern]) => pattern.test(command))?.[1] ?? 0;
    t.equal(code, expected, `${file}:${line}: ${command}`, { output: err });
    t.not(out + err, '', 'and says something');
  };
  // Commands that only ask a configuration and its daemon run in this process: each would start a runtime of its own.
  const ask = async ({ file, line, command }: ShownCommand) => {
    const { code, err, out } = await headgate(wordsOf(command).slice(1));
    t.equal(code, codeOf(command), `${file}:${line}: ${command}`, { output: err });
    t.not(out + err, '', 'and says something');
  };
  const before = process.cwd();
  process.chdir(checkout.directory);
  t.teardown(() => process.chdir(before));
  for (const one of shown.filter(isHere)) {
    const { file, line, command } = one;
    const lasting = LASTING.find(([pattern]) => pattern.test(command));
    const configuration = /--config (\S+)/.exec(command)?.[1];
    if (lasting === undefined && configuration !== undefined && !/ record /.test(command)) {
      await ask(one);
    } else if (lasting === undefined) await runToItsEnd(one);
    else {
      if (configuration !== undefined) await checkout.keepLocal(configuration);
      const { code, err } = await checkout.startUntil(command, lasting[1]);
      t.equal(code, null, `${file}:${line}: ${command} runs`, { output: err });
    }
  }
  t.match(await checkout.run('scripts/headgate --help'), { code: 0, out: /Exit codes:/ });
});
