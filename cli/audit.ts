import { z } from 'zod';
import type { OptionSpec } from './command.ts';

/** Options of decisions that change something. */
export const AUDIT_OPTIONS = {
  by: { type: 'string', value: 'NAME', help: 'who asks; kept in the history of the workflow' },
  reason: { type: 'string', value: 'TEXT', help: 'why; kept in the history of the workflow' },
} as const satisfies Record<string, OptionSpec>;

const auditText = z.string().trim().min(1, 'must not be empty').max(500, 'must have 500 characters at most');
export const auditFields = { by: auditText.optional(), reason: auditText.optional() };

/** Only the fields that have a value. */
export function given<Key extends string>(
  fields: Readonly<Record<Key, string | undefined>>,
): { [Name in Key]?: string } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the entries without a value are left out
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in Key]?: string;
  };
}
