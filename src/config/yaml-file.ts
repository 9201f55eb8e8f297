import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import type { ProblemCode } from './problem.ts';
import type { ValuePath } from './schema-check.ts';

/** 1-based. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** A syntax problem of one YAML file. */
interface YamlProblem extends Place {
  readonly code: ProblemCode;
  readonly found: string;
  readonly expected: string;
}

/** A parsed file: its value as plain JSON, and where each part of it stands. */
export interface YamlFile {
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Where a value (or, with `key`, its key) stands; of what is missing, its nearest parent. */
  locate(path: ValuePath, part?: 'key' | 'value'): Place;
}

/** Aliases may repeat nodes, not multiply them. */
const MAX_ALIASES = 100;
/** Far deeper than any configuration, and far from the end of the stack. */
const MAX_DEPTH = 100;

/**
 * Parse one document of YAML 1.2 (core schema). Nothing of the text is shown in problems, since it may be a secret.
 * Refused: syntax errors, duplicate keys, several documents, unknown tags, anchors that multiply, nesting beyond 100.
 */
export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const failed = (problem: YamlProblem): YamlFile => ({
    value: undefined,
    problems: [problem],
    locate: () => ({ line: 1, column: 1 }),
  });
  const deep = tooDeep(text);
  if (deep !== null) {
    return failed({
      ...deep,
      code: 'CONFIG_SYNTAX',
      found: 'brackets nested too deep',
      expected: `at most ${MAX_DEPTH} levels`,
    });
  }
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  } catch {
    return failed({
      line: 1,
      column: 1,
      code: 'CONFIG_SYNTAX',
      found: 'a structure that cannot be read',
      expected: 'YAML 1.2',
    });
  }
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined) {
    return failed({
      line: 1,
      column: 1,
      code: 'CONFIG_EMPTY',
      found: 'an empty file',
      expected: 'a mapping of keys and values',
    });
  }
  const problems: YamlProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...place(error.pos[0]),
    code: error.code === 'DUPLICATE_KEY' ? ('CONFIG_DUPLICATE' as const) : ('CONFIG_SYNTAX' as const),
    found: error.code === 'DUPLICATE_KEY' ? 'a key that is there already' : oneLine(error.message),
    expected: error.code === 'DUPLICATE_KEY' ? 'each key once' : 'YAML 1.2',
  }));
  if (second !== undefined) {
    problems.push({
      ...place(second.range?.[0] ?? 0),
      code: 'CONFIG_SYNTAX',
      found: 'a second document (---)',
      expected: 'one document in a file',
    });
  }
  const locate: YamlFile['locate'] = (path, part = 'value') => place(offsetOf(document.contents, path, part));
  if (problems.length > 0) return { value: undefined, problems, locate };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return failed({
      line: 1,
      column: 1,
      code: 'CONFIG_EMPTY',
      found: 'an empty file',
      expected: 'a mapping of keys and values',
    });
  }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), problems, locate };
  } catch (cause) {
    return failed({
      line: 1,
      column: 1,
      code: 'CONFIG_SYNTAX',
      found:
        cause instanceof ReferenceError
          ? 'aliases that multiply their anchors, or name none'
          : 'a structure that cannot be read',
      expected: `at most ${MAX_ALIASES} repetitions by alias`,
    });
  }
}

function offsetOf(root: Node | null, path: ValuePath, part: 'key' | 'value'): number {
  let node: Node | null | undefined = root;
  let offset = root?.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    const isLast = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (pair === undefined) return offset;
      const key = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      const value = pair.value as Node | null;
      const valueAt = isScalar(value) && value.value === null ? undefined : value?.range?.[0];
      offset = (isLast && part === 'value' ? valueAt : undefined) ?? key ?? offset;
      node = value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

/** Brackets deep enough to exhaust a recursive reader are refused unread. */
function tooDeep(text: string): Place | null {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\n') {
      line++;
      lineStart = i + 1;
    } else if (char === '[' || char === '{') {
      if (++depth > MAX_DEPTH) return { line, column: i - lineStart + 1 };
    } else if ((char === ']' || char === '}') && depth > 0) {
      depth--;
    }
  }
  return null;
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').slice(0, 160);
}
