/** Ticks of 50 µs: so fine that two polls hardly share one, and 16 bits of them last for 3.2 s, longer than anything is late here. */
const TICKS_PER_MS = 20;
const HALF = 0x8000;

/** A moment, as registers hold it. */
export function tickNow(): number {
  return Math.floor(performance.now() * TICKS_PER_MS) & 0xffff;
}

/** The moment of a wall clock time that is just past, 2 ms earlier, since such times are whole milliseconds. */
export function tickAt(epochMs: number): number {
  // In this order: were this process interrupted in between, the moment is too early, never too late.
  const now = performance.now();
  return Math.floor((now - (Date.now() - epochMs) - 2) * TICKS_PER_MS) & 0xffff;
}

/** What the even register of a pair holds: its address, unlike that of any neighbour. */
function markOf(address: number): number {
  return (address ^ 0x5aa5) & 0xffff;
}

/** The address that the even register of a pair says that it has. */
export function addressIn(data: Buffer): number {
  return data.readUInt16BE(0) ^ 0x5aa5;
}

/** Registers that say where they stand and when they were read: mark, tick, mark, tick, … @param address even */
export function stampedRegisters(address: number, count: number): Buffer {
  const data = Buffer.allocUnsafe(count * 2);
  const tick = tickNow();
  for (let i = 0; i < count; i++) data.writeUInt16BE(i % 2 === 0 ? markOf(address + i) : tick, i * 2);
  return data;
}

/**
 * What is wrong with registers that were given as Good.
 * @param sentTick when the request for them was sent: they cannot have been read before
 * @returns null: nothing
 */
export function wrongIn(data: Buffer, address: number, sentTick: number): 'neighbour' | 'old' | null {
  for (let i = 0; i + 1 < data.length / 2; i += 2) {
    if (data.readUInt16BE(i * 2) !== markOf(address + i)) return 'neighbour';
    if (((data.readUInt16BE(i * 2 + 2) - sentTick) & 0xffff) >= HALF) return 'old';
  }
  return null;
}
