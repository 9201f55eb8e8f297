import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `simulate`. */
export const SIMULATE_ERRORS = {
  FIXTURE_NOT_FOUND: {
    message: 'No fixture at {path}.',
    meaning: 'The path names neither a fixture folder (with a fixture.yaml) nor a CSV file.',
    action: 'Give the folder that `headgate record` wrote, or a .csv file with a time column.',
    retry: 'never',
  },
  FIXTURE_INVALID: {
    message: '{path}, {place}: {problem}.',
    meaning: 'A file of a fixture folder is not of the fixture format, or two of its files contradict each other.',
    action: 'Mend the named place, or record the fixture again.',
    retry: 'never',
  },
  FIXTURE_EXISTS: {
    message: '{path} is not empty.',
    meaning: 'A recording writes into a folder of its own and replaces nothing.',
    action: 'Name a folder that does not exist yet, or empty {path} first.',
    retry: 'never',
  },
  FIXTURE_WRITE_FAILED: {
    message: 'Cannot write {path}: {problem}.',
    meaning: 'The recording could not be written; what was written before is still readable.',
    action: 'Check free space and permissions of the folder.',
    retry: 'never',
  },
  CSV_UNREADABLE: {
    message: '{path}, {place}: {problem}.',
    meaning: 'The CSV file has no time column that can be read, no signal, or a row that does not fit its header.',
    action:
      'Export with one time column and one column per signal; times as ISO 8601, `2024-01-31 13:45:00` or epoch seconds or milliseconds.',
    retry: 'never',
  },
  WIRE_UNREADABLE: {
    message: '{path}, {place}: {problem}.',
    meaning:
      'The file is no recording of a wire that can be read: neither frames that Headgate recorded nor a pcap or pcapng capture.',
    action: 'Record with `headgate record DIR --wire`, or capture with `tcpdump -w FILE port 502`.',
    retry: 'never',
  },
  WIRE_EMPTY: {
    message: '{path} holds no Modbus exchange{hint}.',
    meaning: 'The recording can be read, but no request with what came of it was found in it.',
    action: 'If the servers of a capture listen on another port than 502, name it with --server-port.',
    retry: 'never',
  },
  SIMULATE_ADDRESS_UNSERVABLE: {
    message: 'Tag {tag} of {device}: the simulator cannot serve {address}: {problem}.',
    meaning: 'The recorded address is not one that a simulated device can hold.',
    action: 'Correct the address in the tags.csv of the fixture.',
    retry: 'never',
  },
  SIMULATE_PORT_TAKEN: {
    message: 'Cannot listen on {host}:{port}: {problem}.',
    meaning: 'Another program has the port, or it needs a privilege.',
    action: 'Choose another port, or 0 for any free one.',
    retry: 'never',
  },
  SIMULATE_FAULT_INVALID: {
    message: 'Fault {fault}: {problem}.',
    meaning: 'A requested fault names no device of the simulation, or settings that its kind does not have.',
    action: 'Correct the fault; the kinds are gone, frozen, slow, exception, bad_quality and unit_dead.',
    retry: 'never',
  },
} as const satisfies Record<string, ErrorEntry>;
