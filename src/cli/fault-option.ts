import { FAULT_KINDS, type Fault } from '../simulate/faults.ts';
import { usageError } from './cli-context.ts';

const NUMBERS = ['delay_ms', 'exception', 'status', 'from_ms', 'duration_ms'] as const;
const EXPECTED = 'expected DEVICE:KIND, optionally with :key=value, such as press-7:gone:from_ms=5000:duration_ms=3000';

/**
 * A fault from the command line: `press-7:slow:delay_ms=500:duration_ms=3000`, `meter-1:bad_quality:tags=a+b`.
 * @throws CLI_USAGE
 */
export function parseFault(text: string): Fault {
  const bad = (why: string) => usageError('simulate', `--fault ${JSON.stringify(text)}: ${why}`);
  const [device = '', kind = '', ...settings] = text.split(':');
  if (device === '' || kind === '') throw bad(EXPECTED);
  if (!isKind(kind)) throw bad(`kind ${JSON.stringify(kind)}, expected one of ${FAULT_KINDS.join(', ')}`);
  const fault: { -readonly [K in keyof Fault]: Fault[K] } = { device, kind };
  for (const setting of settings) {
    const [, key = '', value = ''] = /^([a-z_]+)=(.+)$/.exec(setting) ?? [];
    const number = NUMBERS.find((name) => name === key);
    if (key === 'tags') fault.tags = value.split('+');
    else if (number === undefined) throw bad(EXPECTED);
    else if (Number.isNaN(Number(value))) throw bad(`${key} is ${JSON.stringify(value)}, expected a number`);
    else fault[number] = Number(value);
  }
  return fault;
}

function isKind(text: string): text is Fault['kind'] {
  return FAULT_KINDS.some((kind) => kind === text);
}
