/** A command that a page shows. */
export interface ShownCommand {
  readonly file: string;
  readonly line: number;
  /** As shown, without what stands around it; of `a && b` each is one. */
  readonly command: string;
  /** `block`: in a shell block, to be copied; `inline`: named in a sentence or table. */
  readonly where: 'block' | 'inline';
}

const SHELLS = new Set(['sh', 'bash', 'shell', 'console']);
/** What makes code in a sentence a command: a program and something for it to do, or a script. */
const IS_COMMAND = /^(?:(?:npm|npx|node|sudo|systemctl|journalctl|headgate) \S|scripts\/(?!\S*\.ts\b)\S)/;

/**
 * Every command in the shell blocks and in the code of the sentences of a Markdown page.
 * @param isOurs tells of code in a sentence whether it is a command of ours without `headgate` before it (`tag import FILE`)
 */
export function shownCommands(file: string, text: string, isOurs: (code: string) => boolean): ShownCommand[] {
  const shown: ShownCommand[] = [];
  let fence: string | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*```(\w*)/.exec(line);
    if (mark !== null) {
      fence = fence === null ? (mark[1] ?? '') : null;
      continue;
    }
    const found = (command: string, where: ShownCommand['where']) => {
      for (const part of command.split(' && ')) shown.push({ file, line: index + 1, command: part.trim(), where });
    };
    if (fence === null) {
      for (const [, code = ''] of line.matchAll(/`([^`]+)`/g)) {
        if (IS_COMMAND.test(code)) found(code, 'inline');
        else if (isOurs(code)) found(`headgate ${code}`, 'inline');
      }
    } else if (SHELLS.has(fence)) {
      const command = line.replace(/(^|\s)#.*$/, '').trim();
      if (command !== '') found(command, 'block');
    }
  }
  return shown;
}
