import { getHeapStatistics } from 'node:v8';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { TagList } from '../model/telemetry.ts';
import { trimHeap } from '../ports/trim-heap.ts';
import { loadService } from '../services/registry.ts';
import { checkService } from './service-host/check-service.ts';
import { unpackBatch } from './service-host/event-batch.ts';
import {
  type FromWorker,
  type ToWorker,
  toWire,
  type WorkerService,
  type WorkerSettings,
} from './service-host/messages.ts';
import { ServiceRunner } from './service-host/service-runner.ts';
import { WorkMarker } from './service-host/work-marker.ts';
import { createWorkerObserver } from './service-host/worker-observer.ts';

/** Entry of a service worker thread: loads the services of its settings and runs each until told to stop. */
function main(port: MessagePort, settings: WorkerSettings): void {
  const runners = new Map<string, ServiceRunner>();
  const lists = new Map<string, TagList>();
  const marker = new WorkMarker(settings.marker);
  const post = (message: FromWorker) => port.postMessage(message);

  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'events': {
        const events = unpackBatch(message.batch, lists);
        for (const runner of runners.values()) runner.deliver(events);
        break;
      }
      case 'ping': {
        for (const runner of runners.values()) runner.checkProgress();
        const heapMb = getHeapStatistics().used_heap_size / 1_048_576;
        const stats = Object.fromEntries([...runners].map(([name, runner]) => [name, runner.stats()]));
        post({ kind: 'pong', heapMb, stats });
        break;
      }
      case 'query': {
        const { id, service, query, argument } = message;
        const refuse = (error: unknown) => post({ kind: 'no-answer', id, error: toWire(error) });
        const runner = runners.get(service);
        if (runner === undefined) refuse(new HeadgateError('SERVICE_NOT_RUNNING', { service, state: 'starting' }));
        else runner.query(query, argument, (value) => post({ kind: 'answer', id, value }), refuse);
        break;
      }
      case 'replay': {
        const { id, service, run, isKept, batch } = message;
        const events = unpackBatch(batch, lists);
        const refuse = () => {
          const error = new HeadgateError('SERVICE_NOT_RUNNING', { service, state: 'stopped' });
          post({ kind: 'no-answer', id, error: toWire(error) });
        };
        const done = (value: unknown) => post({ kind: 'answer', id, value });
        const runner = runners.get(service);
        if (runner === undefined) refuse();
        else runner.replay({ events, run, isKept, done, refuse });
        break;
      }
      case 'accepted':
        runners.get(message.service)?.accepted(message.through);
        break;
      case 'drop':
        runners.get(message.service)?.drop();
        runners.delete(message.service);
        break;
      case 'stop':
        for (const [name, runner] of runners) {
          void runner.stop().then(
            () => post({ kind: 'stopped', service: name }),
            (error: unknown) => post({ kind: 'service-failed', service: name, error: toWire(error), sequence: 0 }),
          );
        }
        break;
    }
  });

  const start = async (service: WorkerService, position: number): Promise<void> => {
    const { name } = service;
    try {
      const module = await loadService(name, service.module);
      const config = checkService(name, module, service.config);
      const skip = new Set(service.skip);
      const observer = createWorkerObserver(name, post);
      const runner = new ServiceRunner({ module, name, config, position, skip, settings, marker, observer, post });
      runners.set(name, runner);
      await runner.start();
    } catch (error) {
      runners.get(name)?.drop();
      runners.delete(name);
      post({ kind: 'service-failed', service: name, error: toWire(error), sequence: 0 });
    }
  };
  void Promise.all(settings.services.map(start)).then(trimHeap);
}

if (parentPort !== null) main(parentPort, workerData as WorkerSettings);
