/**
 * Searches what leaves a process for secrets, as who finds a log would: on its own terms, so that it does not overlook what
 * the redaction of the product overlooks.
 */

/** Around a find, characters. */
const CONTEXT = 80;
const MIN_SECRET_LENGTH = 8;

const FORMS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a private key', /BEGIN [A-Z ]*PRIVATE KEY/g],
  ['the password of a URL', /:\/\/[^\s"'/@[\]]*:[^\s"'@[\]]+@/g],
  ['the header of a request', /(?:authorization|cookie)["'\\]*\s*[:=]\s*["'\\]*[^\s"'\\[]/gi],
  ['a bearer token', /bearer\s+(?=\S*\d)[\w.~+/=-]{16,}/gi],
  ['a secret in a query or a setting', /(?:secret|token|password|api_key|signature)=[^\s&"'\\[]{8,}/gi],
];
const TOKEN = /([\w-]{10,})\.[\w-]*\.[\w-]*/g;

/**
 * Everything in a text that is a secret, in words that show where it stands.
 *
 * @param known secrets that are in use; those under 8 characters are words and not looked for
 */
export function findSecrets(text: string, known: readonly string[] = []): string[] {
  const values = known.filter((secret) => secret.length >= MIN_SECRET_LENGTH);
  return [
    ...values.flatMap((secret) =>
      spellings(secret).flatMap((spelling) => around(text, text.indexOf(spelling), spelling.length, 'a known secret')),
    ),
    ...[...text.matchAll(TOKEN)].flatMap(({ index, 0: token, 1: header = '' }) =>
      isTokenHeader(header) ? around(text, index, token.length, 'a signed token') : [],
    ),
    ...FORMS.flatMap(([what, pattern]) =>
      [...text.matchAll(pattern)].flatMap(({ index, 0: found }) => around(text, index, found.length, what)),
    ),
  ];
}

/** The secrets among settings, by their names, and the passwords of their URLs. */
export function secretsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (/SECRET|PASSWORD|TOKEN|_KEY$/.test(name)) return [value];
    const { password } = URL.canParse(value) ? new URL(value) : { password: '' };
    return password === '' ? [] : [password, decodeURIComponent(password)];
  });
}

/** All text in decoded data, the bytes of payloads in histories among them. */
export function textWithin(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, item]) => `${key}: ${textWithin(item)}`)
    .join('\n');
}

function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    ...new Set([secret, json, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url')]),
  ];
}

function isTokenHeader(text: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false;
  }
}

function around(text: string, index: number, length: number, what: string): string[] {
  if (index < 0) return [];
  return [`${what}: …${text.slice(Math.max(0, index - CONTEXT), index + length + CONTEXT)}…`];
}
