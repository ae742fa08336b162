import type { HandWrittenMutant } from '../hand-written-run.ts';

const WATCH = 'gateway/watch/stream-watch.ts';
const WATCH_TEST = 'test/gateway/stream-watch.test.ts';

const ACCOUNT = 'workflows/sessions/stream-sessions.ts';
const ACCOUNT_TEST = 'test/sessions/workflow.test.ts';
const READ_TEST = 'test/sessions/read-first.test.ts';
const STREAMS_TEST = 'test/gateway/streams.test.ts';

/** Mutants of the workflow of an account, and of the gateway that watches its streams. */
export const SESSION_MUTANTS: readonly HandWrittenMutant[] = [
  {
    name: 'an account that continues as new forgets its streams',
    file: ACCOUNT,
    replace: '({ ...this.#input, carried: this.#ledger.snapshot() })',
    by: '({ ...this.#input })',
    test: [ACCOUNT_TEST, 'answers a retry with the same stream, and loses nothing, across continue-as-new'],
  },
  {
    name: 'an account does not count its messages, and never continues as new for them',
    file: ACCOUNT,
    replace: '    this.#messages++;\n',
    by: '',
    test: [ACCOUNT_TEST, 'answers a retry with the same stream, and loses nothing, across continue-as-new'],
  },
  {
    name: 'an account does not wake for an earlier end',
    file: ACCOUNT,
    replace: 'if (this.#mustContinue() || this.#mustRearm()) this.#woken = true;',
    by: 'if (this.#mustContinue()) this.#woken = true;',
    test: ['test/sessions/timers.test.ts', 'ends a stream in time though a later end was waited for'],
  },
  {
    name: 'an account never closes, however long it is idle',
    file: ACCOUNT,
    replace: '      if (remainingMs <= 0 && this.#isIdle()) return;\n',
    by: '',
    test: [ACCOUNT_TEST, 'closes when idle, answers for a closed account, and starts again'],
  },
  {
    name: 'an account ends what is over before it hears the beats that waited',
    file: ACCOUNT,
    replace: '    if (this.#holds) this.#registerSignals();\n',
    by: '    this.#ledger.advance(Date.now());\n    if (this.#holds) this.#registerSignals();\n',
    test: [ACCOUNT_TEST, 'counts a beat that came before its run began, though the lease ended meanwhile'],
  },
  {
    name: 'an acquire of no form enters the history',
    file: ACCOUNT,
    replace: '          checkAcquire(request, policy);\n',
    by: '',
    test: [ACCOUNT_TEST, 'refuses what has no form, before it enters the history'],
  },
  {
    name: 'beats of no form reach the ledger',
    file: ACCOUNT,
    replace: "ledger.heartbeat(this.#take('heartbeat', usableBeats(beats)), Date.now())",
    by: 'ledger.heartbeat(beats, Date.now())',
    test: [ACCOUNT_TEST, 'refuses what has no form, before it enters the history'],
  },
  {
    name: 'the details of an account are not written',
    file: ACCOUNT,
    replace: '    setCurrentDetails(describeSessions(this.#ledger.view(), this.#ignored));\n',
    by: '',
    test: [ACCOUNT_TEST, 'keeps the attribute and the details of the account'],
  },
  {
    name: 'a read of an account enters its history',
    file: ACCOUNT,
    replace: '      validator: () => this.#refuseWithView(),\n',
    by: '',
    test: [STREAMS_TEST, 'keeps a stream that beats for longer than its lease, without a message to its account'],
  },
  {
    name: 'a beat leaves nothing in the history of its account',
    file: ACCOUNT,
    replace: 'if (this.#notesSignals && this.#shownSlots === shownSlots)',
    by: 'if (this.#notesSignals && this.#messages < 0)',
    test: [READ_TEST, 'is the same after a restart, however beats and reads fell together'],
  },
  {
    name: 'the timer of an account is set by what it refuses',
    file: ACCOUNT,
    replace: '      await condition(() => this.#woken, Math.max(remainingMs, 1), { summary: wake.summary });',
    by: '      await condition(() => this.#woken || this.#mustRearm(), Math.max(remainingMs, 1), { summary: wake.summary });',
    test: [READ_TEST, 'is not moved by what it refuses'],
  },
  {
    name: 'nobody who watches streams is told of ends',
    file: ACCOUNT,
    replace: 'await Promise.race([this.#live(), this.#announceEnds()]);',
    by: 'await this.#live();',
    test: [STREAMS_TEST, 'tells the loser at once when a stream is ended directly on Temporal'],
  },
  {
    name: 'an account that is cancelled tells no player',
    file: ACCOUNT,
    replace: 'if (isCancellation(error)) await CancellationScope.nonCancellable(() => this.#endAll());',
    by: 'if (isCancellation(error)) await this.#endAll();',
    test: [STREAMS_TEST, 'tells the players when their account is cancelled'],
  },
  {
    name: 'an acquire is not announced to the store before it is made',
    file: WATCH,
    replace: '    await this.#record(() => store.expect(ref, ACQUIRE_TIME_MS + silenceMs));\n',
    by: '',
    test: [WATCH_TEST, 'announces an acquire before it asks the account'],
  },
  {
    name: 'a refused acquire stays expected',
    file: WATCH,
    replace: '      else if (isRefusal(error)) await this.#record(() => store.cancel(ref));\n',
    by: '',
    test: [WATCH_TEST, 'expects nothing of an acquire that was refused'],
  },
  {
    name: 'a granted stream is not watched',
    file: WATCH,
    replace:
      '    if (isWatched(stream)) await this.#record(() => store.confirm(toWatchedStream(userId, stream, policy())));\n    const nowMs',
    by: '    const nowMs',
    test: [WATCH_TEST, 'watches what was granted'],
  },
  {
    name: 'streams that made room are not noted as over',
    file: WATCH,
    replace: '    await Promise.all(granted.evicted.map((ended) => this.#noteEnded(userId, ended, nowMs)));\n',
    by: '',
    test: [WATCH_TEST, 'answers beats of streams that ended for another one'],
  },
  {
    name: 'a stream its account heard of otherwise is not watched on',
    file: WATCH,
    replace:
      '      await this.#adopt(userId, stream, { at: account.at, askedForMs: this.#nowMs() - askedAtMs });\n      return false;',
    by: '      return false;',
    test: [WATCH_TEST, 'ends no player whose account heard of it by another gateway'],
  },
  {
    name: 'a beat amid the report of its silence is not passed on',
    file: WATCH,
    replace: "    if (!outcome || outcome.state === 'told') return",
    by: '    if (!outcome) return',
    test: [WATCH_TEST, 'lets a beat through that comes while its account is being told of its silence'],
  },
];
