import type { HandWrittenMutant } from '../hand-written-run.ts';

const RUN = 'workflows/events/event-run.ts';
const LEAVING_TEST = 'test/workflows/leaving.test.ts';
const CONTINUED_TEST = 'test/workflows/continued.test.ts';
const LOST_TEST = 'test/workflows/lost-tasks.test.ts';

/** Mutants of the workflow of an event, and of what starts it. */
export const EVENT_MUTANTS: readonly HandWrittenMutant[] = [
  {
    name: 'a skip takes nothing back, though the event may be written',
    file: RUN,
    replace: '    if (mayBeWritten === true || ledger.isStanding) undone = await this.#takeBack();\n',
    by: '',
    test: ['test/workflows/late-writes.test.ts', 'is taken back at once when its event is skipped'],
  },
  {
    name: 'a cancellation breaks an undo off',
    file: 'workflows/events/apply-event.ts',
    replace: 'CancellationScope.nonCancellable(async () => {',
    by: 'new CancellationScope().run(async () => {',
    test: [LEAVING_TEST, 'by a cancellation while it is being undone is undone to the end'],
  },
  {
    name: 'a skip does not advance the register',
    file: 'workflows/events/event-ledger.ts',
    replace: '    this.#advanceRegister(status);\n',
    by: "    if (status !== 'skipped') this.#advanceRegister(status);\n",
    test: [LEAVING_TEST, 'by a skip stands behind it'],
  },
  {
    name: 'a parked run never continues as new',
    file: RUN,
    replace: 'return this.#messages >= CONTINUE_AFTER_MESSAGES || workflowInfo().continueAsNewSuggested;',
    by: "return this.#ledger.state.status !== 'parked' && this.#messages >= CONTINUE_AFTER_MESSAGES;",
    test: [CONTINUED_TEST, 'goes on parked in a new run, known to whoever reads that'],
  },
  {
    name: 'an older attempt is not waited for before a later event is written',
    file: 'workflows/events/step-runner.ts',
    replace: 'ActivityCancellationType.WAIT_CANCELLATION_COMPLETED',
    by: 'ActivityCancellationType.TRY_CANCEL',
    test: [LEAVING_TEST, 'for a later one is waited for until its attempt has ended'],
  },
  {
    name: 'a later event does not break a waiting one off',
    file: RUN,
    replace: '      if (this.#ledger.hasNewer) this.#attempt?.cancel();\n',
    by: '',
    test: ['test/workflows/edge-events.test.ts', 'let a newer one interrupt the retries of an older one'],
  },
  {
    name: 'a cancellation drops an event that came together with it',
    file: RUN,
    replace: '    if (ledger.hasNewer) await this.#continueAsNew();\n',
    by: '',
    test: [LEAVING_TEST, 'by a cancellation leaves the edge to an event that came together with it'],
  },
  {
    name: 'a run does not ask whether it lost a workflow task',
    file: RUN,
    replace: ' || (isFirst && (await this.#hasLostCalls()))',
    by: '',
    test: [LOST_TEST, 'and is refused the second time is taken back when it is skipped'],
  },
  {
    name: 'what a lost workflow task wrote is forgotten for a later event',
    file: RUN,
    replace: '      if (isFirst) ledger.noteWritten(true);\n',
    by: '',
    test: [LOST_TEST, 'for a later event that is given up leaves nothing of either'],
  },
  {
    name: 'a run that was reset and cancelled does not ask what other runs know',
    file: RUN,
    replace: 'is not meant by it.\n    if (this.#wasReset()) await this.#learnOfReset();\n',
    by: 'is not meant by it.\n',
    test: [LOST_TEST, 'by a reset to a cancellation takes along'],
  },
  {
    name: 'a run that continues another begins without a memo',
    file: RUN,
    replace: 'edge ? { memo: { [EDGE_MEMO]: edge } } : {}',
    by: '{}',
    test: [CONTINUED_TEST, 'goes on parked in a new run, known to whoever reads that'],
  },
  {
    name: 'a bridge does not tell for which code it starts a run',
    file: 'bridge/start-event.ts',
    replace: 'version: EVENT_CODE_VERSION, ',
    by: '',
    test: [LOST_TEST, 'is told of by the start, not by a patch'],
  },
];
