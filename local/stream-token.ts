import { SignJWT } from 'jose';

/** The `Authorization` of a request that may read every feed, signed as the Stream client signs its server tokens. */
export async function streamReadToken(apiSecret: string): Promise<string> {
  return await new SignJWT({ resource: 'feed', action: 'read', feed_id: '*' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(apiSecret));
}
