import { z } from 'zod';

/** What is wrong with settings: the variables it is about, and a sentence that begins with them. */
export interface SettingsFault {
  readonly names: readonly string[];
  readonly message: string;
}

/**
 * Fields of settings that come as text from the environment. A number is written in plain digits: no sign, unit, exponent or
 * other base, all of which are more often a slip than meant.
 *
 * @param why half a sentence: what lies beyond the range
 */
export function wholeNumber(minimum: number, maximum: number, why: string) {
  return numberField(/^\d{1,15}$/, { minimum, maximum, kind: 'a whole number', why });
}

/** As {@link wholeNumber}, with a fraction or without. */
export function decimalNumber(minimum: number, maximum: number, why: string) {
  return numberField(/^\d{1,15}(\.\d{1,9})?$/, { minimum, maximum, kind: 'a number', why });
}

interface NumberRange {
  readonly minimum: number;
  readonly maximum: number;
  readonly kind: string;
  readonly why: string;
}

/** The range stands in the field's metadata, for whoever documents or tests the settings. */
function numberField(form: RegExp, { minimum, maximum, kind, why }: NumberRange) {
  const error = `must be ${kind} from ${minimum} to ${maximum}: ${why}`;
  return z
    .string()
    .regex(form, error)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, error)
    .meta({ minimum, maximum });
}

/** @param protocol what may stand before `://` */
export function urlField(protocol: RegExp, example = 'https://host:port') {
  return z.url({ protocol, error: `must be a URL, like ${example}` });
}

const MAX_PORT = 65_535;

/** `host:port`. Port 0, any free one, is for programs that ask which it became; see {@link isKnownPort}. */
export const hostAndPort = z
  .string()
  .refine(
    (text) => /^.+:\d{1,5}$/.test(text) && splitHostAndPort(text).port <= MAX_PORT,
    `must be host:port, the port from 1 to ${MAX_PORT}`,
  );

/** Whether somebody who reads the setting knows where to connect to. */
export function isKnownPort(text: string): boolean {
  return splitHostAndPort(text).port !== 0;
}

/** SQS takes 80 characters, `.fifo` included; four are left for `-dlq`. */
export const queueName = z
  .string()
  .regex(
    /^(?=.{1,76}$)[\w-]+(\.fifo)?$/,
    'must be the name of a queue, not its URL or ARN: letters, digits, - and _, at most 76 with .fifo',
  );

export const commaList = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .transform((items) => items.filter((item) => item !== ''));

/** Parts of a {@link hostAndPort}; an IPv6 host may stand in brackets. */
export function splitHostAndPort(text: string): { readonly host: string; readonly port: number } {
  const separator = text.lastIndexOf(':');
  return { host: text.slice(0, separator).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(separator + 1)) };
}
