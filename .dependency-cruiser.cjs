// The direction rules of the house: the right may import the left, siblings never each other.
const braces = ['drivers', 'sinks', 'services', 'journal', 'broker', 'pipeline', 'contracts', 'simulate', 'system'];
const layers = [['model'], ['errors'], ['observe', 'config'], ['ports'], braces, ['runtime']];
const below = (index) => layers.slice(0, index).flat();
const roomRules = layers.flatMap((rooms, index) =>
  rooms.map((room) => ({
    name: `direction-${room}`,
    severity: 'error',
    comment: `src/${room} may import only: ${[...below(index), room].join(', ')}`,
    from: { path: `^src/${room}/` },
    to: { path: '^src/', pathNot: `^src/(${[...below(index), room].join('|')})/` },
  })),
);
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'No cycles, type imports included.',
      from: {},
      to: { circular: true },
    },
    { name: 'no-orphan-resolve', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
    {
      name: 'gateway-below-main',
      severity: 'error',
      from: { path: '^src/gateway\\.ts$' },
      to: { path: '^src/(main|entry|cli)' },
    },
    {
      name: 'component-specs-beside-gateway',
      severity: 'error',
      comment: 'What configuration knows of every component: beside the gateway, above all rooms.',
      from: { path: '^src/component-specs\\.ts$' },
      to: { path: '^src/(main|entry|gateway|cli)' },
    },
    { name: 'main-below-cli', severity: 'error', from: { path: '^src/main\\.ts$' }, to: { path: '^src/cli/' } },
    ...roomRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.d.ts', '.json'],
    },
  },
};
