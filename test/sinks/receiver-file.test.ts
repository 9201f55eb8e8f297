import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { Receiver } from '../../src/sinks/receiver.ts';
import { ReceiverFile } from '../../src/sinks/receiver-file.ts';

const STATE = new Receiver().state();
const always = () => true;

async function statePath(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-receiver-file-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'state');
}

/** What is asked of the disk, in order; all of it is done. */
function watched(t: Test, directory: string, does: () => void): string[] {
  const { fsyncSync, renameSync, writeFileSync } = fs;
  const asked: string[] = [];
  const nameOf = (file: unknown) => {
    const path = typeof file === 'number' ? fs.readlinkSync(`/proc/self/fd/${file}`) : String(file);
    return path === directory ? 'directory' : basename(path);
  };
  const restore = () => {
    Object.assign(fs, { fsyncSync, renameSync, writeFileSync });
    syncBuiltinESMExports();
  };
  t.teardown(restore);
  Object.assign(fs, {
    fsyncSync: (handle: number) => {
      asked.push(`sync ${nameOf(handle)}`);
      fsyncSync(handle);
    },
    renameSync: (from: string, to: string) => {
      asked.push(`rename ${nameOf(from)} ${nameOf(to)}`);
      renameSync(from, to);
    },
    writeFileSync: (file: fs.PathOrFileDescriptor, content: string) => {
      asked.push(`write ${nameOf(file)}`);
      writeFileSync(file, content);
    },
  });
  syncBuiltinESMExports();
  does();
  restore();
  return asked;
}

t.test('account and held messages are on the disk when a call returns', async (t) => {
  const path = await statePath(t);
  const directory = fs.realpathSync(join(path, '..'));
  const file = new ReceiverFile(path);
  t.teardown(() => file.release());
  const account = ['write state.new', 'sync state.new', 'rename state.new state', 'sync directory'];
  t.same(
    watched(t, directory, () => file.begin(STATE, [])),
    account,
  );
  const hold = () => file.hold({ payload: Buffer.from('abc'), waits: always });
  t.same(watched(t, directory, hold), ['write state.held', 'sync state.held', 'sync directory']);
  t.same(watched(t, directory, hold), ['write state.held', 'sync state.held']);
  t.same(
    watched(t, directory, () => file.save(STATE, true)),
    account,
  );
});

t.test('what is held takes no more room than twice what waits, while anything does', async (t) => {
  const path = await statePath(t);
  const file = new ReceiverFile(path);
  t.teardown(() => file.release());
  file.begin(STATE, []);
  const payload = (i: number) => Buffer.alloc(20_000, i);
  let last = 0;
  for (let i = 1; i <= 300; i++) {
    last = i;
    // The first waits for ever, the others for the ten that follow.
    file.hold({ payload: payload(i), waits: () => i === 1 || i > last - 10 });
    file.save(STATE, true);
    t.ok(fs.statSync(file.heldPath).size < 1_048_576 + 3 * 11 * 20_004, `after ${i}`);
  }
  const held = file.held().map((bytes) => bytes[0]);
  t.same(new Set(held.slice(0, 1)), new Set([1]));
  t.same(
    held.slice(-10),
    Array.from({ length: 10 }, (_, i) => (291 + i) & 255),
  );
  file.save(STATE, false);
  t.equal(fs.existsSync(file.heldPath), false);
});

for (const [title, rest] of [
  ['cut short', Buffer.from([0, 0, 0, 9, 1, 2])],
  ['of zeros', Buffer.alloc(4096)],
] as const) {
  t.test(`a message ${title} by a power cut spoils none that is held later`, async (t) => {
    const path = await statePath(t);
    const before = new ReceiverFile(path);
    before.begin(STATE, []);
    before.hold({ payload: Buffer.from('one'), waits: always });
    fs.appendFileSync(before.heldPath, rest);
    before.release();
    const after = new ReceiverFile(path);
    t.teardown(() => after.release());
    after.begin(
      STATE,
      after.held().map((payload) => ({ payload, waits: always })),
    );
    after.hold({ payload: Buffer.from('two'), waits: always });
    t.same(
      after.held().map((bytes) => Buffer.from(bytes).toString()),
      ['one', 'two'],
    );
  });
}
