import { SignJWT } from 'jose';

export interface SessionTokenOptions {
  readonly subject: string;
  /** Space-separated; `streams` lets it act for anyone. */
  readonly scope?: string;
  /** Chooses among the caps of the policy. */
  readonly plan?: string;
}

/** A token for the gateway, good for a day. */
export async function sessionToken(jwtSecret: string, { subject, ...claims }: SessionTokenOptions): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('24h')
    .sign(new TextEncoder().encode(jwtSecret));
}
