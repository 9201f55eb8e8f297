import { fileURLToPath } from 'node:url';
import { nearest } from '../config/nearest.ts';
import type { Profile } from '../config/profile-schema.ts';
import { readProfiles } from '../config/profiles.ts';
import { HeadgateError } from '../errors/headgate-error.ts';

const DIRECTORY = fileURLToPath(new URL('../../config/profiles', import.meta.url));

/** The profiles that come with Headgate. */
export function builtInProfiles(): Promise<readonly Profile[]> {
  return readProfiles(DIRECTORY);
}

/** @throws CLI_NOT_FOUND with the nearest one */
export async function needProfile(name: string): Promise<Profile> {
  const profiles = await builtInProfiles();
  const found = profiles.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    profiles.map((profile) => profile.name),
  );
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  throw new HeadgateError('CLI_NOT_FOUND', { what: 'profile', name, hint, list: 'profile list' });
}
