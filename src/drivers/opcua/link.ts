import { Status, type StatusCode } from '../../model/quality.ts';
import type { Millis } from '../../model/time.ts';
import type { ConnectionState } from '../../ports/driver.ts';

/** Where a connection stands. `failures`: attempts and losses since it last was up for a good while. */
export interface LinkState {
  readonly phase: 'idle' | 'connecting' | 'up' | 'waiting' | 'stopped';
  readonly failures: number;
  /** Monotonic time since which it is up. */
  readonly upSince: Millis | null;
  /** All tags have been reported as gone, and nothing has come since. */
  readonly isGone: boolean;
}

export type LinkEvent =
  | { readonly type: 'start' }
  | { readonly type: 'connected'; readonly at: Millis }
  | { readonly type: 'failed'; readonly at: Millis; readonly reason: string }
  | { readonly type: 'retry' }
  | { readonly type: 'stop' };

export type LinkEffect =
  | { readonly do: 'connect' }
  | { readonly do: 'retry-after'; readonly delayMs: Millis }
  /** Dispose of the whole client; `isGraceful`: say goodbye to the server first. */
  | { readonly do: 'tear-down'; readonly isGraceful: boolean }
  | { readonly do: 'announce'; readonly state: ConnectionState; readonly reason: string | null }
  | { readonly do: 'report-gone'; readonly status: StatusCode };

export interface LinkSettings {
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
}

export const IDLE_LINK: LinkState = { phase: 'idle', failures: 0, upSince: null, isGone: false };

/**
 * The life of a connection as a pure transition: no timers, no I/O. Events that do not fit the phase change nothing, so a late
 * result of a client that was given up cannot disturb the next one.
 * @param chance in [0, 1), for the jitter
 */
export function linkTransition(
  state: LinkState,
  event: LinkEvent,
  settings: LinkSettings,
  chance: number,
): readonly [LinkState, readonly LinkEffect[]] {
  if (state.phase === 'stopped') return [state, []];
  switch (event.type) {
    case 'start':
      if (state.phase !== 'idle') return [state, []];
      return [
        { ...state, phase: 'connecting' },
        [{ do: 'announce', state: 'connecting', reason: 'connecting' }, { do: 'connect' }],
      ];
    case 'connected':
      if (state.phase !== 'connecting') return [state, []];
      return [
        { ...state, phase: 'up', upSince: event.at, isGone: false },
        [{ do: 'announce', state: 'connected', reason: null }],
      ];
    case 'failed': {
      if (state.phase !== 'connecting' && state.phase !== 'up') return [state, []];
      const wasSteady = state.upSince !== null && event.at - state.upSince >= settings.reconnectMaxMs;
      const failures = wasSteady ? 1 : state.failures + 1;
      const status = state.phase === 'up' ? Status.Bad_NoCommunication : Status.Bad_NotConnected;
      return [
        { phase: 'waiting', failures, upSince: null, isGone: true },
        [
          { do: 'tear-down', isGraceful: false },
          { do: 'announce', state: 'disconnected', reason: event.reason },
          ...(state.isGone ? [] : [{ do: 'report-gone', status } as const]),
          { do: 'retry-after', delayMs: backoffMs(failures, settings, chance) },
        ],
      ];
    }
    case 'retry':
      if (state.phase !== 'waiting') return [state, []];
      return [{ ...state, phase: 'connecting' }, [{ do: 'connect' }]];
    case 'stop':
      return [
        { ...state, phase: 'stopped', upSince: null },
        [
          { do: 'tear-down', isGraceful: true },
          { do: 'announce', state: 'stopped', reason: 'stopped' },
        ],
      ];
  }
}

/** Doubling pause with half of it left to chance, so that gateways do not return to a server all at once. */
export function backoffMs(failures: number, settings: LinkSettings, chance: number): Millis {
  const doubled = settings.reconnectMinMs * 2 ** Math.min(failures - 1, 30);
  const cap = Math.min(doubled, settings.reconnectMaxMs);
  return Math.round(cap / 2 + (cap / 2) * chance);
}
