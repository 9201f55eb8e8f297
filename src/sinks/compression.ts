import { promisify } from 'node:util';
import { constants, gunzip, gzip, gzipSync, zstdCompress, zstdCompressSync, zstdDecompress } from 'node:zlib';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';

export type Compression = 'zstd' | 'gzip' | 'none';

/** From this size on compression runs off the main thread; below, the trip costs four times the work (README). */
const OFF_THREAD_BYTES = 65_536;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
const GZIP = { level: 4 };
/** 16 MiB: a receiver's memory for one zstd stream, whatever its header asks for. */
const ZSTD_WINDOW_LOG_MAX = 24;

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);
const zstdCompressAsync: (bytes: Uint8Array, options: typeof ZSTD) => Promise<Buffer> = promisify(zstdCompress);
const zstdDecompressAsync: (bytes: Uint8Array, options: object) => Promise<Buffer> = promisify(zstdDecompress);

/** One frame (zstd, RFC 8878) or member (gzip, RFC 1952); both formats may be concatenated. */
export async function compress(bytes: Uint8Array, method: Compression): Promise<Uint8Array> {
  if (method === 'none') return bytes;
  if (bytes.length < OFF_THREAD_BYTES) return method === 'zstd' ? zstdCompressSync(bytes, ZSTD) : gzipSync(bytes, GZIP);
  return method === 'zstd' ? zstdCompressAsync(bytes, ZSTD) : gzipAsync(bytes, GZIP);
}

/** The method that wrote the bytes, by the magic numbers of the formats. */
function compressionOf(bytes: Uint8Array): Compression {
  if (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd) return 'zstd';
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  return 'none';
}

/**
 * The bytes before compression, whichever method wrote them.
 * @param maxBytes no more than this is ever made of them
 * @throws BATCH_INVALID damaged, cut short, or larger than maxBytes
 */
export async function decompress(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const method = compressionOf(bytes);
  if (method === 'none') return bytes;
  try {
    return method === 'gzip'
      ? await gunzipAsync(bytes, { maxOutputLength: maxBytes })
      : await zstdDecompressAsync(bytes, {
          maxOutputLength: maxBytes,
          params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
        });
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError;
    const reason = isTooLarge
      ? `more than ${maxBytes} bytes after ${method}`
      : `damaged ${method}: ${messageOf(cause)}`;
    throw new HeadgateError('BATCH_INVALID', { reason }, cause);
  }
}
