const SECRET_KEY = /pass(word|phrase|wd)?$|secret|token|private_?key|api_?key|credentials?$/i;
const MAX_SHOWN = 80;

/** True for a key whose value is never shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** What was found, for a problem: short, on one line, quoted if text; lists and mappings by their kind alone. */
export function showValue(value: unknown, key = ''): string {
  if (value === undefined || value === null) return 'nothing';
  if (isSecretKey(key)) return '(hidden)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return showText(value);
  return String(value);
}

/** Text in quotes, shortened, control characters escaped, the user and password of a URL hidden. */
export function showText(text: string): string {
  const safe = text.replace(/(\w:\/\/)[^@/\s]*@/g, '$1(hidden)@');
  return JSON.stringify(safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN - 1)}…` : safe);
}
