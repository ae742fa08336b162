import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** What the proxy does to a request instead of passing it on. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly type: string }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Names these entries of a batch as failed and passes the rest on. */
  | {
      readonly kind: 'failEntries';
      readonly ids: readonly string[];
      readonly code: string;
      readonly senderFault: boolean;
    };

export interface SeenRequest {
  readonly action: string;
  readonly atMs: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const JSON_TYPE = 'application/x-amz-json-1.0';
const jsonObject = z.record(z.string(), z.unknown());
const batch = z.looseObject({ Entries: z.array(z.looseObject({ Id: z.string() })) });

/** A real HTTP hop between the SDK and the SQS emulator that injects faults and writes down every request. */
export class FaultProxy {
  readonly seen: SeenRequest[] = [];
  /** Chooses the fault of a request, by SQS action such as `ReceiveMessage`; undefined passes it on. */
  fault: (seen: SeenRequest) => Fault | undefined = () => undefined;
  readonly #upstream: URL;
  readonly #server = createServer((incoming, answer) => void this.#serve(incoming, answer));

  constructor(upstream: string) {
    this.#upstream = new URL(upstream);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get address(): string {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address !== null, 'the proxy listens');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  of(action: string): readonly SeenRequest[] {
    return this.seen.filter((seen) => seen.action === action);
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const raw = await text(incoming);
    const action = String(incoming.headers['x-amz-target']).replace('AmazonSQS.', '');
    const body = jsonObject.parse(JSON.parse(raw));
    const seen = { action, atMs: performance.now(), body };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault === undefined && action === 'ReceiveMessage') await this.#longPoll(incoming, body, answer);
    else if (fault === undefined) await this.#forward(incoming, raw, answer);
    else if (fault?.kind === 'status')
      respond(answer, fault.status, JSON.stringify({ __type: fault.type, message: 'injected' }));
    else if (fault?.kind === 'failEntries') await this.#failEntries(incoming, body, fault, answer);
  }

  /**
   * The emulator goes on waiting for a client that has gone away, and gives it the messages that come later. SQS does not,
   * so the proxy waits in its place.
   */
  async #longPoll(incoming: IncomingMessage, body: SeenRequest['body'], answer: ServerResponse): Promise<void> {
    const deadline = performance.now() + 1_000 * Number(body.WaitTimeSeconds ?? 0);
    const raw = JSON.stringify({ ...body, WaitTimeSeconds: 0 });
    for (;;) {
      const { status, json } = await this.#ask(incoming, raw);
      if (answer.destroyed) return;
      if (json !== '{}' || performance.now() >= deadline) {
        respond(answer, status, json);
        return;
      }
      await sleep(20);
      if (answer.destroyed) return;
    }
  }

  async #forward(incoming: IncomingMessage, raw: string, answer: ServerResponse): Promise<void> {
    const { status, json } = await this.#ask(incoming, raw);
    respond(answer, status, json);
  }

  async #failEntries(
    incoming: IncomingMessage,
    body: SeenRequest['body'],
    { ids, code, senderFault }: Fault & { kind: 'failEntries' },
    answer: ServerResponse,
  ): Promise<void> {
    const { Entries } = batch.parse(body);
    const passed = Entries.filter(({ Id }) => !ids.includes(Id));
    const Failed = Entries.filter(({ Id }) => ids.includes(Id)).map(({ Id }) => ({
      Id,
      Code: code,
      SenderFault: senderFault,
      Message: 'injected',
    }));
    const { json } =
      passed.length === 0
        ? { json: '{"Successful":[]}' }
        : await this.#ask(incoming, JSON.stringify({ ...body, Entries: passed }));
    respond(answer, 200, JSON.stringify({ ...jsonObject.parse(JSON.parse(json)), Failed }));
  }

  async #ask({ headers }: IncomingMessage, body: string): Promise<{ status: number; json: string }> {
    const { authorization = '', 'x-amz-target': target } = headers;
    const response = await fetch(this.#upstream, {
      method: 'POST',
      headers: { authorization, 'x-amz-target': String(target), 'content-type': JSON_TYPE },
      body,
    });
    return { status: response.status, json: await response.text() };
  }
}

function respond(answer: ServerResponse, status: number, json: string): void {
  answer.writeHead(status, { 'content-type': JSON_TYPE });
  answer.end(json);
}
