import type { HandWrittenMutant } from '../hand-written-run.ts';
import { SESSION_MUTANTS } from './sessions.ts';

export const HAND_WRITTEN: readonly HandWrittenMutant[] = [...SESSION_MUTANTS];
