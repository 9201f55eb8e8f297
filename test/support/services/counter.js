/** Adds up the numbers of acme.number.v1 and publishes the sum; obeys orders in the data that end its worker. */
export default {
  manifest: {
    name: 'counter',
    version: '1.2.3',
    description: 'test',
    consumes: ['evt/v1/#'],
    produces: {
      'acme.sum.v1': {
        type: 'object',
        properties: { sum: { type: 'number' } },
        required: ['sum'],
        additionalProperties: false,
      },
    },
    isolation: 'own',
  },
  configSchema: {
    type: 'object',
    properties: {
      subject: { type: 'string' },
      mode: { type: 'string', default: 'durable' },
      slow_ms: { type: 'number', default: 0 },
    },
    required: ['subject'],
    additionalProperties: false,
  },
  async start(context) {
    const { subject, mode, slow_ms: slowMs } = context.config;
    const kept = [];
    const filter = `evt/v1/${subject}/acme_number_v1`;
    context.subscribe(filter, mode, async (event) => {
      const { value, order } = event.data;
      const sum = (context.state.get('sum') ?? 0) + value;
      context.state.set('sum', sum);
      context.state.set('count', (context.state.get('count') ?? 0) + 1);
      if (order === 'throw') throw new Error('ordered to throw');
      if (order === 'undeclared') await context.publish({ type: 'acme.other.v1', subject, data: {} });
      if (order === 'misfit') await context.publish({ type: 'acme.sum.v1', subject, data: { sum: 'three' } });
      if (order === 'crash')
        setImmediate(() => {
          throw new Error('ordered to crash');
        });
      if (order === 'crash' || order === 'hang-async') await new Promise(() => {});
      if (order === 'loop') for (;;) kept.length = 0;
      if (order === 'leak') for (;;) kept.push(new Array(1000).fill(Math.random()));
      if (slowMs > 0) {
        const until = Date.now() + slowMs;
        while (Date.now() < until);
      }
      await context.publish({ type: 'acme.sum.v1', subject, data: { sum }, cause: event });
    });
    context.answer('sum', () => ({ sum: context.state.get('sum') ?? 0, count: context.state.get('count') ?? 0 }));
    context.answer('fail', () => {
      throw new Error('no');
    });
    context.answer('never', () => new Promise(() => {}));
  },
};
