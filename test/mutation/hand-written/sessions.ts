import type { HandWrittenMutant } from '../hand-written-run.ts';

const WATCH = 'gateway/watch/stream-watch.ts';
const WATCH_TEST = 'test/gateway/stream-watch.test.ts';

/** Mutants of the gateway that watches streams. */
export const SESSION_MUTANTS: readonly HandWrittenMutant[] = [
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
      "    if (stream.mode === 'watched') await this.#record(() => store.confirm(toWatchedStream(userId, stream, policy())));\n",
    by: '',
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
    replace: '      await adoptStream(store, userId, stream, policy());\n      return false;',
    by: '      return false;',
    test: [WATCH_TEST, 'ends no player whose account heard of it by another gateway'],
  },
  {
    name: 'a beat amid the report of its silence is not passed on',
    file: WATCH,
    replace:
      "    if (!outcome || outcome.state === 'silent') return await this.#vouch(ref, await this.#passOn(ref));\n",
    by: '    if (!outcome) return await this.#vouch(ref, await this.#passOn(ref));\n',
    test: [WATCH_TEST, 'lets a beat through that comes while its silence is being reported'],
  },
];
