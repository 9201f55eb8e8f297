import type { InternalEventName } from '../../src/observe/internal-events.ts';
import type { Fields, Observer } from '../../src/observe/observer.ts';

/** An observer that remembers every emission. */
export interface RecordingObserver extends Observer {
  readonly emitted: { name: InternalEventName; fields: Fields; count: number }[];
}

export function recordingObserver(): RecordingObserver {
  const emitted: RecordingObserver['emitted'] = [];
  const make = (bound: Fields): RecordingObserver => ({
    emitted,
    with: (fields) => make({ ...bound, ...fields }),
    emit: (name, fields = {}, count = 1) => emitted.push({ name, fields: { ...bound, ...fields }, count }),
  });
  return make({});
}
