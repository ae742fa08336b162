import { EventNotFoundError, EventUnansweredError } from '../client/event-errors.ts';
import { encodeIdComponent } from '../contracts/shared/id-component.ts';
import { oneOperand } from './arguments.ts';

const ID = /^(activity|comment|reaction|follow)\/(.+)$/su;

/** The workflow id of an event as an operand. No such id begins or ends with white space, which copying may add. */
export const eventId = oneOperand('workflow id').transform((word) => word.trim());

/**
 * Adds to an error what to do next: what an id that no event has may have been meant as, and where it is told how an event
 * that cannot answer is freed.
 */
export async function withAdvice<Result>(workflowId: string, use: () => Promise<Result>): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof EventNotFoundError) {
      const meant = meantId(workflowId);
      if (meant !== undefined) error.message += `; did you mean ${shellWord(meant)}?`;
    }
    if (error instanceof EventUnansweredError) {
      error.message += `\nWhat to do: npm run cli -- events show ${shellWord(workflowId)}`;
    }
    throw error;
  }
}

/** Quoted where a shell would take it apart. */
export function shellWord(word: string): string {
  return /^[\w%+,./:=@-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The id behind one that was written in another way: percent-encoded as in an address of the Web UI, or with characters that
 * ids hold encoded (white space, `%`, non-ASCII), as in a ForeignID. Undefined when it may well be an id as it is.
 */
export function meantId(workflowId: string): string | undefined {
  const decoded = decode(workflowId);
  if (!ID.test(workflowId) && decoded !== undefined && ID.test(decoded)) return decoded;
  const [, kind, rest = ''] = ID.exec(workflowId) ?? [];
  if (kind === undefined) {
    const verb = /^(Comment|Post|RePost|Question|Achievement):/u.exec(workflowId)?.[1];
    if (verb === undefined) return undefined;
    return `${verb === 'Comment' ? 'comment' : 'activity'}/${encodeIdComponent(workflowId.toWellFormed())}`;
  }
  const components = kind === 'follow' ? rest.split('/') : [rest];
  const encoded = [kind, ...components.map((component) => encodeUnencoded(component))].join('/');
  return encoded === workflowId ? undefined : encoded;
}

/** Leaves what is encoded already. */
function encodeUnencoded(component: string): string {
  return component
    .split(/(%[0-9A-F]{2})/u)
    .map((part) => (/^%[0-9A-F]{2}$/u.test(part) ? part : encodeIdComponent(part.toWellFormed())))
    .join('');
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
