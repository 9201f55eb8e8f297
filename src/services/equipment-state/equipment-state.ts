/** What an asset does; `unknown` whenever that cannot be told honestly. */
export type EquipmentState = 'running' | 'idle' | 'fault' | 'unknown';
