import { z } from 'zod';

/** Fields of settings that come as text from the environment. */
export const positiveInt = z.coerce.number().int().positive();
export const milliseconds = z.coerce.number().int().min(1);
export const hostAndPort = z.string().regex(/^.+:\d{1,5}$/, 'must be host:port');
export const commaList = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''));

/** Parts of a {@link hostAndPort}; an IPv6 host may stand in brackets. */
export function splitHostAndPort(text: string): { readonly host: string; readonly port: number } {
  const separator = text.lastIndexOf(':');
  return { host: text.slice(0, separator).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(separator + 1)) };
}
