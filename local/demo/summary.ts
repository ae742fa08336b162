import { imbalanceOf } from '../bridge-counts.ts';
import type { QueueDepth } from '../aws.ts';
import type { Endpoints } from '../endpoints-file.ts';
import { isNothing, type Balance, type Missing, type Progress } from './account.ts';
import type { Expectation } from './expectation.ts';
import type { PlayersResult } from './players.ts';
import { describeGateway, describePlayers } from './players-summary.ts';

const LISTED_IDS = 5;

export interface DemoResult {
  readonly expectation: Expectation;
  readonly balance: Balance;
  readonly progress: Progress;
  readonly missing: Missing;
  readonly elapsedMs: number;
}

export interface SummaryInput {
  readonly endpoints: Endpoints;
  readonly depths: readonly QueueDepth[];
  readonly endpointsFile: string;
  readonly workerLog: string;
  readonly gatewayLog: string;
  readonly policyFile: string;
  /** `Authorization` of a request that may read every feed. */
  readonly streamToken: string;
  /** Token of the gateway that may act for anyone; left out where no gateway runs. */
  readonly sessionToken?: string;
  readonly demo?: DemoResult;
  readonly players?: PlayersResult;
}

/** What a person needs to know once the stack is up. Pure. */
export function summarise(input: SummaryInput): string[] {
  return [
    ...(input.demo ? [...describeDemo(input.demo), ''] : []),
    ...(input.players ? [...describePlayers(input.players, input.policyFile), ''] : []),
    ...describePlaces(input),
  ];
}

/** One line of progress. */
export function describeProgress(published: number, total: number, { bridge, applied, parked }: Progress): string {
  return (
    `published ${published}/${total} · received ${bridge.received} · applied ${applied} · ` +
    `rejected ${bridge.rejected} · parked ${parked}`
  );
}

export function describeMissing(missing: Missing): string[] {
  const { queued, unsettled, broken, notInDeadLetters } = missing;
  const lines: string[] = [];
  if (queued > 0) lines.push(`${queued} messages still stand in the queues`);
  if (unsettled.length > 0) lines.push(`${unsettled.length} events are not written yet: ${some(unsettled)}`);
  if (broken.length > 0) lines.push(`${broken.length} workflows did not complete: ${some(broken)}`);
  if (notInDeadLetters > 0) lines.push(`${notInDeadLetters} rejected messages stand in no dead-letter queue`);
  return lines;
}

/** The Web UI's list of workflows that a query matches. */
export function webUiLink(webUi: string, namespace: string, query: string): string {
  return `${webUi}/namespaces/${encodeURIComponent(namespace)}/workflows?query=${encodeURIComponent(query)}`;
}

function describeDemo({ expectation, balance, progress, missing, elapsedMs }: DemoResult): string[] {
  const seconds = (elapsedMs / 1000).toFixed(1);
  const { published, workflowIds, rejected, duplicates, late } = expectation;
  const verdict = isNothing(missing)
    ? `Everything is accounted for, after ${seconds} s.`
    : `NOT everything is accounted for after ${seconds} s:`;
  return [
    `Demo: ${published} messages for ${workflowIds.length} events were published; ` +
      `${duplicates} of them twice, ${late} late, ${rejected} poisoned.`,
    ...describeBalance(balance),
    `  workflows of this demo: ${progress.applied} applied, ${progress.parked} parked for an operator`,
    verdict,
    ...describeMissing(missing).map((line) => `  ${line}`),
  ];
}

function describeBalance({ published, deliveredTwice, leftFromBefore, bridge }: Balance): string[] {
  const { received, started, joined, deduplicated, rejected, returned, inFlight } = bridge;
  const again = received - published - deliveredTwice - leftFromBefore;
  const lines = [
    `  published ${published} + delivered twice by SQS ${deliveredTwice} + left from before ${leftFromBefore} ` +
      `+ delivered again ${again} = received ${received}`,
    `  received ${received} = started ${started} + joined ${joined} + deduplicated ${deduplicated} + ` +
      `rejected ${rejected} + returned ${returned} + in flight ${inFlight}`,
  ];
  const imbalance = imbalanceOf(bridge);
  if (imbalance !== 0 || again < 0) {
    lines.push(
      `  (the sums are off by ${imbalance || again}: a worker that is killed takes its latest counts with it)`,
    );
  }
  return lines;
}

function describePlaces(input: SummaryInput): string[] {
  const { namespace, webUi, temporal, stream, aws, gateway, metrics } = input.endpoints;
  const { sessionToken: token, players } = input;
  const events = `WorkflowType = "socialEvent"`;
  const feedUrl = `${stream.url}/api/v1.0/feed/timeline/alice/?api_key=${stream.apiKey}&limit=3`;
  return [
    `Temporal        ${temporal}, namespace ${namespace}`,
    ...(webUi === undefined
      ? []
      : [
          `  all events    ${webUiLink(webUi, namespace, events)}`,
          `  parked ones   ${webUiLink(webUi, namespace, `${events} AND EventStatus = "parked" AND ExecutionStatus = "Running"`)}`,
        ]),
    `SQS and SNS     ${aws}`,
    ...input.depths.map(describeQueue),
    `Stream          ${stream.url} (key ${stream.apiKey}, secret ${stream.apiSecret}; counts: ${stream.url}/_control/stats)`,
    `  a feed        curl -s '${feedUrl}' -H 'stream-auth-type: jwt' -H 'Authorization: ${input.streamToken}'`,
    ...(gateway && token !== undefined
      ? describeGateway({ gateway, token, log: input.gatewayLog, ...(players && { playing: players.playing }) })
      : []),
    ...metrics.map((url) => `Metrics         ${url}`),
    `Worker log      ${input.workerLog}`,
    `Endpoints file  ${input.endpointsFile}`,
  ];
}

function describeQueue({ name, ready, inFlight, delayed }: QueueDepth): string {
  const waiting = ready + delayed;
  return `  ${name.padEnd(38)} ${waiting} waiting${inFlight > 0 ? `, ${inFlight} in flight` : ''}`;
}

function some(ids: readonly string[]): string {
  const rest = ids.length - LISTED_IDS;
  return ids.slice(0, LISTED_IDS).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
