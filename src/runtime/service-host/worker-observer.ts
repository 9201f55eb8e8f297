import { INTERNAL_EVENTS, type InternalEventName } from '../../observe/internal-events.ts';
import type { Fields, Observer } from '../../observe/observer.ts';
import { systemClock } from '../../ports/system-clock.ts';
import type { FromWorker } from './messages.ts';

const EMISSIONS_PER_SECOND = 100;

/** The observer that a service in a worker is handed: posts to the host's, at most 100 a second, the rest counted. */
export function createWorkerObserver(service: string, post: (message: FromWorker) => void): Observer {
  let windowEnds = 0;
  let used = 0;
  let dropped = 0;
  const make = (bound: Fields): Observer => ({
    with: (fields) => make({ ...bound, ...fields }),
    emit: (name: InternalEventName, fields = {}, count = 1) => {
      if (!Object.hasOwn(INTERNAL_EVENTS, name)) return;
      const now = systemClock.monotonic();
      if (now >= windowEnds) {
        if (dropped > 0) post({ kind: 'emit', service, name: 'service-log-dropped', fields: {}, count: dropped });
        windowEnds = now + 1_000;
        used = 0;
        dropped = 0;
      }
      if (used >= EMISSIONS_PER_SECOND) {
        dropped++;
        return;
      }
      used++;
      post({ kind: 'emit', service, name, fields: { ...bound, ...fields }, count });
    },
  });
  return make({});
}
