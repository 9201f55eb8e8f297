import t from 'tap';
import { checkSchema } from '../../../src/config/schema-check.ts';
import { schemaNodeOf } from '../../../src/config/schema-node.ts';
import { EQUIPMENT_STATE_SPEC } from '../../../src/services/equipment-state/config.ts';

const problemsOf = (...assets: object[]) => {
  const { value, issues } = checkSchema(schemaNodeOf(EQUIPMENT_STATE_SPEC.schema), { assets });
  if (issues.length > 0) return issues.map(({ path }) => path.join('.'));
  return EQUIPMENT_STATE_SPEC.check(value).map(({ field }) => field);
};

t.test('right configurations', async (t) => {
  t.same(problemsOf(), []);
  t.same(
    problemsOf(
      { asset: 'a/b', state_tag: 'S', preset: 'packml' },
      { asset: 'a/c', running_tag: 'I', running_above: 4 },
    ),
    [],
  );
  t.same(
    problemsOf({ asset: 'a', state_tag: 'S', states: { running: [1, 'AUTO', true] }, fault_tag: 'F', fault_bit: 3 }),
    [],
  );
});

t.test('each mistake names its key', async (t) => {
  const table: readonly [object, string][] = [
    [{ asset: 'a//b', running_tag: 'R' }, 'assets.0.asset'],
    [{ asset: 'a' }, 'assets.0.state_tag'],
    [{ asset: 'a', state_tag: 'S' }, 'assets.0.states'],
    [{ asset: 'a', state_tag: 'S', preset: 'packml', running_tag: 'R' }, 'assets.0.running_tag'],
    [{ asset: 'a', state_tag: 'S.1', preset: 'packml' }, 'assets.0.state_tag'],
    [{ asset: 'a', running_tag: 'R', preset: 'packml' }, 'assets.0.preset'],
    [{ asset: 'a', state_tag: 'S', preset: 'packml', running_above: 3 }, 'assets.0.running_above'],
    [{ asset: 'a', running_tag: 'R', fault_bit: 3 }, 'assets.0.fault_bit'],
    [{ asset: 'a', running_tag: 'R', min_dwel_ms: 3 }, 'assets.0.min_dwel_ms'],
    [{ asset: 'a', running_tag: 'R', hysteresis: -1 }, 'assets.0.hysteresis'],
  ];
  for (const [asset, field] of table) t.same(problemsOf(asset), [field], field);
  t.same(
    problemsOf({ asset: 'a', running_tag: 'R' }, { asset: 'a', running_tag: 'Q' }),
    ['assets.1.asset'],
    'listed twice',
  );
});
