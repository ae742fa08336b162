import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAws, type AwsServer } from '../../local/aws.ts';
import { freePort } from '../../local/ports.ts';
import { LOCAL_AWS } from '../../local/stack-parts.ts';
import { startStreamServer, type StreamServer } from '../../local/stream/server.ts';
import { createTopology, type RouteResources } from '../../local/topology.ts';
import type { StreamAccess } from '../../local/worker-process.ts';
import { TemporalService } from './temporal-service.ts';

const ACCESS = { apiKey: 'chaos', apiSecret: 'chaos-secret', appId: '1' };

/** The services of a run, each with its data on disk, so that they can be killed and come back on the same port. */
export class Cluster {
  readonly temporalAddress: string;
  readonly stream: StreamAccess;
  readonly routes: readonly RouteResources[];
  readonly #directory: string;
  readonly #seed: number;
  readonly #streamServer: StreamServer;
  readonly #temporal: TemporalService;
  #aws: AwsServer;

  private constructor(directory: string, seed: number, parts: Parts) {
    this.#directory = directory;
    this.#seed = seed;
    this.#temporal = parts.temporal;
    this.#aws = parts.aws;
    this.#streamServer = parts.stream;
    this.temporalAddress = parts.temporal.address;
    this.stream = { url: parts.stream.url, ...ACCESS };
    this.routes = parts.routes;
  }

  static async start(seed: number): Promise<Cluster> {
    const directory = await mkdtemp(path.join(tmpdir(), 'chaos-'));
    const temporal = await TemporalService.start(directory);
    const aws = await startQueues(directory, await freePort(), seed);
    const routes = await createTopology({ url: aws.url, ...LOCAL_AWS });
    const stream = await startStreamServer({
      ...ACCESS,
      port: 0,
      rateLimits: false,
      databaseFile: path.join(directory, 'stream.db'),
    });
    return new Cluster(directory, seed, { temporal, aws, stream, routes });
  }

  get awsUrl(): string {
    return this.#aws.url;
  }

  async restartTemporal(downMs: number): Promise<void> {
    await this.#temporal.restart(downMs);
  }

  async restartQueues(downMs: number): Promise<void> {
    const { port } = this.#aws;
    await this.#aws.stop();
    await sleep(downMs);
    this.#aws = await startQueues(this.#directory, port, this.#seed);
  }

  async stop(): Promise<void> {
    await this.#streamServer.close();
    await this.#aws.stop();
    await this.#temporal.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

interface Parts {
  readonly temporal: TemporalService;
  readonly aws: AwsServer;
  readonly stream: StreamServer;
  readonly routes: readonly RouteResources[];
}

function startQueues(directory: string, port: number, seed: number): Promise<AwsServer> {
  return startAws({
    port,
    dataDirectory: path.join(directory, 'sqs'),
    disorder: { seed, duplicateRate: 0.1, reorderRate: 0.2 },
  });
}
