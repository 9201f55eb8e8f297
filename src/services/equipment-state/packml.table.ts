import type { EquipmentState } from './equipment-state.ts';

/** A PackML state: number (as in StateCurrent), name, and what it means for the equipment. Source: ISA-TR88.00.02 §6.2. */
export const PACKML_STATES: readonly (readonly [number: number, name: string, state: EquipmentState])[] = [
  [1, 'Clearing', 'fault'],
  [2, 'Stopped', 'idle'],
  [3, 'Starting', 'running'],
  [4, 'Idle', 'idle'],
  [5, 'Suspended', 'idle'],
  [6, 'Execute', 'running'],
  [7, 'Stopping', 'idle'],
  [8, 'Aborting', 'fault'],
  [9, 'Aborted', 'fault'],
  [10, 'Holding', 'idle'],
  [11, 'Held', 'idle'],
  [12, 'Unholding', 'running'],
  [13, 'Suspending', 'idle'],
  [14, 'Unsuspending', 'running'],
  [15, 'Resetting', 'idle'],
  [16, 'Completing', 'running'],
  [17, 'Complete', 'idle'],
];
