import { type Mapping, textOf } from './document.ts';
import { wholeNumber } from './modbus-cells.ts';

const PARITY: Readonly<Record<string, string>> = {
  n: 'none',
  none: 'none',
  e: 'even',
  even: 'even',
  o: 'odd',
  odd: 'odd',
};

/** Settings of a serial line as other products name them, as our device files do. @throws Rejection a rate that is no number */
export function serialSettings(path: string, settings: Mapping): Record<string, unknown> {
  const parity = PARITY[textOf(settings, 'parity').toLowerCase()];
  const number = (key: string, ...keys: readonly string[]) => {
    const text = textOf(settings, ...keys);
    return text === '' ? {} : { [key]: wholeNumber(text, keys[0] ?? key) };
  };
  return {
    path,
    ...number('baud_rate', 'baud_rate', 'baudrate', 'BaudRate'),
    ...number('data_bits', 'data_bits', 'bytesize', 'DataBits'),
    ...number('stop_bits', 'stop_bits', 'stopbits', 'StopBits'),
    ...(parity === undefined ? {} : { parity }),
  };
}
