import t from 'tap';
import { parseYaml } from '../../src/config/yaml-file.ts';

const REFUSED: readonly (readonly [title: string, text: string, code: string, place: string])[] = [
  ['an empty file', '', 'CONFIG_EMPTY', '1:1'],
  ['a file of comments', '# a\n\n# b\n', 'CONFIG_EMPTY', '1:1'],
  ['a duplicate key', 'a: 1\nb: 2\na: 3\n', 'CONFIG_DUPLICATE', '3:1'],
  ['a second document', 'a: 1\n---\nb: 2\n', 'CONFIG_SYNTAX', '2:1'],
  ['an unclosed quote', 'a: "x\n', 'CONFIG_SYNTAX', '2:1'],
  ['an unclosed list', 'a: [1, 2\nb: 3\n', 'CONFIG_SYNTAX', '2:1'],
  ['tab indentation', 'a:\n\tb: 1\n', 'CONFIG_SYNTAX', '2:1'],
  ['an unknown tag', 'a: !js/function x\n', 'CONFIG_SYNTAX', '1:4'],
  ['an alias without its anchor', 'a: *b\n', 'CONFIG_SYNTAX', '1:1'],
  ['brackets without end', `a: ${'['.repeat(50_000)}`, 'CONFIG_SYNTAX', '1:104'],
];

for (const [title, text, code, place] of REFUSED) {
  t.test(`refuses ${title}`, async (t) => {
    const [problem] = parseYaml(text).problems;
    t.match(problem, { code });
    t.equal(`${problem?.line}:${problem?.column}`, place);
  });
}

t.test('refuses dashes without end', async (t) => {
  t.match(parseYaml(`${'- '.repeat(50_000)}x`).problems, [{ code: 'CONFIG_SYNTAX' }]);
});

t.test('refuses aliases that multiply', async (t) => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const { problems } = parseYaml(`l0: &l0 x\n${levels.join('\n')}\n`);
  t.match(problems, [{ code: 'CONFIG_SYNTAX', found: /aliases/ }]);
});

t.test('keeps a key named __proto__ a key', async (t) => {
  const { value } = parseYaml('__proto__: { polluted: 1 }\n');
  t.same(Object.keys(value as object), ['__proto__']);
  t.equal(({} as { polluted?: number }).polluted, undefined);
});

t.test('finds keys and values, in lists and flow mappings, and the parent of what is missing', async (t) => {
  const { locate } = parseYaml('a:\n  - b: 1\n    c: { d: 2 }\n');
  t.same(locate(['a', 0, 'c', 'd']), { line: 3, column: 13 });
  t.same(locate(['a', 0, 'c'], 'key'), { line: 3, column: 5 });
  t.same(locate(['a', 0, 'x']), { line: 2, column: 5 });
  t.same(locate(['y']), { line: 1, column: 1 });
});
