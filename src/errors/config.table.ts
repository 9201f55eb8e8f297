import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `config`. Most appear as problems with file, line and column; `CONFIG_INVALID` sums them up. */
export const CONFIG_ERRORS = {
  CONFIG_INVALID: {
    message: 'The configuration in {directory} has {errors} error(s)',
    meaning:
      'At least one problem of severity error was found; the daemon does not start on it, and a running one keeps what it has.',
    action: 'Run "headgate validate {directory}" and mend what it lists.',
    retry: 'never',
  },
  CONFIG_NOT_FOUND: {
    message: 'There is no {what} at {file}',
    meaning: 'The configuration directory or its gateway.yaml does not exist.',
    action: 'Name the right directory with --config DIR, or make one with "headgate init DIR".',
    retry: 'never',
  },
  CONFIG_FILE_UNREADABLE: {
    message: 'Cannot read {file}: {reason}',
    meaning: 'The file exists but cannot be read: its permissions, its size, or a fault of the disk.',
    action: 'Let the user that runs Headgate read the file (ls -l shows who may).',
    retry: 'never',
  },
  CONFIG_ENCODING: {
    message: '{file} is not UTF-8',
    meaning: 'The file was saved in another encoding, most often Windows-1252 or UTF-16 by a spreadsheet.',
    action: 'Save it as UTF-8: in a spreadsheet as "CSV UTF-8", else with iconv.',
    retry: 'never',
  },
  CONFIG_EMPTY: {
    message: '{file} is empty',
    meaning: 'The file holds nothing but blanks and comments.',
    action: 'Fill it in, or remove it.',
    retry: 'never',
  },
  CONFIG_SYNTAX: {
    message: '{file} is not well-formed',
    meaning: 'The text is not YAML, or not a table: a missing quote, a wrong indentation, too many cells in a row.',
    action: 'Mend the text at the line and column given.',
    retry: 'never',
  },
  CONFIG_UNKNOWN_KEY: {
    message: 'Unknown key {key} in {file}',
    meaning: 'A key or column that Headgate does not know: most often misspelt, or of another section.',
    action: 'Take the suggested key; config/reference.md lists them all.',
    retry: 'never',
  },
  CONFIG_MISSING_KEY: {
    message: 'Missing key {key} in {file}',
    meaning: 'A required key, column or cell is not there.',
    action: 'Add it; the problem says what belongs there.',
    retry: 'never',
  },
  CONFIG_INVALID_VALUE: {
    message: 'Invalid value of {key} in {file}',
    meaning: 'A value has the wrong type, is out of its range or is not one of the choices.',
    action: 'Write what the problem says is expected.',
    retry: 'never',
  },
  CONFIG_UNKNOWN_REFERENCE: {
    message: '{key} in {file} names something that does not exist',
    meaning:
      'A tag names a device that no file defines, a service a tag that no table has, a secret a file that is not there; or it is a kind of driver, sink or service that this build does not have.',
    action: 'Take the suggested name, or define what is named.',
    retry: 'never',
  },
  CONFIG_DUPLICATE: {
    message: '{key} is there twice',
    meaning: 'Two keys, devices, or tags of one asset have the same name: one of them would be lost.',
    action: 'Rename or remove one of the two places that the problem names.',
    retry: 'never',
  },
  CONFIG_CONTRADICTION: {
    message: 'Settings contradict each other in {file}',
    meaning:
      'Settings that are right each for itself do not go together; what Headgate does instead is said in the problem.',
    action: 'Decide for one of the settings and remove the other.',
    retry: 'never',
  },
  CONFIG_OVERLAP: {
    message: '{key} overlaps another tag in {file}',
    meaning:
      'Two values take some of the same registers, but not all of them: most often a wrong type, or an address that is off by one. Both are read as written.',
    action: 'Compare address and type of both tags with the register map of the device.',
    retry: 'never',
  },
  CONFIG_WIRE_OVERLOADED: {
    message: '{wire} is asked for {percent} % of its time: {advice}',
    meaning:
      'The tags of all devices on a serial line or connection take longer to read than their periods allow: scans come late and some are left out. A warning when the configuration is checked, an error of "headgate plan".',
    action: 'Raise scan_ms of the tags that cost most, as "headgate plan" lists them, or read fewer of them.',
    retry: 'never',
  },
  CONFIG_PROFILE_INVALID: {
    message: 'The device profile {file} is not right: {reason}',
    meaning: 'A file of config/profiles does not follow the schema of profiles.',
    action: 'Mend it, or take the one that came with Headgate; config/reference.md lists the keys.',
    retry: 'never',
  },
  CONFIG_IGNORED_FILE: {
    message: '{file} is ignored',
    meaning:
      'A file or folder lies in a configuration directory, but Headgate reads nothing of this name there; subfolders are not read.',
    action: 'Rename it (gateway.yaml; devices: .yaml or .yml, tags: .csv or .tsv), or move it away.',
    retry: 'never',
  },
  CONFIG_EDIT_REFUSED: {
    message: 'Not written: {file} would have {errors} error(s), first {first}',
    meaning: 'A command wanted to change a configuration file in a way that does not validate; nothing was changed.',
    action: 'Correct the arguments of the command.',
    retry: 'never',
  },
  CONFIG_EDIT_CONFLICT: {
    message: 'Cannot change {file}: {reason}',
    meaning:
      'What should be added exists already, what should be changed does not exist, or the file cannot be edited safely.',
    action: 'List what is there, or edit the file by hand.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
