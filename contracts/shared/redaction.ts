/** Keeps tokens, keys and passwords out of text that leaves the process: logs, complaints, answers, failures in histories. */

export const REDACTED = '[redacted]';

/** Names of settings that hold a secret, but for those that name its file. */
const SECRET_NAME = /(?:secret|token|passw|credential|(?:api|access|private|signing)_?key)(?!.*_FILE$)/i;
/** Shorter values are words more often than secrets, and would take other text with them. */
const MIN_SECRET_LENGTH = 8;

/** Each is bounded where it repeats, as some of the text comes from callers. None takes a quotation mark or a backslash away, so JSON stays JSON. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // PEM, also within JSON.
  [/-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:[^"\\]|\\{1,4}[nr])*/g, REDACTED],
  // JWS and JWE, whatever stands around them, and also cut off.
  [/eyJ[\w-]{8,512}(?:\.[\w-]{0,8192}){1,4}/g, REDACTED],
  [/\b(Bearer|Basic) [\w.~+/=-]{16,8192}/gi, `$1 ${REDACTED}`],
  // User and password of a URL; a password may hold any character that no quotation mark or space follows.
  [/:\/\/[^\s"'<>\\]{0,256}@/g, `://${REDACTED}@`],
  // Query strings, assignments and lines of configuration files; a number is a limit or a duration more often than a secret.
  [assignment('passw(?:or)?d'), `$1${REDACTED}`],
  [
    assignment(
      '(?:secret|token|credentials?|signature|(?:api|access|private|client|signing)[-_]?key)',
      String.raw`(?!\d{1,15}(?!\w))`,
    ),
    `$1${REDACTED}`,
  ],
  // Ids of AWS access keys.
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, REDACTED],
];

function assignment(name: string, unless = ''): RegExp {
  const value = String.raw`[^\s&"';,\\]{1,8192}`;
  return new RegExp(String.raw`(${name}[\w-]{0,40}\s{0,3}=\s{0,3}(?:\\{0,4}["']){0,3})${unless}${value}`, 'gi');
}

/** Values of the settings that hold secrets, with passwords within URLs. */
export function secretValues(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (Array.isArray(value)) return value.flatMap((item: unknown) => secretValues({ [name]: item }));
    if (typeof value !== 'string') return [];
    return SECRET_NAME.test(name) ? [value] : passwordsIn(value);
  });
}

function passwordsIn(text: string): string[] {
  // Several hosts, as of a Redis Cluster, are no URL by the standard.
  const single = text.replace(/^([a-z][a-z+.-]*:\/\/(?:[^@/?#]*@)?[^@,/?#]*),[^@/?#]*/i, '$1');
  if (!URL.canParse(single)) return [];
  const { password } = new URL(single);
  return password === '' ? [] : [...new Set([password, decoded(password)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Text without what has the form of a token, key or password.
 *
 * @param secrets known values, which are taken out whatever their form; those under 8 characters are left
 */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_LENGTH) continue;
    redacted = redacted.replaceAll(secret, REDACTED);
    const escaped = JSON.stringify(secret).slice(1, -1);
    if (escaped !== secret) redacted = redacted.replaceAll(escaped, REDACTED);
  }
  for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}
