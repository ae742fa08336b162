import type { OperatorReply, OperatorRequest } from '../contracts/event-workflow.ts';
import { EventClosedError, EventNotFoundError, ReleaseBrokenOffError } from './event-errors.ts';
import { Pacer } from './pacer.ts';

const MAX_UNDER_WAY = 10;
const MAX_UNANSWERED_IN_A_ROW = 5;

export type OperatorAction = 'retry' | 'skip';

export interface ReleaseOptions extends OperatorRequest {
  /** Condition in Temporal's list filter syntax, besides "is a parked event"; default: every parked event. */
  readonly query?: string;
  readonly action: OperatorAction;
  /** Most requests a second, above 0; GetStream's quotas are what it has to keep within. */
  readonly ratePerSecond: number;
  /** Stops sending; what is under way is waited for. Another run goes on with what is still parked. */
  readonly signal?: AbortSignal;
  /** Told after every event. */
  readonly onProgress?: (progress: ReleaseProgress) => void;
}

export interface ReleaseProgress {
  /** Events parked when the release began. */
  readonly found: number;
  /** Took the request. */
  readonly accepted: number;
  /** Were not parked any more, or another request came first. */
  readonly refused: number;
  /** Closed or deleted meanwhile. */
  readonly gone: number;
  /** Gave no answer in time; they may have taken the request all the same. */
  readonly unanswered: number;
}

export interface ReleaseResult extends ReleaseProgress {
  /** The signal stopped it before every event was asked. */
  readonly interrupted: boolean;
}

export interface ReleaseParts {
  readonly found: number;
  readonly workflowIds: AsyncIterable<string>;
  readonly request: (workflowId: string) => Promise<OperatorReply>;
}

/**
 * Asks one event after the other at the given pace. Keeps no state of its own: that an event was released shows in the
 * event.
 *
 * @throws ReleaseBrokenOffError with the progress so far, when 5 events in a row give no answer
 */
export async function releasePaced(parts: ReleaseParts, options: ReleaseOptions): Promise<ReleaseResult> {
  const pacer = new Pacer(options);
  const counts = { found: parts.found, accepted: 0, refused: 0, gone: 0, unanswered: 0 };
  const underWay = new Set<Promise<void>>();
  let unansweredInARow = 0;
  let lastFailure: unknown;
  let interrupted = false;

  const ask = async (workflowId: string): Promise<void> => {
    try {
      const { accepted } = await parts.request(workflowId);
      counts[accepted ? 'accepted' : 'refused']++;
      unansweredInARow = 0;
    } catch (error) {
      if (error instanceof EventClosedError || error instanceof EventNotFoundError) {
        counts.gone++;
        unansweredInARow = 0;
      } else {
        counts.unanswered++;
        unansweredInARow++;
        lastFailure = error;
      }
    }
    options.onProgress?.({ ...counts });
  };

  for await (const workflowId of parts.workflowIds) {
    while (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    if (unansweredInARow >= MAX_UNANSWERED_IN_A_ROW) break;
    interrupted = !(await pacer.turn());
    if (interrupted) break;
    const asked = ask(workflowId).finally(() => underWay.delete(asked));
    underWay.add(asked);
  }
  await Promise.all(underWay);
  if (unansweredInARow >= MAX_UNANSWERED_IN_A_ROW) throw new ReleaseBrokenOffError(counts, { cause: lastFailure });
  return { ...counts, interrupted };
}
