import type { Test } from 'tap';
import { Compile } from 'typebox/schema';
import type { ComponentSpec } from '../../src/config/component-spec.ts';
import type { HeadgateEvent } from '../../src/model/event.ts';
import type { ServiceModule } from '../../src/ports/service.ts';
import { checkService } from '../../src/runtime/service-host/check-service.ts';
import { covers, takes } from '../../src/runtime/service-host/interest.ts';
import { startService } from '../support/service-context.ts';

export interface ServiceCase {
  readonly spec: ComponentSpec;
  readonly module: ServiceModule;
  /** A configuration as a user would write it. */
  readonly config: unknown;
  /** Events that make it publish each of its types at least once, in order; time passes after each. */
  readonly events?: readonly HeadgateEvent[];
  /** Passes after each event. */
  readonly stepMs?: number;
}

/** What every service must be, whatever it does: run against each implementation. */
export function serviceConformance(t: Test, subject: ServiceCase): void {
  const { spec, module, events = [], stepMs = 1_000 } = subject;
  const { manifest } = module;

  t.test('its manifest is valid and named like its configuration', async (t) => {
    t.equal(manifest.name, spec.kind);
    t.doesNotThrow(() => checkService(manifest.name, module, subject.config));
    t.ok(manifest.description.length > 10);
    t.equal(module.configSchema, spec.schema, 'one schema value');
  });

  t.test('its configuration is refused with an unknown key', async (t) => {
    const wrong = { ...(subject.config as object), no_such_key: 1 };
    t.throws(() => checkService(manifest.name, module, wrong), { code: 'SERVICE_CONFIG_INVALID' });
  });

  t.test('what it subscribes to is covered by its manifest and let through by its filters', async (t) => {
    const config = checkService(manifest.name, module, subject.config);
    t.same(spec.check(config), []);
    const context = await startService(module, config);
    t.teardown(() => module.stop?.());
    const narrowing = module.filtersFor?.(config) ?? manifest.consumes;
    for (const filter of narrowing)
      t.ok(
        manifest.consumes.some((declared) => covers(declared, filter)),
        filter,
      );
    for (const { filter } of context.subscriptions) {
      t.ok(
        manifest.consumes.some((declared) => covers(declared, filter)),
        `declared: ${filter}`,
      );
      t.ok(
        narrowing.some((narrow) => covers(narrow, filter)),
        `let through: ${filter}`,
      );
    }
  });

  t.test('it publishes what it declares, with data that fits, and answers JSON', async (t) => {
    const context = await startService(module, checkService(manifest.name, module, subject.config));
    t.teardown(() => module.stop?.());
    for (const event of events) {
      t.ok(await context.deliver(event), 'the event is taken');
      await context.pass(stepMs);
    }
    for (const { type, data } of context.published) {
      const schema = manifest.produces[type];
      t.ok(schema !== undefined && Compile(schema).Check(data), `${type} ${JSON.stringify(data)}`);
      t.same(JSON.parse(JSON.stringify(data)), data, 'plain JSON');
    }
    if (events.length > 0) {
      t.same([...new Set(context.published.map(({ type }) => type))].sort(), Object.keys(manifest.produces).sort());
    }
    for (const query of context.queries) {
      const answer = await context.query(query);
      if (answer !== undefined) t.same(JSON.parse(JSON.stringify(answer)), answer, query);
    }
    for (const type of Object.keys(manifest.produces)) {
      const topic = `evt/v1/a/${type.replaceAll('.', '_')}`;
      t.notOk(
        context.subscriptions.some(({ filter }) => takes(filter, topic, true)),
        'it does not feed itself',
      );
    }
  });
}
