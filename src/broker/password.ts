import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** `$scrypt$ln=15,r=8,p=1$<salt, base64>$<hash, base64>`; ln is the logarithm of N. Source: PHC string format. */
export const SCRYPT_HASH_PATTERN =
  /^\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{16,86})={0,2}\$([A-Za-z0-9+/]{22,86})={0,2}$/;

/** Beyond this a single sign-in would hold a core and memory for seconds. */
const MAX_SCRYPT_BYTES = 64 * 1024 * 1024;

const processKey = randomBytes(32);

/** A digest that says nothing outside of this process. */
function digest(text: string | Uint8Array): Buffer {
  return createHmac('sha256', processKey).update(text).digest();
}

/** Checks passwords of one user; made once, since a good password is hashed only the first time. */
export class PasswordCheck {
  readonly #hash: string | null;
  /** Of the password itself, or of the one that matched the hash. */
  #known: Buffer | null;

  /** @param secret the password, or its scrypt hash when `isHash` */
  constructor(secret: string, isHash: boolean) {
    this.#hash = isHash ? secret : null;
    this.#known = isHash ? null : digest(secret);
  }

  async matches(password: Uint8Array): Promise<boolean> {
    const given = digest(password);
    if (this.#known !== null && timingSafeEqual(given, this.#known)) return true;
    if (this.#hash === null || !(await matchesHash(this.#hash, password))) return false;
    this.#known = given;
    return true;
  }
}

async function matchesHash(hash: string, password: Uint8Array): Promise<boolean> {
  const parts = SCRYPT_HASH_PATTERN.exec(hash);
  if (parts === null) return false;
  const [, ln, r, p, salt, expected] = parts;
  const wanted = Buffer.from(expected ?? '', 'base64');
  const options = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: MAX_SCRYPT_BYTES };
  return await new Promise((resolve) => {
    try {
      scrypt(password, Buffer.from(salt ?? '', 'base64'), wanted.length, options, (error, derived) =>
        resolve(error === null && timingSafeEqual(derived, wanted)),
      );
    } catch {
      resolve(false);
    }
  });
}
