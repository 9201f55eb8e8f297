import { type PlanLimits, PROTOCOL_LIMITS } from '../../../src/drivers/modbus/plan.ts';

/** Limits under which the plan is that of the fewest reads, across gaps of at most 8. */
export function planLimits(over: Partial<PlanLimits> = {}): PlanLimits {
  return {
    maxRegisters: PROTOCOL_LIMITS.registers,
    maxBits: PROTOCOL_LIMITS.bits,
    maxGap: 8,
    forbidden: [],
    costOf: () => 1,
    ...over,
  };
}
