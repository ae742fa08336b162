import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** What the proxy does to a request instead of passing it on, or to the answer. */
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
    if (fault === undefined) this.#forward(incoming, raw, answer);
    else if (fault.kind === 'status') respond(answer, fault.status, { __type: fault.type, message: 'injected' });
    else if (fault.kind === 'failEntries') this.#failEntries(incoming, body, fault, answer);
  }

  #forward(incoming: IncomingMessage, raw: string, answer: ServerResponse, edit = (json: string) => json): void {
    const { hostname, port } = this.#upstream;
    const relay = async (reply: IncomingMessage) => {
      const edited = edit(await text(reply));
      answer.writeHead(reply.statusCode ?? 500, { ...reply.headers, 'content-length': Buffer.byteLength(edited) });
      answer.end(edited);
    };
    const headers = { ...incoming.headers, 'content-length': Buffer.byteLength(raw) };
    const upstream = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers },
      (reply) => void relay(reply),
    );
    upstream.on('error', () => answer.destroy());
    // As at SQS, nothing waits for messages on behalf of a client that has gone away.
    answer.on('close', () => upstream.destroy());
    upstream.end(raw);
  }

  #failEntries(
    incoming: IncomingMessage,
    body: SeenRequest['body'],
    { ids, code, senderFault }: Fault & { kind: 'failEntries' },
    answer: ServerResponse,
  ): void {
    const { Entries } = batch.parse(body);
    const failed = Entries.filter(({ Id }) => ids.includes(Id));
    const passed = Entries.filter(({ Id }) => !ids.includes(Id));
    const Failed = failed.map(({ Id }) => ({ Id, Code: code, SenderFault: senderFault, Message: 'injected' }));
    if (passed.length === 0) {
      respond(answer, 200, { Successful: [], Failed });
      return;
    }
    this.#forward(incoming, JSON.stringify({ ...body, Entries: passed }), answer, (json) =>
      JSON.stringify({ ...jsonObject.parse(JSON.parse(json)), Failed }),
    );
  }
}

function respond(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  answer.end(JSON.stringify(body));
}
