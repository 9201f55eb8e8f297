import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { EpochMs } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { OpcuaSettings } from './config.ts';
import { pkiDirectory } from './pki.ts';
import { readReferenced } from './secret.ts';

/** At most this many refused certificates are kept for the operator to look at. */
const REJECTED_LIMIT = 100;
const CHAIN_LIMIT = 8;

export interface TrustOptions {
  readonly settings: Pick<OpcuaSettings, 'endpoint' | 'trust'>;
  readonly dataDir: string | null;
  readonly observer: Observer;
  readonly now: EpochMs;
}

/**
 * Decide whether a server's certificate is believed. A certificate that the operator named itself is believed past its validity, with
 * a warning, so that a plant does not stop on a date; one that is only signed by a named authority is not.
 * @param chain DER, the server's own certificate first, issuers after it
 * @throws OPCUA_SERVER_UNTRUSTED; OPCUA_SECRET_UNREADABLE the pinned file; OPCUA_PKI_UNUSABLE the folder
 */
export async function requireTrusted(chain: Buffer, options: TrustOptions): Promise<void> {
  const { settings, dataDir } = options;
  const certificates = parseChain(chain);
  const leaf = certificates[0];
  if (leaf === undefined) throw untrusted(options, 'the server sent none', '', 'give the server a certificate');
  switch (settings.trust.server) {
    case 'pinned': {
      const file = settings.trust.file ?? '';
      const pinned = parseFile(await readReferenced(file));
      if (pinned?.fingerprint256 !== leaf.fingerprint256) {
        throw untrusted(options, `it is not the one in ${file}`, leaf.fingerprint256, `put it into ${file}`);
      }
      return warnIfExpired(leaf, options);
    }
    case 'on_first_use':
      return dataDir === null ? undefined : requireSameAsFirst(leaf, pkiDirectory(dataDir), options);
    case 'folder':
      return requireInFolder(certificates, leaf, options);
  }
}

async function requireInFolder(
  certificates: readonly X509Certificate[],
  leaf: X509Certificate,
  options: TrustOptions,
): Promise<void> {
  const { dataDir } = options;
  if (dataDir === null) {
    throw untrusted(
      options,
      'there is no data directory to look in',
      leaf.fingerprint256,
      'set trust.server to pinned',
    );
  }
  const pki = pkiDirectory(dataDir);
  const trustedDirectory = join(pki, 'trusted');
  const trusted = await readFolder(trustedDirectory);
  if (trusted.some((one) => one.fingerprint256 === leaf.fingerprint256)) return warnIfExpired(leaf, options);
  const failure = chainFailure(leaf, certificates, trusted, options.now);
  if (failure === null) return;
  const rejected = await keepRejected(leaf, join(pki, 'rejected'));
  const remedy = `move ${rejected ?? 'the certificate'} to ${trustedDirectory}`;
  throw untrusted(options, failure, leaf.fingerprint256, remedy);
}

/** Null when the chain leads to a trusted authority and every link is valid now; else why not. */
function chainFailure(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  now: EpochMs,
): string | null {
  const isIssuerOf = (one: X509Certificate, of: X509Certificate) =>
    one.ca && of.checkIssued(one) && of.verify(one.publicKey);
  let current = leaf;
  for (let depth = 0; depth < CHAIN_LIMIT; depth++) {
    if (!isValidAt(current, now))
      return `${subjectOf(current)} is out of its time (${current.validFrom} to ${current.validTo})`;
    const root = trusted.find((one) => isIssuerOf(one, current));
    if (root !== undefined) return isValidAt(root, now) ? null : `${subjectOf(root)} is out of its time`;
    const issuer = sent.find((one) => one !== current && isIssuerOf(one, current));
    if (issuer === undefined) return 'neither it nor an issuer is in the trusted folder';
    current = issuer;
  }
  return `its chain is longer than ${CHAIN_LIMIT}`;
}

async function requireSameAsFirst(leaf: X509Certificate, pki: string, options: TrustOptions): Promise<void> {
  const { endpoint } = options.settings;
  const name = createHash('sha256').update(endpoint).digest('hex').slice(0, 16);
  const directory = join(pki, 'first-use');
  const path = join(directory, `${name}.der`);
  try {
    const first = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (first === null) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeWhole(path, leaf.raw);
      options.observer.emit('opcua-server-trusted-on-first-use', { endpoint, fingerprint: leaf.fingerprint256 });
      return;
    }
    if (new X509Certificate(first).fingerprint256 === leaf.fingerprint256) return warnIfExpired(leaf, options);
  } catch (error) {
    throw new HeadgateError('OPCUA_PKI_UNUSABLE', { directory, reason: messageOf(error) }, error);
  }
  throw untrusted(options, 'it is not the one seen first', leaf.fingerprint256, `delete ${path}`);
}

function warnIfExpired(leaf: X509Certificate, { settings, observer, now }: TrustOptions): void {
  if (isValidAt(leaf, now)) return;
  observer.emit('opcua-server-certificate-expired', { endpoint: settings.endpoint, valid_to: leaf.validTo });
}

function untrusted(options: TrustOptions, reason: string, fingerprint: string, remedy: string): HeadgateError {
  return new HeadgateError('OPCUA_SERVER_UNTRUSTED', {
    endpoint: options.settings.endpoint,
    reason,
    fingerprint: fingerprint.replaceAll(':', ''),
    remedy,
  });
}

/** The certificates of a DER chain; what cannot be parsed ends it. */
function parseChain(chain: Buffer): X509Certificate[] {
  const certificates: X509Certificate[] = [];
  for (let rest = chain; rest.length > 4; ) {
    // A certificate is a DER SEQUENCE whose length is in two bytes (0x82), as it is longer than 255 bytes.
    const length = rest[0] === 0x30 && rest[1] === 0x82 ? 4 + rest.readUInt16BE(2) : rest.length;
    const certificate = parseFile(rest.subarray(0, length));
    if (certificate === null) break;
    certificates.push(certificate);
    rest = rest.subarray(length);
  }
  return certificates;
}

function parseFile(content: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(content);
  } catch {
    return null;
  }
}

async function readFolder(directory: string): Promise<X509Certificate[]> {
  const found: X509Certificate[] = [];
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(directory)).sort()) {
      if (!/\.(der|pem|crt|cer)$/i.test(name)) continue;
      const certificate = parseFile(await readFile(join(directory, name)));
      if (certificate !== null) found.push(certificate);
    }
  } catch (error) {
    throw new HeadgateError('OPCUA_PKI_UNUSABLE', { directory, reason: messageOf(error) }, error);
  }
  return found;
}

/** Keep a refused certificate where the operator finds it; null if there is no room. */
async function keepRejected(leaf: X509Certificate, directory: string): Promise<string | null> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const name = `${leaf.fingerprint256.replaceAll(':', '').toLowerCase()}.der`;
    const names = await readdir(directory);
    if (names.length >= REJECTED_LIMIT && !names.includes(name)) return null;
    await writeWhole(join(directory, name), leaf.raw);
    return join(directory, name);
  } catch {
    return null;
  }
}

async function writeWhole(path: string, content: Buffer): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

function isValidAt(certificate: X509Certificate, now: EpochMs): boolean {
  return now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime();
}

function subjectOf(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ');
}
