import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import Type from 'typebox';
import type { ComponentSpecs } from '../../src/config/component-spec.ts';

const port = Type.Optional(Type.Integer({ description: 'TCP port.', default: 502, minimum: 1, maximum: 65_535 }));
const secret = Type.Union([
  Type.Object({ file: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
  Type.Object({ credential: Type.String({ minLength: 1 }) }, { additionalProperties: false }),
]);

/** Components of the tests' own, so that their wording is known. */
export const testSpecs: ComponentSpecs = {
  drivers: [
    {
      kind: 'plc',
      summary: 'A device.',
      schema: Type.Object(
        {
          name: Type.String(),
          driver: Type.Literal('plc'),
          host: Type.String({ minLength: 1, examples: ['10.0.0.5'] }),
          port,
          timeout_ms: Type.Optional(Type.Integer({ default: 1000, minimum: 1 })),
          password: Type.Optional(secret),
        },
        { additionalProperties: false },
      ),
      checkDevice: (config) =>
        (config as { host: string }).host === 'nowhere'
          ? [{ field: 'host', found: 'nowhere', expected: 'a host that exists' }]
          : [],
      checkTag: (tag) =>
        /^\d+$/.test(tag.address) ? [] : [{ field: 'address', found: tag.address, expected: 'a number such as 40001' }],
      describeAddress: (tag) => `register ${tag.address}`,
      defaultType: (address) => (address.startsWith('1') ? 'bool' : 'uint16'),
      connection: (config) => {
        const { host, port, timeout_ms } = config as { host: string; port: number; timeout_ms: number };
        return { key: `${host}:${port}`, settings: { timeout_ms } };
      },
    },
  ],
  sinks: [
    {
      kind: 'mqtt',
      summary: 'A broker.',
      schema: Type.Object(
        { name: Type.String(), url: Type.String(), password: Type.Optional(secret), port },
        { additionalProperties: false },
      ),
      check: () => [],
    },
  ],
  services: [
    {
      kind: 'health',
      summary: 'Health.',
      schema: Type.Object(
        { window: Type.Optional(Type.Integer({ default: 5, minimum: 1 })) },
        { additionalProperties: false },
      ),
      check: () => [],
    },
  ],
  sections: [
    {
      key: 'journal',
      schema: Type.Object(
        { quota_mb: Type.Optional(Type.Number({ default: 100, minimum: 1 })) },
        { additionalProperties: false },
      ),
      check: () => [],
    },
  ],
};

export const GATEWAY = 'gateway:\n  name: g1\n  asset: acme/hamburg\n';
export const DEVICE = 'name: plc-1\ndriver: plc\nhost: 10.0.0.5\n';

/** A configuration directory with these files, removed after the test. */
export async function configDirectory(t: Test, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-config-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}
