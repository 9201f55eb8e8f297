import type { Clock } from '../../ports/clock.ts';
import { asciiCodec } from './ascii-frame.ts';
import { busTiming, silenceBehindMs } from './bus-timing.ts';
import { type ByteLink, TcpLink } from './byte-link.ts';
import type { ClientHandlers, WireClient } from './client.ts';
import { rtuCodec } from './rtu-frame.ts';
import { SerialClient } from './serial-client.ts';
import { SerialLink } from './serial-link.ts';
import type { Endpoint, WireSettings } from './settings.ts';
import { TcpClient } from './tcp-client.ts';

/** A client for one connection to a wire, not open yet. */
export function clientFor(settings: WireSettings, clock: Clock, handlers: ClientHandlers): WireClient {
  const { endpoint, place, framing, line, hasEcho, turnaroundMs, connectTimeoutMs, pauseMs, maxInFlight } = settings;
  if (framing === 'tcp' && endpoint.kind === 'socket') {
    const { host, port } = endpoint;
    return new TcpClient({ host, port, connectTimeoutMs, maxInFlight, clock, ...handlers });
  }
  const timing = busTiming(framing, line, pauseMs);
  return new SerialClient({
    ...{ place, hasEcho, turnaroundMs, connectTimeoutMs, clock, ...handlers },
    link: linkTo(endpoint, clock),
    codec: framing === 'ascii' ? asciiCodec : rtuCodec,
    timing,
    leastGapMs: silenceBehindMs(timing),
  });
}

function linkTo(endpoint: Endpoint, clock: Clock): ByteLink {
  if (endpoint.kind === 'socket') return new TcpLink({ host: endpoint.host, port: endpoint.port });
  const { path, line, rts } = endpoint;
  return new SerialLink({ path, line, rts, clock });
}
