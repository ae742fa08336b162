import type { WithSecrets } from './secret-files.ts';
import type { SettingsFault } from './settings-fields.ts';

/** Each may come from a file instead, `<NAME>_FILE`. */
export const AWS_SECRETS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'] as const;

/** As clients of the AWS SDK take them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Credentials of which a part comes from a file, which the SDK would not look for. Without such a part there are none, so that the
 * SDK goes by its own chain, variables and roles included.
 */
export function readAwsCredentials({ variables, fromFile, faults }: WithSecrets): {
  readonly credentials?: AwsCredentials;
  readonly faults: readonly SettingsFault[];
} {
  const isUnreadable = AWS_SECRETS.some((name) => faults.some(({ names }) => names.includes(name)));
  if (isUnreadable || !AWS_SECRETS.some((name) => fromFile.has(name))) return { faults: [] };
  const accessKeyId = variables.get('AWS_ACCESS_KEY_ID');
  const secretAccessKey = variables.get('AWS_SECRET_ACCESS_KEY');
  const sessionToken = variables.get('AWS_SESSION_TOKEN');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const name = accessKeyId === undefined ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY';
    const from = AWS_SECRETS.filter((other) => fromFile.has(other)).map((other) => `${other}_FILE`);
    const message = `${name} or ${name}_FILE must be set with ${from.join(' and ')}: the parts of credentials go together`;
    return { faults: [{ names: [name, `${name}_FILE`], message }] };
  }
  return {
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    faults: [],
  };
}
