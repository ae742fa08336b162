import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { ClientRequest } from 'node:http';
import { createRequire } from 'node:module';
import proto from '@temporalio/proto';
import { z } from 'zod';
import type { PassedMoment, Phase, Site } from './kill-points.ts';

/*
 * Loaded into a worker process before everything else (`node --import`): counts the awaits of an event and ends the process with
 * SIGKILL at the one it is told. Without a plan in force nothing is counted.
 */

const { WorkflowActivationCompletion } = proto.coresdk.workflow_completion;

const planSchema = z.object({
  id: z.string(),
  kill: z.object({ site: z.string(), phase: z.string(), nth: z.int(), label: z.string() }).optional(),
});

const { CRASH_PLAN: planFile = '', CRASH_LOG: logFile = '' } = process.env;

/** Awaits so far by site and label, under the plan in force. */
let counting: { readonly id: string; readonly counts: Map<string, number> } | undefined;

function planInForce(): z.output<typeof planSchema> | undefined {
  try {
    return planSchema.parse(JSON.parse(readFileSync(planFile, 'utf8')));
  } catch {
    return undefined;
  }
}

/** An await that begins. @returns to be told of each of its moments */
function begin(site: Site, label: string): (phase: Phase) => void {
  const plan = planInForce();
  if (!plan) return () => undefined;
  if (counting?.id !== plan.id) counting = { id: plan.id, counts: new Map() };
  const nth = (counting.counts.get(`${site} ${label}`) ?? 0) + 1;
  counting.counts.set(`${site} ${label}`, nth);
  const { id, kill } = plan;
  return (phase) => {
    const passed: PassedMoment = { id, site, phase, nth, label };
    appendFileSync(logFile, `${JSON.stringify(passed)}\n`);
    if (!kill || kill.site !== site || kill.phase !== phase || kill.nth !== nth || kill.label !== label) return;
    // Whoever takes over is not killed.
    rmSync(planFile, { force: true });
    process.kill(process.pid, 'SIGKILL');
  };
}

/** Requests to GetStream are the only ones this process makes through `node:http`. */
function watchRequests(): void {
  // oxlint-disable-next-line typescript/unbound-method -- called on the request below
  const { end } = ClientRequest.prototype;
  ClientRequest.prototype.end = function (this: ClientRequest, ...args: unknown[]): ClientRequest {
    const moment = begin('stream', `${this.method} ${pathOf(this.path)}`);
    moment('before');
    this.once('finish', () => moment('sent'));
    this.prependOnceListener('response', (response) => response.prependOnceListener('end', () => moment('after')));
    return Reflect.apply(end, this, args);
  };
}

/** Ids differ from case to case. */
function pathOf(path: string): string {
  return path
    .replace(/\?.*/, '')
    .replace('/api/v1.0/', '/')
    .replaceAll(/[0-9a-f-]{36}/g, ':id')
    .replaceAll(/-[0-9a-f]{8}\b/g, '');
}

type NativeCall = (handle: unknown, request: unknown) => Promise<unknown>;

/** The SDK's native part, which makes every call to Temporal. @param labelOf undefined: not counted */
function watchNative(name: string, site: Site, labelOf: (request: unknown) => string | undefined): void {
  const native: unknown = Reflect.get(Object(createRequire(import.meta.url)('@temporalio/core-bridge')), 'native');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape of the native functions of SDK 1.24
  const call = Reflect.get(Object(native), name) as NativeCall;
  Reflect.set(Object(native), name, async (handle: unknown, request: unknown) => {
    const label = labelOf(request);
    if (label === undefined) return call(handle, request);
    const moment = begin(site, label);
    moment('before');
    const answer = await call(handle, request);
    moment('after');
    return answer;
  });
}

/** Fields of a command that are no command. */
const BESIDES = ['userMetadata', 'eventGroupMarkers'];

/** What the workflow decided; undefined when it was nothing, as when it is put out of memory. */
function commandsOf(request: unknown): string | undefined {
  if (!(request instanceof Uint8Array)) return undefined;
  const { successful } = WorkflowActivationCompletion.decodeDelimited(request);
  const names = (successful?.commands ?? []).flatMap((command) => Object.keys(command));
  return names.filter((name) => !BESIDES.includes(name)).join(', ') || undefined;
}

watchRequests();
watchNative('clientSendWorkflowServiceRequest', 'temporal', (request) => String(Reflect.get(Object(request), 'rpc')));
watchNative('workerCompleteWorkflowActivation', 'task', commandsOf);
