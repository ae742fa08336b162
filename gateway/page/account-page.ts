import type { SessionPolicy } from '../../contracts/sessions/session-limits.ts';
import { describeEnd, type EndedStream, type StreamView } from '../../contracts/sessions/session-stream.ts';
import type { SessionsView } from '../../contracts/sessions/stream-sessions.ts';
import { hasScope, SCOPES } from '../auth/authorize.ts';
import type { Caller } from '../auth/caller.ts';
import { html, join, type Html } from './html.ts';
import { accountForm, layout } from './layout.ts';
import { clock, span } from './times.ts';

export interface AccountPageOptions {
  readonly caller: Caller;
  readonly userId: string;
  readonly view: SessionsView;
  readonly policy: SessionPolicy;
  readonly nowMs: number;
  /** What became of the form that led here. */
  readonly done?: 'ended' | 'gone' | undefined;
}

const ENDED_SHOWN = 20;
const NOTICES = { ended: 'Ended; the player is told with its next beat.', gone: 'It was over already.' };

/** The live streams of an account, how the last ones ended, and buttons that end the live ones. */
export function accountPage(options: AccountPageOptions): Html {
  const { caller, userId, view, done } = options;
  return layout(
    { title: `Streams of ${userId}`, caller },
    done ? html`<div class="notice" role="status"><p>${NOTICES[done]}</p></div>` : html``,
    facts(options),
    liveStreams(options),
    endedStreams(view.ended),
    hasScope(caller, SCOPES.streams) ? accountForm() : html``,
  );
}

function facts({ view, policy, userId }: AccountPageOptions): Html {
  const { slots, limit = policy.caps.account, policyVersion = policy.version } = view;
  return html`<section>
    <div class="row">
      <dl>
        <div>
          <dt>Slots in use</dt>
          <dd>${String(slots)} of ${String(limit)}</dd>
        </div>
        <div>
          <dt>Policy</dt>
          <dd>version ${String(policyVersion)}</dd>
        </div>
        <div>
          <dt>Players beat every</dt>
          <dd>${span(view.heartbeatIntervalMs ?? policy.heartbeatIntervalMs)}</dd>
        </div>
      </dl>
      <a href="/?user=${encodeURIComponent(userId)}">Refresh</a>
    </div>
  </section>`;
}

function liveStreams(options: AccountPageOptions): Html {
  const { active } = options.view;
  if (active.length === 0)
    return html`<section>
      <h2 id="live">Live streams</h2>
      <p class="none">Nobody plays.</p>
    </section>`;
  const heads = ['Device and stream', 'Type', 'Content', 'Since', 'Lease', 'End it'];
  // The first button of a form is what Enter in a field presses: a dead one, so that Enter ends nothing.
  return html`<section>
    <form method="post" action="/page/end">
      <button disabled hidden></button>
      <input type="hidden" name="user" value="${options.userId}" />
      <h2 id="live">Live streams</h2>
      ${table(
        'live',
        heads,
        active.map((stream) => liveRow(stream, options)),
      )}
      <div class="inline">
        <div class="field">
          <label for="reason">Reason, which the player is told</label>
          <input id="reason" name="reason" autocomplete="off" maxlength="255" value="ended on the page" />
        </div>
        <button class="stop" name="all" value="yes">End all</button>
      </div>
    </form>
  </section>`;
}

function liveRow(stream: StreamView, { policy, nowMs }: AccountPageOptions): Html {
  const { streamId, deviceId, deviceType, contentId, mode, startedAt } = stream;
  const type = deviceType ?? (mode === 'counted' ? 'registration' : '–');
  return html`<tr>
    <th scope="row">${deviceId}<span class="id">${streamId}</span></th>
    <td data-head="Type">${type}</td>
    <td data-head="Content">${contentId ?? '–'}</td>
    <td data-head="Since">${clock(startedAt)}<span class="id">${span(nowMs - Date.parse(startedAt))} ago</span></td>
    <td data-head="Lease">${leaseOf(stream, policy)}</td>
    <td>
      <button class="stop" name="streamId" value="${streamId}" aria-label="End ${streamId} on ${deviceId}">End</button>
    </td>
  </tr>`;
}

function leaseOf(
  { mode, slots, leaseMs, leaseEndsAt, ending }: StreamView,
  { leaseMs: silenceMs }: SessionPolicy,
): Html {
  if (ending) return html`<span class="badge">hands over</span> until ${clock(ending.at)}, ${describeEnd(ending.end)}`;
  if (mode === 'watched') return html`${span(silenceMs)} from its last beat`;
  if (mode === 'direct') return html`${span(leaseMs)}, until ${clock(leaseEndsAt)}`;
  return html`until ${clock(leaseEndsAt)}${slots > 1 ? `, ${slots} slots` : ''}`;
}

function endedStreams(ended: readonly EndedStream[]): Html {
  const newest = ended.toSorted((one, other) => other.endedAt.localeCompare(one.endedAt)).slice(0, ENDED_SHOWN);
  const content =
    newest.length === 0
      ? html`<p class="none">None that is remembered.</p>`
      : table('ended', ['Device and stream', 'Ended', 'Why'], newest.map(endedRow));
  return html`<section>
    <h2 id="ended">Lately ended</h2>
    ${content}
  </section>`;
}

function endedRow({ streamId, deviceId, endedAt, end }: EndedStream): Html {
  return html`<tr>
    <th scope="row">${deviceId}<span class="id">${streamId}</span></th>
    <td data-head="Ended">${clock(endedAt)}</td>
    <td data-head="Why">${describeEnd(end)}</td>
  </tr>`;
}

function table(labelledBy: string, heads: readonly string[], rows: readonly Html[]): Html {
  return html`<table aria-labelledby="${labelledBy}">
    <thead>
      <tr>
        ${join(heads.map((head) => html`<th scope="col">${head}</th>`))}
      </tr>
    </thead>
    <tbody>
      ${join(rows)}
    </tbody>
  </table>`;
}
