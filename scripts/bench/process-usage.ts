import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc. Source: proc(5), sysconf(_SC_CLK_TCK), 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** Processor seconds that a process has used, all threads. Source: proc(5), /proc/pid/stat fields 14 and 15. */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * Processor seconds of each kind of thread, by the name that it has: the main one, the journal's and the services' workers, V8's helpers
 * (collection, compilation) and libuv's (compression, files). Source: proc(5), /proc/pid/task.
 */
export function threadSeconds(pid: number): Readonly<Record<string, number>> {
  const seconds: Record<string, number> = {};
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const [head = '', rest = ''] = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').split(') ');
    const fields = rest.split(' ');
    const name = task === String(pid) ? 'main' : head.slice(head.indexOf('(') + 1);
    seconds[name] = (seconds[name] ?? 0) + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }
  return seconds;
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
