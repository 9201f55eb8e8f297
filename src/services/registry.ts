import { pathToFileURL } from 'node:url';
import type { ComponentSpec } from '../config/component-spec.ts';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { ServiceManifest, ServiceModule } from '../ports/service.ts';
import { CUSTOM_SPEC } from './custom/config.ts';
import { EQUIPMENT_STATE_SPEC } from './equipment-state/config.ts';
import { HEALTH_SPEC } from './health/config.ts';

/** A service that comes with Headgate: what the main thread must know, and how a worker loads it. */
export interface BuiltInService {
  readonly spec: ComponentSpec;
  readonly isolation: ServiceManifest['isolation'];
  load(): Promise<ServiceModule>;
}

/** Every built-in service, one row each. */
export const BUILT_IN_SERVICES: readonly BuiltInService[] = [
  {
    spec: EQUIPMENT_STATE_SPEC,
    isolation: 'shared',
    load: async () => (await import('./equipment-state/service.ts')).default,
  },
  { spec: HEALTH_SPEC, isolation: 'shared', load: async () => (await import('./health/service.ts')).default },
];

/** What configuration must know of services: the built-in ones, and `custom` for the files of users. */
export const SERVICE_SPECS: readonly ComponentSpec[] = [...BUILT_IN_SERVICES.map(({ spec }) => spec), CUSTOM_SPEC];

/**
 * Load a service, in the worker that will run it.
 * @param file a user's service: path of a module whose default export is a ServiceModule; null: built in
 * @throws SERVICE_UNKNOWN, SERVICE_LOAD_FAILED
 */
export async function loadService(name: string, file: string | null): Promise<ServiceModule> {
  if (file === null) {
    const builtIn = BUILT_IN_SERVICES.find(({ spec }) => spec.kind === name);
    if (builtIn === undefined) throw new HeadgateError('SERVICE_UNKNOWN', { service: name });
    return builtIn.load();
  }
  const failed = (reason: string, cause?: unknown) =>
    new HeadgateError('SERVICE_LOAD_FAILED', { service: name, reason: `${file}: ${reason}` }, cause);
  let loaded: { default?: unknown };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (error) {
    throw failed(messageOf(error), error);
  }
  if (!isServiceModule(loaded.default)) {
    throw failed(
      'the default export needs `manifest` {name, version, description, consumes, produces}, `configSchema` and `start`',
    );
  }
  return loaded.default;
}

function isServiceModule(value: unknown): value is ServiceModule {
  if (!isObject(value)) return false;
  const { manifest, configSchema, start } = value as Partial<Record<keyof ServiceModule, unknown>>;
  return (
    isObject(manifest) &&
    typeof manifest['name'] === 'string' &&
    typeof manifest['version'] === 'string' &&
    typeof manifest['description'] === 'string' &&
    Array.isArray(manifest['consumes']) &&
    isObject(manifest['produces']) &&
    isObject(configSchema) &&
    typeof start === 'function'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
