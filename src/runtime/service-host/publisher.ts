import { Compile, type Validator } from 'typebox/schema';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { isAssetPath } from '../../model/asset.ts';
import type { EventDraft } from '../../model/event.ts';
import { encodeEvent, MAX_EVENT_BYTES } from '../../model/event-codec.ts';
import { LANES } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import type { ServiceEvent, ServiceManifest } from '../../ports/service.ts';
import type { OutboxRow } from './messages.ts';

/** Turns what a service publishes into outbox rows: checked against the manifest, completed and encoded once. */
export class Publisher {
  readonly #manifest: ServiceManifest;
  readonly #source: string;
  readonly #validators = new Map<string, Validator>();

  constructor(manifest: ServiceManifest, source: string) {
    this.#manifest = manifest;
    this.#source = source;
  }

  /**
   * A child event copies correlationid (its parent's id where the parent has none), has its parent's id as causationid and keeps
   * traceparent.
   * @throws SERVICE_EVENT_REFUSED undeclared type, data that breaks its schema, a subject that is no asset, more than 1 MiB
   */
  prepare(event: ServiceEvent, number: number, after: number, now: EpochMs): OutboxRow {
    const schema = Object.hasOwn(this.#manifest.produces, event.type) ? this.#manifest.produces[event.type] : undefined;
    if (schema === undefined) {
      throw this.#refused(event, `declared are: ${Object.keys(this.#manifest.produces).join(', ') || 'none'}`);
    }
    let validator = this.#validators.get(event.type);
    if (validator === undefined) {
      validator = Compile(schema);
      this.#validators.set(event.type, validator);
    }
    if (!validator.Check(event.data)) {
      const [, [first]] = validator.Errors(event.data);
      throw this.#refused(event, `data${first?.instancePath ?? ''} ${first?.message ?? 'breaks its schema'}`);
    }
    if (typeof event.subject !== 'string' || !isAssetPath(event.subject)) {
      throw this.#refused(event, `subject ${JSON.stringify(event.subject)} is not an asset path`);
    }
    const lane = event.lane ?? 'normal';
    if (!LANES.includes(lane))
      throw this.#refused(event, `lane ${JSON.stringify(lane)} is not one of ${LANES.join(', ')}`);
    const time = event.time ?? now;
    if (!Number.isFinite(time)) throw this.#refused(event, 'time is not a number of milliseconds');
    const { cause } = event;
    const draft: EventDraft = {
      source: this.#source,
      type: event.type,
      subject: event.subject,
      time,
      data: event.data,
      lane,
      ...(event.partitionkey === undefined ? {} : { partitionkey: event.partitionkey }),
      ...(cause === undefined ? {} : { correlationid: cause.correlationid ?? cause.id, causationid: cause.id }),
      ...(cause?.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
    };
    const bytes = encodeEvent(draft);
    if (bytes.length > MAX_EVENT_BYTES) throw this.#refused(event, `${bytes.length} bytes, at most ${MAX_EVENT_BYTES}`);
    return { number, after, lane, bytes };
  }

  #refused(event: ServiceEvent, reason: string): HeadgateError {
    const { name } = this.#manifest;
    return new HeadgateError('SERVICE_EVENT_REFUSED', { service: name, type: String(event.type).slice(0, 80), reason });
  }
}
