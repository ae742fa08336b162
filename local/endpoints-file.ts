import { rm } from 'node:fs/promises';
import { writeWhole } from './process-lock.ts';
import type { StreamAccess } from './worker-process.ts';

/** How the gateway of stream sessions is reached, and the secret its tokens are signed with (HS256). */
export interface GatewayAccess {
  readonly url: string;
  readonly jwtSecret: string;
}

/** What `.local/endpoints.json` tells other programs about the stack that runs. */
export interface Endpoints {
  /** `host:port` of the Temporal frontend. */
  readonly temporal: string;
  readonly namespace: string;
  /** Left out when the Temporal server is not ours. */
  readonly webUi?: string;
  /** SQS, SNS and S3. */
  readonly aws: string;
  readonly stream: StreamAccess;
  /** Left out when no gateway runs. */
  readonly gateway?: GatewayAccess;
  /** Prometheus text, one URL for each process. */
  readonly metrics: readonly string[];
}

/** Written in one step, so that readers never see half of it. */
export async function writeEndpoints(file: string, endpoints: Endpoints): Promise<void> {
  await writeWhole(file, endpoints);
}

export async function removeEndpoints(file: string): Promise<void> {
  await rm(file, { force: true });
}
