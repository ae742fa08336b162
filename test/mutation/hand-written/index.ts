import type { HandWrittenMutant } from '../hand-written-run.ts';
import { EVENT_MUTANTS } from './events.ts';
import { SESSION_MUTANTS } from './sessions.ts';

export const HAND_WRITTEN: readonly HandWrittenMutant[] = [...EVENT_MUTANTS, ...SESSION_MUTANTS];
