import { type OpcuaConfig, settingsOf } from './config.ts';

/** Devices with this in common share one session: endpoint, user, security. */
export function connectionKeyOf(config: OpcuaConfig): string {
  const { endpoint, user, policy, securityMode } = settingsOf(config);
  const who = user?.name ?? (user?.certificate === undefined ? 'anonymous' : `certificate ${user.certificate}`);
  return `${endpoint.replace(/\/+$/, '')} ${who} ${policy} ${securityMode}`;
}
