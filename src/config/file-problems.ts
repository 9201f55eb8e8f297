import type { ValueProblem } from './component-spec.ts';
import type { Problem, ProblemCode } from './problem.ts';
import type { SchemaIssue, ValuePath } from './schema-check.ts';
import { isSecretKey } from './show-value.ts';
import type { YamlFile } from './yaml-file.ts';

const CODES: Readonly<Record<SchemaIssue['kind'], ProblemCode>> = {
  'unknown-key': 'CONFIG_UNKNOWN_KEY',
  'missing-key': 'CONFIG_MISSING_KEY',
  invalid: 'CONFIG_INVALID_VALUE',
};

/** Gathers the problems of one YAML file, giving each its place. */
export class FileProblems {
  readonly file: string;
  readonly yaml: YamlFile;
  readonly problems: Problem[] = [];

  constructor(file: string, yaml: YamlFile) {
    this.file = file;
    this.yaml = yaml;
  }

  /** Issues of a schema check whose paths start at the file's root. */
  addIssues(issues: readonly SchemaIssue[]): void {
    for (const { kind, path, ...issue } of issues) {
      // Of a missing key, the mapping that lacks it is the place.
      const place =
        kind === 'missing-key'
          ? this.yaml.locate(path.slice(0, -1), 'key')
          : this.yaml.locate(path, kind === 'unknown-key' ? 'key' : 'value');
      this.problems.push({
        severity: 'error',
        code: CODES[kind],
        file: this.file,
        ...place,
        where: dotted(path),
        ...issue,
      });
    }
  }

  /** Problems that a component's own check found under a path. */
  addValueProblems(problems: readonly ValueProblem[], base: ValuePath): void {
    for (const problem of problems) {
      const path = [...base, ...undotted(problem.field)];
      this.problems.push({
        severity: 'error',
        code: 'CONFIG_INVALID_VALUE',
        file: this.file,
        ...this.yaml.locate(path),
        where: dotted(path),
        found: isSecretKey(String(path.at(-1) ?? '')) && problem.found !== 'nothing' ? '(hidden)' : problem.found,
        expected: problem.expected,
      });
    }
  }

  add(path: ValuePath, part: 'key' | 'value', problem: Omit<Problem, 'file' | 'line' | 'column' | 'where'>): void {
    this.problems.push({ file: this.file, ...this.yaml.locate(path, part), where: dotted(path), ...problem });
  }
}

/** `['sinks', 'plant', 0, 'host']` → `sinks.plant[0].host`. */
function dotted(path: ValuePath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

function undotted(field: string): ValuePath {
  return field === ''
    ? []
    : field
        .replace(/\[(\d+)\]/g, '.$1')
        .split('.')
        .filter((step) => step !== '')
        .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
