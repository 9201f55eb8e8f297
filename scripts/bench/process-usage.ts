import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc. Source: proc(5), sysconf(_SC_CLK_TCK), 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** Processor seconds that a process has used, all threads. Source: proc(5), /proc/pid/stat fields 14 and 15. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Whether a daemon runs from dist/, not from the sources. Source: proc(5), /proc/pid/cmdline. */
export function isCompiled(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/dist/entry.js');
}

/** Resident memory now and at its highest, MB. */
export function memoryMb(pid: number): { readonly rssMb: number; readonly peakRssMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024);
  return { rssMb: read('VmRSS'), peakRssMb: read('VmHWM') };
}
