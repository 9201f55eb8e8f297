/** The whole daemon on the journal that a bench filled. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { startGatewayProcess } from '../../src/cli/demo/gateway-process.ts';

/**
 * Start and stop `headgate run` on a journal whose consumer `sink` has all of it before it, and nobody there to take it.
 * @param journal its directory, which is moved to where a daemon has it, and removed at the end
 */
export async function startOnBacklog(journal: string) {
  const work = mkdtempSync(join(dirname(journal), 'headgate-bench-'));
  const data = join(work, 'data');
  const config = join(work, 'config');
  mkdirSync(data);
  mkdirSync(config);
  renameSync(journal, join(data, 'journal'));
  const configuration = {
    gateway: { name: 'bench', asset: 'bench/gateway', data_dir: data },
    journal: { quota_mb: 65_536 },
    broker: { listen: { port: 0 } },
    // The port of "discard", where no broker is.
    sinks: { sink: { kind: 'mqtt', url: 'mqtt://127.0.0.1:9' } },
  };
  writeFileSync(join(config, 'gateway.yaml'), stringify(configuration));
  try {
    const beganAt = performance.now();
    const daemon = await startGatewayProcess(config, join(data, 'headgate.sock'));
    const readyMs = performance.now() - beganAt;
    const { sinks } = await daemon.status();
    const stoppingAt = performance.now();
    await daemon.stop();
    return { readyMs, stopMs: performance.now() - stoppingAt, waiting: sinks[0]?.waiting ?? 0 };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
