import { HeadgateError } from '../../errors/headgate-error.ts';
import type { CustomServicesConfig } from '../../services/custom/config.ts';
import { BUILT_IN_SERVICES } from '../../services/registry.ts';
import type { HostedService } from './service-slot.ts';

/**
 * The services to run, from what the configuration lists: built-in ones by name, and each module of `custom`.
 * @throws SERVICE_UNKNOWN
 */
export function hostedServices(
  configured: readonly { readonly name: string; readonly config: unknown }[],
): HostedService[] {
  return configured.flatMap(({ name, config }): HostedService[] => {
    if (name === 'custom') {
      const { modules } = config as CustomServicesConfig;
      return modules.map((one) => ({
        name: one.name,
        config: one.config ?? {},
        module: one.module,
        isolation: one.isolation ?? 'own',
      }));
    }
    const builtIn = BUILT_IN_SERVICES.find(({ spec }) => spec.kind === name);
    if (builtIn === undefined) throw new HeadgateError('SERVICE_UNKNOWN', { service: name });
    return [{ name, config, module: null, isolation: builtIn.isolation }];
  });
}
