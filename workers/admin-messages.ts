import type { Role } from './environment.ts';

/** What a role lacks for its work, and what it does without; empty when all is well. */
export interface Readiness {
  readonly unready: readonly string[];
  /** Left out where nothing is ever done without. */
  readonly degraded?: readonly string[];
}

/** How the process is, told to the thread of the admin listener twice a second. */
export interface ProcessState {
  /** Parts that stand still or have ended: restart the process. */
  readonly blocked: readonly string[];
  readonly readiness: Readiness;
  readonly roles: Readonly<Partial<Record<Role, Readiness>>>;
}

/** A request that only the main thread can answer. */
export interface ForwardedRequest {
  readonly id: number;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string | undefined;
}

export interface AdminReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type ToThread =
  | { readonly type: 'state'; readonly state: ProcessState }
  | { readonly type: 'reply'; readonly id: number; readonly reply: AdminReply };

export type FromThread =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'request'; readonly request: ForwardedRequest };

export interface ThreadOptions {
  readonly host: string;
  readonly port: number;
  /** Prometheus text of Temporal's SDK and of the worker's own counters. */
  readonly metricsUrl: string;
}
