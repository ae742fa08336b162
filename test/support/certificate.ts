import { spawnSync } from 'node:child_process';

/** Why no certificate can be made; nothing when one can. */
export function whyNoOpenssl(): string | undefined {
  return spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed';
}

/** Writes a self-signed certificate of this machine, and its key, as PEM. */
export function makeCertificate(certificate: string, key: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const made = spawnSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr.toString()}`);
}

/** Puts a certificate in the place of one, for the same key, that ended yesterday. */
export function expireCertificate(certificate: string, key: string): void {
  const again = ['x509', '-in', certificate, '-signkey', key, '-days', '-1', '-out', certificate];
  const made = spawnSync('openssl', again);
  if (made.status !== 0) throw new Error(`openssl let no certificate end: ${made.stderr.toString()}`);
}
