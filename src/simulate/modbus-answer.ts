import { isBitArea, type ModbusArea } from './modbus-address.ts';
import { ModbusException, type ModbusUnit } from './modbus-unit.ts';

/** The area that a reading function reads. */
export const READ_AREAS: Readonly<Record<number, ModbusArea>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };
const DEVICE_IDENTIFICATION = 43;
const MEI_READ_DEVICE_ID = 14;

/**
 * The answer of a unit to a request, both as protocol data units (function code first).
 * Functions 1 to 4 read; 43/14 identifies; writing is refused, since a recorded line is the past; all others are unknown.
 * @source Modbus Application Protocol V1.1b3 §6.1–6.4, §6.21, §7
 */
export function answerModbus(unit: ModbusUnit, request: Uint8Array): Buffer {
  const pdu = Buffer.from(request.buffer, request.byteOffset, request.length);
  const code = pdu[0] ?? 0;
  const area = READ_AREAS[code];
  if (area !== undefined) return answerRead(unit, pdu, code, area);
  if (code === DEVICE_IDENTIFICATION && pdu[1] === MEI_READ_DEVICE_ID) return answerIdentification(unit, pdu);
  return exceptionPdu(code, ModbusException.IllegalFunction);
}

/** @param exception code of §7 */
export function exceptionPdu(functionCode: number, exception: number): Buffer {
  return Buffer.from([functionCode | 0x80, exception]);
}

function answerRead(unit: ModbusUnit, pdu: Buffer, code: number, area: ModbusArea): Buffer {
  if (pdu.length !== 5) return exceptionPdu(code, ModbusException.IllegalDataValue);
  const address = pdu.readUInt16BE(1);
  const count = pdu.readUInt16BE(3);
  const most = isBitArea(area) ? 2000 : 125;
  if (count < 1 || count > most) return exceptionPdu(code, ModbusException.IllegalDataValue);
  const refused = unit.check(area, address, count);
  if (refused !== 0) return exceptionPdu(code, refused);
  const values = unit.values(area) ?? new Uint16Array(0);
  return encodeReadAnswer(code, isBitArea(area), values.subarray(address, address + count));
}

/**
 * The answer to a read.
 * @param values one for each address that was asked for; of bits whatever is not 0 is set
 */
export function encodeReadAnswer(code: number, isBits: boolean, values: Uint16Array): Buffer {
  const answer = Buffer.alloc(2 + (isBits ? Math.ceil(values.length / 8) : values.length * 2));
  answer[0] = code;
  answer[1] = answer.length - 2;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0;
    if (!isBits) answer.writeUInt16BE(value, 2 + at * 2);
    else if (value !== 0) answer[2 + (at >> 3)] = (answer[2 + (at >> 3)] ?? 0) | (1 << (at & 7));
  }
  return answer;
}

function answerIdentification(unit: ModbusUnit, pdu: Buffer): Buffer {
  const level = pdu[2] ?? 0;
  const wanted = pdu[3] ?? 0;
  const objects = [
    unit.identity['vendor'] ?? 'Headgate',
    unit.identity['product'] ?? 'simulated',
    unit.identity['version'] ?? '1',
  ];
  if (level < 1 || level > 4) return exceptionPdu(DEVICE_IDENTIFICATION, ModbusException.IllegalDataValue);
  if (level === 4 && wanted >= objects.length) {
    return exceptionPdu(DEVICE_IDENTIFICATION, ModbusException.IllegalDataAddress);
  }
  const sent =
    level === 4 ? [wanted] : objects.map((_text, id) => id).filter((id) => id >= wanted || wanted >= objects.length);
  const parts = sent.map((id) => {
    const text = Buffer.from((objects[id] ?? '').slice(0, 60), 'latin1');
    return Buffer.concat([Buffer.from([id, text.length]), text]);
  });
  // Conformity level 0x81: basic identification, by stream and by object. No more follows.
  return Buffer.concat([
    Buffer.from([DEVICE_IDENTIFICATION, MEI_READ_DEVICE_ID, level, 0x81, 0, 0, sent.length]),
    ...parts,
  ]);
}
