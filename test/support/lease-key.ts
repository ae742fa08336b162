import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A new key for signing leases, as `LEASE_PRIVATE_KEY_FILE` takes it. @returns the file */
export async function writeLeaseKey(folder: string): Promise<string> {
  const file = path.join(folder, 'lease.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return file;
}
