import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { OpcuaConfig } from '../../../src/drivers/opcua/config.ts';
import { until } from '../../support/until.ts';
import { type Harness, harness, tag } from './harness.ts';
import { startServer } from './test-server.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'headgate-opcua-'));
t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
const passwordFile = join(dataDir, 'password');
writeFileSync(passwordFile, 'open sesame\n');

const secured = await startServer({
  policies: ['Basic256Sha256', 'Aes128_Sha256_RsaOaep', 'Aes256_Sha256_RsaPss'],
  users: { ali: 'open sesame' },
});
t.teardown(() => secured.kill());
const user: OpcuaConfig['user'] = { name: 'ali', password: { file: passwordFile } };

async function begin(
  config: Partial<OpcuaConfig>,
  dir: string | null = dataDir,
  endpoint = secured.endpoint,
): Promise<Harness> {
  const h = await harness({
    config: { endpoint, security: {}, connect_timeout_ms: 5_000, ...config },
    tags: [tag('a', 'ns=2;s=Float')],
    dataDir: dir,
  });
  t.teardown(() => h.driver.stop());
  await h.driver.start();
  return h;
}

const reasonOf = async (h: Harness) => {
  await until(() => h.states.some(({ state }) => state === 'disconnected'), { what: 'the refusal' });
  return h.states.find(({ state }) => state === 'disconnected')?.reason ?? '';
};
const reads = (h: Harness) => until(() => h.last('a')?.value === 1.5, { what: 'a value' });

t.test('by default a server is believed only after its certificate was put into the trusted folder', async (t) => {
  const h = await begin({ user });
  t.match(
    await reasonOf(h),
    /certificate of opc.tcp:.* is not trusted: neither it nor an issuer is in the trusted folder/,
  );
  const [rejected = ''] = readdirSync(join(dataDir, 'pki/rejected'));
  t.match(rejected, /^[0-9a-f]{64}\.der$/);
  renameSync(join(dataDir, 'pki/rejected', rejected), join(dataDir, 'pki/trusted', rejected));
  await reads(h);
  t.equal(h.states.at(-1)?.state, 'connected');
  await h.driver.stop();
});

t.test('our certificate is made once, with the key readable by its owner alone', async (t) => {
  const own = join(dataDir, 'pki/own');
  const certificate = new X509Certificate(readFileSync(join(own, 'certificate.pem')));
  t.match(certificate.subjectAltName, /URI:urn:[^:]+:headgate/);
  t.equal(certificate.fingerprint256, new X509Certificate(readFileSync(join(own, 'certificate.der'))).fingerprint256);
  t.equal(statSync(join(own, 'private-key.pem')).mode & 0o077, 0);
  const h = await begin({ user });
  await reads(h);
  t.equal(new X509Certificate(readFileSync(join(own, 'certificate.pem'))).fingerprint256, certificate.fingerprint256);
  await h.driver.stop();
});

for (const policy of ['Aes256_Sha256_RsaPss', 'Aes128_Sha256_RsaOaep', 'Basic256Sha256'] as const) {
  t.test(`reads through ${policy}, signed and encrypted or only signed`, async (t) => {
    const all = await Promise.all([
      begin({ user, security: { policy } }),
      begin({ user, security: { policy, mode: 'Sign' } }),
    ]);
    await Promise.all(all.map(reads));
    t.ok(all.every((h) => h.states.at(-1)?.state === 'connected'));
    await Promise.all(all.map((h) => h.driver.stop()));
  });
}

t.test('a wrong password is refused with the user named, and never shown', async (t) => {
  writeFileSync(join(dataDir, 'wrong'), 'let me in');
  const h = await begin({ user: { name: 'ali', password: { file: join(dataDir, 'wrong') } } });
  const reason = await reasonOf(h);
  t.match(reason, /refused to sign in ali: Bad_(UserAccessDenied|IdentityTokenRejected)/);
  t.notMatch(JSON.stringify([h.states, h.observer.emitted]), /let me in/);
  await h.driver.stop();
});

t.test('anonymous is refused where the server wants a user', async (t) => {
  const h = await begin({});
  t.match(await reasonOf(h), /refused to sign in anonymous/);
  await h.driver.stop();
});

t.test('a missing password file is named', async (t) => {
  const h = await begin({ user: { name: 'ali', password: { file: '/nowhere/password' } } });
  t.match(await reasonOf(h), /cannot read \/nowhere\/password: ENOENT/);
  await h.driver.stop();
});

t.test('a pinned certificate is believed, another is not', async (t) => {
  const [trusted = ''] = readdirSync(join(dataDir, 'pki/trusted'));
  const good = await begin({ user, trust: { server: 'pinned', file: join(dataDir, 'pki/trusted', trusted) } });
  await reads(good);
  const bad = await begin({ user, trust: { server: 'pinned', file: join(dataDir, 'pki/own/certificate.pem') } });
  t.match(await reasonOf(bad), /is not trusted: it is not the one in/);
  await Promise.all([good.driver.stop(), bad.driver.stop()]);
});

t.test('trust on first use keeps the first certificate and refuses a later one', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-opcua-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const orders = { policies: ['Aes256_Sha256_RsaPss'] };
  const first = await startServer(orders);
  const trust = { server: 'on_first_use' as const };
  const h = await begin({ trust }, dir, first.endpoint);
  await reads(h);
  t.ok(h.observer.emitted.some(({ name }) => name === 'opcua-server-trusted-on-first-use'));
  await h.driver.stop();
  await first.kill();
  const second = await startServer({ ...orders, port: first.port, pki: 'other' });
  t.teardown(() => second.kill());
  const again = await begin({ trust }, dir, first.endpoint);
  t.match(await reasonOf(again), /is not trusted: it is not the one seen first/);
  await again.driver.stop();
});

t.test('a server without the wanted policy is refused, with what it offers', async (t) => {
  const server = await startServer();
  t.teardown(() => server.kill());
  const h = await begin({}, dataDir, server.endpoint);
  t.match(await reasonOf(h), /does not offer Aes256_Sha256_RsaPss\/SignAndEncrypt; it offers None\/None/);
  await h.driver.stop();
});

t.test('a server that does not trust our certificate is told apart from one that cannot be reached', async (t) => {
  const server = await startServer({ policies: ['Aes256_Sha256_RsaPss'], acceptsClients: false, pki: 'refusing' });
  t.teardown(() => server.kill());
  const h = await begin({ trust: { server: 'on_first_use' } }, dataDir, server.endpoint);
  t.match(await reasonOf(h), /refused the certificate of this gateway: Bad_/);
  await h.driver.stop();
});
