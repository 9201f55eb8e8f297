import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Observer } from '../../observe/observer.ts';
import type { OpcuaLibrary } from './library.ts';

type PrivateKey = ReturnType<OpcuaLibrary['crypto_utils']['makePrivateKeyFromPem']>;

/** The certificate by which servers know this gateway. */
export interface OwnCertificate {
  readonly der: Buffer;
  readonly privateKey: PrivateKey;
  readonly applicationUri: string;
  /** Where it can be found, to be trusted on a server. */
  readonly shownPath: string;
}

const APPLICATION_NAME = 'Headgate';
/** Nobody renews certificates on a machine that is left alone for years. */
const VALIDITY_DAYS = 25 * 365;
const DAY_MS = 86_400_000;

/** One creation for each directory at a time: connections start together. */
const pending = new Map<string, Promise<OwnCertificate>>();

/**
 * The certificate under `<dataDir>/pki/own`, made on first use: RSA 2048, self-signed, application URI `urn:<host>:headgate`.
 * @param dataDir null: a certificate that is never stored
 * @throws OPCUA_PKI_UNUSABLE
 */
export async function ownCertificate(
  library: OpcuaLibrary,
  dataDir: string | null,
  observer: Observer,
): Promise<OwnCertificate> {
  const key = dataDir ?? '';
  const running = pending.get(key);
  if (running !== undefined) return running;
  const started = dataDir === null ? makeTemporary(library) : loadOrMake(library, pkiDirectory(dataDir), observer);
  pending.set(key, started);
  // A temporary one is kept for the process: making it costs a tenth of a second of CPU.
  if (dataDir !== null) started.finally(() => pending.delete(key)).catch(() => undefined);
  else started.catch(() => pending.delete(key));
  return started;
}

/** Where certificates live in the data directory. */
export function pkiDirectory(dataDir: string): string {
  return join(dataDir, 'pki');
}

async function makeTemporary(library: OpcuaLibrary): Promise<OwnCertificate> {
  const made = await make(library);
  return { ...fromPem(library, made.certificatePem, made.privateKeyPem), shownPath: '(temporary)' };
}

async function loadOrMake(library: OpcuaLibrary, directory: string, observer: Observer): Promise<OwnCertificate> {
  const own = join(directory, 'own');
  const certificatePath = join(own, 'certificate.pem');
  const keyPath = join(own, 'private-key.pem');
  const shownPath = join(own, 'certificate.der');
  try {
    const existing = await Promise.all([readIfThere(certificatePath), readIfThere(keyPath)]);
    if (existing[0] !== null && existing[1] !== null) {
      return { ...fromPem(library, existing[0], existing[1]), shownPath };
    }
    const { certificatePem, privateKeyPem } = await make(library);
    const certificate = fromPem(library, certificatePem, privateKeyPem);
    await mkdir(own, { recursive: true, mode: 0o700 });
    await writeWhole(keyPath, privateKeyPem);
    await writeWhole(shownPath, certificate.der);
    await writeWhole(certificatePath, certificatePem);
    observer.emit('opcua-certificate-made', { file: shownPath, application_uri: certificate.applicationUri });
    return { ...certificate, shownPath };
  } catch (error) {
    throw new HeadgateError('OPCUA_PKI_UNUSABLE', { directory, reason: messageOf(error) }, error);
  }
}

async function make(library: OpcuaLibrary): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const { generatePrivateKey, createSelfSignedCertificate, privateKeyToPEM, CertificatePurpose } = library.crypto_utils;
  const key = await generatePrivateKey(2048);
  const host = hostname();
  const { cert } = await createSelfSignedCertificate({
    privateKey: key,
    subject: `/CN=${APPLICATION_NAME}@${host.replace(/[^A-Za-z0-9.-]/g, '-')}/O=${APPLICATION_NAME}`,
    applicationUri: `urn:${host}:headgate`,
    dns: [host],
    // Servers whose clock is behind would refuse a certificate from their future.
    notBefore: new Date(Date.now() - DAY_MS),
    validity: VALIDITY_DAYS,
    purpose: CertificatePurpose.ForApplication,
  });
  const { privPem } = await privateKeyToPEM(key);
  return { certificatePem: cert, privateKeyPem: privPem };
}

function fromPem(
  library: OpcuaLibrary,
  certificatePem: string,
  privateKeyPem: string,
): Omit<OwnCertificate, 'shownPath'> {
  const { convertPEMtoDER, makePrivateKeyFromPem, exploreCertificate } = library.crypto_utils;
  const der = convertPEMtoDER(certificatePem);
  const names = exploreCertificate(der).tbsCertificate.extensions?.subjectAltName;
  const applicationUri = names?.['uniformResourceIdentifier']?.[0];
  return {
    der,
    privateKey: makePrivateKeyFromPem(privateKeyPem),
    applicationUri: typeof applicationUri === 'string' ? applicationUri : `urn:${hostname()}:headgate`,
  };
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, content, { mode: 0o600, flush: true });
  await rename(temporary, path);
}
