import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readSecret } from '../../src/system/credentials.ts';

t.test('a secret is read without its line end', async (t) => {
  const dir = t.testdir();
  const write = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), mode);
    return join(dir, name);
  };
  t.equal(await readSecret({ file: write('a', 'geheim\n') }), 'geheim');
  t.equal(await readSecret({ file: write('b', 'geheim\r\n') }), 'geheim');
  t.equal(await readSecret({ file: write('c', ' two lines\n\n', 0o400) }), ' two lines\n');
  t.equal(await readSecret({ credential: 'mqtt' }, { CREDENTIALS_DIRECTORY: t.testdir({ mqtt: 'x\n' }) }), 'x');
});

t.test('what is missing, unsafe or no secret is refused by name', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'secret');
  writeFileSync(path, 'x');
  for (const mode of [0o640, 0o604, 0o644, 0o660]) {
    chmodSync(path, mode);
    await t.rejects(readSecret({ file: path }), { code: 'SECRET_UNSAFE', context: { path } });
  }
  chmodSync(path, 0o600);
  writeFileSync(path, 'x'.repeat(70_000));
  await t.rejects(readSecret({ file: path }), { code: 'SECRET_TOO_LARGE' });
  await t.rejects(readSecret({ file: join(dir, 'none') }), { code: 'SECRET_UNREADABLE' });
  mkdirSync(join(dir, 'folder'));
  await t.rejects(readSecret({ file: join(dir, 'folder') }), { code: 'SECRET_UNREADABLE' });
  await t.rejects(readSecret({ credential: 'x' }, {}), { code: 'SECRET_UNREADABLE', message: /passed no credentials/ });
  await t.rejects(readSecret({ credential: '../x' }, { CREDENTIALS_DIRECTORY: dir }), { code: 'SECRET_UNREADABLE' });
  await t.rejects(readSecret({ credential: '..' }, { CREDENTIALS_DIRECTORY: dir }), { code: 'SECRET_UNREADABLE' });
});
