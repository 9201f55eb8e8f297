import { inflateRawSync } from 'node:zlib';
import { Rejection } from './imported-table.ts';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_ENTRY_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** Of all files together, unpacked: a small archive may claim to hold terabytes. */
const MAX_UNPACKED_BYTES = 268_435_456;

/**
 * Files of a zip archive, unpacked on demand. Own code: forty lines over `node:zlib` for the one archive that is ever read here.
 * @throws Rejection no archive, an unusual packing, more than 256 MB unpacked
 * @source PKWARE APPNOTE 6.3.10 §4.3
 */
export function unzip(archive: Uint8Array): { text(path: string): string | null } {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = bytes.lastIndexOf(Buffer.from('PK\u0005\u0006'));
  if (end < 0 || bytes.length < end + 22 || bytes.readUInt32LE(end) !== END_OF_DIRECTORY) {
    throw new Rejection('the file is no spreadsheet: it is no zip archive');
  }
  const places = new Map<string, { method: number; packed: number; local: number }>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (at + DIRECTORY_ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== DIRECTORY_ENTRY) {
      throw new Rejection('the file is no spreadsheet: its directory is damaged');
    }
    const nameLength = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + DIRECTORY_ENTRY_BYTES, at + DIRECTORY_ENTRY_BYTES + nameLength);
    places.set(name, {
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      local: bytes.readUInt32LE(at + 42),
    });
    at += DIRECTORY_ENTRY_BYTES + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  let allowed = MAX_UNPACKED_BYTES;
  return {
    text: (path) => {
      const place = places.get(path);
      if (place === undefined) return null;
      if (place.local + LOCAL_HEADER_BYTES > bytes.length) throw new Rejection(`${path} in the spreadsheet is damaged`);
      const from =
        place.local + LOCAL_HEADER_BYTES + bytes.readUInt16LE(place.local + 26) + bytes.readUInt16LE(place.local + 28);
      const packed = bytes.subarray(from, from + place.packed);
      if (place.method === STORED) return packed.toString('utf8');
      if (place.method !== DEFLATED) throw new Rejection(`${path} in the spreadsheet is packed in an unusual way`);
      try {
        const unpacked = inflateRawSync(packed, { maxOutputLength: allowed });
        allowed -= unpacked.length;
        return unpacked.toString('utf8');
      } catch {
        throw new Rejection(`${path} in the spreadsheet is damaged, or far too large`);
      }
    },
  };
}
